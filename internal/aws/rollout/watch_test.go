package rollout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/diag"
)

var (
	oldRuns   = deploy("1", "ACTIVE", rev1, "COMPLETED", 2, 0)
	starting  = svc(2, deploy("2", "PRIMARY", rev2, "IN_PROGRESS", 0, 2), oldRuns)
	completed = svc(2, deploy("2", "PRIMARY", rev2, "COMPLETED", 2, 0))
	goingBack = svc(2, because(deploy("3", "PRIMARY", rev1, "IN_PROGRESS", 0, 0),
		"rolling back to deploymentId ecs-svc/1"),
		deploy("2", "ACTIVE", rev2, "FAILED", 0, 0), oldRuns)
	wentBack = svc(2, deploy("3", "PRIMARY", rev1, "COMPLETED", 2, 0))
)

func film(services ...types.Service) []frame {
	var frames []frame
	for _, s := range services {
		frames = append(frames, frame{service: s})
	}
	return frames
}

func with(tasks []types.Task, services ...types.Service) []frame {
	frames := film(services...)
	for i := range frames {
		frames[i].stopped = tasks
	}
	return frames
}

func failedWith(t *testing.T, err error) *diag.Diagnostic {
	t.Helper()
	var d *diag.Diagnostic
	require.ErrorAs(t, err, &d)
	require.Equal(t, diag.Failed, d.Code)
	require.Equal(t, "Rollout failed", d.Summary)
	require.Equal(t, "shop/api", d.Component)
	require.NotEmpty(t, d.Next)
	return d
}

func TestSucceeds(t *testing.T) {
	half := svc(2, deploy("2", "PRIMARY", rev2, "IN_PROGRESS", 1, 1), oldRuns)
	s := &scene{t: t, frames: film(starting, starting, says(half, "has started 1 tasks"), half, completed)}
	last, err := s.watch(t.Context())
	require.NoError(t, err)
	require.Equal(t, rev2, Running(last))
	require.Equal(t, []string{
		"0/2 running, 2 pending (revision 2)", "has started 1 tasks",
		"1/2 running, 1 pending (revision 2)", "2/2 running (revision 2)",
	}, s.progress)
}

func TestCompletedIsNotEnough(t *testing.T) {
	missing := svc(2, deploy("2", "PRIMARY", rev2, "COMPLETED", 1, 1))
	s := &scene{t: t, frames: film(missing, missing, completed)}
	_, err := s.watch(t.Context())
	require.NoError(t, err)
	require.Contains(t, s.progress, "1/2 running, 1 pending (revision 2)")
	require.Equal(t, 2, s.slept)
}

func TestAnOldAnswerDecidesNothing(t *testing.T) {
	before := svc(2, deploy("1", "PRIMARY", rev1, "COMPLETED", 2, 0))
	s := &scene{t: t, frames: []frame{{missing: true}, {service: before}, {service: before}, {service: completed}}}
	_, err := s.watch(t.Context(), func(g *Goal) { g.Previous = "" })
	require.NoError(t, err)
}

func TestTheAnswerWasLost(t *testing.T) {
	s := &scene{t: t, frames: film(starting, completed)}
	_, err := s.watch(t.Context(), func(g *Goal) { g.Started = types.Service{} })
	require.NoError(t, err)
}

func TestTargetsMustBeHealthy(t *testing.T) {
	initial := []elbtypes.TargetHealthDescription{
		at("10.0.0.1", "healthy", ""),
		at("10.0.0.2", "initial", "registering"),
	}
	foreign := at("10.9.9.9", "unhealthy", "somebody else's")
	both := []elbtypes.TargetHealthDescription{
		at("10.0.0.1", "healthy", ""), at("10.0.0.2", "healthy", ""),
		at("10.0.0.3", "draining", ""),
	}
	tasks := []types.Task{task("10.0.0.1"), task("10.0.0.2")}
	s := &scene{t: t, frames: []frame{
		{service: balanced(completed), targets: initial[:1], running: tasks},
		{service: balanced(completed), targets: initial, running: tasks},
		{service: balanced(completed), targets: append(both, foreign), running: tasks},
	}}
	_, err := s.watch(t.Context())
	require.NoError(t, err, "targets of others do not count")
	require.Equal(t, []string{"2/2 running (revision 2)", "targets 1/2 healthy", "targets 2/2 healthy"}, s.progress)

	s = &scene{t: t, frames: []frame{{service: balanced(completed), targets: both}}}
	_, err = s.watch(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"DescribeServices", "ListTasks", "DescribeTargetHealth"}, s.calls,
		"running tasks are asked for only when targets are not healthy")

	sick := []elbtypes.TargetHealthDescription{
		at("10.0.0.1", "unhealthy", "Health checks failed with these codes: [404]"), at("10.0.0.2", "healthy", ""),
	}
	s = &scene{
		t: t, frames: []frame{{service: balanced(completed), targets: sick, running: tasks}},
		onUpdate: film(wentBack),
	}
	_, err = s.watch(t.Context())
	d := failedWith(t, err)
	require.Contains(t, d.Detail, "did not start within 15m0s: 2 of its 2 tasks run; targets 1/2 healthy: Health "+
		"checks failed with these codes: [404]")
	require.Contains(t, d.Detail, "Revision 1 runs again")
	require.Contains(t, d.Next, "healthCheck.path")
}

func TestTargetsOfTheOldRevisionDoNotCount(t *testing.T) {
	bothRun := balanced(svc(1, deploy("2", "PRIMARY", rev2, "IN_PROGRESS", 1, 0),
		deploy("1", "ACTIVE", rev1, "COMPLETED", 1, 0)))
	done := balanced(svc(1, deploy("2", "PRIMARY", rev2, "COMPLETED", 1, 0)))
	old := task("10.0.0.1")
	old.TaskDefinitionArn, old.StartedBy = aws.String(rev1), aws.String("ecs-svc/1")
	tasks := []types.Task{old, task("10.0.0.2")}
	healthy, initial := at("10.0.0.2", "healthy", ""), at("10.0.0.2", "initial", "registering")
	s := &scene{t: t, frames: []frame{
		// not registered yet
		{service: bothRun, running: tasks, targets: []elbtypes.TargetHealthDescription{at("10.0.0.1", "healthy", "")}},
		{service: bothRun, running: tasks, targets: []elbtypes.TargetHealthDescription{
			at("10.0.0.1", "healthy", ""), initial,
		}},
		{service: done, running: tasks[1:], targets: []elbtypes.TargetHealthDescription{healthy}},
	}}
	_, err := s.watch(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"1/1 running (revision 2)", "targets 0/1 healthy", "targets 1/1 healthy"}, s.progress)
}

func TestCrashingTwiceIsStopped(t *testing.T) {
	// The addresses differ, the crash is the same; a third task was scaled in.
	one := stopped("aaaaaaaa1", types.TaskStopCodeEssentialContainerExited, "Essential container in task exited",
		exited("api", 1))
	two := stopped("bbbbbbbb2", types.TaskStopCodeEssentialContainerExited, "Essential container in task exited",
		exited("api", 1))
	scaledIn := stopped("ccc", types.TaskStopCodeServiceSchedulerInitiated,
		"Scaling activity initiated by (deployment ecs-svc/2)", exited("api", 143))
	others := crashed("ddd")
	others.StartedBy = aws.String("ecs-svc/1")
	stopping := crashed("eee")
	stopping.LastStatus = aws.String("DEACTIVATING")
	again := says(starting, "has started 1 tasks")
	s := &scene{
		t: t,
		frames: []frame{
			{service: starting},
			{service: again, stopped: []types.Task{one, scaledIn, others, stopping}},
			{service: says(again, "more"), stopped: []types.Task{one, two, scaledIn, others}},
		},
		deployments: []types.ServiceDeploymentBrief{
			{ServiceDeploymentArn: aws.String("sd/1"), CreatedAt: aws.Time(epoch)},
			{ServiceDeploymentArn: aws.String("sd/2"), CreatedAt: aws.Time(epoch.Add(time.Minute))},
		},
		onStop: film(goingBack, goingBack, wentBack),
	}
	for i := range 25 {
		s.log = map[string][]string{"x/api/bbbbbbbb2": append(s.log["x/api/bbbbbbbb2"], fmt.Sprintf("line %d\n", i))}
	}
	last, err := s.watch(t.Context())
	d := failedWith(t, err)
	require.Contains(t, s.calls, "StopServiceDeployment sd/2 ROLLBACK", "not waited out")
	require.Equal(
		t,
		`Revision 2 did not start; container "api" exited with code 1, 2 times: Essential container in task exited. Revision 1 runs again (2 of 2 tasks).`,
		d.Detail,
	)
	require.Len(t, d.Lines, 20)
	require.Equal(t, "line 24", d.Lines[19])
	require.Contains(t, d.Next, "log group /shop/api")
	require.Equal(t, rev1, Running(last), "what really runs")
	require.Contains(t, s.progress,
		`stopping the rollout of revision 2: container "api" exited with code 1: Essential container in task exited`)
}

func TestDifferentCrashesAreLeftToECS(t *testing.T) {
	s := &scene{t: t, frames: append(with([]types.Task{
		crashed("a"),
		stopped("b", types.TaskStopCodeEssentialContainerExited, "Essential container in task exited",
			exited("api", 2)),
	}, starting, starting), film(goingBack, wentBack)...)}
	_, err := s.watch(t.Context())
	d := failedWith(t, err)
	require.Empty(t, s.updates)
	require.False(t, slices.ContainsFunc(s.calls, func(c string) bool { return strings.HasPrefix(c, "Stop") }))
	require.Contains(t, d.Detail, "exited with code")
	require.Contains(t, d.Detail, "Revision 1 runs again")
}

func TestNothingToGoBackTo(t *testing.T) {
	first := svc(2, deploy("2", "PRIMARY", rev2, "IN_PROGRESS", 0, 2))
	zero := svc(0, deploy("2", "PRIMARY", rev2, "COMPLETED", 0, 0))
	draining := svc(0, deploy("2", "PRIMARY", rev2, "IN_PROGRESS", 1, 0))
	noPrevious := func(g *Goal) { g.Previous, g.Started = "", first }

	s := &scene{
		t: t, frames: with([]types.Task{crashed("a"), crashed("b")}, first),
		onUpdate: film(draining, draining, zero),
	}
	last, err := s.watch(t.Context(), noPrevious)
	require.Contains(t, failedWith(t, err).Detail,
		"There is no earlier revision, so the service is set to 0 tasks.")
	require.Len(t, s.updates, 1)
	require.EqualValues(t, 0, *s.updates[0].DesiredCount)
	require.Zero(t, last.RunningCount)

	// ECS's own circuit breaker leaves a first deployment FAILED, and tasks that it goes on starting.
	broke := svc(2, because(deploy("2", "PRIMARY", rev2, "FAILED", 0, 1),
		"ECS deployment circuit breaker: tasks failed to start."))
	s = &scene{t: t, frames: film(first, broke), onUpdate: film(zero)}
	_, err = s.watch(t.Context(), noPrevious)
	require.Contains(t, failedWith(t, err).Detail, "ECS says: ECS deployment circuit breaker: tasks failed to start.")
	require.Len(t, s.updates, 1)
}

func TestRolledBackBetweenTwoLooks(t *testing.T) {
	for name, back := range map[string]types.Service{
		"known by the reason": svc(2, because(deploy("4", "PRIMARY", rev3, "COMPLETED", 2, 0),
			"ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/1.")),
		"known by the revision": wentBack,
	} {
		s := &scene{t: t, frames: film(starting, back)}
		_, err := s.watch(t.Context())
		require.Contains(t, failedWith(t, err).Detail, "runs again", name)
	}
}

func TestFailedBeforeECSGoesBack(t *testing.T) {
	failed := svc(2, because(deploy("2", "PRIMARY", rev2, "FAILED", 0, 0),
		"ECS deployment circuit breaker: tasks failed to start."), oldRuns)
	s := &scene{t: t, frames: film(starting, failed, goingBack, wentBack)}
	_, err := s.watch(t.Context())
	require.Contains(t, failedWith(t, err).Detail, "Revision 1 runs again")
	require.Empty(t, s.updates, "ECS does it by itself")

	s = &scene{t: t, frames: film(starting, failed), onUpdate: film(goingBack, wentBack)}
	_, err = s.watch(t.Context())
	require.Contains(t, failedWith(t, err).Detail, "Revision 1 runs again")
	require.Len(t, s.updates, 1, "ECS had nothing that it would go back to")
}

func TestSomebodyElseDeploys(t *testing.T) {
	s := &scene{
		t: t,
		frames: film(starting, svc(2, deploy("4", "PRIMARY", rev3, "IN_PROGRESS", 0, 2),
			deploy("2", "ACTIVE", rev2, "IN_PROGRESS", 0, 0))),
	}
	_, err := s.watch(t.Context())
	d := failedWith(t, err)
	require.Contains(t, d.Detail, "somebody else started the deployment ecs-svc/4 with revision 3")
	require.Empty(t, s.updates)
}

func TestTheServiceVanishes(t *testing.T) {
	draining := starting
	draining.Status = aws.String("DRAINING")
	for name, frames := range map[string][]frame{"draining": film(starting, draining), "missing": {{missing: true}}} {
		s := &scene{t: t, frames: frames}
		_, err := s.watch(t.Context())
		require.Contains(t, failedWith(t, err).Detail, "was deleted", name)
	}
}

func TestTimesOut(t *testing.T) {
	placing := says(starting, "was unable to place a task. Reason: Capacity is unavailable at this time.")
	s := &scene{
		t: t, frames: film(placing), onStop: film(wentBack),
		deployments: []types.ServiceDeploymentBrief{{ServiceDeploymentArn: aws.String("sd/2")}},
	}
	_, err := s.watch(t.Context())
	d := failedWith(t, err)
	require.Contains(t, d.Detail, "Revision 2 did not start within 15m0s: 0 of its 2 tasks run; ECS says: was "+
		"unable to place a task. Reason: Capacity is unavailable at this time.")
	require.Contains(t, d.Next, "capacity")
	require.GreaterOrEqual(t, s.now.Sub(epoch), 15*time.Minute)

	going := svc(2, because(deploy("2", "PRIMARY", rev2, "IN_PROGRESS", 0, 2), "ECS deployment ecs-svc/2 in progress."),
		oldRuns)
	s = &scene{t: t, frames: film(going)}
	_, err = s.watch(t.Context(), func(g *Goal) { g.Rollback = false })
	d = failedWith(t, err)
	require.NotContains(t, d.Detail, "in progress", "which is no reason")
	require.Contains(t, d.Next, "deployment.timeout")
	require.Contains(t, d.Detail, "ECS continues to try, because deployment.circuitBreaker is false")
	require.Empty(t, s.updates, "without the circuit breaker ECS goes on")
	require.NotContains(t, s.calls, "ListServiceDeployments")
}

func TestTasksWithoutRoomSaySo(t *testing.T) {
	// ECS has no event about missing addresses and interfaces: only the tasks tell.
	full := stopped("a", types.TaskStopCodeTaskFailedToStart,
		"Unexpected EC2 error while attempting to Create Network Interface: InsufficientFreeAddressesInSubnet")
	s := &scene{
		t: t, frames: with([]types.Task{full}, starting), onStop: film(wentBack),
		deployments: []types.ServiceDeploymentBrief{{ServiceDeploymentArn: aws.String("sd/2")}},
	}
	_, err := s.watch(t.Context())
	d := failedWith(t, err)
	require.Contains(t, d.Detail, "InsufficientFreeAddressesInSubnet")
	require.Contains(t, d.Next, "use more subnets")
}

func TestAnOldDeploymentThatStaysPrimary(t *testing.T) {
	// ECS may return to the old revision under the id of its first deployment.
	back := svc(2, deploy("1", "PRIMARY", rev1, "COMPLETED", 2, 0))
	s := &scene{t: t, frames: film(starting, back)}
	_, err := s.watch(t.Context())
	require.Contains(t, failedWith(t, err).Detail, "Revision 1 runs again")
	require.Less(t, s.now.Sub(epoch), 3*time.Minute, "not waited out")
}

func TestAnOldCountDecidesNothing(t *testing.T) {
	// Only the desired count was changed, from 2 to 3, and the first answers do not show it yet.
	more, ready := svc(3, deploy("2", "PRIMARY", rev2, "COMPLETED", 2, 1)),
		svc(3, deploy("2", "PRIMARY", rev2, "COMPLETED", 3, 0))
	s := &scene{t: t, frames: film(completed, completed, more, ready)}
	last, err := s.watch(t.Context(), func(g *Goal) { g.Started = more })
	require.NoError(t, err)
	require.EqualValues(t, 3, last.RunningCount)

	// If the count stays different, somebody else set it: the service runs what is desired.
	s = &scene{t: t, frames: film(completed)}
	_, err = s.watch(t.Context(), func(g *Goal) { g.Started = more })
	require.NoError(t, err)
}

func TestAFreshRoleGetsTime(t *testing.T) {
	refused := says(svc(2, deploy("2", "PRIMARY", rev2, "IN_PROGRESS", 0, 0)),
		"failed to launch a task with (error ECS was unable to assume the role 'arn:aws:iam::123456789012:role/task').")
	s := &scene{t: t, frames: film(refused, refused, refused, completed)}
	_, err := s.watch(t.Context())
	require.NoError(t, err)

	s = &scene{t: t, frames: film(refused), onUpdate: film(svc(0, deploy("2", "PRIMARY", rev2, "COMPLETED", 0, 0)))}
	_, err = s.watch(t.Context(), func(g *Goal) { g.Previous = "" })
	d := failedWith(t, err)
	require.Contains(t, d.Detail, "unable to assume the role")
	require.Contains(t, d.Next, "ecs-tasks.amazonaws.com")
	require.Less(t, s.now.Sub(epoch), 5*time.Minute)
}

func TestFreshPermissionsGetTime(t *testing.T) {
	denied := func(id string) types.Task {
		return stopped(id, types.TaskStopCodeTaskFailedToStart,
			"ResourceInitializationError: unable to pull secrets or registry auth: "+
				"AccessDeniedException: User is not authorized to perform: secretsmanager:GetSecretValue")
	}
	// Two tasks that started side by side, before IAM knew the policy everywhere.
	s := &scene{t: t, frames: append(with([]types.Task{denied("a"), denied("b")}, starting, says(starting, "again")),
		film(completed)...)}
	_, err := s.watch(t.Context())
	require.NoError(t, err)

	// A permission that is really missing ends the rollout as soon as that is certain.
	s = &scene{
		t: t, frames: with([]types.Task{denied("a"), denied("b")}, starting), onStop: film(goingBack, wentBack),
		deployments: []types.ServiceDeploymentBrief{
			{ServiceDeploymentArn: aws.String("sd/1"), CreatedAt: aws.Time(epoch)},
		},
	}
	s.onSleep = func(int) {
		if s.now.Sub(epoch) > permissionsSpread && len(s.frames[0].stopped) == 2 {
			s.frames[0].stopped = append(s.frames[0].stopped, denied("c"), denied("d"))
		}
	}
	_, err = s.watch(t.Context())
	d := failedWith(t, err)
	require.Contains(t, d.Detail, "did not start, 4 times")
	require.Less(t, s.now.Sub(epoch), 2*time.Minute)
}

func TestACompletedServiceIsNotTakenAway(t *testing.T) {
	// Only the limits of the deployment were changed: earlier crashes of tasks do not count.
	standing := func(g *Goal) { g.Started = completed }
	s := &scene{t: t, frames: with([]types.Task{crashed("a"), crashed("b")}, completed)}
	_, err := s.watch(t.Context(), standing)
	require.NoError(t, err)

	short := svc(2, deploy("2", "PRIMARY", rev2, "COMPLETED", 1, 1))
	s = &scene{t: t, frames: []frame{
		{service: short, stopped: []types.Task{crashed("a")}},
		{service: says(short, "x"), stopped: []types.Task{crashed("a"), crashed("b"), crashed("c")}},
	}}
	_, err = s.watch(t.Context(), standing)
	failedWith(t, err)
	require.Empty(t, s.updates)
}

func TestACrashThatECSDoesNotCount(t *testing.T) {
	s := &scene{t: t, frames: with([]types.Task{crashed("a")}, completed)}
	_, err := s.watch(t.Context())
	require.NoError(t, err)
	require.GreaterOrEqual(t, s.now.Sub(epoch), calmAfter, "watched until it is calm")

	s = &scene{t: t, frames: []frame{
		{service: completed, stopped: []types.Task{crashed("a")}},
		{service: completed, stopped: []types.Task{crashed("a"), crashed("b")}},
	}, onUpdate: film(goingBack, wentBack)}
	_, err = s.watch(t.Context())
	require.Contains(t, failedWith(t, err).Detail, "Revision 1 runs again")
	require.Equal(t, rev1, *s.updates[0].TaskDefinition, "StopServiceDeployment takes only deployments in progress")
}

func TestBake(t *testing.T) {
	bake := func(g *Goal) { g.Bake = 5 * time.Minute }
	s := &scene{t: t, frames: film(completed)}
	_, err := s.watch(t.Context(), bake)
	require.NoError(t, err)
	require.GreaterOrEqual(t, s.now.Sub(epoch), 5*time.Minute)
	require.Contains(t, s.progress, "completed; watching for another 5m0s")

	s = &scene{t: t, frames: append(film(completed, completed),
		with([]types.Task{crashed("a"), crashed("b")}, completed)...), onUpdate: film(wentBack)}
	_, err = s.watch(t.Context(), bake)
	require.Contains(
		t,
		failedWith(t, err).Detail,
		`Revision 2 started, but did not keep running; container "api" exited`,
	)
	require.Equal(t, rev1, *s.updates[0].TaskDefinition)

	// It never reaches its number of tasks again.
	s = &scene{
		t: t, frames: film(completed, svc(2, deploy("2", "PRIMARY", rev2, "COMPLETED", 1, 0))),
		onUpdate: film(wentBack),
	}
	_, err = s.watch(t.Context(), bake)
	require.Contains(t, failedWith(t, err).Detail, "started, but did not keep running")
	require.Less(t, s.now.Sub(epoch), 8*time.Minute)
}

func TestInterrupted(t *testing.T) {
	stop := errors.New("signal: interrupt")
	ctx, cancel := context.WithCancelCause(t.Context())
	s := &scene{t: t, frames: film(starting), onSleep: func(n int) {
		if n == 3 {
			cancel(stop)
		}
	}}
	last, err := s.watch(ctx)
	var d *diag.Diagnostic
	require.ErrorAs(t, err, &d)
	require.Equal(t, diag.Interrupted, d.Code)
	require.ErrorIs(t, err, stop)
	require.Equal(t, rev1, Running(last))
	require.Empty(t, s.updates, "ECS goes on")
}

func TestHiccupsAndRefusals(t *testing.T) {
	slow := &smithy.GenericAPIError{Code: "ThrottlingException", Fault: smithy.FaultClient, Message: "Rate exceeded"}
	denied := &smithy.GenericAPIError{Code: "AccessDeniedException", Fault: smithy.FaultClient, Message: "no"}
	s := &scene{t: t, frames: []frame{
		{service: starting},
		{err: slow},
		{err: slow},
		{err: errors.New("connection reset")},
		{service: completed},
	}}
	_, err := s.watch(t.Context())
	require.NoError(t, err)

	s = &scene{t: t, frames: []frame{{err: denied}}}
	_, err = s.watch(t.Context())
	require.ErrorContains(t, err, "ecs:DescribeServices: AccessDeniedException")

	s = &scene{t: t, frames: []frame{{err: slow}}}
	_, err = s.watch(t.Context())
	require.ErrorContains(t, err, "Rate exceeded")
	require.Equal(t, maxHiccups, s.slept)
}

func TestFewCalls(t *testing.T) {
	frames := film(starting)
	for range 8 {
		frames = append(frames, frame{service: starting})
	}
	s := &scene{t: t, frames: append(frames, film(completed)...)}
	_, err := s.watch(t.Context())
	require.NoError(t, err)
	count := map[string]int{}
	for _, c := range s.calls {
		count[c]++
	}
	require.Equal(t, map[string]int{"DescribeServices": 10, "ListTasks": 3}, count,
		"stopped tasks are looked for at first, after 15 s and at the end")
}

package rollout

import (
	"context"
	"errors"
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

package rollout

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/stretchr/testify/require"
)

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

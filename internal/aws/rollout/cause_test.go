package rollout

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/stretchr/testify/require"
)

func TestClassify(t *testing.T) {
	const exitedReason = "Essential container in task exited"
	for name, c := range map[string]struct {
		task types.Task
		want Cause // "" if the deployment is not to blame
		text string
	}{
		"crash": {crashed("a"), Crash, `container "api" exited with code 1: Essential container in task exited`},
		"ended": {
			stopped("a", types.TaskStopCodeEssentialContainerExited, exitedReason, exited("api", 0)), Crash,
			`container "api" exited with code 0: ` + exitedReason,
		},
		"killed": {
			stopped("a", types.TaskStopCodeEssentialContainerExited, exitedReason, exited("api", 137)), OutOfMemory,
			`container "api" was killed because it used too much memory (exit code 137): ` + exitedReason,
		},
		"out of memory": {
			stopped("a", types.TaskStopCodeEssentialContainerExited, exitedReason,
				types.Container{
					Name: aws.String("api"), ExitCode: aws.Int32(137),
					Reason: aws.String("OutOfMemoryError: Container killed due to memory usage"),
				}), OutOfMemory,
			`container "api" was killed because it used too much memory (exit code 137): ` + exitedReason +
				": OutOfMemoryError: Container killed due to memory usage",
		},
		"killed by ECS": {
			stopped("a", types.TaskStopCodeEssentialContainerExited, exitedReason, exited("proxy", 137),
				exited("api", 0)),
			Crash, `container "api" exited with code 0: ` + exitedReason,
		},
		"killed by ECS, and a crash": {
			stopped("a", types.TaskStopCodeEssentialContainerExited, exitedReason, exited("proxy", 137),
				exited("api", 1)),
			Crash, `container "api" exited with code 1: ` + exitedReason,
		},
		"agent of AWS": {
			stopped("a", types.TaskStopCodeEssentialContainerExited, exitedReason, exited("api", 3),
				broken("aws-guardduty-agent-mfjGLB", "CannotPullContainerError: pull image manifest has been retried "+
					"5 time(s): failed to resolve ref: 403 Forbidden")),
			Crash, `container "api" exited with code 3: ` + exitedReason,
		},
		"agent of AWS, scaled in": {
			stopped("a", types.TaskStopCodeServiceSchedulerInitiated, "Scaling activity initiated by (deployment x)",
				exited("api", 0),
				broken("aws-guardduty-agent-mfjGLB", "CannotPullContainerError: 403 Forbidden")), "", "",
		},
		"image": {
			stopped("a", types.TaskStopCodeTaskFailedToStart, "CannotPullContainerError: image not found",
				broken("api", "")), ImagePull,
			`container "api" did not start: CannotPullContainerError: image not found`,
		},
		"registry auth": {
			stopped("a", types.TaskStopCodeTaskFailedToStart,
				"ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval "+
					"failed: unable to retrieve ecr registry auth: RequestError: i/o timeout"),
			ImagePull, "",
		},
		"secret": {
			stopped("a", types.TaskStopCodeTaskFailedToStart,
				"ResourceInitializationError: unable to pull secrets or registry auth: unable to retrieve secret "+
					"from asm: AccessDeniedException"),
			Secrets, "",
		},
		"parameter": {
			stopped("a", types.TaskStopCodeTaskFailedToStart,
				"ResourceInitializationError: unable to pull secrets or registry auth: unable to retrieve secrets "+
					"from ssm: invalid ssm parameters: db"),
			Secrets, "",
		},
		"log group": {
			stopped("a", types.TaskStopCodeTaskFailedToStart,
				"ResourceInitializationError: failed to validate logger args: The specified log group does not exist."),
			Initialization, "a task did not start: ResourceInitializationError: failed to validate logger args: The " +
				"specified log group does not exist",
		},
		"architecture": {
			stopped("a", types.TaskStopCodeEssentialContainerExited, exitedReason,
				types.Container{
					Name: aws.String("api"), ExitCode: aws.Int32(255),
					Reason: aws.String("exec format error"),
				}),
			CannotStart, `container "api" exited with code 255: ` + exitedReason + ": exec format error",
		},
		"no command": {stopped("a", types.TaskStopCodeTaskFailedToStart, "Task failed to start",
			broken("api", "CannotStartContainerError: no such file")), CannotStart, ""},
		"targets": {
			stopped("a", types.TaskStopCodeServiceSchedulerInitiated,
				"Task failed ELB health checks in (target-group x)", exited("api", 137)), TargetHealth,
			"a task was stopped: Task failed ELB health checks in (target-group x)",
		},
		"own check": {
			stopped("a", types.TaskStopCodeServiceSchedulerInitiated, "Task failed container health checks",
				types.Container{Name: aws.String("api"), HealthStatus: types.HealthStatusUnhealthy},
				exited("proxy", 143)), ContainerHealth,
			`container "api" was stopped: Task failed container health checks`,
		},
		"scaled in": {stopped("a", types.TaskStopCodeServiceSchedulerInitiated,
			"Scaling activity initiated by (deployment ecs-svc/2)", exited("api", 143)), "", ""},
		"by hand": {
			stopped("a", types.TaskStopCodeUserInitiated, "Task stopped by user", exited("api", 137)), "",
			"",
		},
		"spot": {stopped("a", types.TaskStopCodeSpotInterruption, "Your Spot Task was interrupted.",
			exited("api", 137)), "", ""},
		"no interface": {
			stopped("a", types.TaskStopCodeTaskFailedToStart,
				"Timeout waiting for network interface provisioning to complete."), "", "",
		},
		"no room": {stopped("a", types.TaskStopCodeTaskFailedToStart,
			"Capacity is unavailable at this time. Please try again later"), "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, bad := classify(c.task)
			require.Equal(t, c.want != "", bad)
			if bad {
				require.Equal(t, c.want, got.cause)
			}
			if c.text != "" {
				require.Equal(t, c.text, got.String())
			}
		})
	}
}

func TestCrashesAreEqualDespiteTheirIds(t *testing.T) {
	same := func(a, b string) bool {
		one, _ := classify(stopped("a", types.TaskStopCodeTaskFailedToStart, a))
		two, _ := classify(stopped("b", types.TaskStopCodeTaskFailedToStart, b))
		return one.key() == two.key()
	}
	require.True(t, same("ResourceInitializationError: secret: request id: 0f8fad5b-d9cb-469f-a165-70867728950e",
		"ResourceInitializationError: secret: request id: 7c9e6679-7425-40de-944b-e07fc1f90ae7"))
	require.True(t, same("CannotPullContainerError: dial tcp 10.0.1.17:443: timeout",
		"CannotPullContainerError: dial tcp 10.0.2.4:443: timeout"))
	require.False(t, same("CannotPullContainerError: not found", "CannotPullContainerError: toomanyrequests"))
}

func TestEventCause(t *testing.T) {
	for message, want := range map[string]Cause{
		"(service api) has reached a steady state.":                                                      "",
		"(service api) was unable to place a task. Reason: Capacity is unavailable at this time.":        Capacity,
		"(service api) failed to launch a task with (error ECS was unable to assume the role 'x').":      AssumeRole,
		"(service api) (port 80) is unhealthy in (target-group x) due to (reason Health checks failed).": TargetHealth,

		"(service api) failed to launch a task with (error You've reached the limit on the number of vCPUs).": Capacity,
	} {
		got, ok := eventCause(message)
		require.Equal(t, want, got, message)
		require.Equal(t, want != "", ok, message)
	}
}

func TestRunning(t *testing.T) {
	require.Equal(t, rev2, Running(completed))
	require.Equal(t, rev1, Running(starting), "the former one, as long as the new one is not completed")
	require.Empty(t, Running(svc(2, deploy("2", "PRIMARY", rev2, "IN_PROGRESS", 1, 1))), "a first rollout")
	require.True(t, SameRevision("api:2", rev2))
	require.False(t, SameRevision("", ""))
}

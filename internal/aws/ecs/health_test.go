package ecs

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/aws/rollout"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/resource/applicationautoscaling"
	wanted "github.com/company/deployer/internal/resource/ecs"
	"github.com/company/deployer/internal/value"
)

const family = "arn:aws:ecs:eu-west-1:123456789012:task-definition/shop-web-api:"

// running is a service whose revision 3 runs in two tasks, which are what was deployed.
func running() (watchedService, rollout.Status) {
	res := watchedService{
		Observed: resource.Observed{Object: resource.Object{Resource: "web/api:service", Type: wanted.ServiceType}},
		Props: wanted.Service{
			Name: "api", TaskDefinition: value.Lit(family + "3"), DesiredCount: aws.Int(2),
		},
		Out: wanted.ServiceOutputs{Rollout: wanted.RolloutCompleted},
	}
	return res, rollout.Status{
		Found: true, TaskDefinition: family + "3", Revision: "3", RolloutState: "COMPLETED", Desired: 2, Running: 2,
		Healthy: true,
		Targets: []rollout.Targets{{Healthy: 2, Total: 2}},
	}
}

func TestHealthOfServices(t *testing.T) {
	type change = func(*watchedService, *rollout.Status)
	rolling := func(s *rollout.Status, revision string, running int) {
		s.RolloutState, s.Deploying, s.Running, s.Targets[0].Healthy = "IN_PROGRESS", family+revision, running, running
	}
	failed := func(res *watchedService, how, text string) {
		res.Failures, res.Out.Rollout = []string{"web/api: " + text}, how
	}
	for name, c := range map[string]struct {
		change change
		health report.Health
		text   string
	}{
		"as deployed": {func(*watchedService, *rollout.Status) {}, report.Healthy, ""},
		"failed rollout, gone back": {func(res *watchedService, s *rollout.Status) {
			failed(res, wanted.RolloutFailed, "Rollout failed: Revision 3 did not start.")
			s.TaskDefinition = family + "2"
		}, report.Unhealthy, "Rollout failed: Revision 3 did not start."},
		"interrupted, still in progress": {func(res *watchedService, s *rollout.Status) {
			failed(res, wanted.RolloutInProgress, "Rollout still in progress")
			rolling(s, "3", 1)
		}, report.Updating, "A rollout of revision 3 is in progress: 1 of 2 tasks run."},
		"interrupted, completed since": {func(res *watchedService, _ *rollout.Status) {
			failed(res, wanted.RolloutInProgress, "Rollout still in progress")
		}, report.Healthy, ""},
		"interrupted, failed since": {func(res *watchedService, s *rollout.Status) {
			failed(res, wanted.RolloutInProgress, "Rollout still in progress")
			s.RolloutState, s.RolloutReason = "FAILED", "tasks failed to start."
		}, report.Unhealthy, "The last rollout failed: tasks failed to start."},
		"somebody's rollout": {
			func(_ *watchedService, s *rollout.Status) { rolling(s, "1", 2) },
			report.Updating, "A rollout of revision 1 is in progress: 2 of 2 tasks run. Revision 3 was deployed last.",
		},
		"rollout without a task": {func(_ *watchedService, s *rollout.Status) {
			rolling(s, "3", 0)
			s.FailedTasks = 2
		}, report.Unhealthy, "A rollout of revision 3 is in progress: 0 of 2 tasks run, 2 failed."},
		"nothing runs": {
			func(_ *watchedService, s *rollout.Status) { s.Running, s.Targets = 0, nil },
			report.Unhealthy, "0 of 2 tasks run.",
		},
		"set to 0": {
			func(_ *watchedService, s *rollout.Status) {
				s.Running, s.Desired, s.Targets[0] = 0, 0, rollout.Targets{}
			},
			report.Unhealthy, "0 tasks run: the service was set to 0 tasks outside of deployer; 2 are desired.",
		},
		"0 is what was deployed": {func(res *watchedService, s *rollout.Status) {
			res.Props.DesiredCount = aws.Int(0)
			s.Running, s.Desired, s.Targets[0] = 0, 0, rollout.Targets{}
		}, report.Healthy, ""},
		"a task was lost": {
			func(_ *watchedService, s *rollout.Status) { s.Running = 1 }, report.Unhealthy,
			"1 of 2 tasks run.",
		},
		"a task is starting": {
			func(_ *watchedService, s *rollout.Status) { s.Running, s.Pending = 1, 1 },
			report.Updating, "1 of 2 tasks run, 1 starting.",
		},
		"tasks crash again and again": {
			func(_ *watchedService, s *rollout.Status) { s.Running, s.Pending, s.FailedTasks = 1, 1, 4 },
			report.Unhealthy, "1 of 2 tasks run.",
		},
		"a target is sick": {
			func(_ *watchedService, s *rollout.Status) {
				s.Targets[0] = rollout.Targets{Healthy: 1, Total: 2, Reason: "Timeout"}
			},
			report.Unhealthy, "1 of 2 targets are healthy: Timeout",
		},
		"no target": {
			func(_ *watchedService, s *rollout.Status) { s.Targets[0] = rollout.Targets{} },
			report.Unhealthy, "0 of 2 targets are healthy: none is registered.",
		},
		"put back": {
			func(_ *watchedService, s *rollout.Status) { s.TaskDefinition, s.Revision = family+"1", "1" },
			report.Changed, "Revision 1 runs, revision 3 was deployed: the service was changed outside of deployer.",
		},
		"scaled": {
			func(_ *watchedService, s *rollout.Status) {
				s.Desired, s.Running, s.Targets[0] = 3, 3, rollout.Targets{Healthy: 3, Total: 3}
			},
			report.Changed, "ECS has 3 desired tasks, 2 were deployed: the service was changed outside of deployer.",
		},
		"tasks are stopping": {
			func(_ *watchedService, s *rollout.Status) { s.Running = 3 }, report.Updating,
			"3 tasks run, 2 are desired.",
		},
		"not found": {
			func(_ *watchedService, s *rollout.Status) { *s = rollout.Status{} },
			"gone", "",
		},
		"denied": {
			func(_ *watchedService, s *rollout.Status) {
				*s = rollout.Status{Err: errors.New("AccessDenied")}
			},
			"not asked", "AccessDenied",
		},
		"tasks denied": {
			func(_ *watchedService, s *rollout.Status) { s.Err = errors.New("AccessDenied") },
			report.Unknown, "AWS could not be asked about its tasks or targets: AccessDenied",
		},
	} {
		t.Run(name, func(t *testing.T) {
			res, s := running()
			c.change(&res, &s)
			o := observation(res, s)
			health, text := o.Health, o.Problem
			switch {
			case o.Gone:
				health = "gone"
			case o.Err != nil:
				health, text = "not asked", o.Err.Error()
			}
			require.Equal(t, c.health, health)
			require.Equal(t, c.text, text)
		})
	}
}

// Autoscaling sets the number of tasks, but not below its minimum. At a minimum of 0 nothing wakes a service.
func TestHealthOfAutoscaledServices(t *testing.T) {
	look := func(desired int, byClock bool) report.Health {
		o, s := running()
		o.Props.DesiredCount = nil
		o.Stack = []resource.Object{{
			Resource: "web/api:scaling", Type: applicationautoscaling.TargetType,
			State: resource.State{Inputs: value.NewMap(map[string]value.Value{
				"min": value.NewNumber(2), "max": value.NewNumber(6), "byClock": value.NewBool(byClock),
			})},
		}, {
			Resource: "web/other:scaling", Type: applicationautoscaling.TargetType,
			State: resource.State{Inputs: value.NewMap(map[string]value.Value{"min": value.NewNumber(6)})},
		}}
		s.Desired, s.Running, s.Targets = desired, desired, nil
		return observation(o, s).Health
	}
	require.Equal(t, report.Healthy, look(5, false))
	require.Equal(t, report.Changed, look(1, false))
	require.Equal(t, report.Unhealthy, look(0, false))
	require.Equal(t, report.Healthy, look(0, true), "the clock may say so")
}

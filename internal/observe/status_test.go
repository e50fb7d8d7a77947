package observe

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/aws/rollout"
	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/resource/applicationautoscaling"
	"github.com/company/deployer/internal/resource/ecs"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/value"
)

const family = "arn:aws:ecs:eu-west-1:123456789012:task-definition/shop-web-api:"

// running is a service whose revision 3 runs in two tasks, which are what was deployed.
func running() (engine.StoredResource, rollout.Status) {
	res := engine.StoredResource{
		ID: "web/api:service", Component: "web/api", Type: ecs.ServiceType, AWSID: "arn:service",
		Inputs: value.NewMap(map[string]value.Value{
			"name": value.NewString("api"), "taskDefinition": value.NewString(family + "3"),
			"desiredCount": value.NewNumber(2),
		}),
		Outputs: value.NewMap(map[string]value.Value{"rollout": value.NewString(ecs.RolloutCompleted)}),
	}
	return res, rollout.Status{
		Found: true, TaskDefinition: family + "3", Revision: "3", RolloutState: "COMPLETED", Desired: 2, Running: 2,
		Healthy: true,
		Targets: []rollout.Targets{{Healthy: 2, Total: 2}},
	}
}

func TestHealthOfServices(t *testing.T) {
	with := func(res *engine.StoredResource, name string, v value.Value) { res.Inputs = res.Inputs.With(name, v) }
	type change = func(*engine.StoredResource, *rollout.Status)
	rolling := func(s *rollout.Status, revision string, running int) {
		s.RolloutState, s.Deploying, s.Running, s.Targets[0].Healthy = "IN_PROGRESS", family+revision, running, running
	}
	failed := func(res *engine.StoredResource, how, text string) {
		res.InitErrors, res.Outputs = []string{"web/api: " + text},
			value.NewMap(map[string]value.Value{"rollout": value.NewString(how)})
	}
	for name, c := range map[string]struct {
		change change
		health report.Health
		text   string
	}{
		"as deployed": {func(*engine.StoredResource, *rollout.Status) {}, report.Healthy, ""},
		"failed rollout, gone back": {func(res *engine.StoredResource, s *rollout.Status) {
			failed(res, ecs.RolloutFailed, "Rollout failed: Revision 3 did not come up.")
			s.TaskDefinition = family + "2"
		}, report.Unhealthy, "Rollout failed: Revision 3 did not come up."},
		"interrupted, still in progress": {func(res *engine.StoredResource, s *rollout.Status) {
			failed(res, ecs.RolloutInProgress, "Rollout still in progress")
			rolling(s, "3", 1)
		}, report.Updating, "A rollout of revision 3 is in progress: 1 of 2 tasks run."},
		"interrupted, completed since": {func(res *engine.StoredResource, _ *rollout.Status) {
			failed(res, ecs.RolloutInProgress, "Rollout still in progress")
		}, report.Healthy, ""},
		"interrupted, failed since": {func(res *engine.StoredResource, s *rollout.Status) {
			failed(res, ecs.RolloutInProgress, "Rollout still in progress")
			s.RolloutState, s.RolloutReason = "FAILED", "tasks failed to start."
		}, report.Unhealthy, "The last rollout failed: tasks failed to start."},
		"somebody's rollout": {
			func(_ *engine.StoredResource, s *rollout.Status) { rolling(s, "1", 2) },
			report.Updating, "A rollout of revision 1 is in progress: 2 of 2 tasks run. Revision 3 was deployed last.",
		},
		"rollout without a task": {func(_ *engine.StoredResource, s *rollout.Status) {
			rolling(s, "3", 0)
			s.FailedTasks = 2
		}, report.Unhealthy, "A rollout of revision 3 is in progress: 0 of 2 tasks run, 2 failed."},
		"nothing runs": {
			func(_ *engine.StoredResource, s *rollout.Status) { s.Running, s.Targets = 0, nil },
			report.Unhealthy, "0 of 2 tasks run.",
		},
		"set to 0": {
			func(_ *engine.StoredResource, s *rollout.Status) {
				s.Running, s.Desired, s.Targets[0] = 0, 0, rollout.Targets{}
			},
			report.Unhealthy, "0 tasks run: the service was set to 0 tasks outside of deployer; wanted: 2.",
		},
		"0 is what was deployed": {func(res *engine.StoredResource, s *rollout.Status) {
			with(res, "desiredCount", value.NewNumber(0))
			s.Running, s.Desired, s.Targets[0] = 0, 0, rollout.Targets{}
		}, report.Healthy, ""},
		"a task was lost": {
			func(_ *engine.StoredResource, s *rollout.Status) { s.Running = 1 }, report.Unhealthy,
			"1 of 2 tasks run.",
		},
		"a task is starting": {
			func(_ *engine.StoredResource, s *rollout.Status) { s.Running, s.Pending = 1, 1 },
			report.Updating, "1 of 2 tasks run, 1 starting.",
		},
		"tasks crash again and again": {
			func(_ *engine.StoredResource, s *rollout.Status) { s.Running, s.Pending, s.FailedTasks = 1, 1, 4 },
			report.Unhealthy, "1 of 2 tasks run.",
		},
		"a target is sick": {
			func(_ *engine.StoredResource, s *rollout.Status) {
				s.Targets[0] = rollout.Targets{Healthy: 1, Total: 2, Reason: "Timeout"}
			},
			report.Unhealthy, "1 of 2 targets are healthy: Timeout",
		},
		"no target": {
			func(_ *engine.StoredResource, s *rollout.Status) { s.Targets[0] = rollout.Targets{} },
			report.Unhealthy, "0 of 2 targets are healthy: none is registered.",
		},
		"put back": {
			func(_ *engine.StoredResource, s *rollout.Status) { s.TaskDefinition, s.Revision = family+"1", "1" },
			report.Changed, "Revision 1 runs, revision 3 was deployed: somebody changed it outside of deployer.",
		},
		"scaled": {
			func(_ *engine.StoredResource, s *rollout.Status) {
				s.Desired, s.Running, s.Targets[0] = 3, 3, rollout.Targets{Healthy: 3, Total: 3}
			},
			report.Changed, "ECS wants 3 tasks, 2 were deployed: somebody changed it outside of deployer.",
		},
		"tasks are stopping": {
			func(_ *engine.StoredResource, s *rollout.Status) { s.Running = 3 }, report.Updating,
			"3 tasks run, 2 are wanted.",
		},
		"not found": {
			func(_ *engine.StoredResource, s *rollout.Status) { *s = rollout.Status{} },
			report.Missing, gone,
		},
		"denied": {
			func(_ *engine.StoredResource, s *rollout.Status) {
				*s = rollout.Status{Err: errors.New("AccessDenied")}
			},
			report.Unknown, "AWS could not be asked (AccessDenied)",
		},
		"tasks denied": {
			func(_ *engine.StoredResource, s *rollout.Status) { s.Err = errors.New("AccessDenied") },
			report.Unknown, "AWS could not be asked about its tasks or targets: AccessDenied",
		},
	} {
		t.Run(name, func(t *testing.T) {
			res, s := running()
			c.change(&res, &s)
			a := answer{there: s.Found, service: &s}
			if !s.Found {
				a.err = s.Err
			}
			health, text := judge(res, a, nil)
			require.Equal(t, c.health, health)
			require.Equal(t, c.text, text)
		})
	}
}

// Autoscaling sets the number of tasks, but not below its minimum. At a minimum of 0 nothing wakes a service.
func TestHealthOfAutoscaledServices(t *testing.T) {
	target := func(byClock bool) []engine.StoredResource {
		return []engine.StoredResource{{
			Type: applicationautoscaling.TargetType,
			Inputs: value.NewMap(map[string]value.Value{
				"min": value.NewNumber(2), "max": value.NewNumber(6), "byClock": value.NewBool(byClock),
			}),
		}}
	}
	look := func(desired int, members []engine.StoredResource) report.Health {
		res, s := running()
		res.Inputs = res.Inputs.With("desiredCount", value.NullValue)
		s.Desired, s.Running, s.Targets = desired, desired, nil
		health, _ := judge(res, answer{there: true, service: &s}, members)
		return health
	}
	require.Equal(t, report.Healthy, look(5, target(false)))
	require.Equal(t, report.Changed, look(1, target(false)))
	require.Equal(t, report.Unhealthy, look(0, target(false)))
	require.Equal(t, report.Healthy, look(0, target(true)), "the clock may say so")
}

func TestHealthOfComponents(t *testing.T) {
	queue := func(name string) engine.StoredResource {
		return engine.StoredResource{
			ID: "web/jobs:" + name, Component: "web/jobs", Type: "sqs/queue",
			AWSID: "https://" + name,
		}
	}
	changed := func(res engine.StoredResource, change func(*engine.StoredResource)) engine.StoredResource {
		change(&res)
		return res
	}
	there := answer{there: true}
	for name, c := range map[string]struct {
		component state.Component
		members   []engine.StoredResource
		answers   map[string]answer
		alive     bool
		dead      bool
		health    report.Health
		problem   string
	}{
		"there": {
			members: []engine.StoredResource{queue("a")}, answers: map[string]answer{"web/jobs:a": there},
			health: report.Healthy,
		},
		"never made": {
			component: state.Component{Missing: []state.Missing{{Resource: "web/jobs:a", Type: "sqs/queue"}}},
			health:    report.Missing,
			problem:   "Wanted and not there yet: a.\n`deployer plan` shows what an apply makes.",
		},
		"perhaps made by a dead run": {
			component: state.Component{Missing: []state.Missing{{Resource: "web/jobs:a", Type: "sqs/queue"}}},
			dead:      true, health: report.Missing,
			problem: "Being made when a run was interrupted; the next apply looks for it: a.\n`deployer plan` shows " +
				"what an apply makes.",
		},
		"made since": {
			component: state.Component{Missing: []state.Missing{{Resource: "web/jobs:a", Type: "sqs/queue"}}},
			members:   []engine.StoredResource{queue("a")}, answers: map[string]answer{"web/jobs:a": there},
			health: report.Healthy,
		},
		"being made": {
			component: state.Component{Missing: []state.Missing{{Resource: "web/jobs:a", Type: "sqs/queue"}}},
			alive:     true,
			health:    report.Updating, problem: "Wanted and not there yet: a.",
		},
		"being remade": {
			members: []engine.StoredResource{queue("a")}, alive: true, health: report.Updating,
			problem: "A run is changing it right now: a.",
		},
		"deleted by hand": {
			members: []engine.StoredResource{queue("a"), queue("b"), queue("c")},
			answers: map[string]answer{"web/jobs:c": there},
			health:  report.Missing, problem: "Not in AWS any more: a, b.\n`deployer plan` shows what an apply makes.",
		},
		"changed by hand": {
			members: []engine.StoredResource{queue("a")},
			answers: map[string]answer{"web/jobs:a": {there: true, differs: "retention, tags"}},
			health:  report.Changed, problem: "Changed outside of deployer, in retention, tags: a.\n`deployer plan " +
				"--refresh` shows what an apply changes back.",
		},
		"changed by a dead run": {
			members: []engine.StoredResource{queue("a")},
			answers: map[string]answer{"web/jobs:a": {there: true, differs: "retention"}}, dead: true,
			health: report.Changed,
			problem: "Changed since the state was written, probably by the run that was interrupted; the next apply " +
				"goes on from there: a.",
		},
		"not to be asked": {
			members: []engine.StoredResource{queue("a")},
			answers: map[string]answer{"web/jobs:a": {err: errors.New("AccessDenied")}}, alive: true,
			health: report.Unknown, problem: "AWS could not be asked (AccessDenied): a.",
		},
		"half replaced": {
			members: []engine.StoredResource{
				changed(queue("a"), func(r *engine.StoredResource) { r.Replacing = true }),
			},
			health: report.Missing, problem: "Deleted, and not made anew yet: a.\n`deployer plan` shows what an " +
				"apply makes.",
		},
		"the old one is left": {
			members: []engine.StoredResource{
				queue("a"),
				changed(queue("a"), func(r *engine.StoredResource) { r.Deleting = true }),
			},
			answers: map[string]answer{"web/jobs:a": there}, health: report.Healthy,
			problem: "Replaced, and the old object not deleted yet: a.",
		},
		"did not become what was wanted": {
			members: []engine.StoredResource{
				changed(queue("a"), func(r *engine.StoredResource) {
					r.InitErrors = []string{"web/jobs: It did not settle."}
				}),
			},
			answers: map[string]answer{"web/jobs:a": there}, health: report.Unhealthy, problem: "It did not settle: a.",
		},
		"destroyed in part": {
			component: state.Component{Removed: true}, members: []engine.StoredResource{queue("a")},
			answers: map[string]answer{"web/jobs:a": there},
			health:  report.Leftover, problem: "It was to be deleted. Left of it: 1 object. The next apply or " +
				"destroy goes on.",
		},
		"being destroyed": {
			component: state.Component{Removed: true}, members: []engine.StoredResource{queue("a")},
			answers: map[string]answer{"web/jobs:a": there}, alive: true,
			health: report.Updating, problem: "It is being deleted.",
		},
	} {
		t.Run(name, func(t *testing.T) {
			c.component.Address, c.component.Kind = "web/jobs", "SQS"
			e := examination{
				stored: &Deployed{
					Stored:    &state.Stored{Payload: &state.Payload{Status: state.Succeeded}},
					Resources: c.members,
				}, alive: c.alive, intents: map[string]bool{"web/jobs:a": c.alive || c.dead},
				answers: c.answers,
			}
			got := e.report([]state.Component{c.component})
			require.Equal(t, c.health, got.Components[0].Health)
			require.Equal(t, c.problem, got.Components[0].Problem)
			require.Equal(t, c.health.Good(), got.Healthy)
			require.Equal(t, len(c.answers), got.Objects.There+got.Objects.Unknown)
			require.Equal(t, got.Objects.Wanted, got.Objects.There+got.Objects.Unknown+got.Objects.Missing)
		})
	}
}

// A run that has not ended is shown with the number that it will get.
func TestStatusOfARunUnderWay(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	e := examination{
		stored: &Deployed{
			Stored: &state.Stored{Payload: &state.Payload{
				Stack: "shop", Environment: "dev", Deployment: 2,
				Status: state.InProgress, Who: "ada", At: at,
			}},
		}, alive: true,
	}
	got := e.report(nil)
	require.Equal(t, report.Version(2), got.Version)
	require.Equal(t, &report.Run{Version: 3, Who: "ada", Since: at, Alive: true}, got.Run)
}

// meeting is a resource type whose reads return once all expected reads have begun: reading one after the other would
// wait for ever.
type meeting struct {
	resource.Behaviour // nothing else is called
	expected           atomic.Int32
	all                chan struct{}
}

func (m *meeting) Definition() *resource.Definition { return &resource.Definition{Type: "fake/single"} }

func (m *meeting) Read(ctx context.Context, req resource.Request) (resource.State, bool, error) {
	if m.expected.Add(-1) == 0 {
		close(m.all)
	}
	select {
	case <-m.all:
		return resource.State{}, req.Resource != "web/a:r0", nil
	case <-ctx.Done():
		return resource.State{}, false, ctx.Err()
	}
}

func TestStatusAsksSideBySide(t *testing.T) {
	m := &meeting{all: make(chan struct{})}
	m.expected.Store(30)
	catalog := resource.NewCatalog([]resource.Behaviour{m}, nil)
	stored := &Deployed{Stored: &state.Stored{
		Payload:  &state.Payload{Stack: "shop", Environment: "dev"},
		Snapshot: &state.Snapshot{Envelope: &state.Envelope{}},
	}}
	for i := range 30 {
		stored.Resources = append(stored.Resources,
			engine.StoredResource{ID: fmt.Sprintf("web/a:r%d", i), Component: "web/a", Type: "fake/single"})
	}
	e := examination{stored: stored, answers: map[string]answer{}}
	components := []state.Component{{Address: "web/a"}}
	require.NoError(t, e.ask(t.Context(), catalog, sdk.Config{}, components))
	require.Equal(t, report.Objects{Wanted: 30, There: 29, Missing: 1}, e.report(components).Objects)

	ctx, cancel := context.WithCancel(t.Context())
	m.all = make(chan struct{})
	m.expected.Store(100)
	cancel()
	require.ErrorIs(t, e.ask(ctx, catalog, sdk.Config{}, components), context.Canceled)
}

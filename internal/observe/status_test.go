package observe

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/state"
)

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
			problem:   "Not created yet: a.\n`deployer plan` shows what an apply creates.",
		},
		"perhaps made by an interrupted run": {
			component: state.Component{Missing: []state.Missing{{Resource: "web/jobs:a", Type: "sqs/queue"}}},
			dead:      true, health: report.Missing,
			problem: "A run was interrupted while it created this; the next apply checks whether it exists: " +
				"a.\n`deployer plan` shows what an apply creates.",
		},
		"made since": {
			component: state.Component{Missing: []state.Missing{{Resource: "web/jobs:a", Type: "sqs/queue"}}},
			members:   []engine.StoredResource{queue("a")}, answers: map[string]answer{"web/jobs:a": there},
			health: report.Healthy,
		},
		"being made": {
			component: state.Component{Missing: []state.Missing{{Resource: "web/jobs:a", Type: "sqs/queue"}}},
			alive:     true,
			health:    report.Updating, problem: "Not created yet: a.",
		},
		"being remade": {
			members: []engine.StoredResource{queue("a")}, alive: true, health: report.Updating,
			problem: "A run is changing it now: a.",
		},
		"deleted by hand": {
			members: []engine.StoredResource{queue("a"), queue("b"), queue("c")},
			answers: map[string]answer{"web/jobs:c": there},
			health:  report.Missing, problem: "Does not exist in AWS any more: a, b.\n`deployer plan` shows what an " +
				"apply creates.",
		},
		"changed by hand": {
			members: []engine.StoredResource{queue("a")},
			answers: map[string]answer{"web/jobs:a": {there: true, differs: "retention, tags"}},
			health:  report.Changed, problem: "Changed outside of deployer, in retention, tags: a.\n`deployer plan " +
				"--refresh` shows what an apply corrects.",
		},
		"changed by an interrupted run": {
			members: []engine.StoredResource{queue("a")},
			answers: map[string]answer{"web/jobs:a": {there: true, differs: "retention"}}, dead: true,
			health: report.Changed,
			problem: "Changed since the state was written, probably by the interrupted run; the next apply " +
				"continues: a.",
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
			health: report.Missing, problem: "Deleted, and not created again yet: a.\n`deployer plan` shows what an " +
				"apply creates.",
		},
		"the old one is left": {
			members: []engine.StoredResource{
				queue("a"),
				changed(queue("a"), func(r *engine.StoredResource) { r.Deleting = true }),
			},
			answers: map[string]answer{"web/jobs:a": there}, health: report.Healthy,
			problem: "Replaced; the old object is not deleted yet: a.",
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
			health:  report.Leftover, problem: "Its deletion is not complete: 1 object left. The next apply or " +
				"destroy continues.",
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
	require.NoError(t, e.ask(t.Context(), catalog, components))
	require.Equal(t, report.Objects{Wanted: 30, There: 29, Missing: 1}, e.report(components).Objects)

	ctx, cancel := context.WithCancel(t.Context())
	m.all = make(chan struct{})
	m.expected.Store(100)
	cancel()
	require.ErrorIs(t, e.ask(ctx, catalog, components), context.Canceled)
}

// sayer is a resource type whose observer says what the test wants.
type sayer struct {
	resource.Behaviour // nothing else is called
	says               map[string]resource.Observation
	asked              atomic.Int32
}

func (s *sayer) Definition() *resource.Definition { return &resource.Definition{Type: "fake/sayer"} }

func (s *sayer) Read(context.Context, resource.Request) (resource.State, bool, error) {
	return resource.State{}, true, nil
}

func (s *sayer) Health(_ context.Context, objects []resource.Observed) []resource.Observation {
	s.asked.Add(1)
	out := make([]resource.Observation, len(objects))
	for i, o := range objects {
		out[i] = s.says[o.Resource]
	}
	return out
}

func (s *sayer) Logs(resource.Observed) []resource.LogSource { return nil }

func (s *sayer) Tasks(context.Context, resource.Observed) ([]resource.Task, error) { return nil, nil }

func (s *sayer) Metrics(resource.Observed) []resource.Metric { return nil }

// Status shows what the observer of a type says of its objects, and asks it once for all of them.
func TestStatusAsksObservers(t *testing.T) {
	facts := []report.Fact{{Name: "messages", Value: 3}}
	s := &sayer{says: map[string]resource.Observation{
		"web/a:full":   {Health: report.Unhealthy, Problem: "3 messages are lost.", Facts: facts},
		"web/a:well":   {Health: report.Healthy, Facts: facts},
		"web/b:gone":   {Gone: true},
		"web/c:denied": {Err: errors.New("AccessDenied")},
		"web/d:failed": {Health: report.Healthy},
		"web/e:failed": {Health: report.Healthy, Final: true},
	}}
	stored := &Deployed{Stored: &state.Stored{
		Payload: &state.Payload{}, Snapshot: &state.Snapshot{Envelope: &state.Envelope{}},
	}}
	var components []state.Component
	for _, id := range []string{
		"web/a:full", "web/a:well", "web/b:gone", "web/c:denied", "web/d:failed", "web/e:failed",
	} {
		address := resource.ComponentOf(id)
		res := engine.StoredResource{ID: id, Component: address, Type: "fake/sayer"}
		if id[len(id)-6:] == "failed" {
			res.InitErrors = []string{"it did not start"}
		}
		stored.Resources = append(stored.Resources, res)
		if len(components) == 0 || components[len(components)-1].Address != address {
			components = append(components, state.Component{Address: address})
		}
	}
	e := examination{stored: stored, answers: map[string]answer{}}
	require.NoError(t, e.ask(t.Context(), resource.NewCatalog([]resource.Behaviour{s}, nil), components))
	require.Equal(t, int32(1), s.asked.Load())
	got := e.report(components).Components
	for i, health := range []report.Health{
		report.Unhealthy, report.Missing, report.Unknown, report.Unhealthy, report.Healthy,
	} {
		require.Equal(t, health, got[i].Health, got[i].Address)
	}
	require.Equal(t, "3 messages are lost.", got[0].Problem, "a sentence needs no name of the object")
	require.Equal(t, []report.Observed{
		{Resource: "web/a:full", Type: "fake/sayer", Facts: facts},
		{Resource: "web/a:well", Type: "fake/sayer", Facts: facts},
	}, got[0].Observed)
	require.Equal(t, "it did not start: failed.", got[3].Problem)
}

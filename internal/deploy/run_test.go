package deploy

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/aws"
	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/deploy/recovery"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/lock"
	"github.com/company/deployer/internal/manifest"
	"github.com/company/deployer/internal/observe"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/repair"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/value"
)

// approving approves after it did something.
func approving(do func()) func(context.Context, Question) (bool, error) {
	return func(context.Context, Question) (bool, error) {
		do()
		return true, nil
	}
}

// The state records the approval rule of the last apply, and a destroy without a manifest uses only that.
func TestApprovalIsAskedFor(t *testing.T) {
	a := newAccount()
	required := func(g *resource.Graph, stack *manifest.Stack) (asked bool) {
		p := a.start(t.TempDir(), 0, false)
		where := backend.Place{Account: "1", Region: "r", Session: &aws.Session{}}
		req := Request{
			Key: shop, Progress: func(plan.Event) {},
			Approve: func(_ context.Context, q Question) (bool, error) {
				asked = q.Required
				return true, nil
			},
		}
		held, err := p.Hold(t.Context(), req.lock(), where, "")
		require.NoError(t, err)
		if g == nil {
			g = &resource.Graph{}
		}
		_, err = newRun(p.Backend, stack, g, where, req).under(held, nil)
		require.NoError(t, err)
		return asked
	}
	must := &manifest.Stack{Approval: manifest.ApprovalRequired}
	require.True(t, required(first(t), must))
	require.True(t, required(nil, nil), "destroy")
	required(first(t), &manifest.Stack{}) // nothing to do but to tell the state
	require.False(t, required(nil, nil), "destroy where nobody wants to be asked")
	required(first(t), must)
	require.True(t, required(nil, nil), "destroy after the state was told again")
}

func TestRuns(t *testing.T) {
	a, home := newAccount(), t.TempDir()
	applied, err := a.start(home, 0, false).run(t.Context(), first(t))
	require.NoError(t, err)
	require.True(t, applied.Changed)
	require.EqualValues(t, 1, applied.Version)

	p := a.start(home, 0, false)
	applied, err = p.run(t.Context(), first(t))
	require.NoError(t, err)
	require.False(t, applied.Changed)
	require.EqualValues(t, 1, applied.Version, "nothing was deployed")
	require.Equal(t, int64(4), p.calls.Load(), "lock and read; release and a look at the history")

	_, err = a.start(home, 0, false).run(t.Context(), second(t), func(r *Request) {
		r.Approve = func(context.Context, Question) (bool, error) { return false, nil }
	})
	require.NoError(t, err)
	requireHistory(t, a, home, 1, "a plan that nobody approved")

	a.pass(2 * time.Second)
	applied, err = a.start(home, 0, false).run(t.Context(), nil)
	require.NoError(t, err)
	require.EqualValues(t, 2, applied.Version)
	stored, err := a.start(home, 0, false).Get(t.Context(), shop)
	require.NoError(t, err)
	require.Equal(t, state.Destroyed, stored.Payload.Status)
	require.Equal(t, "-4", stored.Payload.Summary)
	require.Empty(t, stored.Payload.Components)
	applied, err = a.start(home, 0, false).run(t.Context(), nil)
	require.NoError(t, err)
	require.False(t, applied.Changed, "nothing is left to destroy")
}

func TestNothingIsBegunThatCannotBeSaved(t *testing.T) {
	a, home := newAccount(), t.TempDir()
	huge := graph(t, res("web/a:a", single, "zone", strings.Repeat("a", state.MaxSize/2)))
	_, err := a.start(home, 0, false).run(t.Context(), huge, func(r *Request) {
		r.Approve = func(context.Context, Question) (bool, error) {
			t.Error("asked about what cannot be")
			return true, nil
		}
	})
	require.ErrorContains(t, err, "State would be too large")
	require.Empty(t, a.inventory())
	stored, err := a.start(home, 0, false).Get(t.Context(), shop)
	require.NoError(t, err)
	require.Nil(t, stored, "nothing was claimed")
	_, err = a.start(home, 0, false).run(t.Context(), first(t))
	require.NoError(t, err, "the lock is free")
}

// Somebody writes the state without the lock, each time just before this run claims it.
func TestStateKeepsChanging(t *testing.T) {
	for _, times := range []int{1, replans} {
		a, home := newAccount(), t.TempDir()
		_, err := a.start(home, 0, false).run(t.Context(), first(t))
		require.NoError(t, err)
		plans := 0
		_, err = a.start(home, 0, false).run(t.Context(), second(t), func(r *Request) {
			r.Approve = func(context.Context, Question) (bool, error) {
				if plans++; plans > times {
					return true, nil
				}
				store := a.start(home, 0, false).Store(shop)
				there, err := store.Get(t.Context())
				require.NoError(t, err)
				next := *there.Envelope
				next.Serial++
				next.Writer = state.Writer{LockID: "other", OpID: a.newID()}
				_, err = store.Put(t.Context(), &next, there.Version)
				require.NoError(t, err)
				return true, nil
			}
		})
		if times < replans {
			require.NoError(t, err)
			require.Equal(t, times+1, plans)
			continue
		}
		var d *diag.Diagnostic
		require.ErrorAs(t, err, &d)
		require.Equal(t, diag.Conflict, d.Code)
		stored, err := a.start(home, 0, false).Get(t.Context(), shop)
		require.NoError(t, err)
		require.Equal(t, state.Succeeded, stored.Payload.Status)
	}
}

// A run that lost its lock to another, which has claimed the state, writes its work to a rescue file and exits with a
// conflict.
func TestFencedOut(t *testing.T) {
	a, home := newAccount(), t.TempDir()
	_, err := a.start(home, 0, false).run(t.Context(), first(t))
	require.NoError(t, err)
	a.pass(2 * time.Second)
	stolen := false
	_, err = a.start(home, 0, false).run(t.Context(), second(t), func(r *Request) {
		r.Progress = func(e plan.Event) {
			if e.Kind != plan.Started || stolen {
				return
			}
			stolen = true
			other := a.start(t.TempDir(), 0, false)
			record, err := observe.Lock(t.Context(), other.Backend, shop)
			require.NoError(t, err)
			_, err = repair.Unlock(t.Context(), other.Backend, shop, record.ID, true)
			require.NoError(t, err)
			_, err = other.run(t.Context(), second(t))
			require.NoError(t, err)
		}
	})
	var conflict *state.ConflictError
	require.ErrorAs(t, err, &conflict)
	files, err := filepath.Glob(filepath.Join(home, ".deployer", "rescue", "*.json"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	raw, err := os.ReadFile(files[0])
	require.NoError(t, err)
	rescued, err := state.Decode(raw, files[0])
	require.NoError(t, err)
	require.Empty(t, rescued.Intents)
	requireSettled(t, a, t.TempDir(), second(t), "the other's state stands")
}

func TestStatusAndExit(t *testing.T) {
	interrupt := &engine.StoppedError{Cause: errors.New("ctrl-c")}
	conflict := diag.New(diag.Conflict, "Fenced out", "", "")
	apply, destroy := &run{stack: nil, req: Request{Targets: []string{"web/a"}}}, &run{}
	require.Equal(t, state.Destroyed, destroy.status(nil))
	require.Equal(t, state.Succeeded, apply.status(nil), "a part is not all")
	require.Equal(t, state.Failed, destroy.status(errors.New("x")))
	require.Equal(t, state.Interrupted, destroy.status(errors.Join(errors.New("x"), interrupt)))
	require.Equal(t, diag.Interrupted, problems(interrupt)[0].Code)
	found := problems(errors.Join(&engine.StoppedError{Cause: conflict}, conflict))
	require.Len(t, found, 1, "said once")
	require.Equal(t, diag.Conflict, found[0].Code)
}

func TestSaver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAccount()
		p := a.start(t.TempDir(), 0, false)
		held, err := p.Hold(t.Context(), backend.Request{Key: shop}, backend.Place{Account: "1", Region: "r"}, "")
		require.NoError(t, err)
		payload := state.Payload{Stack: "shop", Environment: "dev"}
		require.NoError(t, held.Write(t.Context(), &payload, nil))
		saved := func() string { return string(held.State().Payload) }
		var failure error
		s := newSaver(t.Context(), t.Context(), held, payload, nil, a.now, func(err error) { failure = err })
		n := 0
		step := func() {
			n++
			at := string(engineState("web/a:" + string(rune('a'+n))))
			s.dirty(func() ([]byte, error) { return []byte(at), nil })
		}
		for range 5 {
			step()
		}
		synctest.Wait()
		require.Equal(t, int64(1), held.Serial(), "not one save for each step")
		time.Sleep(saveEvery)
		synctest.Wait()
		require.Equal(t, int64(2), held.Serial(), "what is new does not wait for another step")
		require.Contains(t, saved(), "web/a:f")
		step()
		require.NoError(t, s.stop())
		step()
		time.Sleep(time.Minute)
		require.Equal(t, int64(2), held.Serial(), "nothing is saved after the end")

		// Somebody else has the state.
		s = newSaver(t.Context(), t.Context(), held, payload, nil, a.now, func(err error) { failure = err })
		a.cloud.SetObject("states", "stacks/shop/dev/state.json", []byte(`{}`))
		step()
		time.Sleep(2 * saveEvery)
		synctest.Wait()
		require.Error(t, failure)
		require.ErrorIs(t, s.stop(), failure)
		require.NoError(t, held.Close(t.Context()))
	})
}

func TestHistoryIsMadeGood(t *testing.T) {
	a, home := newAccount(), t.TempDir()
	_, err := a.start(home, 0, false).run(t.Context(), first(t))
	require.NoError(t, err)
	p := a.start(home, 0, false)
	stored, err := p.Get(t.Context(), shop)
	require.NoError(t, err)
	later := *stored
	payload := *stored.Payload
	payload.Deployment, payload.At = 2, stored.Payload.At.Add(2*time.Second)
	envelope := *stored.Snapshot.Envelope
	envelope.Writer.OpID = "another write"
	require.NoError(t, envelope.SetPayload(&payload))
	later.Payload, later.Snapshot = &payload, &state.Snapshot{Envelope: &envelope}
	for range 2 {
		require.NoError(t, backend.Keep(t.Context(), p.Backend.Store(shop), stored))
		require.NoError(t, backend.Keep(t.Context(), p.Backend.Store(shop), &later))
		requireHistory(t, a, home, 2, "each once")
	}
}

func TestOutputsAndComponents(t *testing.T) {
	g := &resource.Graph{Components: []resource.Component{
		{Address: "web/a", Kind: "Fake"},
		{Address: "web/b", Kind: "Fake"},
	}}
	before := &state.Stored{Payload: &state.Payload{Components: []state.Component{
		{Address: "web/b", Outputs: map[string]any{"url": "old"}}, {Address: "web/gone"}, {Address: "web/left"},
	}}}
	outputs := map[string]map[string]value.Value{"web/a": {
		"url": value.NewString("new"), "password": value.NewString("hunter2").Sensitive(), "later": value.NewUnknown(),
	}}
	known, err := (&run{graph: g, Base: recovery.Base{Stored: before}}).components(outputs,
		engineState("web/a:a", "web/left:l"))
	require.NoError(t, err)
	var addresses []string
	for _, c := range known {
		addresses = append(addresses, c.Address)
	}
	require.Equal(t, []string{"web/a", "web/b", "web/left"}, addresses, "what is still there stays, what is gone goes")
	require.True(t, known[2].Removed)
	require.Equal(t, map[string]map[string]any{"web/a": {"url": "new"}, "web/b": {"url": "old"}}, outputsOf(known))
	require.Equal(t, "+1 →1 ~1 ±1 -1", summary((&plan.Plan{Components: []plan.Component{{Changes: []plan.Change{
		{Action: plan.Create},
		{Action: plan.Adopt},
		{Action: plan.Update},
		{Action: plan.Replace},
		{Action: plan.Delete},
	}}}}).Summary()))
}

func TestTargets(t *testing.T) {
	g := func() *resource.Graph {
		return graph(t, res("web/a:a", single), res("web/b:b", single, "a", value.Output("web/a:a", "arn")),
			res("web/c:c", single))
	}
	state := []byte(`{"manifest":{},"resources":[
		{"urn":"urn:pulumi:dev::shop::deployer:fake:single::web/old:o","custom":true,"id":"o",
			"type":"deployer:fake:single"},
		{"urn":"urn:pulumi:dev::shop::deployer:fake:single::web/c:c","custom":true,"id":"c",
			"type":"deployer:fake:single","dependencies":["urn:pulumi:dev::shop::deployer:fake:single::web/old:o"]}]}`)
	chosen := func(g *resource.Graph, targets ...string) ([]string, error) {
		return (&run{graph: g, Base: recovery.Base{Engine: state}, req: Request{Targets: targets}}).chosen()
	}
	ids, err := chosen(g())
	require.NoError(t, err)
	require.Nil(t, ids, "everything")
	ids, err = chosen(g(), "web/b")
	require.NoError(t, err)
	require.Equal(t, []string{"web/a:a", "web/b:b"}, ids, "and what it needs")
	_, err = chosen(g(), "web/bb", "nonsense")
	var found diag.List
	require.ErrorAs(t, err, &found)
	require.Len(t, found, 2)
	require.Contains(t, found[0].Next, "web/b")
	require.Contains(t, found[1].Next, "web/a, web/b, web/c, web/old")

	_, err = chosen(g(), "web/old")
	require.ErrorContains(t, err, "these components need it and stay: web/c:c")
	ids, err = chosen(g(), "web/old", "web/c")
	require.NoError(t, err)
	require.Equal(t, []string{"web/c:c", "web/old:o"}, ids)
	ids, err = chosen(&resource.Graph{}, "web/c")
	require.NoError(t, err)
	require.Equal(t, []string{"web/c:c"}, ids, "a destroy")
}

func TestLockMetadata(t *testing.T) {
	a := newAccount()
	p := a.start(t.TempDir(), 0, false)
	held, err := p.Hold(t.Context(), backend.Request{Key: shop}, backend.Place{Account: "1", Region: "r"}, "given")
	require.NoError(t, err)
	require.Equal(t, "given", held.Lineage())
	require.Equal(t, "ann", held.Who())
	_, err = a.start(t.TempDir(), 0, false).run(t.Context(), first(t))
	var locked *lock.HeldError
	require.ErrorAs(t, err, &locked)
	require.NoError(t, held.Close(t.Context()))
}

// A run failed at a change that did happen: a deletion, for instance, whose end could not be looked at.
func TestNothingIsLeftToDoAfterAFailure(t *testing.T) {
	a, home := newAccount(), t.TempDir()
	_, err := a.start(home, 0, false).run(t.Context(), first(t))
	require.NoError(t, err)
	a.pass(2 * time.Second)
	p := a.start(home, 0, false)
	held, err := p.Hold(t.Context(), backend.Request{Key: shop}, backend.Place{Account: "1", Region: "r"}, "")
	require.NoError(t, err)
	stored, err := state.Load(shop, held.State())
	require.NoError(t, err)
	stored.Payload.Status = state.Failed
	require.NoError(t, held.Write(t.Context(), stored.Payload, nil))
	require.NoError(t, held.Close(t.Context()))

	applied, err := a.start(home, 0, false).run(t.Context(), first(t),
		func(r *Request) { r.Targets = []string{"web/a"} })
	require.NoError(t, err)
	require.False(t, applied.Changed, "nobody looked at the rest")
	for _, again := range []bool{false, true} {
		p := a.start(home, 0, false)
		applied, err = p.run(t.Context(), first(t))
		require.NoError(t, err)
		require.Equal(t, !again, applied.Changed)
		require.EqualValues(t, 2, applied.Version)
		stored, err = p.Get(t.Context(), shop)
		require.NoError(t, err)
		require.Equal(t, state.Succeeded, stored.Payload.Status)
	}
}

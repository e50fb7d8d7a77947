package deploy

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	sdk "github.com/company/deployer/internal/aws"
	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/manifest"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/value"
)

// configured is a stack whose configuration has one component, with that size.
func configured(size int) *manifest.Stack {
	return &manifest.Stack{
		Name: shop.Stack, Environment: shop.Environment,
		Components: []manifest.Component{{Instance: component.Instance{
			Address: "web/a", Service: "web", Name: "a", Kind: "Fake", Stack: shop.Stack, Environment: shop.Environment,
			Spec: value.NewMap(map[string]value.Value{"size": value.NewInt(size)}),
		}}},
	}
}

// deploysTo runs a configuration, or goes back to an earlier version, in the way of the road. Of a dead process it
// returns nothing.
func (p *process) deploysTo(
	t *testing.T,
	stack *manifest.Stack,
	g *resource.Graph,
	back *rollback,
	change ...func(*Request),
) (applied *Applied, err error) {
	t.Helper()
	req := Request{Key: shop, Parallelism: 1, Progress: func(plan.Event) {}}
	for _, c := range change {
		c(&req)
	}
	where := backend.Place{Account: "1", Region: "r", Session: &sdk.Session{}}
	go func() {
		defer close(p.done)
		held, problem := p.Hold(t.Context(), req.lock(), where, "")
		if err = problem; err != nil {
			return
		}
		u := newRun(p.Backend, stack, g, where, req)
		u.rollback = back
		applied, err = u.under(held, nil)
	}()
	select {
	case <-p.done:
		return applied, err
	case <-p.died:
		return nil, nil
	}
}

// version is a version in the history.
func (a *account) version(t *testing.T, home string, number int) *state.Stored {
	t.Helper()
	ways, err := FindWaysBack(t.Context(), a.start(home, 0, false).Backend, shop)
	require.NoError(t, err)
	s, err := ways.to(t.Context(), a.start(home, 0, false).Backend, fmt.Sprint(number))
	require.NoError(t, err)
	return s
}

// TestDeathDuringRollback: a rollback dies at each of its calls. As soon as it has claimed the state, the version that
// it left is held; the next rollback converges, and the hold is still there.
func TestDeathDuringRollback(t *testing.T) {
	t.Parallel()
	setUp := func(t *testing.T) (*account, string) {
		a, home := newAccount(), t.TempDir()
		_, err := a.start(home, 0, false).deploysTo(t, configured(1), first(t), nil)
		require.NoError(t, err)
		a.pass(2 * time.Second)
		_, err = a.start(home, 0, false).deploysTo(t, configured(2), second(t), nil)
		require.NoError(t, err)
		a.pass(2 * time.Second)
		return a, home
	}
	goBack := func(a *account, p *process, home string) (*Applied, error) {
		return p.deploysTo(t, configured(1), first(t), &rollback{to: a.version(t, home, 1)})
	}
	a, home := setUp(t)
	p := a.start(home, 0, false)
	_, err := goBack(a, p, home)
	require.NoError(t, err)
	calls, wanted, claimed := int(p.calls.Load()), a.inventory(), 0
	require.Greater(t, calls, 10)
	for at := 1; at <= calls; at++ {
		for _, after := range []bool{false, true} {
			name := fmt.Sprintf("call %d of %d, after %v", at, calls, after)
			a, home := setUp(t)
			dying := a.start(home, at, after)
			_, err := goBack(a, dying, home)
			require.NoError(t, err, name)
			<-dying.died
			home = afterDeath(t, home, at%2 == 0)

			stored, err := a.start(home, 0, false).Get(t.Context(), shop)
			require.NoError(t, err, name)
			if p := stored.Payload; p.Rollback != nil {
				claimed++
				require.Len(t, p.Holds, 1, name)
				require.Equal(t, []string{"web/a"}, p.Holds[0].Addresses(), name)
				_, err = a.start(home, 0, false).deploysTo(t, configured(2), second(t), nil)
				var d *diag.Diagnostic
				require.True(t, errors.As(err, &d), "%s: %v", name, err)
				require.Equal(t, "Version is held", d.Summary, name)
				ways, err := FindWaysBack(t.Context(), a.start(home, 0, false).Backend, shop)
				require.NoError(t, err, name)
				if p.Status == state.InProgress {
					require.EqualValues(t, 1, ways.Default, name)
				}
			}
			_, err = goBack(a, a.start(home, 0, false), home)
			require.NoError(t, err, name)
			require.Equal(t, wanted, a.inventory(), name)
			requireSettled(t, a, home, first(t), name)
			stored, err = a.start(home, 0, false).Get(t.Context(), shop)
			require.NoError(t, err, name)
			require.Len(t, stored.Payload.Holds, 1, name)
			require.Equal(t, 2, stored.Payload.Holds[0].Version, name)

			close(dying.buried)
			<-dying.done
			require.Equal(t, wanted, a.inventory(), name)

			_, err = a.start(home, 0, false).deploysTo(t, configured(2), second(t), nil,
				func(r *Request) { r.ReleaseHold = true })
			require.NoError(t, err, name)
			stored, err = a.start(home, 0, false).Get(t.Context(), shop)
			require.NoError(t, err, name)
			require.Empty(t, stored.Payload.Holds, name)
		}
	}
	require.Greater(t, claimed, 5)
}

// past is a history, newest first: number, how it ended, and what it was a rollback to.
func past(entries ...[3]any) []*state.Stored {
	var out []*state.Stored
	for _, e := range entries {
		p := &state.Payload{Deployment: e[0].(int), Status: e[1].(state.Status), Config: fmt.Append(nil, e[0])}
		if to := e[2].(int); to > 0 {
			p.Rollback = &state.Rollback{To: to}
		}
		out = append(out, &state.Stored{Payload: p})
	}
	return out
}

// TestLastGood: which version a rollback without a version goes back to.
func TestLastGood(t *testing.T) {
	const ok, failed, running, gone = state.Succeeded, state.Failed, state.InProgress, state.Destroyed
	for name, c := range map[string]struct {
		past []*state.Stored // the first one is the present state
		want int
	}{
		"the one before":         {past([3]any{3, ok, 0}, [3]any{2, ok, 0}, [3]any{1, ok, 0}), 2},
		"not a failed one":       {past([3]any{3, ok, 0}, [3]any{2, failed, 0}, [3]any{1, ok, 0}), 1},
		"the present one failed": {past([3]any{3, failed, 0}, [3]any{2, ok, 0}), 2},
		"a run is in progress":   {past([3]any{2, running, 0}, [3]any{2, ok, 0}, [3]any{1, ok, 0}), 2},
		"none":                   {past([3]any{1, ok, 0}), 0},
		"none succeeded":         {past([3]any{2, failed, 0}, [3]any{1, failed, 0}), 0},
		"after a rollback, further back": {
			past([3]any{4, ok, 2}, [3]any{3, ok, 0}, [3]any{2, ok, 0}, [3]any{1, ok, 0}),
			1,
		},
		"after two rollbacks": {
			past([3]any{5, ok, 4}, [3]any{4, ok, 2}, [3]any{3, ok, 0}, [3]any{2, ok, 0}),
			0,
		},
		"a rollback that failed, again": {past([3]any{4, failed, 2}, [3]any{3, ok, 0}, [3]any{2, ok, 0}), 2},
		"a rollback in progress, again": {past([3]any{3, running, 1}, [3]any{3, ok, 0}, [3]any{1, ok, 0}), 1},
		"to the result of a rollback": {
			past([3]any{4, ok, 0}, [3]any{3, ok, 1}, [3]any{2, ok, 0}, [3]any{1, ok, 0}),
			3,
		},
		"the same again":               {alike3(), 1},
		"a destroyed stack comes back": {past([3]any{3, gone, 0}, [3]any{2, ok, 0}), 2},
	} {
		require.Equal(t, c.want, lastGood(c.past[0].Payload, c.past), name)
	}
}

// TestHoldMatches: a hold stops what would bring back all that was taken back, and lets corrections pass.
func TestHoldMatches(t *testing.T) {
	part := func(address, image string) frozen {
		return frozen{Address: address, Kind: "Worker", Spec: value.NewMap(map[string]value.Value{
			"image": value.NewString(image),
		})}
	}
	const digest, other = "@sha256:aa", "@sha256:bb"
	hold := state.Hold{
		Config: encoded(
			[]frozen{part("web/api", "app:2"+digest), part("web/job", "job:2")},
		), Absent: []string{"web/old"},
	}
	for name, c := range map[string]struct {
		desired []frozen
		targets []string
		want    bool
	}{
		"the same": {[]frozen{part("web/api", "app:2"+digest), part("web/job", "job:2")}, nil, true},
		"more beside it": {
			[]frozen{part("web/api", "app:2"+digest), part("web/job", "job:2"), part("web/x", "x")},
			nil, true,
		},
		"no digest":        {[]frozen{part("web/api", "app:2"), part("web/job", "job:2"+digest)}, nil, true},
		"built again":      {[]frozen{part("web/api", "app:2"+other), part("web/job", "job:2")}, nil, false},
		"one is corrected": {[]frozen{part("web/api", "app:3"), part("web/job", "job:2")}, nil, false},
		"one is gone":      {[]frozen{part("web/api", "app:2")}, nil, false},
		"the old one stays": {
			[]frozen{part("web/api", "app:2"), part("web/job", "job:2"), part("web/old", "o")},
			nil, false,
		},
		"only one is a target": {
			[]frozen{part("web/api", "app:2"), part("web/job", "job:3")},
			[]string{"web/api"},
			true,
		},
		"another is the target": {
			[]frozen{part("web/api", "app:2"), part("web/job", "job:2")},
			[]string{"web/x"},
			false,
		},
	} {
		u := &run{req: Request{Targets: c.targets}}
		require.Equal(t, c.want, u.matches(hold, c.desired), name)
	}
}

// alike3 are three versions, of which the last two have the same configuration.
func alike3() []*state.Stored {
	out := past([3]any{3, state.Succeeded, 0}, [3]any{2, state.Succeeded, 0}, [3]any{1, state.Succeeded, 0})
	out[1].Payload.Config = out[0].Payload.Config
	return out
}

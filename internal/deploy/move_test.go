package deploy

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/observe"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/repair"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

// renamedGraph is first with web/a called shop/z, whose object keeps its name.
func renamedGraph(t testing.TB) *resource.Graph {
	t.Helper()
	g := graph(t, res("shop/z:a", single, "zone", "1", "name", "web-a:a"),
		res("web/b:b", hashed, "zone", "1", "a", value.Output("shop/z:a", "arn")),
		res("web/c:c", single, "size", "1"), res("web/d:d", single))
	g.Component("shop/z").Moved = "web/a"
	g.Component("shop/z").Named = "web/a"
	return g
}

// A component is renamed, and the run dies at each of its calls, with and without its journal. The next run finds one
// component under its new address, with its old object.
func TestMoveDiesAtEveryCall(t *testing.T) {
	for at := 0; ; at++ {
		for n := range 4 {
			after, journal := n&1 > 0, n&2 > 0
			a, home := newAccount(), t.TempDir()
			_, err := a.start(home, 0, false).run(t.Context(), first(t))
			require.NoError(t, err)
			a.pass(2 * time.Second)
			was, made := a.inventory(), len(a.tokens)

			p := a.start(home, at, after)
			applied, err := p.run(t.Context(), renamedGraph(t))
			require.NoError(t, err)
			over := applied != nil && at > 0
			if at == 0 {
				i := indexOf(applied.Plan.Components, "shop/z")
				require.Equal(t, "web/a", applied.Plan.Components[i].MovedFrom)
				require.Equal(t, "moved from web/a", applied.Plan.Components[i].Changes[0].Reason)
				require.Equal(t, "~1", summary(applied.Plan.Summary()))
			} else if !over {
				home = afterDeath(t, home, journal)
				_, err = a.start(home, 0, false).run(t.Context(), renamedGraph(t))
				require.NoError(t, err, "call %d", at)
			}
			require.Equal(t, was, a.inventory(), "call %d, after %v", at, after)
			require.Len(t, a.tokens, made, "nothing was made anew")
			requireSettled(t, a, home, renamedGraph(t), "moved")
			stored, err := a.start(home, 0, false).Read(t.Context(), shop)
			require.NoError(t, err)
			var addresses []string
			for _, c := range stored.Payload.Components {
				addresses = append(addresses, c.Address+" "+c.Named)
			}
			require.Equal(t, []string{"shop/z web/a", "web/b ", "web/c ", "web/d "}, addresses)
			if over {
				return
			}
		}
	}
}

// An interrupted run was about to make an object. It is found although its component has a new address since.
func TestMoveOfWhatWasBeingMade(t *testing.T) {
	a := newAccount()
	_, err := a.start(t.TempDir(), firstCreate, true).run(t.Context(), first(t))
	require.NoError(t, err)
	require.NotEmpty(t, a.inventory())
	home := t.TempDir()
	_, err = a.start(home, 0, false).run(t.Context(), renamedGraph(t))
	require.NoError(t, err)
	requireSettled(t, a, home, renamedGraph(t), "moved")
	_, err = a.start(home, 0, false).run(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, a.inventory())
}

func TestMoveState(t *testing.T) {
	a, home := newAccount(), t.TempDir()
	_, err := a.start(home, 0, false).run(t.Context(), first(t))
	require.NoError(t, err)
	a.pass(2 * time.Second)
	mv := func(from, to string) (int, error) {
		moved, written, err := repair.Move(t.Context(), a.start(home, 0, false).Backend, wish(), from, to)
		if err != nil {
			require.Zero(t, written.Serial)
			return 0, err
		}
		require.Positive(t, written.Serial)
		return len(moved.Resources), nil
	}
	for _, c := range []struct{ from, to, summary string }{
		{"web/x", "shop/z", "Unknown address"},
		{"web/a", "web/b", "Address is in use"},
		{"web/a", "z", "Invalid address"},
		{"web/a", "a/b:c", "Invalid address"},
	} {
		_, err := mv(c.from, c.to)
		require.Equal(t, c.summary, diag.From(err)[0].Summary)
		require.Equal(t, diag.Invalid, diag.From(err)[0].Code)
	}
	n, err := mv("web/a", "shop/z")
	require.NoError(t, err)
	require.Equal(t, 1, n)
	g := renamedGraph(t)
	require.Equal(t, "~1", a.start(home, 0, false).planned(t, g), "AWS has to hear of it")
	was := a.inventory()
	_, err = a.start(home, 0, false).run(t.Context(), g)
	require.NoError(t, err)
	require.Equal(t, was, a.inventory())
	requireSettled(t, a, home, g, "moved")
	record, err := observe.Lock(t.Context(), a.start(home, 0, false).Backend, shop)
	require.NoError(t, err)
	require.Nil(t, record)
}

// A rename is taken back, and the manifest does not say so.
func TestMoveBack(t *testing.T) {
	a, home := newAccount(), t.TempDir()
	_, err := a.start(home, 0, false).run(t.Context(), first(t))
	require.NoError(t, err)
	was := a.inventory()
	a.pass(2 * time.Second)
	_, err = a.start(home, 0, false).run(t.Context(), renamedGraph(t))
	require.NoError(t, err)
	a.pass(2 * time.Second)
	applied, err := a.start(home, 0, false).run(t.Context(), first(t))
	require.NoError(t, err)
	require.Equal(t, "shop/z", applied.Plan.Components[indexOf(applied.Plan.Components, "web/a")].MovedFrom)
	require.Equal(t, was, a.inventory())
	requireSettled(t, a, home, first(t), "moved back")
	stored, err := a.start(home, 0, false).Get(t.Context(), shop)
	require.NoError(t, err)
	for _, c := range stored.Payload.Components {
		require.Empty(t, c.Named, c.Address)
	}
}

func TestMoveOntoWhatIsThere(t *testing.T) {
	a, home := newAccount(), t.TempDir()
	_, err := a.start(home, 0, false).run(t.Context(), first(t))
	require.NoError(t, err)
	a.pass(2 * time.Second)
	g := second(t)
	g.Component("web/c").Moved = "web/d"
	_, err = a.start(home, 0, false).run(t.Context(), g)
	require.Equal(t, diag.Invalid, diag.From(err)[0].Code)
	require.ErrorContains(t, err, "both web/d and web/c are deployed")
}

func indexOf(components []plan.Component, address string) int {
	return slices.IndexFunc(components, func(c plan.Component) bool { return c.Address == address })
}

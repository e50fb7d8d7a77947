package deploy

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/observe"
	"github.com/company/deployer/internal/repair"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/state"
)

// twoLives is an account whose stack was deployed twice, then forgotten by hand with its lock, and deployed once again:
// the state of the first life has the higher serial. It returns the last state of each life.
func twoLives(t *testing.T) (a *account, earlier, now []byte) {
	t.Helper()
	a = newAccount()
	hidden := map[string][]byte{}
	for _, g := range []graphs{first, second, nil, first} {
		if g == nil {
			earlier = a.cloud.Objects("states", stateObject)[stateObject]
			a.cloud.SetObject("states", stateObject, nil)
			a.cloud.DeleteItem("locks", "stack:shop:env:dev")
			for name, body := range a.cloud.Objects("states", "stacks/shop/dev/history/") {
				// it would show the earlier life
				hidden[name] = body
				a.cloud.SetObject("states", name, nil)
			}
			continue
		}
		_, err := a.start(t.TempDir(), 0, false).run(t.Context(), g(t))
		require.NoError(t, err)
		a.pass(2 * time.Second)
	}
	for name, body := range hidden {
		a.cloud.SetObject("states", name, body)
	}
	now = a.cloud.Objects("states", stateObject)[stateObject]
	old, err := state.Decode(earlier, "")
	require.NoError(t, err)
	is, err := state.Decode(now, "")
	require.NoError(t, err)
	require.Greater(t, old.Serial, is.Serial)
	require.NotEqual(t, old.Lineage, is.Lineage)
	return a, earlier, now
}

// remedyOf returns the command that an error suggests.
func remedyOf(t *testing.T, err error) string {
	t.Helper()
	var d *diag.Diagnostic
	require.ErrorAs(t, err, &d)
	_, command, found := strings.Cut(d.Next, "deployer state restore --stack shop -e dev ")
	require.True(t, found, d.Next)
	return command
}

// The serials of an earlier life of a stack say nothing about the present one.
func TestTheLastVersionIsOfTheLastLineage(t *testing.T) {
	_, _, whole := twoLives(t)
	is, err := state.Decode(whole, "")
	require.NoError(t, err)
	for name, damage := range map[string]func(now, earlier []byte) []byte{
		"damaged":          func(_, _ []byte) []byte { return []byte("{") },
		"cut off":          func(now, _ []byte) []byte { return now[:len(now)-100] },
		"gone":             func(_, _ []byte) []byte { return nil },
		"put back by hand": func(_, earlier []byte) []byte { return earlier },
	} {
		t.Run(name, func(t *testing.T) {
			a, earlier, now := twoLives(t)
			if name == "put back by hand" { // an even older one
				for _, v := range a.cloud.Versions("states", stateObject) {
					if e, err := state.Decode(v, ""); err == nil && e.Serial == 1 && e.Lineage != is.Lineage {
						earlier = v
					}
				}
			}
			a.cloud.SetObject("states", stateObject, damage(now, earlier))
			p := a.start(t.TempDir(), 0, false)
			_, err := p.run(t.Context(), first(t))
			command := remedyOf(t, err)
			require.Equal(t, "v1", command)
			next := a.start(t.TempDir(), 0, false)

			if name != "put back by hand" {
				// The state of the earlier life can be restored if the user asks for it.
				untouched := a.cloud.Objects("states", stateObject)[stateObject]
				_, err = repair.Restore(t.Context(), next.Backend, wish(), "v2", false, nil)
				require.ErrorContains(t, err, "State is of another lineage")
				_, err = repair.Push(t.Context(), next.Backend, wish(), "file", earlier, false)
				require.ErrorContains(t, err, "has the lineage")
				require.ErrorContains(t, err, "File is older than the state")
				require.Equal(t, untouched, a.cloud.Objects("states", stateObject)[stateObject])
			}
			written, err := repair.Restore(t.Context(), next.Backend, wish(), command, false, nil)
			require.NoError(t, err)
			require.NotZero(t, written.Serial)
			stored, err := next.Get(t.Context(), shop)
			require.NoError(t, err)
			lineage := stored.Snapshot.Envelope.Lineage
			for _, past := range [][]byte{earlier, now} {
				e, err := state.Decode(past, "")
				require.NoError(t, err)
				require.Equal(t, string(past) == string(now), e.Lineage == lineage)
			}
			a.pass(2 * time.Second)
			_, err = a.start(t.TempDir(), 0, false).run(t.Context(), first(t))
			require.NoError(t, err)
			requireSettled(t, a, t.TempDir(), first(t), name)
		})
	}
}

// The state is damaged, and only versions of an earlier life are left. The suggested command says so, and works.
func TestRestoreOfAnEarlierLife(t *testing.T) {
	a, _, now := twoLives(t)
	e, err := state.Decode(now, "")
	require.NoError(t, err)
	e.Lineage = "third"
	other, err := e.Encode()
	require.NoError(t, err)
	a.cloud.SetObject("states", stateObject, other[:len(other)-100])
	_, err = a.start(t.TempDir(), 0, false).run(t.Context(), first(t))
	require.Equal(t, "--force v1", remedyOf(t, err))
	require.ErrorContains(t, err, "State is damaged")
	p := a.start(t.TempDir(), 0, false)
	_, err = repair.Restore(t.Context(), p.Backend, wish(), "v1", false, nil)
	require.ErrorContains(t, err, "the damaged state in the backend third")
	_, err = repair.Restore(t.Context(), p.Backend, wish(), "v1", true, nil)
	require.NoError(t, err)
}

// Both lives have a v1: each can be restored.
func TestVersionsOfTwoLives(t *testing.T) {
	a, earlier, now := twoLives(t)
	p := a.start(t.TempDir(), 0, false)
	versions, _, err := repair.Versions(t.Context(), p.Backend, shop, 0)
	require.NoError(t, err)
	names := map[string]int{}
	for _, v := range versions {
		names[v.ID]++
		require.Equal(t, 1, names[v.ID], v.ID)
		if v.Problem != "" {
			continue
		}
		found, err := p.Find(t.Context(), shop, v.ID)
		require.NoError(t, err)
		require.Equal(t, v.Serial, found.Snapshot.Envelope.Serial, v.ID)
		require.Equal(t, int(v.Version), found.Payload.Deployment, v.ID)
	}
	require.NotEmpty(t, earlier)
	require.NotEmpty(t, now)
}

// Versions that could not be looked at are named before anything is written over them.
func TestVersionsThatCannotBeReadAreTold(t *testing.T) {
	for operation, object := range map[string]string{
		"ListObjectVersions": "states",
		"GetObject":          "states/" + stateObject,
	} {
		a, home := newAccount(), t.TempDir()
		for _, g := range []graphs{first, second} {
			_, err := a.start(home, 0, false).run(t.Context(), g(t))
			require.NoError(t, err)
			a.pass(2 * time.Second)
		}
		a.cloud.SetObject("states", stateObject, []byte("{"))
		reads := 0
		denying := func(p *process) *process {
			reads = 0
			p.refuse = func(op, target string) bool {
				if op != operation || !strings.HasPrefix(target, object) {
					return false
				}
				reads++
				// the present state can be read: with the lock, and again because it is not what the lock remembers
				return operation != "GetObject" || reads > 2
			}
			return p
		}
		var asked diag.List
		written, err := repair.Restore(t.Context(), denying(a.start(home, 0, false)).Backend, wish(), "v1", false,
			func(_ *report.StateComparison, w diag.List) (bool, error) {
				asked = w
				return true, nil
			})
		require.NoError(t, err, operation)
		require.NotZero(t, written.Serial)
		require.Len(t, asked, 1, operation)
		require.Contains(t, asked[0].Detail, "it is not certain which version was the last", operation)
		require.Equal(t, diag.Warning, asked[0].Severity)
		require.Equal(t, asked, written.Warnings, "with --auto-approve and JSON, too")
	}
}

// A state is not replaced while nobody can read what was there.
func TestNothingIsReplacedBlindly(t *testing.T) {
	a, home := newAccount(), t.TempDir()
	_, err := a.start(home, 0, false).run(t.Context(), first(t))
	require.NoError(t, err)
	raw := a.cloud.Objects("states", stateObject)[stateObject]
	a.cloud.SetObject("states", stateObject, []byte("{"))
	p := a.start(home, 0, false)
	p.refuse = func(operation, _ string) bool { return strings.HasPrefix(operation, "ListObjects") }
	_, err = repair.Push(t.Context(), p.Backend, wish(), "file", raw, true)
	require.Error(t, err)
	require.Equal(t, "{", string(a.cloud.Objects("states", stateObject)[stateObject]))
	record, err := observe.Lock(t.Context(), p.Backend, shop)
	require.NoError(t, err)
	require.Nil(t, record)
}

// A version that may exist but cannot be read is not reported as unknown.
func TestVersionThatCannotBeRead(t *testing.T) {
	a, home := newAccount(), t.TempDir()
	for _, g := range []graphs{first, second} {
		_, err := a.start(home, 0, false).run(t.Context(), g(t))
		require.NoError(t, err)
		a.pass(2 * time.Second)
	}
	newest := slices.Max(slices.Collect(maps.Keys(a.cloud.Objects("states", "stacks/shop/dev/history/"))))
	p := a.start(home, 0, false)
	p.refuse = func(operation, target string) bool { return operation == "GetObject" && target == "states/"+newest }
	_, err := p.Find(t.Context(), shop, "v2")
	require.Error(t, err)
	require.NotContains(t, err.Error(), "Unknown version")
	_, err = p.Find(t.Context(), shop, "v1")
	require.NoError(t, err, "another one is not in the way")
	for name := range a.cloud.Objects("states", "stacks/shop/dev/history/") {
		a.cloud.SetObject("states", name, []byte("{"))
	}
	_, err = a.start(home, 0, false).Find(t.Context(), shop, "v1")
	require.ErrorContains(t, err, "2 of 2 files there are damaged")
}

// A state of the same stack in another account was copied over this one: this one can be restored.
func TestRestoreOverAStateOfAnotherAccount(t *testing.T) {
	a, home := newAccount(), t.TempDir()
	_, err := a.start(home, 0, false).run(t.Context(), first(t))
	require.NoError(t, err)
	there, err := a.start(home, 0, false).Get(t.Context(), shop)
	require.NoError(t, err)
	e, payload := *there.Snapshot.Envelope, *there.Payload
	e.Lineage, payload.Stack, payload.Account, payload.Region = "another", "another", "2", "elsewhere"
	require.NoError(t, e.SetPayload(&payload))
	other, err := e.Encode()
	require.NoError(t, err)
	a.cloud.SetObject("states", stateObject, other)
	a.pass(2 * time.Second)
	_, err = a.start(home, 0, false).run(t.Context(), first(t))
	require.ErrorContains(t, err, "Foreign state", "not that the credentials are wrong")
	require.Equal(t, "v1", remedyOf(t, err))
	_, err = repair.Restore(t.Context(), a.start(home, 0, false).Backend, wish(), "v1", false, nil)
	require.NoError(t, err)
	a.pass(2 * time.Second)
	_, err = a.start(home, 0, false).run(t.Context(), first(t))
	require.NoError(t, err)
	requireSettled(t, a, home, first(t), "restored")
}

// A component stays protected even if only the replaced state knew it: the next run may find it, and may not delete it.
func TestRestoreKeepsProtection(t *testing.T) {
	a, home := newAccount(), t.TempDir()
	for _, g := range []graphs{first, func(t testing.TB) *resource.Graph {
		data := res("web/data:data", single, "zone", "1")
		data.Protect = true
		g := graph(t, append(first(t).Resources, data)...)
		g.Components[len(g.Components)-1].Protect = true
		return g
	}} {
		_, err := a.start(home, 0, false).run(t.Context(), g(t))
		require.NoError(t, err)
		a.pass(2 * time.Second)
	}
	require.NoError(t, restoring("v1")(t.Context(), a.start(home, 0, false)))
	a.pass(2 * time.Second)
	_, err := a.start(home, 0, false).run(t.Context(), nil)
	var refused *engine.ProtectedError
	require.ErrorAs(t, err, &refused)
	require.Contains(t, a.inventory(), "web-data:data")
}

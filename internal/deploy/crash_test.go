package deploy

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/deploy/recovery"
	"github.com/company/deployer/internal/observe"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/value"
)

type graphs func(testing.TB) *resource.Graph

func none(testing.TB) *resource.Graph { return nil }

func first(t testing.TB) *resource.Graph {
	return graph(t, res("web/a:a", single, "zone", "1"),
		res("web/b:b", hashed, "zone", "1", "a", value.Output("web/a:a", "arn")),
		res("web/c:c", single, "size", "1"), res("web/d:d", single))
}

// second replaces a and b, updates c, deletes d and makes e.
func second(t testing.TB) *resource.Graph {
	return graph(t, res("web/a:a", single, "zone", "2"),
		res("web/b:b", hashed, "zone", "2", "a", value.Output("web/a:a", "arn")),
		res("web/c:c", single, "size", "2"), res("web/e:e", hashed, "zone", "1", "c", value.Output("web/c:c", "arn")))
}

// The process dies right before and right after each of its calls, also those to the backend. The next run makes
// everything as an undisturbed one does, with and without the journal, or leaves nothing when it destroys.
func TestDeathAtEveryCall(t *testing.T) {
	for _, story := range []struct {
		name          string
		before, dying graphs
		versions      int // in the history, after an undisturbed run
	}{
		{"first deployment", nil, first, 1}, {"change", first, second, 2}, {"destroy", first, none, 2},
	} {
		t.Run(story.name, func(t *testing.T) {
			t.Parallel()
			setUp := func(t *testing.T) (*account, string) {
				a, home := newAccount(), t.TempDir()
				if story.before != nil {
					_, err := a.start(home, 0, false).run(t.Context(), story.before(t))
					require.NoError(t, err)
					a.pass(2 * time.Second) // a version's name in the history is a second
				}
				return a, home
			}
			a, home := setUp(t)
			p := a.start(home, 0, false)
			_, err := p.run(t.Context(), story.dying(t))
			require.NoError(t, err)
			calls, wanted := int(p.calls.Load()), a.inventory()
			require.Greater(t, calls, 10)
			for at := 1; at <= calls; at++ {
				for _, after := range []bool{false, true} {
					for _, journal := range []bool{true, false} {
						for _, resume := range []bool{true, false} {
							name := fmt.Sprintf("call %d of %d, after %v, journal %v, resume %v", at, calls, after,
								journal, resume)
							a, home := setUp(t)
							dying := a.start(home, at, after)
							_, err := dying.run(t.Context(), story.dying(t))
							require.NoError(t, err, name)
							<-dying.died
							home = afterDeath(t, home, journal)

							next := story.dying
							if !resume {
								next = none
							}
							_, err = a.start(home, 0, false).run(t.Context(), next(t))
							require.NoError(t, err, name)
							if resume {
								require.Equal(t, wanted, a.inventory(), name)
								requireHistory(t, a, home, story.versions, name)
							} else {
								require.Empty(t, a.inventory(), name)
							}
							requireSettled(t, a, home, next(t), name)
							_, err = a.start(home, 0, false).run(t.Context(), nil)
							require.NoError(t, err, name)
							require.Empty(t, a.inventory(), name)

							close(dying.buried) // the dead process wakes up: too late to do harm
							<-dying.done
							require.Empty(t, a.inventory(), name)
							requireSettled(t, a, home, nil, name)
						}
					}
				}
			}
		})
	}
}

// Several runs die one after the other, and each time the next one wants something else.
func TestDeathAfterDeath(t *testing.T) {
	t.Parallel()
	wishes := []graphs{first, second, none}
	var wanted [3]string
	for i, wish := range wishes {
		a := newAccount()
		_, err := a.start(t.TempDir(), 0, false).run(t.Context(), wish(t))
		require.NoError(t, err)
		wanted[i] = a.inventory()
	}
	for seed := range seeds() {
		name := fmt.Sprint("seed ", seed)
		random := rand.New(rand.NewPCG(uint64(seed), 0))
		a, home := newAccount(), t.TempDir()
		var zombies []*process
		for range 2 + random.IntN(3) {
			p := a.start(home, 1+random.IntN(16), random.IntN(2) == 0)
			_, err := p.run(t.Context(), wishes[random.IntN(3)](t))
			require.NoError(t, err, name)
			zombies = append(zombies, p)
			home = afterDeath(t, home, random.IntN(2) == 0)
			a.pass(2 * time.Second)
		}
		last := random.IntN(3)
		_, err := a.start(home, 0, false).run(t.Context(), wishes[last](t))
		require.NoError(t, err, name)
		require.Equal(t, wanted[last], a.inventory(), name)
		requireSettled(t, a, home, wishes[last](t), name)
		for _, p := range zombies {
			close(p.buried)
			<-p.done
		}
		requireSettled(t, a, home, wishes[last](t), name)
	}
}

// AWS does not show at once what an interrupted run made, and nobody wants it any more.
func TestLateSight(t *testing.T) {
	a, home := newAccount(), t.TempDir()
	_, err := a.start(home, firstCreate, true).run(t.Context(), first(t))
	require.NoError(t, err)
	require.NotEmpty(t, a.inventory())
	a.hidden = 2 // for the plan, and when the run begins
	_, err = a.start(afterDeath(t, home, false), 0, false).run(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, a.inventory())

	// Not before the run has ended: the next run looks again.
	a, home = newAccount(), t.TempDir()
	_, err = a.start(home, 5, true).run(t.Context(), first(t))
	require.NoError(t, err)
	a.hidden = 3
	_, err = a.start(home, 0, false).run(t.Context(), nil)
	require.NoError(t, err)
	require.NotEmpty(t, a.inventory())
	_, err = a.start(home, 0, false).run(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, a.inventory())
}

// afterDeath returns a home as the dead process left it: with its journal, or none on another machine.
func afterDeath(t *testing.T, home string, journal bool) string {
	next := t.TempDir()
	if journal {
		require.NoError(t, os.CopyFS(next, os.DirFS(home)))
	}
	return next
}

// requireSettled: nothing is left to do, and no run counts as interrupted.
func requireSettled(t *testing.T, a *account, home string, g *resource.Graph, name string) {
	t.Helper()
	if g == nil {
		g = &resource.Graph{}
	}
	p := a.start(home, 0, false)
	stored, err := p.Get(t.Context(), shop)
	require.NoError(t, err, name)
	if stored != nil {
		require.Empty(t, p.planned(t, g), name)
		require.False(t, recovery.Interrupted(stored.Snapshot.Envelope.Intents), name)
		require.NotEqual(t, state.InProgress, stored.Payload.Status, name)
	}
	record, err := observe.Lock(t.Context(), p.Backend, shop)
	require.NoError(t, err, name)
	require.Nil(t, record, name)
	journals, err := filepath.Glob(filepath.Join(home, ".deployer", "journal", "*"))
	require.NoError(t, err)
	require.Empty(t, journals, name)
}

func requireHistory(t *testing.T, a *account, home string, versions int, name string) {
	t.Helper()
	past, err := observe.History(t.Context(), a.start(home, 0, false).Backend, shop, 10)
	require.NoError(t, err, name)
	got := ""
	for _, d := range past {
		got = d.Version.String() + " " + got
	}
	want := ""
	for n := 1; n <= versions; n++ {
		want += fmt.Sprintf("v%d ", n)
	}
	require.Equal(t, want, got, name)
}

// seeds is how many stories TestDeathAfterDeath tells.
func seeds() int {
	if n, err := strconv.Atoi(os.Getenv("DEPLOYER_CRASH_SEEDS")); err == nil {
		return n
	}
	return 100
}

package deploy

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

// guarded has two protected components, one for each way of replacement, and one unprotected component.
func guarded(zone string) graphs {
	return func(t testing.TB) *resource.Graph {
		data, files := res("web/data:data", single, "zone", zone), res("web/files:files", hashed, "zone", zone)
		data.Protect, files.Protect = true, true
		g := graph(t, data, files, res("web/app:app", single, "zone", zone, "data",
			value.Output("web/data:data", "arn")))
		for i := range g.Components {
			g.Components[i].Protect = g.Components[i].Address != "web/app"
		}
		return g
	}
}

func allowing(addresses ...string) func(*Request) {
	return func(r *Request) { r.AllowDataLoss = addresses }
}

// dataObjects are the protected objects that there are.
func (a *account) dataObjects() map[string]bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := map[string]bool{}
	for key := range a.objects {
		if key != single+" web-app-app" {
			out[key] = true
		}
	}
	return out
}

// A run that may lose data dies at each of its calls. A later run never deletes what is left unless it is allowed to
// itself, whether it wants the same, what was before, or nothing.
func TestProtectionAtEveryDeath(t *testing.T) {
	t.Parallel()
	for _, story := range []struct {
		name          string
		before, dying graphs
		allowed       []string
	}{
		{"first deployment", nil, guarded("1"), nil},
		{"allowed replacement", guarded("1"), guarded("2"), []string{"web/data", "web/files"}},
		{"allowed destruction", guarded("1"), none, []string{"web/data", "web/files"}},
	} {
		t.Run(story.name, func(t *testing.T) {
			t.Parallel()
			setUp := func() (*account, string) {
				a, home := newAccount(), t.TempDir()
				if story.before != nil {
					_, err := a.start(home, 0, false).run(t.Context(), story.before(t))
					require.NoError(t, err)
					a.pass(2 * time.Second)
				}
				return a, home
			}
			a, home := setUp()
			p := a.start(home, 0, false)
			_, err := p.run(t.Context(), story.dying(t), allowing(story.allowed...))
			require.NoError(t, err)
			calls, refusals := int(p.calls.Load()), 0
			for at := 1; at <= calls; at++ {
				for _, after := range []bool{false, true} {
					for _, journal := range []bool{true, false} {
						for wish, next := range map[string]graphs{
							"same": story.dying, "before": guarded("1"),
							"nothing": none,
						} {
							if (at+len(wish))%2 == 0 == journal {
								// each death is combined with each wish, half of them with the journal
								continue
							}
							name := fmt.Sprintf("call %d of %d, after %v, journal %v, then %s", at, calls, after,
								journal, wish)
							a, home := setUp()
							dying := a.start(home, at, after)
							_, err := dying.run(t.Context(), story.dying(t), allowing(story.allowed...))
							require.NoError(t, err, name)
							<-dying.died
							there := a.dataObjects()

							home = afterDeath(t, home, journal)
							_, err = a.start(home, 0, false).run(t.Context(), next(t))
							var refused *engine.ProtectedError
							if err != nil {
								require.True(t, errors.As(err, &refused), "%s: %v", name, err)
								refusals++
							}
							for object := range there {
								require.Contains(t, a.dataObjects(), object, name)
							}
							close(dying.buried)
							<-dying.done

							// A run that is allowed to delete gets through, and leaves nothing.
							_, err = a.start(home, 0, false).run(t.Context(), nil, allowing("web/data", "web/files"))
							require.NoError(t, err, name)
							require.Empty(t, a.inventory(), name)
						}
					}
				}
			}
			require.NotZero(t, refusals, "no run was refused: nothing was tested")
		})
	}
}

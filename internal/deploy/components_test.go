package deploy

import (
	"context"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/state"
)

// listed returns the state's components by address, and their missing resources.
func listed(t *testing.T, a *account) (*state.Stored, map[string]state.Component, []string) {
	t.Helper()
	stored, err := a.start(t.TempDir(), 0, false).Read(t.Context(), shop)
	require.NoError(t, err)
	all := map[string]state.Component{}
	var missing []string
	for _, c := range stored.Payload.Components {
		all[c.Address] = c
		for _, m := range c.Missing {
			missing = append(missing, m.Resource+" "+m.Type)
		}
	}
	return stored, all, missing
}

// stubborn refuses one creation and one deletion.
type stubborn struct {
	*thing
	create, delete string
}

func (s *stubborn) Create(ctx context.Context, req resource.Request) (resource.State, error) {
	if req.Resource == s.create {
		return resource.State{}, &resource.OpError{Operation: "fake:Create", Code: "AccessDenied", Message: "no"}
	}
	return s.thing.Create(ctx, req)
}

func (s *stubborn) Delete(ctx context.Context, req resource.Request) error {
	if req.Resource == s.delete {
		return &resource.OpError{Operation: "fake:Delete", Code: "AccessDenied", Message: "no"}
	}
	return s.thing.Delete(ctx, req)
}

func (p *process) refusing(create, delete string) *process {
	p.World.Types = func(sdk.Config) *resource.Catalog {
		return resource.NewCatalog([]resource.Behaviour{
			&stubborn{
				&thing{p, resource.Definition{Type: single, ReplaceOn: []string{"zone"}, DeleteBeforeReplace: true}},
				create, delete,
			},
			&stubborn{&thing{p, resource.Definition{Type: hashed, ReplaceOn: []string{"zone"}}}, create, delete},
		}, nil)
	}
	return p
}

func TestComponentsOfTargets(t *testing.T) {
	a, home := newAccount(), t.TempDir()
	only := func(address string) func(*Request) { return func(r *Request) { r.Targets = []string{address} } }
	_, err := a.start(home, 0, false).run(t.Context(), first(t), only("web/d"))
	require.NoError(t, err)
	_, all, missing := listed(t, a)
	require.Len(t, all, 1, "only web/d was deployed")
	require.Empty(t, missing)

	a.pass(2 * time.Second)
	_, err = a.start(home, 0, false).run(t.Context(), first(t), only("web/b"))
	require.NoError(t, err)
	_, all, missing = listed(t, a)
	require.Len(t, all, 3, "and what it needs")
	require.Empty(t, missing)

	a.pass(2 * time.Second)
	_, err = a.start(home, 0, false).run(t.Context(), second(t), only("web/c"))
	require.NoError(t, err)
	_, all, _ = listed(t, a)
	require.Len(t, all, 4, "web/d is still there, web/e was never deployed")
	require.False(t, all["web/d"].Removed, "the run was not about it")
}

func TestMissingComponents(t *testing.T) {
	a, home := newAccount(), t.TempDir()
	_, err := a.start(home, 0, false).refusing("web/a:a", "").run(t.Context(), first(t))
	require.Error(t, err)
	stored, all, missing := listed(t, a)
	require.Equal(t, state.Failed, stored.Payload.Status)
	require.Len(t, all, 4)
	require.Contains(t, missing, "web/a:a "+single)
	require.Contains(t, missing, "web/b:b "+hashed, "it needs web/a")
	for _, r := range resourcesOf(t, stored) {
		require.NotContains(t, missing, r.ID+" "+r.Type)
	}

	a.pass(2 * time.Second)
	_, err = a.start(home, 0, false).run(t.Context(), first(t))
	require.NoError(t, err)
	_, _, missing = listed(t, a)
	require.Empty(t, missing)

	a.pass(2 * time.Second)
	_, err = a.start(home, 0, false).refusing("", "web/d:d").run(t.Context(), second(t))
	require.Error(t, err)
	_, all, _ = listed(t, a)
	require.True(t, all["web/d"].Removed)
	require.False(t, all["web/a"].Removed)
}

// The process dies: what it was about to make is still wanted, and what it was about to delete is not.
func TestComponentsOfADeadRun(t *testing.T) {
	var a *account
	claimed := func(before bool, dying *resource.Graph) (*state.Stored, map[string]state.Component, []string) {
		for at := 1; ; at++ {
			a = newAccount()
			if before {
				_, err := a.start(t.TempDir(), 0, false).run(t.Context(), first(t))
				require.NoError(t, err)
				a.pass(2 * time.Second)
			}
			p := a.start(t.TempDir(), at, true)
			_, err := p.run(t.Context(), dying)
			require.NoError(t, err)
			stored, err := a.start(t.TempDir(), 0, false).Get(t.Context(), shop)
			require.NoError(t, err)
			close(p.buried)
			<-p.done
			if stored != nil && stored.Payload.Status == state.InProgress {
				return listed(t, a)
			}
		}
	}
	_, all, missing := claimed(false, first(t))
	require.Len(t, all, 4)
	require.Len(t, missing, 4)
	_, all, missing = claimed(true, second(t))
	require.True(t, all["web/d"].Removed)
	require.False(t, all["web/c"].Removed)
	require.Equal(t, []string{"web/e:e " + hashed}, missing)
}

// resourcesOf are the resources of a state.
func resourcesOf(t *testing.T, s *state.Stored) []engine.StoredResource {
	t.Helper()
	resources, err := engine.Resources(s.Payload.Engine)
	require.NoError(t, err)
	return resources
}

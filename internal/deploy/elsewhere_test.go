package deploy

import (
	"context"
	"errors"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/aws"
	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/manifest"
	"github.com/company/deployer/internal/observe"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/repair"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/resource"
)

// owned is an account whose objects carry tags, with a deployment of first.
func owned(t *testing.T) *account {
	t.Helper()
	a := newAccount()
	a.tags = map[string]map[string]string{}
	_, err := a.start(t.TempDir(), 0, false).run(t.Context(), first(t))
	require.NoError(t, err)
	a.pass(2 * time.Second)
	return a
}

// lose removes the state and the lock's memory of it. With history it removes the history, too: then only object
// versions and AWS know the stack.
func (a *account) lose(history bool) {
	a.cloud.SetObject("states", stateObject, nil)
	a.cloud.DeleteItem("locks", "stack:shop:env:dev")
	if history {
		for name := range a.cloud.Objects("states", "stacks/shop/dev/history/") {
			a.cloud.SetObject("states", name, nil)
		}
	}
}

// look is a plan without a lock.
func (p *process) look(t *testing.T, change func(*run)) (*run, error) {
	t.Helper()
	stored, err := p.Get(t.Context(), shop)
	require.NoError(t, err)
	where := backend.Place{Account: "1", Region: "r", Session: &aws.Session{}}
	u := newRun(p.Backend, &manifest.Stack{}, first(t), where, Request{Key: shop, Progress: func(plan.Event) {}})
	u.from(stored, lineageOf(stored, p.newID))
	if change != nil {
		change(u)
	}
	return u, u.preview(t.Context())
}

func requireRefused(t *testing.T, err error, summary string) *diag.Diagnostic {
	t.Helper()
	var d *diag.Diagnostic
	require.ErrorAs(t, err, &d)
	require.Equal(t, summary, d.Summary)
	require.Equal(t, diag.Conflict, d.Code)
	return d
}

func TestAMissingStateIsToldByItsHistory(t *testing.T) {
	a := owned(t)
	was := a.inventory()
	a.lose(false)
	_, err := a.start(t.TempDir(), 0, false).look(t, nil)
	requireRefused(t, err, "State is missing")
	require.Equal(t, "v1", remedyOf(t, err))
	for _, g := range []graphs{first, second} {
		_, err = a.start(t.TempDir(), 0, false).run(t.Context(), g(t))
		requireRefused(t, err, "State is missing")
	}
	_, err = a.start(t.TempDir(), 0, false).Read(t.Context(), shop)
	requireRefused(t, err, "State is missing")
	require.Equal(t, was, a.inventory())
	require.Empty(t, a.cloud.Objects("states", stateObject), "nothing was claimed")

	p := a.start(t.TempDir(), 0, false)
	record, err := observe.Lock(t.Context(), p.Backend, shop)
	require.NoError(t, err)
	require.Nil(t, record)
	_, err = repair.Restore(t.Context(), p.Backend, wish(), "v1", false, nil)
	require.NoError(t, err)
	requireWhole(t, a)
}

// requireWhole: an apply of first changes nothing, and a destroy leaves nothing.
func requireWhole(t *testing.T, a *account) {
	t.Helper()
	a.pass(2 * time.Second)
	was := a.inventory()
	_, err := a.start(t.TempDir(), 0, false).run(t.Context(), first(t))
	require.NoError(t, err)
	require.Equal(t, was, a.inventory())
	require.Empty(t, a.start(t.TempDir(), 0, false).planned(t, first(t)))
	a.pass(2 * time.Second)
	_, err = a.start(t.TempDir(), 0, false).run(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, a.inventory())
}

// The first run of a takeover claims the state before it plans, but not if the state is missing.
func TestATakeoverDoesNotHideThatTheStateIsMissing(t *testing.T) {
	a := owned(t)
	a.lose(false)
	_, err := a.start(t.TempDir(), 3, false).run(t.Context(), first(t)) // take, read; dies when it looks at the history
	require.NoError(t, err)
	_, err = a.start(t.TempDir(), 0, false).run(t.Context(), first(t))
	requireRefused(t, err, "State is missing")
	require.Empty(t, a.cloud.Objects("states", stateObject))
}

func TestObjectsTellThatTheStateIsElsewhere(t *testing.T) {
	a := owned(t)
	was := a.inventory()
	a.lose(true)
	asked := a.start(t.TempDir(), 0, false)
	_, err := asked.look(t, nil)
	d := requireRefused(t, err, "State is in another backend")
	require.Contains(t, d.Detail, "AWS has 4 objects of shop/dev")
	require.Contains(t, d.Next, "deployer state restore --stack shop -e dev", "the bucket keeps what was deleted")
	_, err = a.start(t.TempDir(), 0, false).run(t.Context(), first(t))
	requireRefused(t, err, "State is in another backend")
	require.Equal(t, was, a.inventory())
	require.Empty(t, a.cloud.Objects("states", stateObject), "nothing was claimed")
}

// The tag index lists objects that were deleted long ago.
func TestAGhostInTheTagIndexStopsNobody(t *testing.T) {
	for _, ghost := range []struct {
		arn  string
		told bool
	}{
		{"arn:aws:sqs:r:1:shop-dev-gone", true},
		{"arn:aws:ecs:r:1:task-definition/shop-dev-gone:7", false},
		{"arn:aws:elasticloadbalancing:r:1:listener-rule/app/shop-dev/1/2/3", false},
	} {
		a := newAccount()
		p := a.start(t.TempDir(), 0, false)
		p.World.Index = func(context.Context, sdk.Config, map[string]string, int) ([]resource.Tagged, error) {
			return []resource.Tagged{{ARN: ghost.arn, Tags: map[string]string{resource.TagLineage: "gone"}}}, nil
		}
		applied, err := p.run(t.Context(), first(t))
		require.NoError(t, err)
		require.NotEmpty(t, a.inventory())
		require.Equal(t, ghost.told, len(applied.Warnings) > 0, ghost.arn)
	}
}

// A run without access to the tag index can make a first deployment, and says so. If an apply has lost its state, the
// first taken name shows whose the objects are. The state that this run leaves does not block the way back to the lost
// one.
func TestTheWayBackFromALostState(t *testing.T) {
	for name, wanted := range map[string]graphs{"kept": second, "not wanted": first} {
		t.Run(name, func(t *testing.T) {
			a := owned(t)
			a.unindexed = true
			was := a.inventory()
			a.lose(true)
			_, err := a.start(t.TempDir(), 0, false).run(t.Context(),
				graph(t, res("web/a:a", single, "zone", "1"), res("infra/z:z", single)))
			d := requireRefused(t, err, "State is in another backend")
			require.Contains(t, d.Detail, "Names are taken")
			require.NotEqual(t, was, a.inventory(), "it has made something")
			command := remedyOf(t, err)
			require.Contains(t, command, "--force ")
			version := command[len("--force "):]

			p := a.start(t.TempDir(), 0, false)
			_, err = repair.Restore(t.Context(), p.Backend, wish(), version, false, nil)
			requireRefused(t, err, "State is of another lineage")
			_, err = repair.Restore(t.Context(), p.Backend, wish(), version, true,
				func(*report.StateComparison, diag.List) (bool, error) { return true, nil })
			require.NoError(t, err)
			a.pass(2 * time.Second)
			_, err = a.start(t.TempDir(), 0, false).run(t.Context(), wanted(t))
			require.NoError(t, err)
			require.NotContains(t, a.inventory(), "infra-z", "what the failed run made is not wanted")
			a.pass(2 * time.Second)
			_, err = a.start(t.TempDir(), 0, false).run(t.Context(), first(t))
			require.NoError(t, err)
			requireWhole(t, a)
		})
	}
}

func TestADeniedTagIndexIsTold(t *testing.T) {
	a := newAccount()
	a.unindexed = true
	u, err := a.start(t.TempDir(), 0, false).look(t, nil)
	require.NoError(t, err)
	require.Len(t, u.noticed, 1)
	require.Contains(t, u.noticed[0].Next, "tag:GetResources")
	applied, err := a.start(t.TempDir(), 0, false).run(t.Context(), first(t))
	require.NoError(t, err)
	require.Len(t, applied.Warnings, 1)

	// With objects in the state, the tag index is not asked.
	u, err = a.start(t.TempDir(), 0, false).look(t, nil)
	require.NoError(t, err)
	require.Empty(t, u.noticed)
}

// A backend that does not answer does not make a run a first deployment.
func TestAHistoryThatCannotBeListedIsAnError(t *testing.T) {
	p := newAccount().start(t.TempDir(), 0, false)
	p.refuse = func(operation, _ string) bool { return operation == "ListObjectsV2" }
	_, err := p.look(t, nil)
	require.Error(t, err)
	require.False(t, errors.Is(err, errBuried{}))
}

// After a complete destroy, the stack can be deployed again.
func TestAfterADestroy(t *testing.T) {
	a := owned(t)
	_, err := a.start(t.TempDir(), 0, false).run(t.Context(), nil)
	require.NoError(t, err)
	a.pass(2 * time.Second)
	applied, err := a.start(t.TempDir(), 0, false).run(t.Context(), first(t))
	require.NoError(t, err)
	require.EqualValues(t, 3, applied.Version)
	requireWhole(t, a)
}

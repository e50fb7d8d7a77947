package engine

import (
	"context"
	"slices"
	"strings"

	pkgresource "github.com/pulumi/pulumi/pkg/v3/resource"
	"github.com/pulumi/pulumi/pkg/v3/resource/deploy"
	sdk "github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"

	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

// Refreshed is what reading all objects has found.
type Refreshed struct {
	State   []byte // with the objects as they are
	Changed bool
	Drift   []Difference // sorted by resource
	Failed  []Failure    // what could not be read; the state keeps it as it was
	Seen    map[string]Seen
}

// Seen is what a read found of one object beside its properties.
type Seen struct {
	Note   string            // resource.State.Note
	Unread map[string]string // resource.State.Unread
}

// Difference is one object that is not as the state says.
type Difference struct {
	Resource   string
	Type       string
	Gone       bool            // somebody deleted it
	Properties []plan.Property // Old as the state says, New as it is
	Is         value.Value     // all its properties as they are; Null: it is gone
	Repair     string          // resource.State.Repair
}

// readsAtOnce is how many objects are read in parallel, unless more may be changed at once.
const readsAtOnce = 64

// Refresh reads every object, or those that are targeted, and makes the state say what is there. It changes no object.
// Failures are joined as *StepError with plan.NoOp; the result is there anyway.
func Refresh(ctx context.Context, state []byte, o Options) (*Refreshed, error) {
	r, err := newRun(refreshing, nil, state, Options{
		Stack: o.Stack, Environment: o.Environment, Catalog: o.Catalog, Tags: o.Tags, Token: o.Token,
		Renamed: o.Renamed, Parallelism: o.Parallelism, SecondLook: o.SecondLook, Unwanted: o.Unwanted,
	})
	if err != nil {
		return nil, err
	}
	var targets []string
	for _, id := range o.Targets {
		for urn := range r.state.live {
			if urn.Name() == id {
				targets = append(targets, string(urn))
			}
		}
	}
	found := &Refreshed{State: state}
	if len(o.Targets) > 0 && len(targets) == 0 {
		return found, nil
	}
	parallel := r.o.parallelism()
	if parallel > 1 { // somebody who counts calls wants one at a time
		parallel = max(parallel, readsAtOnce)
	}
	opts := &deploy.Options{
		Parallel: parallel, Refresh: true, RefreshOnly: true,
		Targets: deploy.NewUrnTargets(targets),
	}
	err = r.execute(ctx, opts, deploy.NewErrorSource(tokens.PackageName(o.Stack)))
	r.ledger.changed = r.ledger.changed || len(r.state.stale) > 0
	checkpoint, encodeErr := r.ledger.checkpoint()
	if encodeErr != nil {
		return found, encodeErr
	}
	found.State, found.Changed, found.Drift, found.Failed = checkpoint, r.ledger.changed, r.drift, r.failed
	found.Seen = r.seen
	slices.SortFunc(found.Drift, func(a, b Difference) int { return strings.Compare(a.Resource, b.Resource) })
	return found, err
}

// refreshed records the result of reading one object. new is nil if the object is gone, and old itself if it could not
// be read.
func (r *run) refreshed(old, new *pkgresource.State) error {
	s := r.state.live[old.URN]
	switch {
	case new == old:
		return nil
	case new == nil:
		if s != nil && s.state == old {
			r.differs(Difference{Resource: s.id, Type: s.typ, Gone: true})
		}
		return r.finish(0, nil, old)
	case s != nil && s.state == old:
		is := fromProperties(new.Inputs)
		if diff := resource.Compare(r.definition(s.typ), s.inputs, is); len(diff.Changes) > 0 {
			r.differs(Difference{
				Resource: s.id, Type: s.typ, Properties: diff.Changes, Is: is, Repair: r.repair(old),
			})
		} else if repair := r.repair(old); repair != "" {
			r.differs(Difference{Resource: s.id, Type: s.typ, Is: is, Repair: repair})
		}
	}
	rec := r.recordFor(new)
	rec.InitErrors = old.InitErrors // a failed rollout stays failed until an update succeeds
	repair := r.repair(old)
	if len(rec.InitErrors) == 0 && repair != "" {
		rec.InitErrors = []string{repair} // what makes the next run update it
	}
	rec.Protect = s != nil && s.protected
	if s != nil && !s.upgraded && repair == "" && sameProperties(old, new) {
		r.ledger.same(old, new)
		return nil
	}
	return r.finish(0, []write{{at: old, also: new, record: rec}})
}

func sameProperties(a, b *pkgresource.State) bool {
	return a.ID == b.ID && sameMap(a.Inputs, b.Inputs) && sameMap(a.Outputs, b.Outputs)
}

func sameMap(a, b sdk.PropertyMap) bool {
	return len(a) == 0 && len(b) == 0 || a.DeepEquals(b)
}

// needsRepair notes that an object needs an update although no property differs.
func (r *run) needsRepair(urn sdk.URN, id sdk.ID, what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.repairs == nil {
		r.repairs = map[instance]string{}
	}
	r.repairs[instance{urn, id}] = what
}

// saw notes what a read found beside properties.
func (r *run) saw(id string, state resource.State) {
	if state.Note == "" && len(state.Unread) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen == nil {
		r.seen = map[string]Seen{}
	}
	r.seen[id] = Seen{Note: state.Note, Unread: state.Unread}
}

func (r *run) repair(old *pkgresource.State) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.repairs[instance{old.URN, old.ID}]
}

func (r *run) differs(d Difference) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drift = append(r.drift, d)
}

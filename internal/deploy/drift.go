package deploy

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/ignore"
	"github.com/company/deployer/internal/manifest"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/state"
)

// Detect finds what somebody else has changed, deleted or made, and what the manifests change that is not deployed yet.
// It takes no lock and changes nothing. req.Targets are addresses of components or IDs of resources; empty: everything.
//
// The state says what to look for. Manifests with errors only leave out the third side.
func Detect(ctx context.Context, b *backend.Backend, req Request) (*report.Drift, error) {
	rules, err := ignore.Read(b.World.Root)
	if err != nil {
		return nil, err
	}
	stored, where, err := placeOfState(ctx, b, req.Key)
	if err != nil {
		return nil, err
	}
	u, unread := desiredNow(ctx, b, stored, where, req)
	d, err := newDrift(u, unread)
	if err != nil {
		return nil, err
	}
	req.Progress(plan.Event{Kind: plan.Phase, Text: "Reading the objects in AWS"})
	if err := d.read(ctx); err != nil {
		return nil, backend.Early(ctx, err)
	}
	out := d.report()
	setAside(out, rules)
	if err := d.ask(ctx, out); err != nil {
		return nil, backend.Early(ctx, err)
	}
	return out, nil
}

// placeOfState reads the state and asks AWS for the account in parallel.
func placeOfState(ctx context.Context, b *backend.Backend, key state.Key) (*state.Stored, backend.Place, error) {
	var stored *state.Stored
	var both errgroup.Group
	both.Go(func() (err error) { stored, err = b.Read(ctx, key); return err })
	if b.World.Settings.Backend.Type == "s3" {
		both.Go(
			func() error { b.Caller(ctx); return nil },
		) // PlaceOf asks the same session, which then knows the answer
	}
	if err := both.Wait(); err != nil {
		return nil, backend.Place{}, err
	}
	where, err := b.PlaceOf(ctx, stored.Snapshot.Envelope)
	return stored, where, err
}

// desiredNow is a run on a state, with what the manifests desire now. It asks nobody: images keep the digests that are
// deployed. unread says why the manifests could not be read; "": they were.
func desiredNow(
	ctx context.Context, b *backend.Backend, stored *state.Stored, where backend.Place, req Request,
) (u *run, unread string) {
	req.NoResolve = true
	targets := req.Targets
	req.Targets = nil // of what is compared, not of what is desired
	begin := func() *run {
		u := newRun(b, nil, &resource.Graph{}, where, req)
		u.from(stored, stored.Snapshot.Envelope.Lineage)
		return u
	}
	u = begin()
	err := func() error {
		if b.World.Root == "" {
			return diag.New(diag.Invalid, "there is no repository here", "", "")
		}
		bundle, found := manifest.Load(b.World.Root, req.Key.Stack)
		if found.HasErrors() {
			return found.Sort()
		}
		u.stack, u.graph, found = desireAfter(b.World, bundle, req, where, lastVariables(stored.Payload, req), true)
		if found.HasErrors() {
			return found
		}
		if err := u.move(); err != nil {
			return err
		}
		_, err := u.pin(ctx)
		return err
	}()
	if err != nil {
		u, unread = begin(), brief(err)
	}
	u.req.Targets = targets
	return u, unread
}

// drift is a search for drift.
type drift struct {
	*run
	engine  engine.Options
	objects []engine.StoredResource // that are looked at
	ours    []string                // the AWS IDs of all objects of the state
	about   func(resource string) bool

	unread string // why there is no third side
	found  *engine.Refreshed
	next   *engine.Preview // what the manifests change; nil: they were not read

	mu         sync.Mutex
	added      map[string][]resource.Addition // by resource ID
	uncompared []report.Uncompared
}

func newDrift(u *run, unread string) (*drift, error) {
	d := &drift{run: u, engine: u.options(), unread: unread, added: map[string][]resource.Addition{}}
	d.engine.Catalog = u.back.World.Types(u.where.Reading())
	all, err := engine.Resources(u.Engine)
	if err != nil {
		return nil, err
	}
	if d.about, err = u.selection(all); err != nil {
		return nil, err
	}
	for _, r := range all {
		d.ours = append(d.ours, r.AWSID)
		if !d.about(r.ID) {
			continue
		}
		if r.Deleting || r.Replacing {
			d.miss(r, "a replacement that is not complete; the next apply goes on")
			continue
		}
		d.objects = append(d.objects, r)
	}
	return d, nil
}

// selection says which resources the targets mean.
func (u *run) selection(all []engine.StoredResource) (func(resource string) bool, error) {
	if len(u.req.Targets) == 0 {
		return func(string) bool { return true }, nil
	}
	known := map[string]bool{}
	for _, c := range u.graph.Components {
		known[c.Address] = true
	}
	for _, c := range u.Stored.Payload.Components {
		known[c.Address] = true
	}
	addresses := slices.Sorted(maps.Keys(known))
	for _, r := range all {
		known[r.ID] = true
	}
	var found diag.List
	for _, target := range u.req.Targets {
		if known[target] {
			continue
		}
		candidates := addresses
		if strings.Contains(target, ":") {
			candidates = slices.Sorted(maps.Keys(known))
		}
		found.Add(diag.New(diag.Invalid, "Unknown component", fmt.Sprintf("There is no component %q.", target),
			diag.Candidates(target, candidates)))
	}
	return func(id string) bool {
		return slices.Contains(u.req.Targets, id) || slices.Contains(u.req.Targets, resource.ComponentOf(id))
	}, found.Err()
}

// read asks AWS, everything in parallel: about each object, about what was added to it, and for the lookups of the
// manifests. It fails only if nothing can be said.
func (d *drift) read(ctx context.Context) error {
	all, ctx := errgroup.WithContext(ctx)
	all.Go(func() error { return d.refresh(ctx) })
	all.Go(func() error { return d.preview(ctx) })
	all.Go(func() error { return d.additions(ctx) })
	return all.Wait()
}

// refresh reads the objects.
func (d *drift) refresh(ctx context.Context) (err error) {
	d.found = &engine.Refreshed{}
	if len(d.objects) == 0 {
		return nil
	}
	o := d.engine
	o.SecondLook = engine.UsualSecondLook
	if len(d.req.Targets) > 0 {
		for _, r := range d.objects {
			o.Targets = append(o.Targets, r.ID)
		}
	}
	found, err := engine.Refresh(ctx, d.Engine, o)
	if ctx.Err() != nil || found == nil || err != nil && len(found.Failed) == 0 {
		return cmp.Or(ctx.Err(), err)
	}
	d.found = found // the report lists what could not be read
	return nil
}

// preview computes what the manifests change.
func (d *drift) preview(ctx context.Context) error {
	if d.unread != "" {
		return nil
	}
	preview, err := engine.PreviewPending(ctx, d.graph, d.Engine, d.engine)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case preview == nil:
		d.unread = brief(problems(err))
	default:
		d.next = preview // an error beside it says what an apply would refuse
	}
	return nil
}

// listing is how many objects are asked about at once for what was added to them.
const listing = 64

// additions lists what was added to the objects.
func (d *drift) additions(ctx context.Context) error {
	stack := resource.Neighbours{Ours: d.ours}
	var all errgroup.Group
	all.SetLimit(listing)
	for _, r := range d.objects {
		behaviour, err := d.engine.Catalog.Behaviour(r.Type)
		host, ok := behaviour.(resource.Host)
		if err != nil || !ok {
			continue // the read of an unknown type says so
		}
		all.Go(func() error {
			found, err := host.Additions(ctx, resource.Request{
				Resource: r.ID, Type: r.Type, ID: r.AWSID, Tags: d.engine.Tags(r.Component), Before: r.MovedFrom,
				Old:      resource.State{ID: r.AWSID, Inputs: r.Inputs, Outputs: r.Outputs},
				Progress: func(string) {},
			}, stack)
			d.mu.Lock()
			defer d.mu.Unlock()
			if err != nil {
				d.uncompared = append(d.uncompared, report.Uncompared{
					Resource: r.ID, Type: r.Type, What: "what was added to it",
					Why: resource.Unanswered(err), Failed: true,
				})
			}
			if len(found) > 0 {
				d.added[r.ID] = found
			}
			return ctx.Err()
		})
	}
	return all.Wait()
}

// miss notes an object, or some properties of it, that were not compared.
func (d *drift) miss(r engine.StoredResource, why string, properties ...string) {
	d.uncompared = append(d.uncompared, report.Uncompared{
		Resource: r.ID, Type: r.Type, Properties: properties, Why: why,
	})
}

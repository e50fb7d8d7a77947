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
	"github.com/company/deployer/internal/value"
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

// ask asks AWS who has changed the objects since the last deployment. Nothing depends on the answer.
func (d *drift) ask(ctx context.Context, out *report.Drift) error {
	if len(out.Drifted) == 0 || d.back.World.Trail == nil {
		return nil
	}
	var subjects []resource.Subject
	asked := map[string]int{} // by resource and object: two differences of one object are one question
	at := make([]int, len(out.Drifted))
	for i, one := range out.Drifted {
		s := d.subject(one)
		key := strings.Join(s.Names, "\n")
		if _, known := asked[key]; !known {
			asked[key] = len(subjects)
			subjects = append(subjects, s)
		}
		at[i] = asked[key]
	}
	found, err := d.back.World.Trail(ctx, d.where.Reading(), subjects, out.At)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		out.Untold = resource.Unanswered(err)
	}
	for i := range out.Drifted {
		if n := at[i]; n < len(found) {
			out.Drifted[i].Deeds = found[n]
		}
	}
	return nil
}

// subject are the names under which AWS's record of calls may have an object. What was made beside an object was made
// by a call that names the object, and so was a policy of a role or a rule of a group.
func (d *drift) subject(one report.Drifted) resource.Subject {
	service, _, _ := strings.Cut(one.Type, "/")
	out := resource.Subject{Global: service == "iam" || service == "route53"}
	i := slices.IndexFunc(d.objects, func(r engine.StoredResource) bool { return r.ID == one.Resource })
	r := d.objects[i]
	add := func(name string) {
		if name != "" && !slices.Contains(out.Names, name) {
			out.Names = append(out.Names, name)
		}
	}
	for _, parent := range []string{"role", "securityGroupId", "queueUrl", "bucket", "routeTableId"} {
		add(r.Inputs.Get(parent).Str())
	}
	if len(out.Names) == 0 {
		add(r.AWSID)
		add(r.Outputs.Get("arn").Str())
	}
	for _, name := range slices.Clone(out.Names) {
		if i := strings.LastIndexAny(name, "/:"); i >= 0 && service != "elbv2" {
			add(name[i+1:])
		}
	}
	return out
}

// setAside moves the differences that rules name to the ignored ones.
func setAside(d *report.Drift, rules ignore.Rules) {
	var counts []report.Drifted
	for _, one := range d.Drifted {
		at := ignore.Difference{Stack: d.Stack, Environment: d.Environment, Resource: one.Resource}
		aside := func(r *ignore.Rule, ignored report.Drifted) {
			ignored.Rule, ignored.Reason = r.Place(), r.Reason
			d.Ignored = append(d.Ignored, ignored)
		}
		switch one.Kind {
		case report.DriftMade:
			at.Object = one.ID
		case report.DriftDeleted:
			at.Deleted = true
		case report.DriftChanged:
			var kept []report.Sides
			for _, s := range one.Properties {
				at.Property = s.Path
				r := rules.For(at)
				if r == nil {
					kept = append(kept, s)
					continue
				}
				part := one
				part.Properties, part.Problem = []report.Sides{s}, ""
				aside(r, part)
			}
			at.Property = []string{"tags"} // deployer's own, which Problem names
			r := rules.For(at)
			if one.Problem != "" && r != nil {
				part := one
				part.Properties = nil
				aside(r, part)
				one.Problem = ""
			}
			if one.Properties = kept; len(kept) > 0 || one.Problem != "" {
				counts = append(counts, one)
			}
			continue
		}
		if r := rules.For(at); r != nil {
			aside(r, one)
			continue
		}
		counts = append(counts, one)
	}
	d.Drifted = counts
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

// brief is the first of some problems, in one line.
func brief(err error) string {
	for _, d := range diag.From(err) {
		if d.Severity == diag.Warning {
			continue
		}
		if d.Position != nil {
			return d.Position.String() + ": " + d.Summary
		}
		return d.Summary
	}
	return err.Error()
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

// report puts the three sides together.
func (d *drift) report() *report.Drift {
	p := d.Stored.Payload
	out := &report.Drift{
		Stack: d.req.Key.Stack, Environment: d.req.Key.Environment, Version: report.Version(p.Deployment),
		Result: string(p.Status), At: p.At, Unread: d.unread, Objects: len(d.objects),
	}
	differs, failed := map[string]*engine.Difference{}, map[string]error{}
	for i := range d.found.Drift {
		differs[d.found.Drift[i].Resource] = &d.found.Drift[i]
	}
	for _, f := range d.found.Failed {
		failed[f.Resource] = f.Err
	}
	changes := d.changes(out)
	for _, r := range d.objects {
		behaviour, err := d.engine.Catalog.Behaviour(r.Type)
		switch is := differs[r.ID]; {
		case err != nil:
			d.miss(r, err.Error())
			continue
		case failed[r.ID] != nil:
			d.uncompared = append(d.uncompared, report.Uncompared{
				Resource: r.ID, Type: r.Type, Why: resource.Unanswered(failed[r.ID]), Failed: true,
			})
		case is == nil:
			out.Compared++
			d.gaps(r, behaviour.Definition())
		case slices.Contains(d.Unsure, r.ID):
			d.miss(r, "an interrupted run was about to change it; the next apply goes on")
		case is.Gone:
			out.Compared++
			out.Drifted = append(out.Drifted, report.Drifted{
				Resource: r.ID, Type: r.Type, ID: r.AWSID, Kind: report.DriftDeleted,
			})
		default:
			out.Compared++
			out.Drifted = append(out.Drifted, report.Drifted{
				Resource: r.ID, Type: r.Type, ID: r.AWSID, Kind: report.DriftChanged, Problem: is.Repair,
				Properties: d.sides(behaviour.Definition(), is, r, changes[r.ID]),
			})
			d.gaps(r, behaviour.Definition())
		}
		if len(d.added[r.ID]) > 0 && d.Unfinished() {
			d.uncompared = append(d.uncompared, report.Uncompared{
				Resource: r.ID, Type: r.Type, What: "what was added to it",
				Why: "an interrupted run may have made it; the next apply looks for that",
			})
			delete(d.added, r.ID)
		}
		for _, a := range d.added[r.ID] {
			out.Drifted = append(out.Drifted, report.Drifted{
				Resource: r.ID, Type: r.Type, ID: a.ID, Kind: report.DriftMade, What: a.What, Next: a.Remove,
			})
		}
		if note := d.found.Seen[r.ID].Note; note != "" {
			out.Notes = append(out.Notes, r.ID+": "+note)
		}
	}
	out.Uncompared = d.uncompared
	slices.SortStableFunc(out.Drifted, func(a, b report.Drifted) int { return cmp.Compare(a.Resource, b.Resource) })
	slices.SortStableFunc(out.Uncompared, func(a, b report.Uncompared) int {
		return cmp.Compare(a.Resource, b.Resource)
	})
	return out
}

// gaps notes the properties of an object that was read that nobody could compare.
func (d *drift) gaps(r engine.StoredResource, def *resource.Definition) {
	given := func(names []string) []string {
		return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return r.Inputs.Get(name).IsNull() })
	}
	if names := given(def.WriteOnly); len(names) > 0 {
		d.miss(r, "AWS never returns it", names...)
	}
	if names := given(def.CreateOnly); len(names) > 0 {
		d.miss(r, "it only counts when the object is made", names...)
	}
	reasons := map[string][]string{}
	for name, why := range d.found.Seen[r.ID].Unread {
		reasons[why] = append(reasons[why], name)
	}
	for _, why := range slices.Sorted(maps.Keys(reasons)) {
		if names := given(reasons[why]); len(names) > 0 {
			slices.Sort(names)
			d.miss(r, why, names...)
		}
	}
}

// changes lists what the manifests change, and returns it by resource ID.
func (d *drift) changes(out *report.Drift) map[string]plan.Change {
	all := map[string]plan.Change{}
	if d.next == nil {
		return all
	}
	for _, c := range d.next.Plan.Components {
		for _, ch := range c.Changes {
			if !d.about(ch.Resource) {
				continue
			}
			all[ch.Resource] = ch
			pending := report.Pending{Resource: ch.Resource, Type: ch.Type, Action: string(ch.Action)}
			if ch.Action == plan.Update || ch.Action == plan.Replace {
				for _, p := range ch.Properties {
					pending.Properties = append(pending.Properties,
						report.Sides{Path: p.Path, State: p.Old, YAML: p.New, Pending: true})
				}
			}
			out.Pending = append(out.Pending, pending)
		}
	}
	slices.SortStableFunc(out.Pending, func(a, b report.Pending) int { return cmp.Compare(a.Resource, b.Resource) })
	return all
}

// sides compares an object that somebody has changed.
func (d *drift) sides(
	def *resource.Definition, is *engine.Difference, r engine.StoredResource, change plan.Change,
) []report.Sides {
	desired, none := r.Inputs, d.next == nil || change.Action == plan.Delete
	if !none && change.Action != "" {
		desired = d.next.Wanted[r.ID]
	}
	var out []report.Sides
	for _, s := range resource.CompareSides(def, is.Is, r.Inputs, desired) {
		if !s.Outside {
			continue
		}
		side := report.Sides{Path: s.Path, AWS: s.Is, State: s.Was, YAML: s.Desired, Pending: s.Pending}
		if none {
			side.YAML, side.Pending = value.NullValue, d.next != nil
		}
		out = append(out, side)
	}
	return out
}

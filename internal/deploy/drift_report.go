package deploy

import (
	"cmp"
	"maps"
	"slices"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/ignore"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

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

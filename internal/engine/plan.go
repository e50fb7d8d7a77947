package engine

import (
	"cmp"
	"slices"
	"strings"

	pkgresource "github.com/pulumi/pulumi/pkg/v3/resource"
	"github.com/pulumi/pulumi/pkg/v3/resource/deploy"
	sdk "github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

// collector makes a plan out of the steps of a preview.
type collector struct {
	run      *run
	stored   map[*pkgresource.State]*stored
	changes  []seen
	replaced map[sdk.URN]bool

	obstacles map[*stored][]plan.Obstacle // of objects to delete
	found     map[string]bool             // forgotten resources that are there, by ID
	wanted    map[string]value.Value      // desired properties of what changes, by resource ID
}

// seen is one step of a preview that changes something.
type seen struct {
	action   plan.Action
	urn      sdk.URN
	old      *stored
	new      *pkgresource.State
	leftover bool // of a replacement that was interrupted
}

func newCollector(r *run) *collector {
	c := &collector{
		run: r, stored: make(map[*pkgresource.State]*stored, len(r.state.all)),
		replaced: map[sdk.URN]bool{}, wanted: map[string]value.Value{},
	}
	for _, s := range r.state.all {
		c.stored[s.state] = s
	}
	return c
}

// see notes a step. The engine calls it from one goroutine at a time, because previews run with a parallelism of 1.
func (c *collector) see(step deploy.Step) {
	old := c.stored[step.Old()]
	note := func(action plan.Action, leftover bool) {
		c.changes = append(c.changes, seen{action, step.URN(), old, step.New(), leftover})
	}
	switch step.Op() {
	case deploy.OpCreate:
		if id := step.URN().Name(); c.run.adopt[id] && !c.run.absent[id] {
			note(plan.Adopt, false)
		} else {
			note(plan.Create, false)
		}
	case deploy.OpUpdate:
		note(plan.Update, false)
	case deploy.OpReplace:
		c.replaced[step.URN()] = true
		if old.waiting {
			note(plan.Create, true)
		} else {
			note(plan.Replace, false)
		}
	case deploy.OpDelete:
		note(plan.Delete, false)
	case deploy.OpDeleteReplaced:
		if old.deleting {
			note(plan.Delete, true)
		}
	case deploy.OpRemovePendingReplace:
		note(plan.Delete, old.waiting)
	case deploy.OpSame:
		if id := step.URN().Name(); old != nil && !c.run.keep(id) && old.protected != c.run.protect[id] {
			note(plan.Update, false)
		}
	}
}

// plan returns the plan.
func (c *collector) plan() *plan.Plan {
	r := c.run
	p := &plan.Plan{Stack: r.o.Stack, Environment: r.o.Environment}
	order := make(map[string]int, len(r.graph.Resources))
	for i, res := range r.graph.Resources {
		order[res.ID()] = i
	}
	before := make(map[*stored]int, len(r.state.all))
	for i, s := range r.state.all {
		before[s] = i
	}
	// Deletes come after creates and updates, and in the reverse order of creation.
	slices.SortStableFunc(c.changes, func(a, b seen) int {
		if gone := a.action == plan.Delete; gone != (b.action == plan.Delete) {
			if gone {
				return 1
			}
			return -1
		} else if gone {
			return cmp.Compare(before[b.old], before[a.old])
		}
		return cmp.Compare(order[a.urn.Name()], order[b.urn.Name()])
	})

	components := map[string]*plan.Component{}
	component := func(address string) *plan.Component {
		if components[address] == nil {
			components[address] = &plan.Component{Address: address}
		}
		return components[address]
	}
	for _, g := range r.graph.Components {
		to := component(g.Address)
		to.Kind, to.Notes, to.About, to.Overrides = g.Kind, r.notes[g.Address], g.About, g.Overrides
	}
	desired, stored := map[string]int{}, map[string]int{}
	for _, s := range r.state.live {
		component(resource.ComponentOf(s.id))
		stored[resource.ComponentOf(s.id)]++
		if r.keep(s.id) {
			desired[resource.ComponentOf(s.id)]++
			p.Unchanged++
		}
	}
	for _, res := range r.graph.Resources {
		if !res.Data && !r.keep(res.ID()) && !r.unwanted[res.ID()] {
			desired[res.Component]++
			p.Unchanged++
		}
	}
	for _, s := range c.changes {
		change := c.change(s)
		to := component(resource.ComponentOf(change.Resource))
		to.Changes = append(to.Changes, change)
		to.Consequence = plan.Worse(to.Consequence, change.Consequence)
		if change.Action != plan.Delete {
			p.Unchanged--
		}
	}
	for address, to := range components {
		if to.Action = actionOf(to.Changes, stored[address], desired[address]); to.Action != plan.Create {
			to.About = ""
		}
		p.Components = append(p.Components, *to)
	}
	slices.SortFunc(p.Components, func(a, b plan.Component) int { return strings.Compare(a.Address, b.Address) })
	return p
}

// actionOf sums up what happens to a component.
func actionOf(changes []plan.Change, stored, desired int) plan.Action {
	switch {
	case len(changes) == 0:
		return plan.NoOp
	case stored == 0 && desired > 0:
		for _, c := range changes {
			if c.Action != plan.Adopt {
				return plan.Create
			}
		}
		return plan.Adopt
	case desired == 0:
		return plan.Delete
	}
	for _, c := range changes {
		if c.Action != plan.Replace {
			return plan.Update
		}
	}
	return plan.Replace
}

func (c *collector) change(s seen) (out plan.Change) {
	r := c.run
	typ, _ := typeOf(s.urn.Type())
	def := r.definition(typ)
	id := s.urn.Name()
	out = plan.Change{Resource: id, Type: typ, Action: s.action, Obstacles: c.obstacles[s.old]}
	was, wanted := value.NullValue, value.NullValue
	if s.old != nil && !s.leftover {
		was = s.old.inputs
	}
	if s.new != nil {
		wanted = fromProperties(s.new.Inputs)
		c.wanted[id] = wanted
	}
	var diff resource.Diff
	if s.action != plan.Delete {
		diff = resource.Compare(def, was, wanted)
		out.Properties = diff.Changes
	}
	if s.action == plan.Create || s.action == plan.Adopt { // there is nothing to replace
		for i := range out.Properties {
			out.Properties[i].ForcesReplacement = false
		}
	}
	defer func() {
		activator, ok := r.activator(typ)
		if !ok || s.new == nil || s.action == plan.Delete {
			return
		}
		out.TakesOver = activator.Overtakes(wanted, was, r.rivals(s.urn, ""))
	}()
	switch s.action {
	case plan.Create:
		out.Reason = "new"
		if r.o.Outside[id] {
			out.Reason = "it was deleted outside of deployer"
			if slices.Contains(r.o.Uncertain, id) {
				out.Reason = "it does not exist any more, probably because of the interrupted run"
			}
		}
		if s.leftover {
			out.Reason = "its replacement was interrupted after the old one was deleted"
		}
	case plan.Adopt:
		out.Reason = "an interrupted run may have created it already"
		if c.found[id] {
			out.Reason = "it exists in AWS and was removed from the state"
		}
	case plan.Update:
		c.explainUpdate(s, def, diff, &out)
	case plan.Replace:
		change := resource.Change{Changed: diff.Changed(), Old: was, Desired: wanted}
		out.Reason = c.replaceReason(s, diff) + beside(def, s.old)
		out.Consequence = plan.Replacement
		if def.DeletesFirst(diff.Replace, was, wanted) {
			out.Consequence = plan.Downtime
		}
		out.Consequence = plan.Worse(out.Consequence, def.Meaning(change))
		if def.OnDelete(was).Loses {
			out.Consequence = plan.DataLoss
		}
		out.Lasts = def.Duration(out.Consequence, change)
		out.Protected = r.guarded[id]
	case plan.Delete:
		out.Reason = c.deleteReason(s) + beside(def, s.old)
		loses := def.OnDelete(s.old.inputs).Loses
		if out.Protected = r.guarded[id]; s.leftover {
			out.Protected = r.spared(s.old)
			loses = loses && out.Protected
		}
		if loses {
			out.Consequence = plan.DataLoss
		}
	}
	return out
}

func (c *collector) deleteReason(s seen) string {
	switch graph := c.run.graph; {
	case s.leftover:
		return "its replacement was interrupted"
	case len(graph.Components) > 0 || len(graph.Resources) > 0:
		return "removed from the manifests"
	case len(c.run.o.Targets) > 0:
		return "its component is destroyed"
	}
	return "the stack is destroyed"
}

// beside returns what a delete does in addition to deleting.
func beside(def *resource.Definition, old *stored) string {
	if old == nil {
		return ""
	}
	does, text := def.OnDelete(old.inputs), ""
	if does.Lifts {
		text = "; its deletion protection in AWS is lifted first"
	}
	if does.Keeps != "" {
		text += "; keeps " + does.Keeps
	}
	return text
}

func (c *collector) explainUpdate(s seen, def *resource.Definition, diff resource.Diff, out *plan.Change) {
	names := diff.Changed()
	failed := s.old.state.InitErrors
	retry := len(failed) > 0
	stopped := slices.Contains(failed, stoppedMeanwhile)
	for i, p := range out.Properties {
		if retry && len(p.Path) == 1 && value.Equal(p.Old, value.NewString("")) {
			out.Properties[i].Old = value.NullValue // a failed step left it empty; nobody wrote that value
		}
	}
	switch {
	case wasMoved(s.old.state):
		out.Reason = failed[0]
		if len(names) > 0 {
			out.Reason += "; change in " + strings.Join(names, ", ")
		}
	case retry && failed[0] == interrupted:
		out.Reason = interrupted
	case len(names) > 0:
		out.Reason = "change in " + strings.Join(names, ", ")
		switch {
		case c.run.o.Outside[out.Resource] && slices.Contains(c.run.o.Uncertain, out.Resource):
			out.Reason += ", which the interrupted run has probably begun"
		case c.run.o.Outside[out.Resource]:
			out.Reason += ", where it was changed outside of deployer"
		}
		switch {
		case stopped:
			out.Reason += "; a change was in progress when the last run was stopped"
		case retry && resource.IsRepair(failed[0]):
			out.Reason += ", and " + failed[0]
		case retry:
			out.Reason += ", and the last rollout failed"
		}
	case stopped:
		out.Reason = "a change was in progress when the last run was stopped"
	case retry && resource.IsRepair(failed[0]):
		out.Reason = failed[0]
	case retry:
		out.Reason = "the last rollout failed"
	default:
		on := c.run.protect[out.Resource]
		out.Reason = "its protection is switched " + map[bool]string{true: "on", false: "off"}[on]
		out.Properties = []plan.Property{{Path: []string{"protect"}, Old: value.NewBool(!on), New: value.NewBool(on)}}
		return
	}
	change := resource.Change{Changed: names, Old: s.old.inputs, Desired: fromProperties(s.new.Inputs)}
	out.Consequence = def.Meaning(change)
	out.Lasts = def.Duration(out.Consequence, change)
	out.Protected = out.Consequence == plan.DataLoss && c.run.guarded[out.Resource]
	if def.Remark != nil && len(names) > 0 {
		if remark := def.Remark(change); remark != "" {
			out.Reason += "; " + remark
		}
	}
}

// replaceReason names the resource that a forcing property comes from, if that resource is replaced itself.
func (c *collector) replaceReason(s seen, diff resource.Diff) string {
	for _, name := range diff.Replace {
		for _, urn := range s.new.PropertyDependencies[sdk.PropertyKey(name)] {
			if c.replaced[urn] {
				return name + " comes from " + urn.Name() + ", which is replaced"
			}
		}
	}
	if len(diff.Replace) == 0 {
		return "a resource that it needs is replaced"
	}
	names := strings.Join(diff.Replace, ", ")
	if def := c.run.definition(s.old.typ); len(def.Fixed(diff.Replace)) == 0 {
		return "change in " + names + ": " + def.Instead
	}
	return names + " cannot change in place"
}

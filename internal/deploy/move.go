package deploy

import (
	"fmt"
	"maps"
	"path"
	"slices"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/value"
)

// move makes the run start from a state with the renames of the manifests. Names of renamed components are made from
// the address of their first deployment. A move whose source is not in the state has happened before.
func (u *run) move() error {
	u.moved, u.named = nil, map[string]string{}
	if u.Stored == nil {
		return nil
	}
	there, err := u.Deployed()
	if err != nil {
		return err
	}
	to, err := u.movedBack(there)
	if err != nil {
		return err
	}
	var found diag.List
	for _, c := range u.graph.Components {
		switch {
		case c.Moved == "" || !there[c.Moved]:
		case there[c.Address]:
			found.Add(u.stack.Diagnose(c.Address, []value.Problem{component.Invalid([]string{"moved", "from"},
				"both %s and %s are deployed: a component cannot move to an address that is in use. Remove moved, and "+
					"%s is deleted", c.Moved, c.Address, c.Moved)})...)
		default:
			to[c.Moved] = c.Address
		}
	}
	if err := found.Err(); err != nil {
		return err
	}
	if len(to) > 0 {
		if err := u.rename(to); err != nil {
			return err
		}
	}
	for _, c := range u.Stored.Payload.Components {
		if c.Named != "" {
			u.named[c.Address] = c.Named
		}
	}
	return u.expandAgain()
}

// movedBack returns renames that were taken back: the manifests have a component at a former address, and none at the
// new one. The former address is the one that the names in AWS are made from (a new component could not have those
// names), or the one that the tags still have because only the state was changed so far.
func (u *run) movedBack(there map[string]bool) (map[string]string, error) {
	to, taken := map[string]string{}, map[string]bool{}
	back := func(address, former string) {
		if former == "" || there[former] || taken[former] || to[address] != "" ||
			u.graph.Component(former) == nil || u.graph.Component(address) != nil {
			return
		}
		to[address], taken[former] = former, true
	}
	for _, c := range u.Stored.Payload.Components {
		back(c.Address, c.Named)
	}
	resources, err := engine.Resources(u.Engine)
	for _, r := range resources {
		back(r.Component, r.MovedFrom)
	}
	return to, err
}

// rename changes addresses in everything that the run starts from, and remembers the changes.
func (u *run) rename(to map[string]string) error {
	u.moved = to
	return u.Rename(to)
}

// expandAgain makes the graph with the names of renamed components.
func (u *run) expandAgain() error {
	if len(u.named) == 0 || u.stack == nil || len(u.stack.Components) == 0 {
		return nil
	}
	graph, problems := component.Expand(registry(), u.instances())
	if graph == nil {
		return diagnose(u.stack, problems).Err()
	}
	u.graph = graph
	return nil
}

// renames warns of a component that goes while a new one of its kind comes: it may be the same one, renamed. The two
// have the same name in different services, or are the only ones of their kind that go and come.
func (u *run) renames() diag.List {
	if u.Stored == nil {
		return nil
	}
	kinds := map[string]string{}
	for _, c := range u.Stored.Payload.Components {
		if !c.Synthetic {
			kinds[c.Address] = c.Kind
		}
	}
	gone, new := map[string][]string{}, map[string][]string{} // addresses by kind
	for _, c := range u.plan.Components {
		switch kind := kinds[c.Address]; {
		case c.Action == plan.Delete && kind != "":
			gone[kind] = append(gone[kind], c.Address)
		case c.Action == plan.Create:
			new[c.Kind] = append(new[c.Kind], c.Address)
		}
	}
	var out diag.List
	for _, kind := range slices.Sorted(maps.Keys(gone)) {
		for _, from := range gone[kind] {
			alike := slices.DeleteFunc(slices.Clone(new[kind]), func(to string) bool {
				return path.Base(to) != path.Base(from)
			})
			if len(alike) == 0 && len(gone[kind]) == 1 {
				alike = new[kind]
			}
			if len(alike) != 1 {
				continue
			}
			d := diag.New(diag.Invalid, "Possible rename",
				fmt.Sprintf("This deletes %s and creates %s, both of kind %s.",
					from, alike[0], kind),
				fmt.Sprintf("If that is one component with a new name, write `moved: {from: %s}` into the spec of %s: "+
					"then its objects stay, and nothing is created again.", from, alike[0]))
			d.Severity = diag.Warning
			out.Add(d.For(alike[0]))
		}
	}
	return out
}

// instances are the components with the names of renamed ones.
func (u *run) instances() []component.Instance {
	instances := u.stack.Instances()
	for i := range instances {
		instances[i].Named = u.named[instances[i].Address]
	}
	return instances
}

// tellMoves adds the renames to the plan.
func (u *run) tellMoves() {
	for from, to := range u.moved {
		i := slices.IndexFunc(u.plan.Components, func(c plan.Component) bool { return c.Address == to })
		if i >= 0 {
			u.plan.Components[i].MovedFrom = from
		}
	}
}

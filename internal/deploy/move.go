package deploy

import (
	"slices"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/diag"
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
	to := u.movedBack(there)
	var found diag.List
	for _, c := range u.graph.Components {
		switch {
		case c.Moved == "" || !there[c.Moved]:
		case there[c.Address]:
			found.Add(u.stack.Diagnose(c.Address, []value.Problem{component.Invalid([]string{"moved", "from"},
				"both %s and %s are deployed: nothing can move to an address that is taken. Leave moved out, and "+
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

// movedBack returns renames that were taken back: the manifests again have a component at the address that its names
// are made from, and none at the new address. A new component could not have those names.
func (u *run) movedBack(there map[string]bool) map[string]string {
	to := map[string]string{}
	for _, c := range u.Stored.Payload.Components {
		if c.Named != "" && !there[c.Named] && u.graph.Component(c.Named) != nil &&
			u.graph.Component(c.Address) == nil {
			to[c.Address] = c.Named
		}
	}
	return to
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
	instances := u.stack.Instances()
	for i := range instances {
		instances[i].Named = u.named[instances[i].Address]
	}
	graph, problems := component.Expand(registry(), instances)
	if graph == nil {
		return diagnose(u.stack, problems).Err()
	}
	u.graph = graph
	return nil
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

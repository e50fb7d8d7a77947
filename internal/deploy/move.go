package deploy

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/manifest"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/value"
)

// move lets the run start from a state in which what the manifests say to have moved has its new address, and makes the names of all that was ever
// renamed from the address that it was first deployed at. A move whose source is not in the state has happened before.
func (u *run) move() error {
	u.moved, u.named = nil, map[string]string{}
	if u.stored == nil {
		return nil
	}
	there, err := u.deployed()
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
				"both %s and %s are deployed: nothing can move to an address that is taken. Leave moved out, and %s is deleted", c.Moved, c.Address, c.Moved)})...)
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
	for _, c := range u.stored.Payload.Components {
		if c.Named != "" {
			u.named[c.Address] = c.Named
		}
	}
	return u.expandAgain()
}

// movedBack are renames that somebody took back: the manifests have a component again under the address that its names are made from, and not the one
// that it was renamed to. A new one could not have those names.
func (u *run) movedBack(there map[string]bool) map[string]string {
	to := map[string]string{}
	for _, c := range u.stored.Payload.Components {
		if c.Named != "" && !there[c.Named] && u.graph.Component(c.Named) != nil && u.graph.Component(c.Address) == nil {
			to[c.Address] = c.Named
		}
	}
	return to
}

// deployed are the addresses of components that the state knows.
func (u *run) deployed() (map[string]bool, error) {
	there := map[string]bool{}
	for _, c := range u.stored.Payload.Components {
		there[c.Address] = true
	}
	resources, err := engine.Resources(u.engine)
	if err != nil {
		return nil, err
	}
	for _, r := range resources {
		there[r.Component] = true
	}
	return there, nil
}

// rename changes addresses in all that the run starts from.
func (u *run) rename(to map[string]string) (err error) {
	if u.engine, err = engine.Move(u.engine, to); err != nil {
		return err
	}
	payload := *u.stored.Payload
	payload.Components = renamed(payload.Components, to)
	stored := *u.stored
	stored.Payload = &payload
	u.stored = &stored
	for i := range u.search {
		if u.search[i], err = engine.MoveIntent(u.search[i], to); err != nil {
			return err
		}
	}
	adopt, tokens := map[string]bool{}, map[string]string{}
	for id, yes := range u.adopt {
		adopt[renamedID(id, to)] = yes
	}
	for id, token := range u.tokens {
		tokens[renamedID(id, to)] = token
	}
	for i, id := range u.unsure {
		u.unsure[i] = renamedID(id, to)
	}
	u.adopt, u.tokens, u.moved = adopt, tokens, to
	return nil
}

// expandAgain makes the graph with the names of what was renamed.
func (u *run) expandAgain() error {
	if len(u.named) == 0 || u.stack == nil || len(u.stack.Components) == 0 {
		return nil
	}
	instances := u.stack.Instances()
	for i := range instances {
		instances[i].Named = u.named[instances[i].Address]
	}
	graph, problems := component.Expand(registry(), instances)
	if len(problems) > 0 {
		return diagnose(u.stack, problems).Err()
	}
	u.graph = graph
	return nil
}

// renamed are the components of a state with new addresses. Each keeps the names that it has.
func renamed(components []state.Component, to map[string]string) []state.Component {
	out := slices.Clone(components)
	for i, c := range out {
		if address, yes := to[c.Address]; yes {
			out[i].Address = address
			if out[i].Named == "" {
				out[i].Named = c.Address
			}
			if out[i].Named == address { // it is called again what it was called first
				out[i].Named = ""
			}
		}
		out[i].DependsOn = slices.Clone(c.DependsOn)
		for n, need := range out[i].DependsOn {
			if address, yes := to[need]; yes {
				out[i].DependsOn[n] = address
			}
		}
		out[i].Missing = slices.Clone(c.Missing)
		for n := range out[i].Missing {
			out[i].Missing[n].Resource = renamedID(out[i].Missing[n].Resource, to)
		}
	}
	slices.SortFunc(out, func(a, b state.Component) int { return strings.Compare(a.Address, b.Address) })
	return out
}

func renamedID(id string, to map[string]string) string {
	address := resource.ComponentOf(id)
	if now, yes := to[address]; yes {
		return now + strings.TrimPrefix(id, address)
	}
	return id
}

// renamedIntents are intents under new addresses.
func renamedIntents(intents []state.Intent, to map[string]string) ([]state.Intent, error) {
	out := slices.Clone(intents)
	for i := range out {
		var err error
		out[i].Resource = renamedID(out[i].Resource, to)
		if out[i].Engine, err = engine.MoveIntent(out[i].Engine, to); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// tellMoves says in the plan what was renamed.
func (u *run) tellMoves() {
	for from, to := range u.moved {
		i := slices.IndexFunc(u.plan.Components, func(c plan.Component) bool { return c.Address == to })
		if i >= 0 {
			u.plan.Components[i].MovedFrom = from
		}
	}
}

// MoveState renames a component in the state; AWS hears of it with the next apply.
func (r *Road) MoveState(ctx context.Context, req Request, from, to string) (*report.Moved, *Written, error) {
	u, held, err := r.openEdited(ctx, req)
	if err != nil {
		return nil, &Written{}, err
	}
	next, moved, err := u.moveOne(from, to)
	if err != nil {
		return nil, &Written{}, closing(held, err)
	}
	intents, err := renamedIntents(intentsOf(held.State()), map[string]string{from: to})
	if err != nil {
		return nil, &Written{}, closing(held, err)
	}
	next.Edited = &state.Edit{At: held.Lock().Now(), Who: held.Who(), What: fmt.Sprintf("state mv %s %s", from, to)}
	written, err := u.writeEdited(ctx, held, next, intents)
	return moved, written, err
}

func (u *run) moveOne(from, to string) (*state.Payload, *report.Moved, error) {
	there, err := u.deployed()
	if err != nil {
		return nil, nil, err
	}
	var found diag.List
	if !there[from] {
		found.Add(diag.New(diag.Invalid, "Unknown address", fmt.Sprintf("The state has no component %q.", from), diag.Candidates(from, slices.Sorted(maps.Keys(there)))))
	}
	detail, remedy := manifest.CheckAddress(to)
	switch {
	case detail != "":
		found.Add(diag.New(diag.Invalid, "Invalid address", detail, remedy))
	case to == from:
		found.Add(diag.New(diag.Invalid, "Same address", to+" is its address already.", ""))
	case there[to]:
		found.Add(diag.New(diag.Invalid, "Address is taken", fmt.Sprintf("The state has a component %s already.", to), "Choose another address, or move that one away first."))
	}
	for _, c := range u.stored.Payload.Components {
		if c.Synthetic && c.Address == from {
			found.Add(diag.New(diag.Invalid, "Component is shared", from+" is made for all services of the stack; its address never changes.", ""))
		}
	}
	if err := found.Err(); err != nil {
		return nil, nil, err
	}
	if err := u.rename(map[string]string{from: to}); err != nil {
		return nil, nil, err
	}
	next := *u.stored.Payload
	next.Engine = u.engine
	moved := &report.Moved{Stack: next.Stack, Environment: next.Environment, From: from, To: to, Resources: []string{}}
	resources, err := engine.Resources(u.engine)
	if err != nil {
		return nil, nil, err
	}
	for _, r := range resources {
		if r.Component == to {
			moved.Resources = append(moved.Resources, r.ID)
		}
	}
	return &next, moved, nil
}

package deploy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/resource"
)

// chosen turns --target addresses into resource IDs: those of the named components and of all their dependencies,
// synthetic components included. In a destroy nothing is wanted, and only the named components are deleted. Nil without
// --target.
func (u *run) chosen() ([]string, error) {
	if len(u.req.Targets) == 0 || u.only != nil {
		return u.only, nil
	}
	members, needs, err := u.addresses()
	if err != nil {
		return nil, err
	}
	var found diag.List
	wanted := map[string]bool{}
	var take func(id string)
	take = func(id string) {
		if !wanted[id] {
			wanted[id] = true
			for _, need := range needs[id] {
				take(need)
			}
		}
	}
	for _, address := range u.req.Targets {
		ids := members[address]
		if ids == nil {
			found.Add(unknownComponent("Unknown target", address, members))
			continue
		}
		for _, id := range ids {
			take(id)
		}
	}
	found.Add(u.sharedTargets()...)
	if err := found.Err(); err != nil {
		return nil, err
	}
	if err := u.needed(wanted); err != nil {
		return nil, err
	}
	if len(wanted) == 0 { // to the engine no targets would mean everything
		return nil, diag.New(diag.Invalid, "Component has no objects",
			strings.Join(u.req.Targets, ", ")+" has no AWS objects of its own.", "")
	}
	out := make([]string, 0, len(wanted))
	for id := range wanted {
		out = append(out, id)
	}
	slices.Sort(out)
	return out, nil
}

// expendable warns of an unknown component in --allow-data-loss, which may be a typing error. It is no error: what is
// protected stays protected, and in a repeated run the component may already be deleted.
func (u *run) expendable() (diag.List, error) {
	members, _, err := u.addresses()
	if err != nil {
		return nil, err
	}
	if u.Stored != nil {
		for _, c := range u.Stored.Payload.Components {
			members[c.Address] = append(members[c.Address], "")
		}
		for _, i := range u.Stored.Snapshot.Envelope.Intents {
			members[resource.ComponentOf(i.Resource)] = append(members[resource.ComponentOf(i.Resource)], i.Resource)
		}
	}
	var found diag.List
	for _, address := range u.req.AllowDataLoss {
		if members[address] == nil && len(members) > 0 {
			d := unknownComponent("Unknown component in --allow-data-loss", address, members)
			d.Severity = diag.Warning
			found.Add(d)
		}
	}
	return found, nil
}

func unknownComponent(summary, address string, members map[string][]string) *diag.Diagnostic {
	if whole := resource.ComponentOf(address); whole != address && members[whole] != nil {
		return diag.New(diag.Invalid, summary, fmt.Sprintf("%q is a resource, and only a whole component can be named.",
			address), fmt.Sprintf("Name its component: %q.", whole))
	}
	return diag.New(diag.Invalid, summary, fmt.Sprintf("There is no component %q.", address),
		diag.Candidates(address, slices.Sorted(maps.Keys(members))))
}

// needed refuses to delete targets that a remaining resource needs. It names everything that must be targeted, too.
func (u *run) needed(targets map[string]bool) error {
	if len(u.Engine) == 0 {
		return nil
	}
	resources, err := engine.Resources(u.Engine)
	if err != nil {
		return err
	}
	stays := map[string]bool{}
	for _, r := range u.graph.Resources {
		stays[r.ID()] = true
	}
	going := map[string]bool{} // to be deleted, with what would have to go as well
	for id := range targets {
		going[id] = !stays[id]
	}
	needs := map[string][]string{} // by targeted component: what needs it directly
	var also []string              // components
	for grown := true; grown; {
		grown = false
		for _, r := range resources {
			if r.Deleting || going[r.ID] || targets[r.ID] {
				continue
			}
			for _, need := range r.Dependencies {
				if !going[need] {
					continue
				}
				if address := resource.ComponentOf(need); targets[need] && !slices.Contains(needs[address], r.ID) {
					needs[address] = append(needs[address], r.ID)
				}
				if !slices.Contains(also, r.Component) {
					also = append(also, r.Component)
					grown = true
				}
			}
		}
		for _, r := range resources {
			if slices.Contains(also, r.Component) {
				going[r.ID] = true
			}
		}
	}
	slices.Sort(also)
	flags := ""
	for _, address := range also {
		flags += " --target " + address
	}
	var found diag.List
	for _, address := range slices.Sorted(maps.Keys(needs)) {
		found.Add(diag.New(diag.Invalid, "Target is needed",
			fmt.Sprintf("%s would be deleted, but these components need it and stay: %s.", address,
				strings.Join(slices.Sorted(slices.Values(needs[address])), ", ")),
			"Also target the components that need it:"+flags).For(address))
	}
	return found.Err()
}

// sharedTargets refuses to delete shared components by name: they go with the last component that needs them.
func (u *run) sharedTargets() diag.List {
	var found diag.List
	if u.stack != nil || u.Stored == nil {
		return nil
	}
	for _, c := range u.Stored.Payload.Components {
		if c.Synthetic && slices.Contains(u.req.Targets, c.Address) {
			found.Add(diag.New(diag.Invalid, "Target is shared",
				fmt.Sprintf("%s belongs to all components.", c.Address),
				"It is deleted when no component needs it any more: by the next apply, or by a destroy "+
					"without --target.").For(c.Address))
		}
	}
	return found
}

// addresses lists the resources of each component, desired or only stored, and what each desired resource needs.
func (u *run) addresses() (members, needs map[string][]string, err error) {
	if needs, err = u.graph.Edges(); err != nil {
		return nil, nil, err
	}
	members = map[string][]string{}
	seen := map[string]bool{}
	for _, c := range u.graph.Components {
		members[c.Address] = []string{}
	}
	for _, r := range u.graph.Resources {
		members[r.Component] = append(members[r.Component], r.ID())
		seen[r.ID()] = true
	}
	if len(u.Engine) == 0 {
		return members, needs, nil
	}
	resources, err := engine.Resources(u.Engine)
	if err != nil {
		return nil, nil, err
	}
	for _, r := range resources {
		if !seen[r.ID] {
			seen[r.ID] = true
			members[r.Component] = append(members[r.Component], r.ID)
		}
	}
	return members, needs, nil
}

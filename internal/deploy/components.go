package deploy

import (
	"slices"
	"strings"

	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/value"
)

// outputsChanged reports whether outputs of components differ from the state although no resource changes.
func (u *run) outputsChanged() bool {
	if u.stack == nil || len(u.req.Targets) > 0 {
		return false
	}
	was := map[string]any{}
	if u.Stored != nil {
		for _, c := range u.Stored.Payload.Components {
			was[c.Address] = c.Outputs
		}
	}
	if len(was) != len(u.graph.Components) {
		return true
	}
	for _, c := range u.graph.Components {
		before, known := was[c.Address]
		if !known || !state.Same(before, plain(u.outputs[c.Address])) {
			return true
		}
	}
	return false
}

// components returns the state's entry of each component, beside engineState. Components that the run did not reach
// keep their outputs. A component outside the run stays as it is in the state; if the state never had it, it is left
// out.
func (u *run) components(outputs map[string]map[string]value.Value, engineState []byte) ([]state.Component, error) {
	resources, err := engine.Resources(engineState)
	if err != nil {
		return nil, err
	}
	there, have := map[string]bool{}, map[string]bool{}
	for _, r := range resources {
		have[r.Component] = true
		there[r.ID] = there[r.ID] || !r.Deleting && !r.Replacing
	}
	old := map[string]state.Component{}
	if u.Stored != nil {
		for _, c := range u.Stored.Payload.Components {
			old[c.Address] = c
		}
	}
	about := u.about()
	missing := map[string][]state.Missing{}
	for _, r := range u.graph.Resources {
		if !r.Data && !there[r.ID()] && !u.unwanted[r.ID()] {
			missing[r.Component] = append(missing[r.Component], state.Missing{Resource: r.ID(), Type: r.Type})
		}
	}
	out := make([]state.Component, 0, len(u.graph.Components))
	wanted := map[string]bool{}
	for _, c := range u.graph.Components {
		wanted[c.Address] = true
		before, known := old[c.Address]
		if !about(c.Address) {
			if known {
				out = append(out, before)
			}
			continue
		}
		next := state.Component{
			Address: c.Address, Kind: c.Kind, DependsOn: c.DependsOn, Protect: c.Protect, Synthetic: c.Synthetic,
			Named:   c.Named,
			Outputs: plain(outputs[c.Address]), Missing: missing[c.Address],
		}
		if next.Outputs == nil {
			next.Outputs = before.Outputs
		}
		out = append(out, next)
	}
	for address, before := range old {
		if wanted[address] {
			continue
		}
		if !about(address) { // a destroy of others
			out = append(out, before)
		} else if have[address] {
			before.Removed, before.Missing = true, nil
			out = append(out, before)
		}
	}
	slices.SortFunc(out, func(a, b state.Component) int { return strings.Compare(a.Address, b.Address) })
	return out, nil
}

// about reports which components the run is about: with --target those whose resources it includes, and those named.
func (u *run) about() func(address string) bool {
	if len(u.req.Targets) == 0 {
		return func(string) bool { return true }
	}
	chosen := map[string]bool{}
	for _, address := range u.req.Targets {
		chosen[address] = true
	}
	for _, id := range u.targets {
		chosen[resource.ComponentOf(id)] = true
	}
	return func(address string) bool { return chosen[address] }
}

// plain is outputs as JSON data: known and not sensitive.
func plain(outputs map[string]value.Value) map[string]any {
	var out map[string]any
	for name, v := range outputs {
		if !v.Known() || v.HasSensitive() || v.IsNull() {
			continue
		}
		if out == nil {
			out = map[string]any{}
		}
		out[name] = v.Interface()
	}
	return out
}

// outputsOf is the outputs of all components, as commands print them.
func outputsOf(components []state.Component) map[string]map[string]any {
	out := map[string]map[string]any{}
	for _, c := range components {
		if len(c.Outputs) > 0 {
			out[c.Address] = c.Outputs
		}
	}
	return out
}

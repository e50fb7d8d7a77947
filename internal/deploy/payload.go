package deploy

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/manifest"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/state/session"
	"github.com/company/deployer/internal/value"
)

// frozen is one component of the resolved configuration that a state keeps: enough to expand it again without the YAML.
type frozen struct {
	Address    string            `json:"address"`
	Service    string            `json:"service"`
	Name       string            `json:"name"`
	Kind       string            `json:"kind"`
	Production bool              `json:"production,omitempty"`
	Tags       map[string]string `json:"tags,omitempty"`
	Spec       value.Value       `json:"spec"`
}

// resolved is the configuration as the state keeps it.
func resolved(stack *manifest.Stack) json.RawMessage {
	components := make([]frozen, len(stack.Components))
	for i, c := range stack.Components {
		components[i] = frozen{c.Address, c.Service, c.Name, c.Kind, c.Production, c.Tags, c.Spec}
	}
	raw, err := json.Marshal(components)
	if err != nil {
		panic(err) // a sensitive value in a spec is a validation error
	}
	return raw
}

// variables are the values that a deployment was made with, sensitive ones left out.
func variables(stack *manifest.Stack) map[string]string {
	out := map[string]string{}
	for _, v := range stack.Variables {
		if text, ok := v.Value.Text(); ok && !v.Sensitive && !v.Value.HasSensitive() {
			out[v.Name] = text
		}
	}
	return out
}

// payload is the next state as far as it is known before anything is done: that of before, with what this run brings.
func (u *run) payload(held *session.Session) *state.Payload {
	p := &state.Payload{Stack: u.req.Key.Stack, Environment: u.req.Key.Environment}
	if u.Stored != nil {
		*p = *u.Stored.Payload
	}
	p.Account, p.Region = u.where.Account, u.where.Region
	p.Engine, p.At, p.Version = u.Engine, held.Lock().Now(), u.back.World.Version
	p.Who, p.Edited = held.Who(), nil
	p.GitCommit = u.back.Git().Commit
	if u.stack != nil {
		p.Variables, p.Config, p.Approval = variables(u.stack), resolved(u.stack), u.stack.Approval
	}
	if u.plan != nil {
		if known, err := u.components(nil, u.Engine); err == nil { // preview has read the same bytes
			p.Components = known
		}
	}
	return p
}

// forgotten are the resources that were taken out of the state and are not back in it.
func (u *run) forgotten() []string {
	if u.Stored == nil {
		return nil
	}
	return u.Stored.Payload.Forgotten
}

// withoutStored leaves of forgotten resources those that a state still lacks.
func withoutStored(forgotten []string, engineState []byte) []string {
	resources, err := engine.Resources(engineState)
	if err != nil || len(forgotten) == 0 {
		return forgotten
	}
	return slices.DeleteFunc(slices.Clone(forgotten), func(id string) bool {
		return slices.ContainsFunc(resources, func(r engine.StoredResource) bool { return r.ID == id })
	})
}

// approvalRequired reports whether the environment wants an approval given for this run. A destroy has no Stack: the state's word counts, and
// that of the manifests where they can be read.
func (u *run) approvalRequired() bool {
	if u.stack != nil {
		return u.stack.Approval == manifest.ApprovalRequired
	}
	if u.Stored != nil && u.Stored.Payload.Approval == manifest.ApprovalRequired {
		return true
	}
	bundle, _ := manifest.Load(u.back.World.Root, u.req.Key.Stack) // its problems are nobody's who destroys
	return bundle != nil && bundle.Settings(u.req.Key.Environment).Approval == manifest.ApprovalRequired
}

// approvalChanged reports whether the state says of approvals something else than the manifests. It has to follow: a destroy asks it.
func (u *run) approvalChanged() bool {
	return u.stack != nil && u.Stored != nil && u.Stored.Payload.Approval != u.stack.Approval
}

// outputsChanged reports whether components give something else than the state says although no resource changes.
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

// components is what the state says of each component, beside engineState. Outputs of components that were not reached stay as they were.
// A component that the run is not about stays as the state had it; one that the state never had is not part of what is deployed.
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
		if !r.Data && !there[r.ID()] {
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
			Address: c.Address, Kind: c.Kind, DependsOn: c.DependsOn, Protect: c.Protect, Synthetic: c.Synthetic, Named: c.Named,
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

// about tells which components the run is about: with --target those of which it takes resources, and those named.
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

// summary is the history's line about a plan that was carried out.
func summary(s plan.Summary) string {
	var parts []string
	for _, part := range []struct {
		n    int
		mark string
	}{{s.Create, "+"}, {s.Adopt, "→"}, {s.Update, "~"}, {s.Replace, "±"}, {s.Delete, "-"}} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("%s%d", part.mark, part.n))
		}
	}
	return strings.Join(parts, " ")
}

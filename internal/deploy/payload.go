package deploy

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/manifest"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/state/session"
	"github.com/company/deployer/internal/value"
)

// frozen is one component of the resolved configuration that a state keeps.
type frozen = component.Frozen

// freeze is the configuration as states and saved plans keep it.
func freeze(stack *manifest.Stack) []frozen {
	components := make([]frozen, len(stack.Components))
	for i, c := range stack.Components {
		components[i] = frozen{
			Address: c.Address, Service: c.Service, Name: c.Name, Kind: c.Kind, Production: c.Production,
			Tags: c.Tags, Spec: c.Spec,
		}
	}
	return components
}

// thaw is the reverse of freeze: a stack that can be expanded and deployed without its manifests. origin says where the
// variables come from.
func thaw(
	key state.Key, account, region string, components []frozen, variables map[string]string, origin string,
) *manifest.Stack {
	out := &manifest.Stack{
		Name: key.Stack, Environment: key.Environment,
		Provider: manifest.Provider{Name: "aws", Region: region, Account: account},
	}
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		out.Variables = append(out.Variables,
			manifest.Variable{Name: name, Value: value.NewLoose(variables[name]), Origin: origin})
	}
	for _, c := range components {
		out.Components = append(out.Components, manifest.Component{Instance: component.Instance{
			Address: c.Address, Service: c.Service, Name: c.Name, Kind: c.Kind, Stack: key.Stack,
			Environment: key.Environment, Production: c.Production, Account: account, Region: region,
			Tags: c.Tags, Spec: c.Spec,
		}})
	}
	return out
}

// resolved is the configuration as the state keeps it. With --target it is the one of the chosen components; the others
// stay as they were deployed.
func (u *run) resolved() json.RawMessage {
	components := freeze(u.stack)
	if len(u.req.Targets) > 0 {
		components = u.mixed(components)
	}
	return encoded(components)
}

func encoded(components []frozen) json.RawMessage {
	raw, err := json.Marshal(components)
	if err != nil {
		panic(err) // a sensitive value in a spec is a validation error
	}
	return raw
}

// mixed returns the components that the run is about as they are desired, and the others as the state has them.
func (u *run) mixed(desired []frozen) []frozen {
	about := u.about()
	out := slices.DeleteFunc(slices.Clone(desired), func(c frozen) bool { return !about(c.Address) })
	if u.Stored != nil {
		deployed, _ := melted(u.Stored.Payload) // an older state without a configuration
		for _, c := range deployed {
			if !about(c.Address) {
				out = append(out, c)
			}
		}
	}
	slices.SortFunc(out, func(a, b frozen) int { return strings.Compare(a.Address, b.Address) })
	return out
}

// melted are the components of the configuration that a state keeps.
func melted(p *state.Payload) ([]frozen, error) {
	components, err := component.ReadFrozen(p.Config)
	if err != nil {
		return nil, fmt.Errorf("the configuration in the state of v%d: %w", p.Deployment, err)
	}
	return components, nil
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

// payload is the next state as known before anything is done: the state before, with what this run brings.
func (u *run) payload(held *session.Session) *state.Payload {
	p := &state.Payload{Stack: u.req.Key.Stack, Environment: u.req.Key.Environment}
	if u.Stored != nil {
		*p = *u.Stored.Payload
	}
	p.Account, p.Region = u.where.Account, u.where.Region
	p.Engine, p.At, p.Version = u.Engine, held.Lock().Now(), u.back.World.Version
	p.Who, p.Edited = held.Who(), nil
	if !u.remedy {
		p.GitCommit = u.back.Git().Commit
	}
	if u.stack != nil {
		p.Variables, p.Config, p.Approval = variables(u.stack), u.resolved(), u.stack.Approval
	} else if len(u.req.Targets) == 0 {
		p.Config = nil // a destroy
	} else {
		p.Config = encoded(u.mixed(nil))
	}
	u.setRollback(p)
	if u.plan != nil {
		if known, err := u.components(nil, u.Engine); err == nil { // preview has read the same bytes
			p.Components = known
		}
	}
	return p
}

// forgotten are the resources that were removed from the state and are not back in it.
func (u *run) forgotten() []string {
	if u.Stored == nil {
		return nil
	}
	return u.Stored.Payload.Forgotten
}

// withoutStored returns the forgotten resources that a state still lacks.
func withoutStored(forgotten []string, engineState []byte) []string {
	resources, err := engine.Resources(engineState)
	if err != nil || len(forgotten) == 0 {
		return forgotten
	}
	return slices.DeleteFunc(slices.Clone(forgotten), func(id string) bool {
		return slices.ContainsFunc(resources, func(r engine.StoredResource) bool { return r.ID == id })
	})
}

// counted is what the history says about the changes, as numbers.
func counted(s plan.Summary) *state.Changes {
	return &state.Changes{Create: s.Create, Adopt: s.Adopt, Update: s.Update, Replace: s.Replace, Delete: s.Delete}
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

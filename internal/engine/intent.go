package engine

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	sdk "github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/value"
)

// firstObjects returns the intents to create the first object of a resource, without replacements.
func firstObjects(intents []json.RawMessage) (map[string]bool, error) {
	firsts := map[string]bool{}
	for _, text := range intents {
		var i intent
		if err := json.Unmarshal(text, &i); err != nil {
			return nil, err
		}
		firsts[string(i.Resource)] = !i.Replaces
	}
	return firsts, nil
}

// intent is one creation of a plan. An interrupted run may have made the object without recording it.
type intent struct {
	Resource json.RawMessage `json:"resource"`
	Replaces bool            `json:"replaces,omitempty"` // another object of this resource
	// Parents says whose outputs the properties of Definition.FoundBy are that the plan did not know.
	Parents map[string]value.Reference `json:"parents,omitempty"`
}

// SameIntent reports whether two of Preview.Intents, or of Pending, are about one creation. Those of Pending do not say
// the Parents.
func SameIntent(a, b json.RawMessage) bool {
	var one, other intent
	return bytes.Equal(a, b) || json.Unmarshal(a, &one) == nil && json.Unmarshal(b, &other) == nil &&
		one.Replaces == other.Replaces && bytes.Equal(one.Resource, other.Resource)
}

// parentsOf returns the Parents of each of those intents, by its resource document. Several intents of one creation may
// be there, and not all say the parents.
func parentsOf(intents []json.RawMessage) (map[string]map[string]value.Reference, error) {
	parents := map[string]map[string]value.Reference{}
	for _, text := range intents {
		var i intent
		if err := json.Unmarshal(text, &i); err != nil {
			return nil, err
		}
		if len(i.Parents) > 0 {
			parents[string(i.Resource)] = i.Parents
		}
	}
	return parents, nil
}

// IntentResource returns the ID of the resource that one of Preview.Intents is about, "" for anything else.
func IntentResource(raw json.RawMessage) string {
	var i struct {
		Resource struct {
			URN sdk.URN `json:"urn"`
		} `json:"resource"`
	}
	if json.Unmarshal(raw, &i) != nil || !i.Resource.URN.IsValid() {
		return ""
	}
	return i.Resource.URN.Name()
}

// Made reports whether a stored resource is the object that one of Preview.Intents was to make, as far as the plan
// knew. If not, the object of that intent may be another one.
func Made(raw json.RawMessage, is StoredResource) bool {
	if len(raw) == 0 {
		return true
	}
	var i intent
	if json.Unmarshal(raw, &i) != nil {
		return false
	}
	rec, err := decodeRecord(i.Resource)
	return err == nil && rec.became(is.Inputs)
}

// became reports whether an object with those properties matches the record, as far as the record was known.
func (r *record) became(inputs value.Value) bool {
	return fits(r.inputs, inputs)
}

// fits compares planned properties with real ones. A plan's record has Null for what was not known.
func fits(planned, is value.Value) bool {
	switch planned.Kind() {
	case value.Null, value.Unknown:
		return true
	case value.Map:
		for name, part := range planned.Entries() {
			if !fits(part, is.Get(name)) {
				return false
			}
		}
		return true
	case value.List:
		parts, there := planned.Items(), is.Items()
		if len(parts) != len(there) {
			return false
		}
		for i := range parts {
			if !fits(parts[i], there[i]) {
				return false
			}
		}
		return true
	}
	return value.Equal(planned, is)
}

// intents returns the creations of a plan, without unknown properties. unnamed are those whose names are unknown.
func (c *collector) intents() (out []json.RawMessage, unnamed []string) {
	for _, s := range c.changes {
		if s.new == nil || s.action == plan.Update {
			continue
		}
		if typ, _ := typeOf(s.urn.Type()); !c.run.named(typ, s.new.Inputs) {
			unnamed = append(unnamed, s.urn.Name())
		}
		rec := recordOf(s.new)
		rec.ID, rec.Outputs = "", nil
		// a found object gets the protection that the interrupted run would have recorded
		rec.Protect = c.run.protect[s.new.URN.Name()]
		text, err := json.Marshal(intent{
			Resource: rec.encode(), Replaces: s.action == plan.Replace,
			Parents: c.run.parents(s.urn.Name(), fromProperties(s.new.Inputs)),
		})
		if err != nil {
			panic(err) // a raw message that came from json.Marshal
		}
		out = append(out, text)
	}
	return out, unnamed
}

// parents returns whose outputs the properties are by which the object is found, as far as inputs lack them.
func (r *run) parents(id string, inputs value.Value) map[string]value.Reference {
	res := r.graph.Resource(id)
	if res == nil {
		return nil
	}
	var out map[string]value.Reference
	for _, names := range r.definition(res.Type).FoundBy {
		for _, name := range strings.Split(names, "|") {
			ref, ok := r.reference(res.Props.Get(name))
			if !ok || inputs.Get(name).Known() {
				continue
			}
			if out == nil {
				out = map[string]value.Reference{}
			}
			out[name] = ref
		}
	}
	return out
}

// reference follows a value to the output of a resource; false if it is anything else.
func (r *run) reference(v value.Value) (value.Reference, bool) {
	for range 10 { // an output of a component may be that of another component
		if v.Kind() != value.Deferred || v.Expression().Op != value.OpReference {
			return value.Reference{}, false
		}
		ref := v.Expression().Ref
		if ref.IsResource() {
			return ref, true
		}
		c := r.graph.Component(ref.Target)
		if c == nil {
			return value.Reference{}, false
		}
		v = c.Outputs[ref.Output]
	}
	return value.Reference{}, false
}

// named reports whether the name in AWS of an object with those properties is known, as far as the type makes names of
// properties.
func (r *run) named(typ string, inputs sdk.PropertyMap) bool {
	name := r.definition(typ).HashedName
	return name == "" || fromProperties(inputs).Get(name).Known()
}

// withIntents adds the planned creations of interrupted runs (the oldest first) to the begun ones, without those that
// the state already has. In the result the newest comes first: most likely that one is wanted now.
func withIntents(state []byte, intents []json.RawMessage) ([]byte, error) {
	if len(intents) == 0 {
		return state, nil
	}
	d, err := decodeDeployment(state)
	if err != nil {
		return nil, err
	}
	stored := map[sdk.URN]*record{}
	for _, raw := range d.Resources {
		rec, err := decodeRecord(raw)
		if err != nil {
			return nil, err
		}
		stored[rec.URN] = rec
	}
	var planned []operation
	for _, text := range slices.Backward(intents) {
		var i intent
		if err := json.Unmarshal(text, &i); err != nil {
			return nil, err
		}
		rec, err := decodeRecord(i.Resource)
		if err != nil {
			return nil, err
		}
		is := stored[rec.URN]
		begun := slices.ContainsFunc(d.PendingOperations, func(op operation) bool {
			return op.Type == opCreating && bytes.Equal(op.Resource, i.Resource)
		})
		if !begun && (i.Replaces || is == nil || !rec.became(is.inputs)) {
			planned = append(planned, operation{Resource: i.Resource, Type: opCreating})
		}
	}
	if len(planned) == 0 {
		return state, nil
	}
	return encodeDeployment(d.Resources, append(planned, d.PendingOperations...)), nil
}

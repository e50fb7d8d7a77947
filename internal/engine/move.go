package engine

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	pkgresource "github.com/pulumi/pulumi/pkg/v3/resource"
	sdk "github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"github.com/company/deployer/internal/resource"
)

// movedFrom starts the note on a resource of a renamed component: the tags of its object still have the old address.
const movedFrom = "moved from "

// Move returns the state with renamed components: to maps old addresses to new ones. Objects, their names in AWS and
// their properties stay. The next apply updates each object in place, so that its tags have the new address.
func Move(state []byte, to map[string]string) ([]byte, error) {
	d, err := decodeDeployment(state)
	if err != nil {
		return nil, err
	}
	resources := make([]json.RawMessage, len(d.Resources))
	for i, raw := range d.Resources {
		rec, err := decodeRecord(raw)
		if err != nil {
			return nil, err
		}
		if rec.Type == sdk.RootStackType {
			outputs := plainMap(properties(rec.outputs)) // of all components
			for old, address := range to {
				if of, has := outputs[old]; has {
					delete(outputs, old)
					outputs[address] = of
				}
			}
			root := recordOf(rec.state())
			root.Outputs = outputs
			resources[i] = root.encode()
			continue
		}
		if !rec.rename(to) {
			resources[i] = raw
			continue
		}
		resources[i] = rec.reencode()
	}
	for i, op := range d.PendingOperations {
		if d.PendingOperations[i].Resource, err = moved(op.Resource, to); err != nil {
			return nil, err
		}
	}
	return encodeDeployment(resources, d.PendingOperations), nil
}

// MoveIntent is Move for one of Preview.Intents.
func MoveIntent(raw json.RawMessage, to map[string]string) (json.RawMessage, error) {
	if len(raw) == 0 {
		return raw, nil
	}
	var i intent
	if err := json.Unmarshal(raw, &i); err != nil {
		return nil, err
	}
	var err error
	if i.Resource, err = moved(i.Resource, to); err != nil {
		return nil, err
	}
	return json.Marshal(i)
}

func moved(raw json.RawMessage, to map[string]string) (json.RawMessage, error) {
	rec, err := decodeRecord(raw)
	if err != nil {
		return nil, err
	}
	if !rec.rename(to) {
		return raw, nil
	}
	rec.InitErrors = nil // the object does not exist yet, or its own record has the note
	return rec.reencode(), nil
}

// rename changes the addresses in a record and its references, and reports whether there were any to change.
func (r *record) rename(to map[string]string) bool {
	changed := false
	name := func(urn sdk.URN) sdk.URN {
		id := urn.Name()
		address, yes := to[resource.ComponentOf(id)]
		if !yes {
			return urn
		}
		changed = true
		return urn.Rename(address + strings.TrimPrefix(id, resource.ComponentOf(id)))
	}
	old := r.URN
	r.URN = name(r.URN)
	if r.URN != old && r.ID != "" {
		switch told := movedFrom + resource.ComponentOf(r.URN.Name()); {
		case len(r.InitErrors) == 0:
			r.InitErrors = []string{movedFrom + resource.ComponentOf(old.Name())}
		case r.InitErrors[0] == told: // renamed back before its object heard of it
			r.InitErrors = nil
		}
	}
	for i, urn := range r.Dependencies {
		r.Dependencies[i] = name(urn)
	}
	for _, property := range slices.Sorted(maps.Keys(r.PropertyDependencies)) {
		for i, urn := range r.PropertyDependencies[property] {
			r.PropertyDependencies[property][i] = name(urn)
		}
	}
	return changed
}

// wasMoved reports whether a resource needs an update only because its component was renamed.
func wasMoved(s *pkgresource.State) bool {
	return len(s.InitErrors) > 0 && strings.HasPrefix(s.InitErrors[0], movedFrom)
}

package engine

import (
	"encoding/json"
	"fmt"
	"slices"

	sdk "github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"github.com/company/deployer/internal/resource"
)

// Forget returns the state without those resources, and without their objects that wait for deletion. The other
// resources do not refer to them any more. No object is touched.
func Forget(state []byte, forget func(resourceID string) bool) ([]byte, error) {
	d, err := decodeDeployment(state)
	if err != nil {
		return nil, err
	}
	gone := map[sdk.URN]bool{}
	addresses := map[string]int{}
	records := make([]*record, len(d.Resources))
	for i, raw := range d.Resources {
		rec, err := decodeRecord(raw)
		if err != nil {
			return nil, err
		}
		records[i] = rec
		if _, ours := typeOf(rec.Type); !ours {
			continue
		}
		if id := rec.URN.Name(); forget(id) {
			gone[rec.URN] = true
		} else {
			addresses[resource.ComponentOf(id)]++
		}
	}
	var kept []json.RawMessage
	for i, rec := range records {
		switch {
		case gone[rec.URN]:
		case rec.Type == sdk.RootStackType:
			// It carries the outputs of all components.
			outputs := plainMap(properties(rec.outputs))
			for address := range outputs {
				if addresses[address] == 0 {
					delete(outputs, address)
				}
			}
			root := recordOf(rec.state())
			root.Outputs = outputs
			kept = append(kept, root.encode())
		case rec.refersTo(gone):
			kept = append(kept, rec.without(gone))
		default:
			kept = append(kept, d.Resources[i])
		}
	}
	var pending []operation
	for _, op := range d.PendingOperations {
		rec, err := decodeRecord(op.Resource)
		if err != nil {
			return nil, err
		}
		switch {
		case !gone[rec.URN]:
			pending = append(pending, op)
		case op.Type == opCreating:
			return nil, fmt.Errorf("an interrupted run was creating another object of %s", rec.URN.Name())
		}
	}
	return encodeDeployment(kept, pending), nil
}

func (rec *record) refersTo(gone map[sdk.URN]bool) bool {
	if slices.ContainsFunc(rec.Dependencies, func(urn sdk.URN) bool { return gone[urn] }) {
		return true
	}
	for _, urns := range rec.PropertyDependencies {
		if slices.ContainsFunc(urns, func(urn sdk.URN) bool { return gone[urn] }) {
			return true
		}
	}
	return false
}

// without encodes a decoded record again, without its references to removed resources.
func (rec *record) without(gone map[sdk.URN]bool) json.RawMessage {
	isGone := func(urn sdk.URN) bool { return gone[urn] }
	rec.Dependencies = slices.DeleteFunc(rec.Dependencies, isGone)
	for property, urns := range rec.PropertyDependencies {
		if urns = slices.DeleteFunc(urns, isGone); len(urns) > 0 {
			rec.PropertyDependencies[property] = urns
		} else {
			delete(rec.PropertyDependencies, property)
		}
	}
	return rec.reencode()
}

// Searches returns documents (as Preview.Intents) in the order of the state. A later run uses them to look for the
// objects of those resources. It takes existing objects into the state, and deletes those that nobody wants. instead:
// the later run's state has another, older object of the same resource.
func Searches(state []byte, wanted func(StoredResource) (yes, instead bool)) ([]json.RawMessage, error) {
	resources, err := Resources(state)
	if err != nil {
		return nil, err
	}
	d, err := decodeDeployment(state)
	if err != nil {
		return nil, err
	}
	var out []json.RawMessage
	n := 0 // Resources leaves out what is not ours
	for _, raw := range d.Resources {
		rec, err := decodeRecord(raw)
		if err != nil {
			return nil, err
		}
		if _, ours := typeOf(rec.Type); !ours {
			continue
		}
		if yes, instead := wanted(resources[n]); yes {
			search := recordOf(rec.state())
			search.ID, search.Outputs, search.Delete, search.PendingReplacement, search.InitErrors = "", nil, false,
				false, nil
			text, err := json.Marshal(intent{Resource: search.encode(), Replaces: instead})
			if err != nil {
				return nil, err
			}
			out = append(out, text)
		}
		n++
	}
	return out, nil
}

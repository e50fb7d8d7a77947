package engine

import (
	"encoding/json"
	"slices"

	sdk "github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// inOrder returns the resources of the slots, each after its dependencies, as Pulumi requires, and otherwise in the
// order of the slots. Objects that wait for their deletion come last. Dependencies on missing resources are removed.
func inOrder(slots []slot) ([]json.RawMessage, error) {
	live := make(map[sdk.URN]int, len(slots))
	for i, s := range slots {
		if s.raw != nil && !s.Delete {
			live[s.URN] = i
		}
	}
	out := make([]json.RawMessage, 0, len(slots))
	visited := make([]bool, len(slots))
	var visit func(i int) error
	visit = func(i int) error {
		if visited[i] {
			return nil
		}
		visited[i] = true
		dangling := false
		for _, urn := range slots[i].Dependencies {
			n, ok := live[urn]
			if !ok {
				dangling = true
				continue
			}
			if err := visit(n); err != nil {
				return err
			}
		}
		raw := slots[i].raw
		if dangling {
			var err error
			if raw, err = without(raw, func(urn sdk.URN) bool { _, ok := live[urn]; return !ok }); err != nil {
				return err
			}
		}
		out = append(out, raw)
		return nil
	}
	for _, waiting := range []bool{false, true} {
		for i, s := range slots {
			if s.raw == nil || s.Delete != waiting {
				continue
			}
			if err := visit(i); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// without removes dependencies from a resource.
func without(raw json.RawMessage, gone func(sdk.URN) bool) (json.RawMessage, error) {
	r, err := decodeRecord(raw)
	if err != nil {
		return nil, err
	}
	r.Dependencies = slices.DeleteFunc(r.Dependencies, gone)
	for key, urns := range r.PropertyDependencies {
		if r.PropertyDependencies[key] = slices.DeleteFunc(urns, gone); len(r.PropertyDependencies[key]) == 0 {
			delete(r.PropertyDependencies, key)
		}
	}
	return r.reencode(), nil
}

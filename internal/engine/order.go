package engine

import (
	"encoding/json"
	"slices"

	sdk "github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// inOrder returns the resources of the slots, each after its dependencies, as Pulumi requires, and otherwise in the
// order of the slots. Dependencies on missing resources are removed.
//
// An object that waits for its deletion comes right after the one that replaced it, as far as its own dependencies
// allow, else last. Pulumi deletes an object before what comes earlier and has a URN among its dependencies. So what
// still depends on the replaced object is deleted before that object: the instances of a cluster before the cluster.
func inOrder(slots []slot) ([]json.RawMessage, error) {
	o := &ordering{
		slots: slots, live: make(map[sdk.URN]int, len(slots)), waiting: map[sdk.URN][]int{},
		out: make([]json.RawMessage, 0, len(slots)), visited: make([]bool, len(slots)), done: make([]bool, len(slots)),
	}
	for i, s := range slots {
		switch {
		case s.raw == nil:
		case s.Delete:
			o.waiting[s.URN] = append(o.waiting[s.URN], i)
		default:
			o.live[s.URN] = i
		}
	}
	for _, waiting := range []bool{false, true} {
		for i, s := range slots {
			if s.raw == nil || s.Delete != waiting {
				continue
			}
			if err := o.visit(i); err != nil {
				return nil, err
			}
		}
	}
	return o.out, nil
}

// ordering is what inOrder knows while it orders.
type ordering struct {
	slots         []slot
	live          map[sdk.URN]int
	waiting       map[sdk.URN][]int // for their deletion
	out           []json.RawMessage
	visited, done []bool
}

// visit appends a resource after its dependencies.
func (o *ordering) visit(i int) error {
	if o.visited[i] {
		return nil
	}
	o.visited[i] = true
	dangling := false
	for _, urn := range o.slots[i].Dependencies {
		n, ok := o.live[urn]
		if !ok {
			dangling = true
			continue
		}
		if err := o.visit(n); err != nil {
			return err
		}
	}
	raw := o.slots[i].raw
	if dangling {
		var err error
		if raw, err = without(raw, func(urn sdk.URN) bool { _, ok := o.live[urn]; return !ok }); err != nil {
			return err
		}
	}
	o.out = append(o.out, raw)
	o.done[i] = true
	if o.slots[i].Delete {
		return nil
	}
	for _, n := range o.waiting[o.slots[i].URN] {
		if o.free(n) {
			if err := o.visit(n); err != nil {
				return err
			}
		}
	}
	return nil
}

// free reports whether all that a resource depends on is in its place.
func (o *ordering) free(i int) bool {
	return !slices.ContainsFunc(o.slots[i].Dependencies, func(urn sdk.URN) bool {
		n, ok := o.live[urn]
		return ok && !o.done[n]
	})
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

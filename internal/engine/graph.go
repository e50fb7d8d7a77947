package engine

import (
	"fmt"
	"slices"

	sdk "github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

// node is one thing that the source offers or looks up: a desired resource, a stored one that is kept as it is, or
// data.
type node struct {
	id         string
	desired    *resource.Resource // nil: kept
	kept       *stored
	waitsFor   int
	dependents []*node
	needs      []string // IDs of resources, also through data
	done       bool
}

// nodes builds what a run offers, and refuses cycles. Without targets: all desired resources. With targets: the
// targeted desired ones, and all untargeted stored ones as they are. Data is included where needed.
func (r *run) nodes() ([]*node, error) {
	edges, err := r.graph.Edges()
	if err != nil {
		return nil, err
	}
	byID := make(map[string]*node, len(r.graph.Resources))
	var all []*node
	add := func(n *node) {
		byID[n.id] = n
		all = append(all, n)
	}
	desired := make(map[string]*resource.Resource, len(r.graph.Resources))
	for _, res := range r.graph.Resources {
		desired[res.ID()] = res
	}
	var require func(id string)
	require = func(id string) {
		res := desired[id]
		if res == nil || !res.Data || byID[id] != nil {
			return
		}
		add(&node{id: id, desired: res})
		for _, need := range edges[id] {
			require(need)
		}
	}
	for _, res := range r.graph.Resources {
		id := res.ID()
		switch {
		case res.Data && len(r.o.Targets) == 0:
			require(id)
		case res.Data, r.keep(id):
		default:
			for _, need := range edges[id] {
				require(need)
			}
			add(&node{id: id, desired: res})
		}
	}
	for _, s := range r.state.all {
		if s.id != "" && r.keep(s.id) && !s.state.Delete && !s.state.PendingReplacement {
			add(&node{id: s.id, kept: s})
		}
	}
	for _, n := range all {
		if err := r.connect(n, byID, edges); err != nil {
			return nil, err
		}
	}
	return all, cycle(all)
}

// connect counts what a node waits for.
func (r *run) connect(n *node, byID map[string]*node, edges map[string][]string) error {
	waits := map[string]bool{}
	needs := map[string]bool{}
	if n.kept != nil {
		for _, urn := range n.kept.state.Dependencies {
			if id := urn.Name(); byID[id] != nil && id != n.id {
				waits[id], needs[id] = true, true
			}
		}
	} else {
		var through func(id string)
		through = func(id string) {
			for _, need := range edges[id] {
				if to := byID[need]; to != nil && to.desired != nil && to.desired.Data {
					through(need)
				} else {
					needs[need] = true
				}
			}
		}
		through(n.id)
		for _, need := range edges[n.id] {
			if byID[need] == nil {
				return fmt.Errorf("%s needs %s, which does not exist yet and is not targeted", n.id, need)
			}
			waits[need] = true
		}
	}
	for id := range waits {
		n.waitsFor++
		byID[id].dependents = append(byID[id].dependents, n)
	}
	n.needs = make([]string, 0, len(needs))
	for id := range needs {
		n.needs = append(n.needs, id)
	}
	slices.Sort(n.needs)
	return nil
}

// cycle returns a *resource.CycleError when some nodes can never start.
func cycle(all []*node) error {
	left := make(map[*node]int, len(all))
	var ready []*node
	for _, n := range all {
		if left[n] = n.waitsFor; n.waitsFor == 0 {
			ready = append(ready, n)
		}
	}
	for len(ready) > 0 {
		n := ready[len(ready)-1]
		ready = ready[:len(ready)-1]
		delete(left, n)
		for _, d := range n.dependents {
			if left[d]--; left[d] == 0 {
				ready = append(ready, d)
			}
		}
	}
	// Each node that is left waits for another node that is left, so following them leads to a cycle.
	blockers := make(map[*node]*node, len(left))
	for _, n := range all {
		if _, stuck := left[n]; !stuck {
			continue
		}
		for _, d := range n.dependents {
			if _, stuck := left[d]; stuck && blockers[d] == nil {
				blockers[d] = n
			}
		}
	}
	for _, n := range all {
		if blockers[n] == nil {
			continue
		}
		seen := map[*node]int{}
		var path []string
		for at := n; at != nil; at = blockers[at] {
			if start, again := seen[at]; again {
				return &resource.CycleError{Path: append(path[start:], at.id)}
			}
			seen[at] = len(path)
			path = append(path, at.id)
		}
	}
	return nil
}

// propertyDependencies returns the resources that each top-level property comes from, also through outputs of
// components and data.
func (r *run) propertyDependencies(props value.Value, urns map[string]sdk.URN) map[sdk.PropertyKey][]sdk.URN {
	var out map[sdk.PropertyKey][]sdk.URN
	for key, v := range props.Entries() {
		if known(v) {
			continue
		}
		found := map[sdk.URN]bool{}
		r.follow(v, urns, found, 0)
		if len(found) == 0 {
			continue
		}
		list := make([]sdk.URN, 0, len(found))
		for urn := range found {
			list = append(list, urn)
		}
		slices.Sort(list)
		if out == nil {
			out = map[sdk.PropertyKey][]sdk.URN{}
		}
		out[sdk.PropertyKey(key)] = list
	}
	return out
}

func (r *run) follow(v value.Value, urns map[string]sdk.URN, found map[sdk.URN]bool, depth int) {
	if depth > 64 {
		return // Edges has already refused cycles of outputs
	}
	for _, ref := range v.References() {
		if !ref.IsResource() {
			if c := r.graph.Component(ref.Target); c != nil {
				r.follow(c.Outputs[ref.Output], urns, found, depth+1)
			}
			continue
		}
		if urn, ok := urns[ref.Target]; ok {
			found[urn] = true
		} else if data := r.data[ref.Target]; data != nil {
			r.follow(data.Props, urns, found, depth+1)
		}
	}
}

// Package resource holds desired AWS resources and their graph, and the contract between those who want resources
// (kinds, the engine) and those who make them (the AWS resource types).
//
// In: typed properties from the sub-packages resource/<service>. Out: a Graph, and Behaviours that act on it. It knows
// no SDK and no engine and must not do I/O.
package resource

import (
	"fmt"
	"slices"
	"strings"

	"github.com/company/deployer/internal/value"
)

// Resource is one desired AWS object, or one lookup in AWS (Data).
type Resource struct {
	Component string      // address of its component: "user-service/api"
	Name      string      // within the component: "task-role"; a contract, part of the URN
	Type      string      // "<service>/<kind>": "iam/role"
	Props     value.Value // a Map, made by value.Encode of the typed properties; may hold Deferred references
	After     []string    // IDs of resources that must exist first although no property refers to them
	Protect   bool        // never deleted or replaced without --allow-data-loss
	Data      bool        // looked up, never created: its outputs are the Lookup's answer
	// Only says whether the object is wanted, if the answer of a lookup decides that: a record only where there is a
	// hosted zone. It is true or false. Null: always. If a plan cannot know it, the object is not wanted. References to
	// an unwanted object are null.
	Only value.Value
}

// ID returns "<component>:<name>", the address that state, plans and references use.
func (r *Resource) ID() string { return r.Component + ":" + r.Name }

// Output makes a reference to an output of the resource.
func (r *Resource) Output(name string) value.Value { return value.Output(r.ID(), name) }

// NetworkUnfit is the kind of a problem whose cause is not a property but the network of the resource.
const NetworkUnfit value.ProblemKind = "network unfit"

// Impossible is the kind of a problem with a change that AWS cannot make. The value itself is valid.
const Impossible value.ProblemKind = "impossible change"

// ComponentOf returns the component's address from a resource ID.
func ComponentOf(id string) string {
	address, _, _ := strings.Cut(id, ":")
	return address
}

// Component is what the graph knows about one component.
type Component struct {
	Address   string
	Kind      string
	DependsOn []string               // addresses
	Outputs   map[string]value.Value // made of references to outputs of its resources
	Protect   bool
	Synthetic bool // shared, and made because others need it: infra/cluster, infra/ingress
	Notes     []Hint
	Moved     string   // its former address, as its manifest says; "": none
	Named     string   // the address from which its physical names are made; "": its own
	About     string   // what it will be, for people, in one line; "" where its kind says nothing
	Overrides []string // names of its resources that its manifest overrides
}

// Hint is a fact about a component that its users must know or act on, such as a record to make by hand.
type Hint struct {
	When value.Value   // true: it holds
	Text []value.Value // the parts of a sentence without its end
}

// Graph is everything desired. Each resource comes after all that it needs.
type Graph struct {
	Components []Component // sorted by address
	Resources  []*Resource
}

// Resource returns the resource with that ID; nil if there is none.
func (g *Graph) Resource(id string) *Resource {
	for _, r := range g.Resources {
		if r.ID() == id {
			return r
		}
	}
	return nil
}

// Component returns the component with that address; nil if there is none.
func (g *Graph) Component(address string) *Component {
	i, found := slices.BinarySearchFunc(g.Components, address, func(c Component, a string) int {
		return strings.Compare(c.Address, a)
	})
	if !found {
		return nil
	}
	return &g.Components[i]
}

// Edges returns for each resource ID the IDs that it needs first, sorted: the IDs that its properties refer to,
// directly or through outputs of components, its After list, and, for dependsOn, every resource of those components.
func (g *Graph) Edges() (map[string][]string, error) {
	components := make(map[string]*Component, len(g.Components))
	for i := range g.Components {
		components[g.Components[i].Address] = &g.Components[i]
	}
	members := map[string][]string{}
	exists := make(map[string]bool, len(g.Resources))
	for _, r := range g.Resources {
		members[r.Component] = append(members[r.Component], r.ID())
		exists[r.ID()] = true
	}
	edges := make(map[string][]string, len(g.Resources))
	for _, r := range g.Resources {
		needs := map[string]bool{}
		var follow func(v value.Value, depth int) error
		follow = func(v value.Value, depth int) error {
			if depth > 32 {
				return fmt.Errorf("%s: outputs of components refer to each other in a circle", r.ID())
			}
			for _, ref := range v.References() {
				if ref.IsResource() {
					if !exists[ref.Target] {
						return fmt.Errorf("%s refers to %s, but there is no such resource", r.ID(), ref)
					}
					needs[ref.Target] = true
					continue
				}
				c := components[ref.Target]
				if c == nil {
					return fmt.Errorf("%s refers to %s, but there is no such component", r.ID(), ref)
				}
				out, ok := c.Outputs[ref.Output]
				if !ok {
					return fmt.Errorf("%s refers to %s, but %s has no such output", r.ID(), ref, ref.Target)
				}
				if err := follow(out, depth+1); err != nil {
					return err
				}
			}
			return nil
		}
		for _, v := range []value.Value{r.Props, r.Only} {
			if err := follow(v, 0); err != nil {
				return nil, err
			}
		}
		for _, id := range r.After {
			if !exists[id] {
				return nil, fmt.Errorf("%s comes after %s, but there is no such resource", r.ID(), id)
			}
			needs[id] = true
		}
		if c := components[r.Component]; c != nil {
			for _, address := range c.DependsOn {
				for _, id := range members[address] {
					needs[id] = true
				}
			}
		}
		delete(needs, r.ID())
		list := make([]string, 0, len(needs))
		for id := range needs {
			list = append(list, id)
		}
		slices.Sort(list)
		edges[r.ID()] = list
	}
	return edges, nil
}

// CycleError is returned by Sort when resources need each other.
type CycleError struct{ Path []string } // IDs, the first repeated at the end

func (e *CycleError) Error() string { return "a cycle: " + strings.Join(e.Path, " -> ") }

// Sort orders the resources so that each comes after all that it needs. Resources without an order between them are
// sorted by ID, so that equal inputs give equal graphs. If there is no such order, Sort fails with a *CycleError.
func (g *Graph) Sort() error {
	edges, err := g.Edges()
	if err != nil {
		return err
	}
	slices.SortFunc(g.Components, func(a, b Component) int { return strings.Compare(a.Address, b.Address) })
	slices.SortFunc(g.Resources, func(a, b *Resource) int { return strings.Compare(a.ID(), b.ID()) })
	byID := make(map[string]*Resource, len(g.Resources))
	for _, r := range g.Resources {
		byID[r.ID()] = r
	}
	const visiting, done = 1, 2
	state := make(map[string]int, len(g.Resources))
	order := make([]*Resource, 0, len(g.Resources))
	var path []string
	var visit func(id string) error
	visit = func(id string) error {
		switch state[id] {
		case done:
			return nil
		case visiting:
			start := slices.Index(path, id)
			return &CycleError{Path: append(slices.Clone(path[start:]), id)}
		}
		state[id] = visiting
		path = append(path, id)
		for _, need := range edges[id] {
			if err := visit(need); err != nil {
				return err
			}
		}
		path = path[:len(path)-1]
		state[id] = done
		order = append(order, byID[id])
		return nil
	}
	for _, r := range g.Resources {
		if err := visit(r.ID()); err != nil {
			return err
		}
	}
	g.Resources = order
	return nil
}

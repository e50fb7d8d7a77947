package view

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/company/deployer/internal/resource"
)

// Graph is a picture of a stack: its components, the resources of each, and their dependencies.
type Graph struct {
	Stack       string      `json:"stack"`
	Environment string      `json:"environment"`
	Components  []GraphNode `json:"components"`
	Edges       []GraphEdge `json:"edges"`
}

// GraphNode is one component.
type GraphNode struct {
	Address   string   `json:"address"`
	Kind      string   `json:"kind"`
	Shared    bool     `json:"shared,omitempty"` // synthetic: made because other components need it
	Resources []string `json:"resources"`        // names within the component, in the order of creation
}

// GraphEdge says that From needs To.
type GraphEdge struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// NewGraph reduces a resource graph to its components.
func NewGraph(stack, environment string, g *resource.Graph) (*Graph, error) {
	needs, err := g.Edges()
	if err != nil {
		return nil, err
	}
	out := &Graph{Stack: stack, Environment: environment, Components: []GraphNode{}, Edges: []GraphEdge{}}
	for _, c := range g.Components {
		node := GraphNode{Address: c.Address, Kind: c.Kind, Shared: c.Synthetic, Resources: []string{}}
		to := map[string]bool{}
		for _, r := range g.Resources {
			if r.Component != c.Address {
				continue
			}
			node.Resources = append(node.Resources, r.Name)
			for _, id := range needs[r.ID()] {
				to[resource.ComponentOf(id)] = true
			}
		}
		for _, address := range c.DependsOn {
			to[address] = true
		}
		delete(to, c.Address)
		for address := range to {
			out.Edges = append(out.Edges, GraphEdge{c.Address, address})
		}
		out.Components = append(out.Components, node)
	}
	slices.SortFunc(out.Edges, func(a, b GraphEdge) int {
		return strings.Compare(a.From+"\x00"+a.To, b.From+"\x00"+b.To)
	})
	return out, nil
}

// GraphText writes the graph as a tree. Components that no other needs are at the top; below each are the components
// that it needs. A component is written in full once, and later only named.
func GraphText(w *Writer, g *Graph) {
	w.Printf("%s/%s\n", styled(bold, g.Stack), styled(bold, g.Environment))
	needs, needed := map[string][]string{}, map[string]bool{}
	for _, e := range g.Edges {
		needs[e.From] = append(needs[e.From], e.To)
		needed[e.To] = true
	}
	nodes := map[string]GraphNode{}
	var tops []string
	for _, n := range g.Components {
		nodes[n.Address] = n
		if !needed[n.Address] {
			tops = append(tops, n.Address)
		}
	}
	// In a cycle of components, none is at the top. (Such a cycle is allowed; a cycle of resources is not.)
	reached := map[string]bool{}
	var reach func(string)
	reach = func(a string) {
		if !reached[a] {
			reached[a] = true
			for _, to := range needs[a] {
				reach(to)
			}
		}
	}
	for _, top := range tops {
		reach(top)
	}
	for _, n := range g.Components {
		if !reached[n.Address] {
			tops = append(tops, n.Address)
			reach(n.Address)
		}
	}
	shown := map[string]bool{}
	var branch func(address, lead string, last bool)
	branch = func(address, lead string, last bool) {
		n := nodes[address]
		fork, next := "├── ", "│   "
		if last {
			fork, next = "└── ", "    "
		}
		indent := min(columns(lead+fork)+2, w.Width/2)
		line := lead + fork + styled(bold, address) + styled(dim,
			" ("+n.Kind+", "+count(len(n.Resources), "resource")+")")
		if shown[address] && len(needs[address]) > 0 {
			w.Printf("%s\n", fold(line+styled(dim, " …"), indent, w.Width))
			return
		}
		shown[address] = true
		w.Printf("%s\n", fold(line, indent, w.Width))
		for i, to := range needs[address] {
			branch(to, lead+next, i == len(needs[address])-1)
		}
	}
	for i, top := range tops {
		branch(top, "", i == len(tops)-1)
	}
}

// GraphDOT writes the graph for Graphviz.
func GraphDOT(w io.Writer, g *Graph) error {
	var b strings.Builder
	fmt.Fprintf(&b, "digraph %s {\n  rankdir=LR;\n  node [shape=box, style=\"rounded,filled\", fillcolor=white, "+
		"fontname=\"Helvetica\"];\n", quote(g.Stack+"/"+g.Environment))
	for _, n := range g.Components {
		style := ""
		if n.Shared {
			style = ", style=\"rounded,dashed\""
		}
		fmt.Fprintf(&b, "  %s [label=%s%s];\n", quote(n.Address), quote(n.Address+"\n"+n.Kind), style)
	}
	for _, e := range g.Edges {
		fmt.Fprintf(&b, "  %s -> %s;\n", quote(e.From), quote(e.To))
	}
	b.WriteString("}\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// quote makes a DOT string. The JSON escapes that addresses and kinds can have are valid in DOT, too.
func quote(text string) string {
	q, _ := json.Marshal(text)
	return string(q)
}

// GraphMermaid writes the graph for Mermaid, which code hosts draw in Markdown.
func GraphMermaid(w io.Writer, g *Graph) error {
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	id := map[string]string{}
	for i, n := range g.Components {
		id[n.Address] = fmt.Sprintf("c%d", i)
		left, right := "[", "]"
		if n.Shared {
			left, right = "([", "])"
		}
		fmt.Fprintf(&b, "  c%d%s\"%s<br/>%s\"%s\n", i, left, n.Address, n.Kind, right)
	}
	for _, e := range g.Edges {
		fmt.Fprintf(&b, "  %s --> %s\n", id[e.From], id[e.To])
	}
	_, err := io.WriteString(w, b.String())
	return err
}

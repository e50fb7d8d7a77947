package manifest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/company/deployer/internal/diag"
)

// cycles reports components that can never be made because they wait for each other. A reference makes only one
// resource wait. So a component with one reference in and another one out may be fine: only the graph of its resources
// tells whether there is a cycle (resource.Graph.Sort). A cycle is certain when there is a dependsOn between any two
// references.
func (r *resolver) cycles() {
	outgoing := map[string][]int{} // address -> indexes of waits
	for i, w := range r.waits {
		outgoing[w.from] = append(outgoing[w.from], i)
	}
	const visiting, done = 1, 2
	state := make([]int, len(r.waits))
	reported := map[string]bool{}
	var path []int
	var visit func(i int)
	visit = func(i int) {
		state[i] = visiting
		path = append(path, i)
		for _, next := range outgoing[r.waits[i].to] {
			if !r.waits[i].whole && !r.waits[next].whole {
				continue
			}
			switch state[next] {
			case visiting:
				r.cycle(path[slices.Index(path, next):], reported)
			case 0:
				visit(next)
			}
		}
		path = path[:len(path)-1]
		state[i] = done
	}
	for i := range r.waits {
		if state[i] == 0 {
			visit(i)
		}
	}
}

// cycle reports a cycle, starting at its smallest address, once for each set of components.
func (r *resolver) cycle(path []int, reported map[string]bool) {
	waits := make([]wait, len(path))
	for i, index := range path {
		waits[i] = r.waits[index]
	}
	first := 0
	for i := range waits {
		if waits[i].from < waits[first].from {
			first = i
		}
	}
	waits = append(slices.Clone(waits[first:]), waits[:first]...)
	names := make([]string, 0, len(waits)+1)
	lines := make([]string, 0, len(waits))
	for _, w := range waits {
		names = append(names, w.from)
		how := "dependsOn"
		if !w.whole {
			how = "refers to " + w.reference
		}
		lines = append(lines, fmt.Sprintf("%s needs %s: %s at %s", w.from, w.to, how, w.at.position()))
	}
	key := strings.Join(slices.Sorted(slices.Values(names)), " ")
	if reported[key] || len(waits) == 1 { // the expansion reports a component that waits for itself
		return
	}
	reported[key] = true
	names = append(names, waits[0].from)
	d := diag.New(diag.Invalid, "Cycle", fmt.Sprintf("These components need each other: %s.",
		strings.Join(names, " -> ")), "Remove one of these dependencies. A reference already sets the order, so "+
		"a dependsOn is often not needed.")
	d.Lines = lines
	r.problems.add(at(d, waits[0].at).For(waits[0].from))
}

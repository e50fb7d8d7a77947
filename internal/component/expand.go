package component

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

// Expand turns the components of one stack in one environment into the graph of everything desired. It is pure. It
// returns all problems that it can find at once, sorted by address. The graph is nil when there are any, except those
// that are only warnings.
//
// Addresses in uses and dependsOn are full ("user-service/queue"), and so are the targets of references.
func Expand(reg *Registry, instances []Instance) (*resource.Graph, []Problem) {
	x := &expansion{reg: reg, members: map[string]*member{}}
	x.load(instances)
	x.collectDemands()
	for _, m := range x.sorted() {
		x.checkMember(m)
		x.resolveUses(m)
	}
	x.checkMoves()
	graph := &resource.Graph{}
	for _, m := range x.sound() { // finds their problems even when other components have some
		x.expand(m, graph)
	}
	x.checkOutputs(graph)
	if !x.failed() {
		x.sort(graph)
	}
	if !x.failed() {
		x.checkLimits(graph)
	}
	if x.failed() {
		return nil, x.found()
	}
	return graph, x.found()
}

// failed reports whether there are problems other than warnings.
func (x *expansion) failed() bool {
	return slices.ContainsFunc(x.problems, func(p Problem) bool { return !Warning(p.Kind) })
}

// member is one component on its way through Expand.
type member struct {
	Instance
	kind      *Kind
	spec      any // nil when it did not decode or did not pass its check
	common    *Common
	uses      map[string][]string
	synthetic bool
	demands   []Demand  // what other components need of it
	needs     []string  // addresses of the shared components that it needs
	granted   []Granted // what other components grant it
}

type expansion struct {
	reg      *Registry
	members  map[string]*member
	problems []Problem
}

func (x *expansion) add(address string, problems ...value.Problem) {
	for _, p := range problems {
		x.problems = append(x.problems, Problem{Address: address, Problem: p})
	}
}

func (x *expansion) found() []Problem {
	slices.SortStableFunc(x.problems, func(a, b Problem) int { return strings.Compare(a.Address, b.Address) })
	return x.problems
}

func (x *expansion) sorted() []*member {
	out := make([]*member, 0, len(x.members))
	for _, address := range x.addresses() {
		out = append(out, x.members[address])
	}
	return out
}

// sound returns the members that can be expanded: all of them, or, when there are problems, those that have none. It
// then leaves out shared components, because some of the demands on them are missing.
func (x *expansion) sound() []*member {
	all := x.sorted()
	if len(x.problems) == 0 {
		return all
	}
	broken := map[string]bool{}
	for _, p := range x.problems {
		broken[p.Address] = true
	}
	return slices.DeleteFunc(all, func(m *member) bool {
		return broken[m.Address] || m.synthetic
	})
}

func (x *expansion) addresses() []string { return slices.Sorted(maps.Keys(x.members)) }

// load decodes and checks every spec.
func (x *expansion) load(instances []Instance) {
	for _, i := range instances {
		kind, ok := x.reg.Kind(i.Kind)
		switch {
		case !ok:
			x.add(i.Address, problem(value.BadValue, nil, x.reg.Names(), "%q is not a kind", i.Kind))
		case x.members[i.Address] != nil:
			x.add(i.Address, problem(value.BadValue, nil, nil, "two components have this address"))
		case kind.Synthetic != "" && kind.Synthetic != i.Address:
			x.add(i.Address, problem(value.BadValue, nil, nil,
				"a stack has one %s, and its address is %s: name it %q", i.Kind, kind.Synthetic,
				kind.Synthetic[strings.Index(kind.Synthetic, "/")+1:]))
		default:
			x.members[i.Address] = x.load1(i, kind)
		}
	}
}

func (x *expansion) load1(i Instance, kind *Kind) *member {
	m := &member{Instance: i, kind: kind}
	if i.Spec.IsNull() {
		m.Spec = value.NewMap(nil)
	}
	spec, problems := kind.read(m.Instance)
	if c, ok := spec.(interface{ common() *Common }); ok {
		m.common = c.common()
	} else {
		m.common = &Common{}
	}
	if u, ok := spec.(interface{ uses() map[string][]string }); ok {
		m.uses = u.uses()
	}
	if len(problems) == 0 {
		m.spec = spec
	}
	x.add(i.Address, problems...)
	return m
}

// collectDemands makes the synthetic components that other components need, and those that these need in turn.
func (x *expansion) collectDemands() {
	for queue := x.sorted(); len(queue) > 0; queue = queue[1:] {
		m := queue[0]
		var demands []Demand
		if m.spec != nil && m.kind.demands != nil {
			demands = m.kind.demands(m.Instance, m.spec)
		}
		for _, ref := range m.Spec.References() {
			if x.members[ref.Target] == nil && x.syntheticKind(ref.Target) != nil {
				demands = append(demands, Demand{Address: ref.Target})
			}
		}
		for _, d := range demands {
			d.From = m.Address
			target := x.members[d.Address]
			if target == nil {
				kind := x.syntheticKind(d.Address)
				if kind == nil {
					panic(fmt.Sprintf("component: %s needs %s, which no kind creates", m.Kind, d.Address))
				}
				target = x.load1(m.sibling(d.Address, kind.Name), kind)
				target.synthetic = true
				x.members[d.Address] = target
				queue = append(queue, target)
			}
			target.demands = append(target.demands, d)
			if !slices.Contains(m.needs, d.Address) {
				m.needs = append(m.needs, d.Address)
			}
		}
	}
	for _, m := range x.members {
		slices.SortStableFunc(m.demands, func(a, b Demand) int { return strings.Compare(a.From, b.From) })
	}
}

// sibling is an instance without manifest in the same stack and environment.
func (m *member) sibling(address, kind string) Instance {
	i := m.Instance
	i.Address, i.Named, i.Kind, i.Spec = address, "", kind, value.NewMap(nil)
	i.Service, i.Name, _ = strings.Cut(address, "/")
	return i
}

func (x *expansion) syntheticKind(address string) *Kind {
	for _, k := range x.reg.kinds {
		if k.Synthetic == address && address != "" {
			return k
		}
	}
	return nil
}

// expand runs one kind and adds its resources to the graph.
func (x *expansion) expand(m *member, graph *resource.Graph) {
	in := m.Instance
	in.Tags = maps.Clone(in.Tags)
	if in.Tags == nil {
		in.Tags = map[string]string{}
	}
	maps.Copy(in.Tags, m.common.Tags)
	made, problems := m.kind.expand(in, m.spec, Context{Granted: m.granted, Demands: x.visible(m), Shared: x.shared(m)})
	x.add(m.Address, problems...)

	protect := m.kind.protected != nil && m.kind.protected(in, m.spec)
	if m.common.Protect != nil {
		protect = *m.common.Protect
	}
	names := map[string]*resource.Resource{}
	for _, r := range made.Resources {
		if names[r.Name] != nil {
			panic(fmt.Sprintf("component: kind %s makes two resources named %s", m.Kind, r.Name))
		}
		if !r.Data && m.kind.Resources != nil && !slices.ContainsFunc(m.kind.Resources,
			func(g Generated) bool { return g.Names(r.Name) && g.Type == r.Type }) {
			panic(fmt.Sprintf("component: kind %s does not declare its resource %s of type %s", m.Kind, r.Name, r.Type))
		}
		names[r.Name] = r
		r.Component = m.Address
		r.Protect = protect && !r.Data && (made.Guarded == nil || slices.Contains(made.Guarded, r.Name))
	}
	// a lookup has nothing to change
	maps.DeleteFunc(names, func(_ string, r *resource.Resource) bool { return r.Data })
	x.add(m.Address, override(names, m.common.Overrides)...)
	for name := range made.Outputs {
		if !slices.Contains(m.kind.Outputs, name) {
			panic(fmt.Sprintf("component: kind %s does not declare its output %s", m.Kind, name))
		}
	}
	graph.Resources = append(graph.Resources, made.Resources...)
	graph.Components = append(graph.Components, resource.Component{
		Address: m.Address, Kind: m.Kind, DependsOn: m.common.DependsOn,
		Outputs: made.Outputs, Notes: made.Notes, Protect: protect, Synthetic: m.synthetic, Moved: m.movedFrom(),
		Named: m.Named, About: about(in, m.spec), Overrides: slices.Sorted(maps.Keys(m.common.Overrides)),
	})
}

// shared are the specs of the shared components that a component needs. A spec with problems is left out.
func (x *expansion) shared(m *member) map[string]any {
	out := map[string]any{}
	for _, address := range m.needs {
		if spec := x.members[address].spec; spec != nil {
			out[address] = spec
		}
	}
	return out
}

// visible are the demands that a kind gets to see.
func (x *expansion) visible(m *member) []Demand {
	demands := slices.Clone(m.demands)
	if m.kind.Synthetic == "" {
		for _, address := range slices.Sorted(slices.Values(m.needs)) {
			demands = append(demands, x.members[address].demands...)
		}
	}
	for i, d := range demands {
		demands[i].Granted = x.members[d.From].granted
	}
	return demands
}

// checkOutputs finds references to outputs that the kind has but that this configuration of it does not give.
func (x *expansion) checkOutputs(graph *resource.Graph) {
	given := map[string]map[string]value.Value{}
	for _, c := range graph.Components {
		given[c.Address] = c.Outputs
	}
	for _, m := range x.sorted() {
		eachReference(m.Spec, func(path []string, ref value.Reference) {
			outputs, expanded := given[ref.Target]
			if !expanded || !slices.Contains(x.members[ref.Target].kind.Outputs, ref.Output) {
				return // reported before
			}
			if _, ok := outputs[ref.Output]; !ok {
				names := slices.Sorted(maps.Keys(outputs))
				x.add(m.Address, problem(UnknownOutput, path, names,
					"%s has no output %q with this configuration; it has %s", ref.Target, ref.Output,
					strings.Join(names, ", ")))
			}
		})
	}
}

func (x *expansion) sort(graph *resource.Graph) {
	err := graph.Sort()
	var cycle *resource.CycleError
	switch {
	case err == nil:
	case errors.As(err, &cycle):
		x.problems = append(x.problems, x.cycleProblem(cycle))
	default:
		x.add("", problem(value.BadValue, nil, nil, "%s", err))
	}
}

// eachReference visits every reference of a spec with the path of the string that holds it.
func eachReference(spec value.Value, visit func(path []string, ref value.Reference)) {
	spec.Walk(func(path []string, node value.Value) {
		if node.Kind() != value.Deferred {
			return
		}
		for _, ref := range node.References() {
			visit(path, ref)
		}
	})
}

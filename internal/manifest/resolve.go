package manifest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/value"
)

// Compiler compiles the ${...} of texts; package expr implements it. lookup gets a name as written, split at its dots.
// It returns the value of the name and how many parts of the name the value covers. Problems may say where in the text
// they are (Span() (offset, length int), in bytes) and may wrap an error of lookup.
type Compiler interface {
	Compile(text string, lookup func(path []string) (v value.Value, used int, err error)) (value.Value, []error)
}

// Options are what Resolve needs besides the files.
type Options struct {
	Environment string            // "" only for a stack without environments
	Variables   map[string]string // --var
	VarFiles    []VarFile         // --var-file; later ones win
	Env         map[string]string // of the process; DEPLOYER_VAR_NAME counts
	Previous    Previous          // for variables that nothing else gives a value
	// Git returns the values of GitKeys, "" for what does not exist. It is called once, when needed.
	Git      func() map[string]string
	Shared   bool   // Variables are for several stacks: a stack may not use all
	Strict   bool   // a variable without a value is an error, not Unknown
	Account  string // of the credentials; "" without a network
	Region   string // used when the manifests give none
	Registry *component.Registry
	Compile  func() Compiler // returns a new one, whose budget all texts of this Resolve share
}

// Previous are the variables of the last deployment.
type Previous struct {
	Version string            // of the deployment: "v3"; "" when there was none
	Values  map[string]string // sensitive ones are not kept
}

// resolver holds what one Resolve has worked out so far.
type resolver struct {
	bundle      *Bundle
	environment *environment
	options     Options
	compiler    Compiler
	problems    *problems
	stack       *Stack

	known    map[string]*Variable
	defined  map[string]*definition
	declared map[string]bool // variables that the manifests define
	reported map[string]bool // missing variables that were reported
	used     map[string]bool // variables that some expression uses
	git      map[string]string
	asked    bool // git was asked
	left     int  // bytes of text that expressions may still produce

	services    map[string]bool
	serviceTags map[string]map[string]string
	targets     map[string]target // by address
	waits       []wait            // of components for each other
	network     *document         // made of spec.network of the Environment; nil: there is none
}

// target is what a reference, dependsOn or uses may name.
type target struct {
	kind *component.Kind // nil when its kind is unknown, which was reported
	at   span
}

// Resolve works out the stack in one environment: what is desired, and all problems. The Stack is usable, as far as it
// goes, even with problems. It is nil only when there is no such environment.
func (b *Bundle) Resolve(o Options) (*Stack, diag.List) {
	p := &problems{}
	r := &resolver{
		bundle: b, environment: &environment{}, options: o, compiler: o.Compile(), problems: p, left: maxResolved,
		known: map[string]*Variable{}, declared: map[string]bool{}, reported: map[string]bool{},
		used:     map[string]bool{},
		services: map[string]bool{Infra: true}, serviceTags: map[string]map[string]string{},
		targets: map[string]target{},
		stack: &Stack{
			Name: b.Name, Environment: o.Environment, Environments: b.Environments(),
			Tags: map[string]string{},
		},
	}
	if o.Environment != "" || len(b.environments) > 0 {
		r.environment = b.environments[o.Environment]
	}
	if r.environment == nil {
		return nil, diag.List{b.noEnvironment(o.Environment)}
	}
	r.variables()
	r.evaluateSettings()
	overlays := r.overlays()
	r.environmentNetwork(overlays)
	defaults := r.defaults(overlays)
	r.index(overlays)
	for _, d := range r.components() {
		if d.kind != "" {
			r.component(d, defaults[d.kind], overlays)
		}
	}
	slices.SortFunc(r.stack.Components, func(x, y Component) int { return strings.Compare(x.Address, y.Address) })
	r.cycles()
	r.unused()
	for _, name := range slices.Sorted(maps.Keys(r.known)) {
		r.stack.Variables = append(r.stack.Variables, *r.known[name])
	}
	r.stack.failed = p.list.HasErrors()
	r.stack.forgiving = !o.Strict || r.stack.failed
	return r.stack, p.list.Sort()
}

func (b *Bundle) noEnvironment(name string) *diag.Diagnostic {
	known := b.Environments()
	if len(known) == 0 {
		return at(diag.New(diag.Invalid, "No such environment",
			fmt.Sprintf("The stack %q has no environments, so none called %q.", b.Name, name),
			fmt.Sprintf("Create the file environments/%s.yaml.", name)), span{file: b.stackFile.file})
	}
	list := "Environments here are: " + strings.Join(known, ", ") + "."
	if name == "" {
		return diag.New(diag.Invalid, "No environment",
			fmt.Sprintf("The stack %q has %d environments, and the command names none.", b.Name, len(known)),
			"Name one with -e. "+list)
	}
	return diag.New(diag.Invalid, "No such environment",
		strings.TrimSpace(fmt.Sprintf("The stack %q has no environment %q. %s", b.Name, name,
			diag.DidYouMean(name, known))), list)
}

// index checks the kinds and collects everything that can be referred to.
func (r *resolver) index(overlays map[*document]*document) {
	for _, name := range r.options.Registry.Names() { // a Network exists without a document
		if kind, ok := r.options.Registry.Kind(name); ok && kind.Synthetic != "" {
			r.targets[kind.Synthetic] = target{kind: kind}
		}
	}
	for name, d := range r.bundle.services {
		r.services[name] = true
		if d == nil || !r.header(d) {
			continue
		}
		merged := *d
		if over := overlays[d]; over != nil {
			merged.spec = merge(d.spec, over.spec)
		}
		var spec serviceSpec
		r.decode(&merged, &spec)
		r.tags(&merged, spec.Tags)
		r.serviceTags[name] = spec.Tags
	}
	for _, d := range r.components() {
		t := target{at: d.at("metadata", "name")}
		if r.header(d) {
			t.kind, _ = r.options.Registry.Kind(d.kind)
			r.place(d, t.kind)
		}
		r.targets[d.address()] = t
	}
}

// component merges, evaluates and links one component.
func (r *resolver) component(d *document, defaults *node, overlays map[*document]*document) {
	merged, meta := merge(defaults, d.spec), d.meta
	if over := overlays[d]; over != nil {
		merged, meta = merge(merged, over.spec), meta.under(over.meta)
	}
	if merged == nil {
		merged = newMap(d.specKey(), nil)
	}
	merged = prune(merged)
	c := Component{
		Instance: component.Instance{
			Address: d.address(), Service: d.service, Name: d.name, Kind: d.kind,
			Stack: r.stack.Name, Environment: r.stack.Environment, Production: r.stack.Production,
			Account: r.options.Account, Region: r.region(), Tags: layer(r.stack.Tags, r.serviceTags[d.service]),
		},
		Description: meta.Description, Labels: meta.Labels, Annotations: meta.Annotations,
		Position: d.at("metadata", "name").position(), document: d, spec: merged,
	}
	c.Spec = r.evaluate(merged, nil, scope{resolver: r, service: d.service, address: c.Address})
	c.References = c.Spec.References()
	r.link(&c)
	if r.targets[c.Address].kind != nil { // without a kind, only its expressions can be checked
		r.stack.Components = append(r.stack.Components, c)
	}
}

// under returns m with the values that over sets.
func (m metadata) under(over metadata) metadata {
	if over.Description != "" {
		m.Description = over.Description
	}
	m.Labels, m.Annotations = layer(m.Labels, over.Labels), layer(m.Annotations, over.Annotations)
	return m
}

// region is the region of the stack's resources.
func (r *resolver) region() string {
	if r.stack.Provider.Region != "" {
		return r.stack.Provider.Region
	}
	return r.options.Region
}

// unused reports variables that have a value but that neither the manifests define nor an expression uses: most likely
// they are misspelt. This is an error for the command line only: other stacks may share a file or the process's
// environment.
func (r *resolver) unused() {
	if r.bundle.broken {
		return // a file that could not be read may use it
	}
	var names []string
	for name := range r.known {
		if r.used[name] || r.declared[name] {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range slices.Sorted(maps.Keys(r.known)) {
		given := r.known[name].Origin
		if given == "" || r.used[name] || r.declared[name] || r.bundle.mentions(name) {
			continue
		}
		near := diag.DidYouMean(name, names)
		d := diag.New(diag.Invalid, "Unused variable",
			strings.TrimSpace(fmt.Sprintf("The stack %q does not define or use the variable %q from %s. %s",
				r.bundle.Name, name, given, near)),
			fmt.Sprintf("Correct the name or remove it, use it as ${%s}, or define it in spec.variables.", name))
		if given != fromFlag || r.options.Shared {
			d.Severity = diag.Warning
		}
		r.problems.add(d)
	}
}

// mentions reports whether any document of the stack defines or uses a variable, documents of other environments
// included: one command line may serve them all.
func (b *Bundle) mentions(name string) bool {
	mentioned := func(d *document) bool {
		return d != nil && (d.spec.child("variables").get(name) != nil || d.spec.mentions(name))
	}
	for _, e := range b.environments {
		if mentioned(e.document) || slices.ContainsFunc(e.overlays, mentioned) {
			return true
		}
	}
	for _, d := range b.services {
		if mentioned(d) {
			return true
		}
	}
	return mentioned(b.stack) || slices.ContainsFunc(b.components, mentioned) ||
		slices.ContainsFunc(b.defaults, mentioned)
}

// mentions reports whether an expression in n uses a variable.
func (n *node) mentions(name string) bool {
	if n == nil {
		return false
	}
	if strings.Contains(n.text, "${") && mentionedAt(n.text, name) >= 0 {
		return true
	}
	return slices.ContainsFunc(n.items, func(item *node) bool { return item.mentions(name) }) ||
		slices.ContainsFunc(n.entries, func(e entry) bool { return e.value.mentions(name) })
}

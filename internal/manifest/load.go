package manifest

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/company/deployer/internal/diag"
)

// Bundle is a stack as its files describe it, before an environment is chosen.
type Bundle struct {
	Root string // of the repository
	Name string // of the stack

	stack        *document
	stackFile    span
	services     map[string]*document // nil for services without a Service document
	components   []*document          // everything that has an address, in file order
	defaults     []*document
	environments map[string]*environment
	misspelt     bool // the Stack document's kind is misspelt, which was reported
	broken       bool // something could not be read: what seems missing may be there
}

// environment is everything below environments/ with one name.
type environment struct {
	document *document
	overlays []*document
	file     span
}

// Complete reports whether everything could be read. If not, what seems missing may be in the unread files.
func (b *Bundle) Complete() bool { return !b.broken }

// Environments lists the environments of the stack, sorted.
func (b *Bundle) Environments() []string {
	names := make([]string, 0, len(b.environments))
	for name := range b.environments {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Addresses lists the components with a valid name, sorted, without synthetic ones.
func (b *Bundle) Addresses() []string {
	var out []string
	for _, d := range b.components {
		if d.named {
			out = append(out, d.address())
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Kinds are the kinds of the components with a valid name, by address.
func (b *Bundle) Kinds() map[string]string {
	out := map[string]string{}
	for _, d := range b.components {
		if d.named {
			out[d.address()] = d.kind
		}
	}
	return out
}

// Load reads the files of a stack below root, the root of the repository, and finds problems of their form. The Bundle
// is nil only when there is no such stack. Resolve of a Bundle with problems finds further ones.
func Load(root, stack string) (*Bundle, diag.List) {
	var p problems
	known, err := Stacks(root)
	if err != nil {
		return nil, diag.From(err)
	}
	if !slices.Contains(known, stack) {
		next := "Create one with `deployer stack init NAME`."
		if len(known) > 0 {
			next = "Stacks here are: " + strings.Join(known, ", ") + "."
		}
		return nil, diag.List{diag.New(diag.Invalid, "No such stack",
			strings.TrimSpace(fmt.Sprintf("There is no folder stacks/%s/. %s", stack, diag.DidYouMean(stack, known))),
			next)}
	}
	read, complete := sources(root, stack, &p)
	b := assemble(stack, read, &p)
	b.Root = root
	b.broken = b.broken || !complete
	b.unread(root)
	return b, p.list.Sort()
}

// assemble sorts the documents of all files by their place.
func assemble(stack string, read []source, p *problems) *Bundle {
	b := &Bundle{Name: stack, services: map[string]*document{}, environments: map[string]*environment{}}
	folder := path.Join(stacksFolder, stack)
	b.stackFile = span{file: &file{name: path.Join(folder, "stack.yaml")}}
	if detail, next := CheckName(stack); detail != "" {
		p.invalid(span{file: &file{name: folder}}, "Invalid name", "The stack's folder: "+detail, next)
	}
	for _, parsed := range readAll(folder, read) {
		for _, d := range parsed.problems.list {
			p.add(d)
		}
		p.limited = p.limited || parsed.problems.limited
		b.broken = b.broken || parsed.broken
		f, roots := parsed.file, parsed.roots
		if f == nil {
			continue // not reached: a limit was hit before
		}
		place := strings.Split(parsed.source.path, "/")
		switch place[0] {
		default:
			b.addStack(f, roots, p) // this is the only file directly in the stack's folder
		case Infra:
			for _, root := range roots {
				b.add(newDocument(root, p), Infra, p)
			}
		case "services":
			b.addService(f, place, roots, p)
		case "environments":
			b.addEnvironment(f, place, roots, p)
		}
	}
	b.broken = b.broken || p.limited
	if b.stack == nil && !b.misspelt && !b.broken {
		p.invalid(b.stackFile, "No stack.yaml", "A stack needs the file stack.yaml with a document of kind Stack.",
			"Create one, or start with `deployer stack init`.")
	}
	b.unique(p)
	b.hideSecrets()
	return b
}

func (b *Bundle) addStack(f *file, roots []*node, p *problems) {
	for _, root := range roots {
		d := newDocument(root, p)
		switch {
		case d.kind == "":
		case d.kind != "Stack" && core[d.kind] == "" && diag.DidYouMean(d.kind, []string{"Stack"}) != "":
			b.misspelt = true
			p.invalid(d.at("kind"), "Unknown kind", fmt.Sprintf("%q is not a kind. Did you mean \"Stack\"?", d.kind),
				"")
		case d.kind != "Stack":
			p.invalid(d.at("kind"), "Wrong place",
				fmt.Sprintf("stack.yaml has only the Stack, but this document is of the kind %q.", d.kind),
				"Move it to "+home(d.kind)+".")
		case b.stack != nil:
			p.invalid(d.at("kind"), "Duplicate stack",
				fmt.Sprintf("The Stack was defined before, at %s.", b.stack.at("kind").position()), "Keep one of them.")
		default:
			b.stack = d
			b.stackFile.file = f
			d.must(b.Name, fmt.Sprintf("the folder is called %q", b.Name), p)
		}
	}
}

// home is the place where documents of a kind belong.
func home(kind string) string {
	switch kind {
	case "Stack":
		return "stack.yaml"
	case "Service":
		return "services/<service>/service.yaml"
	case "Environment":
		return "environments/<environment>.yaml"
	case "Defaults":
		return "infra/"
	}
	return "infra/ or services/<service>/"
}

func (b *Bundle) addService(f *file, place []string, roots []*node, p *problems) {
	if len(place) < 3 {
		p.invalid(span{file: f}, "Wrong place",
			"The folder below services/ names the service of a component, but this "+
				"file is in none.", "Move it to services/<service>/.")
		return
	}
	service := place[1]
	if _, known := b.services[service]; !known {
		b.services[service] = nil
		if detail, next := CheckName(service); detail != "" {
			p.invalid(span{file: &file{name: path.Dir(f.name)}}, "Invalid name", "The service's folder: "+detail, next)
		}
	}
	for _, root := range roots {
		d := newDocument(root, p)
		if d.kind != "Service" {
			b.add(d, service, p)
			continue
		}
		if first := b.services[service]; first != nil {
			p.invalid(d.at("kind"), "Duplicate service",
				fmt.Sprintf("The service %q was defined before, at %s.", service, first.at("kind").position()),
				"Keep one of them.")
			continue
		}
		d.service = service
		b.services[service] = d
		d.must(service, fmt.Sprintf("the folder is called %q", service), p)
	}
}

// add adds a document that is deployed, or a Defaults.
func (b *Bundle) add(d *document, service string, p *problems) {
	d.service = service
	if d.meta.Service != "" && d.meta.Service != service {
		p.invalid(d.at("metadata", "service"), "Wrong service",
			fmt.Sprintf("The folder gives this document the service %q, not %q.", service, d.meta.Service),
			"Remove metadata.service, or move the file.")
	}
	switch {
	case d.kind == "Defaults" && service == Infra:
		b.defaults = append(b.defaults, d)
	case core[d.kind] != "":
		p.invalid(d.at("kind"), "Wrong place",
			fmt.Sprintf("A document of the kind %s cannot be in this folder.", d.kind),
			"Move it to "+home(d.kind)+".")
	default:
		b.components = append(b.components, d)
	}
}

func (b *Bundle) addEnvironment(f *file, place []string, roots []*node, p *problems) {
	name := place[1]
	if len(place) == 2 {
		name = withoutEnding(name)
	}
	e := b.environments[name]
	if e == nil {
		e = &environment{file: span{file: f}}
		b.environments[name] = e
		if detail, next := CheckName(name); detail != "" {
			p.invalid(e.file, "Invalid name", "The environment's file or folder: "+detail, next)
		}
	}
	for _, root := range roots {
		d := newDocument(root, p)
		d.environment, d.service = name, d.meta.Service
		switch {
		case d.kind == "Environment" && e.document != nil:
			p.invalid(d.at("kind"), "Duplicate environment",
				fmt.Sprintf("The environment %q was defined before, at %s.", name, e.document.at("kind").position()),
				"Keep one of them.")
		case d.kind == "Environment":
			e.document = d
			d.must(name, fmt.Sprintf("the file or folder is called %q", name), p)
		case d.kind == "Stack":
			p.invalid(d.at("kind"), "Wrong place", "An overlay cannot change the Stack.",
				"Set provider, variables and tags in a document of kind Environment.")
		default:
			if d.service == "" && len(place) > 3 {
				d.service = place[2] // the folder of a service, or any other: match decides
			}
			e.overlays = append(e.overlays, d)
		}
	}
}

// unique reports components and Defaults with the same name.
func (b *Bundle) unique(p *problems) {
	first := map[string]*document{}
	kept := b.components[:0]
	for _, d := range b.components {
		if !d.named {
			continue
		}
		before := first[d.address()]
		if before == nil {
			first[d.address()] = d
			kept = append(kept, d)
			continue
		}
		p.invalid(d.at("metadata", "name"), "Duplicate component",
			fmt.Sprintf("%q was defined before, with the kind %s, at %s.", d.address(), before.kind,
				before.at("metadata", "name").position()),
			"Give one of them another name.")
	}
	b.components = kept
}

// address is the document's name in uses, dependsOn and on the command line.
func (d *document) address() string { return d.service + "/" + d.name }

// unread adds the names of environments whose files could not be read, so that nobody looks for a misspelt -e.
func (b *Bundle) unread(root string) {
	if !b.broken {
		return
	}
	names, _ := Environments(root, b.Name)
	for _, name := range names {
		if b.environments[name] == nil {
			b.environments[name] = &environment{}
		}
	}
}

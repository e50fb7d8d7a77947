package manifest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/diag"
)

// kindNames are the kinds that a document may have, sorted.
func kindNames(kinds *component.Registry) []string {
	names := append(kinds.Names(), slices.Collect(maps.Keys(core))...)
	slices.Sort(names)
	return names
}

// header checks kind and apiVersion, and reports whether the kind exists.
func (r *resolver) header(d *document) bool {
	if d.kind == "" {
		return false // reported at load
	}
	group := core[d.kind]
	if kind, ok := r.options.Registry.Kind(d.kind); group == "" && ok {
		group = kind.Group
	}
	if group == "" {
		if r.options.Registry.IsLater(d.kind) {
			r.problems.invalid(d.at("kind"), "Kind not available",
				fmt.Sprintf("This version of deployer does not have the kind %q yet.", d.kind),
				"Available are: "+strings.Join(r.options.Registry.Names(), ", ")+".")
			return false
		}
		names := kindNames(r.options.Registry)
		hint := diag.DidYouMean(d.kind, r.options.Registry.Documented())
		if hint == "" {
			hint = suggest(d.kind, names)
		}
		r.problems.invalid(d.at("kind"), "Unknown kind", fmt.Sprintf("%q is not a kind. %s", d.kind, hint), "")
		return false
	}
	if d.apiVersion != "" && d.apiVersion != group {
		r.problems.invalid(d.at("apiVersion"), "Wrong apiVersion",
			fmt.Sprintf("The kind %s belongs to %q, not to %q.", d.kind, group, d.apiVersion),
			fmt.Sprintf("Write %q.", group))
	}
	return true
}

// place checks what a kind requires of the place and name of its documents.
func (r *resolver) place(d *document, kind *component.Kind) {
	switch {
	case kind.Group == infraGroup && d.service != Infra:
		r.problems.invalid(d.at("kind"), "Wrong place",
			fmt.Sprintf("A %s belongs to the whole stack, not to a service.", d.kind), "Move it to infra/.")
	case kind.Synthetic != "" && d.named && d.address() != kind.Synthetic:
		_, name, _ := cut(kind.Synthetic)
		r.problems.invalid(d.at("metadata", "name"), "Wrong name",
			fmt.Sprintf("A stack has one %s, and its name is %q, not %q.", d.kind, name, d.name),
			fmt.Sprintf("Write %q.", name))
	}
}

// unknownComponent says that an address does not exist, and suggests similar ones.
func (r *resolver) unknownComponent(written, service string) *diag.Diagnostic {
	own, others := []string{}, []string{}
	for address := range r.targets {
		others = append(others, address)
		if s, name, _ := cut(address); s == service {
			own = append(own, name)
		}
	}
	slices.Sort(own)
	slices.Sort(others)
	detail := fmt.Sprintf("There is no component %q in the service %q.", written, service)
	candidates := own
	if s, _, full := cut(written); full {
		detail = fmt.Sprintf("There is no component %q.", written)
		candidates = others
		if !r.services[s] {
			detail = fmt.Sprintf("There is no service %q.", s)
			return diag.New(diag.Invalid, "Unknown component", detail+" "+suggest(s, sorted(r.services)), "")
		}
	} else if near := diag.DidYouMean(written, own); near == "" {
		for _, address := range others {
			if _, name, _ := cut(address); name == written {
				return diag.New(diag.Invalid, "Unknown component", detail+fmt.Sprintf(" Did you mean %q?", address),
					"From another service, use the component's full address.")
			}
		}
	}
	return diag.New(diag.Invalid, "Unknown component", detail+" "+suggest(written, candidates), "")
}

func sorted(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }

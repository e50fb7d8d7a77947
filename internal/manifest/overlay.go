package manifest

import (
	"fmt"
	"slices"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/value"
)

// overlays finds the document of each overlay of the environment.
func (r *resolver) overlays() map[*document]*document {
	found := map[*document]*document{}
	for _, over := range r.environment.overlays {
		if !r.header(over) || !over.named {
			continue
		}
		base := r.counterpart(over)
		if base == nil {
			continue
		}
		if first := found[base]; first != nil {
			r.problems.invalid(over.at("metadata", "name"), "Duplicate overlay",
				fmt.Sprintf("There are two overlays of the %s %q; the first is at %s.", over.kind, over.name,
					first.at("metadata", "name").position()), "Put both into one document.")
			continue
		}
		found[base] = over
	}
	return found
}

// counterpart returns the one document that an overlay names by kind, name and service. Without one, it reports a
// problem and returns nil.
func (r *resolver) counterpart(over *document) *document {
	service := over.service
	if _, known := r.bundle.services[service]; !known && service != Infra && over.meta.Service == "" {
		service = "" // a folder that only sorts files
	}
	var candidates []*document
	switch over.kind {
	case "Service":
		if d := r.bundle.services[over.name]; d != nil {
			return d
		}
	case "Defaults":
		candidates = r.bundle.defaults
	default:
		candidates = r.bundle.components
	}
	if kind, ok := r.options.Registry.Kind(over.kind); over.kind == "Defaults" || ok && kind.Group == infraGroup {
		service = Infra
	}
	var same []*document // of that kind and name, in any service
	for _, d := range candidates {
		if d.kind != over.kind || d.name != over.name {
			continue
		}
		if d.service == service {
			return d
		}
		same = append(same, d)
	}
	if r.bundle.broken {
		return nil
	}
	where := over.at("metadata", "name")
	if service == "" && len(same) > 0 {
		next := fmt.Sprintf("Add metadata.service: %s.", same[0].service)
		if len(same) > 1 {
			next = "Add metadata.service with one of the services."
		}
		r.problems.invalid(where, "Overlay needs its service",
			fmt.Sprintf("Which %s %q is meant: %s?", over.kind, over.name, addresses(same)), next)
		return nil
	}
	if detail, next := r.undocumented(over); detail != "" {
		r.problems.invalid(where, "Overlay has no target", detail, next)
		return nil
	}
	r.problems.invalid(where, "Overlay has no target", r.nothing(over, service, candidates, same),
		"An overlay changes an existing component. To add a component, write it below services/ or infra/.")
	return nil
}

// undocumented explains overlays of things that have no document: a service's folder, a Network.
func (r *resolver) undocumented(over *document) (detail, next string) {
	file := ""
	if _, there := r.bundle.services[over.name]; there && over.kind == "Service" {
		file = "services/" + over.name + "/service.yaml"
	}
	if kind, ok := r.options.Registry.Kind(over.kind); ok && kind.Group == infraGroup &&
		kind.Synthetic == Infra+"/"+over.name {
		file = kind.Synthetic + ".yaml"
	}
	if file == "" {
		return "", ""
	}
	return fmt.Sprintf("The %s %q has no document, so the overlay has nothing to change.", over.kind,
			over.name),
		fmt.Sprintf("Write its document, without spec if it needs none, to %s.", file)
}

// nothing suggests what an overlay without a document may have meant.
func (r *resolver) nothing(over *document, service string, candidates, same []*document) string {
	detail := fmt.Sprintf("There is no %s %q", over.kind, over.name)
	if service != "" && over.kind != "Service" && over.kind != "Defaults" {
		detail += fmt.Sprintf(" in the service %q", service)
	}
	detail += "."
	if len(same) > 0 {
		return detail + " Did you mean " + addresses(same) + "?"
	}
	if over.meta.Service != "" {
		if _, known := r.bundle.services[service]; !known && service != Infra {
			detail = fmt.Sprintf("There is no service %q.", service)
			names := []string{Infra}
			for name := range r.bundle.services {
				names = append(names, name)
			}
			slices.Sort(names)
			return detail + " " + suggest(service, names)
		}
	}
	var names []string
	if over.kind == "Service" {
		for name := range r.bundle.services {
			names = append(names, name)
		}
	}
	for _, d := range candidates {
		if d.name == over.name && (service == "" || d.service == service) {
			return detail + fmt.Sprintf(" The kind of %q is %s.", d.address(), d.kind)
		}
		if d.kind == over.kind && (service == "" || d.service == service) {
			names = append(names, d.name)
		}
	}
	slices.Sort(names)
	if len(names) == 0 {
		return detail
	}
	return detail + " " + suggest(over.name, names)
}

func addresses(documents []*document) string {
	out := ""
	for i, d := range documents {
		if i > 0 {
			out += " or "
		}
		out += fmt.Sprintf("%q", d.address())
	}
	return out
}

// defaults merges all Defaults of the stack with their overlays, by kind.
func (r *resolver) defaults(overlays map[*document]*document) map[string]*node {
	out := map[string]*node{}
	names := map[string]*document{}
	for _, d := range r.bundle.defaults {
		if !r.header(d) {
			continue
		}
		if first := names[d.name]; first != nil && d.named {
			r.problems.invalid(d.at("metadata", "name"), "Duplicate component",
				fmt.Sprintf("The Defaults %q were defined before, at %s.", d.name,
					first.at("metadata", "name").position()), "Give one of them another name.")
			continue
		}
		names[d.name] = d
		spec := d.spec
		if over := overlays[d]; over != nil {
			spec = merge(spec, over.spec)
		}
		if spec == nil {
			continue
		}
		for _, e := range spec.entries {
			kind, ok := r.options.Registry.Kind(e.key)
			switch {
			case !ok || kind.Group == "":
				r.problems.invalid(e.at, "Unknown kind",
					fmt.Sprintf("%q is not a kind that has defaults. %s", e.key,
						suggest(e.key, r.options.Registry.Names())), "")
			case e.value.kind == value.Null:
			case e.value.kind != value.Map:
				r.problems.invalid(e.at, "Wrong type",
					fmt.Sprintf("spec.%s must be a map, but is %s.", e.key, e.value.kind.Article()), "")
			default:
				r.unknownDefaults(kind, e)
				out[e.key] = merge(out[e.key], e.value)
			}
		}
	}
	return out
}

// unknownDefaults reports unknown keys of defaults for a kind without components. With components, their check does it.
func (r *resolver) unknownDefaults(kind *component.Kind, e entry) {
	for _, d := range r.bundle.components {
		if d.kind == kind.Name {
			return
		}
	}
	for _, problem := range value.Decode(prune(e.value).value(), kind.NewSpec()) {
		if problem.Kind == value.UnknownKey {
			r.problems.add(describe(e.value, "spec."+e.key, problem))
		}
	}
}

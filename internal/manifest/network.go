package manifest

import (
	"fmt"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/value"
)

// network is the kind of the document that spec.network of an Environment stands for.
const network = "Network"

// components are those of the bundle and, with spec.network of the Environment, the Network that has no document.
func (r *resolver) components() []*document {
	if r.network == nil {
		return r.bundle.components
	}
	return append(r.bundle.components[:len(r.bundle.components):len(r.bundle.components)], r.network)
}

// environmentNetwork makes spec.network of the Environment an overlay of the Network, or the Network itself.
func (r *resolver) environmentNetwork(overlays map[*document]*document) {
	d := r.environment.document
	kind, known := r.options.Registry.Kind(network)
	if d == nil || !known {
		return
	}
	spec := d.spec.get(networkKey)
	switch {
	case spec == nil || spec.value.kind == value.Null:
		return
	case spec.value.kind != value.Map:
		r.problems.invalid(spec.at, "Wrong type",
			fmt.Sprintf("spec.%s must be a map, but is %s.", networkKey, spec.value.kind.Article()), "")
		return
	}
	made := r.standIn(d, kind, spec.value)
	for _, base := range r.bundle.components {
		if base.kind != network || base.address() != kind.Synthetic {
			continue
		}
		if over := overlays[base]; over != nil {
			r.problems.invalid(spec.at, "Duplicate overlay",
				fmt.Sprintf("There is an overlay of the Network, too, at %s.", over.at("metadata", "name").position()),
				"Put both into one of the two places.")
			return
		}
		overlays[base] = made
		return
	}
	r.network = made
}

// networkKey is the key of environmentSpec.
const networkKey = "network"

// standIn is a document whose places are in the Environment.
func (r *resolver) standIn(d *document, kind *component.Kind, spec *node) *document {
	return &document{
		root: d.root, service: Infra, environment: d.environment, apiVersion: kind.Group, kind: kind.Name,
		name: networkKey, spec: spec, named: true,
	}
}

package manifest

import (
	"reflect"
	"slices"

	"github.com/company/deployer/internal/value"
)

// Description describes a kind of document that is not deployed, for schema and reference.
type Description struct {
	Kind, Group, Doc string
	Spec             value.Shape // without Fields where it is not a struct: Defaults
	Overlaid         bool        // an environment may change it
}

// Documents describes the kinds that this package knows itself.
func Documents() []Description {
	shape := func(spec any) value.Shape { return value.ShapeOf(reflect.TypeOf(spec)) }
	return []Description{
		{
			"Stack", core["Stack"], "Settings for everything that is deployed together: stack.yaml.",
			shape(stackSpec{}),
			false,
		},
		{"Environment", core["Environment"], "One environment of a stack: environments/NAME.yaml, or a file in " +
			"environments/NAME/.", shape(environmentSpec{}), false},
		{
			"Service", core["Service"], "Settings for all components of a service: a file in " +
				"services/NAME/. Optional.",
			shape(serviceSpec{}), true,
		},
		{"Defaults", core["Defaults"], "Values for every component of a kind, which the component overrides: " +
			"a file in infra/. The keys of its spec are kinds.", value.Shape{Kind: value.Map}, true},
	}
}

// Header describes the fields that all documents have.
func Header() value.Shape {
	s := value.ShapeOf(reflect.TypeFor[header]())
	s.Fields = slices.Clone(s.Fields)
	return s
}

// VariableShape describes an entry of spec.variables that is a map.
func VariableShape() value.Shape { return value.ShapeOf(reflect.TypeFor[definition]()) }

// NamePattern is the pattern for names of stacks, environments, services and components.
func NamePattern() string { return namePattern.String() }

// Reserved are the names that nothing may have.
func Reserved() []string { return slices.Clone(reserved) }

// Evaluated reports whether expressions are evaluated below a key of the spec of a document that is not deployed.
func Evaluated(key string) bool { return slices.Contains(evaluated, key) }

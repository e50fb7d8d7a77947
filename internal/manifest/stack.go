package manifest

import (
	"slices"
	"strings"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/value"
)

// ApprovalRequired is the value with which an environment requires approval of every run.
const ApprovalRequired = "required"

// RollbackAuto is the value with which an environment wants every failed apply rolled back.
const RollbackAuto = "auto"

// Stack is a stack in one environment, resolved.
type Stack struct {
	Name         string
	Environment  string // "" when the stack has none
	Environments []string
	Production   bool
	// ApprovalRequired: every run asks on a terminal or needs --auto-approve, whatever the configuration says; else ""
	Approval   string
	Rollback   string // RollbackAuto: an apply that fails is rolled back; else ""
	Provider          // region and account of its resources
	Tags       map[string]string
	Variables  []Variable  // declared or used, sorted by name
	Components []Component // of known kinds, sorted by address

	failed    bool // Resolve found errors
	forgiving bool // Unknown values were reported, or may stay unknown
}

// Provider says where the stack is in AWS.
type Provider struct {
	Name    string // "aws"
	Region  string // "" when the manifests do not say
	Account string // 12 digits; "" when the manifests do not say
}

// Component is an instance with the facts that only the manifests know; a saved plan has the instance alone.
type Component struct {
	component.Instance

	Description         string
	Labels, Annotations map[string]string
	DependsOn           []string          // addresses, sorted
	References          []value.Reference // to outputs of other components, sorted
	Position            *diag.Position    // of its name

	document *document
	spec     *node // merged: defaults, component, overlay
}

// Variable is one variable with its value in this run.
type Variable struct {
	Name        string
	Value       value.Value // text (value.NewLoose), or Unknown without a value
	Description string
	Sensitive   bool
	// "--var", "--var-file NAME", "DEPLOYER_VAR_NAME", file:line:col or the version of the last deployment; "" when it
	// has no value
	Origin   string
	Previous bool // the value is that of the last deployment
}

// Incomplete reports whether a variable has no value.
func (s *Stack) Incomplete() bool {
	return slices.ContainsFunc(s.Variables, func(v Variable) bool { return v.Origin == "" })
}

// Component returns the component of that address, nil when there is none.
func (s *Stack) Component(address string) *Component {
	i, found := slices.BinarySearchFunc(s.Components, address, func(c Component, a string) int {
		return strings.Compare(c.Address, a)
	})
	if !found {
		return nil
	}
	return &s.Components[i]
}

// Instances returns the components as the expansion needs them.
func (s *Stack) Instances() []component.Instance {
	out := make([]component.Instance, len(s.Components))
	for i := range s.Components {
		out[i] = s.Components[i].Instance
	}
	return out
}

// Locate returns where the value at a path below a component's spec was written, in defaults, component or overlay. For
// a value that was not written, it returns the nearest place above it. It returns nil when there is no such component.
func (s *Stack) Locate(address string, path ...string) *diag.Position {
	c := s.Component(address)
	if c == nil || c.document == nil {
		return nil
	}
	if len(path) == 0 {
		return c.document.specKey().position()
	}
	_, val := c.spec.locate(path)
	return val.position()
}

// Diagnose gives a place to problems that a kind or the expansion found in the spec of a component. It leaves out
// problems that only follow from errors that Resolve reported.
func (s *Stack) Diagnose(address string, found []value.Problem) diag.List {
	var p problems
	c := s.Component(address)
	for _, problem := range found {
		if c == nil || c.document == nil { // a saved plan has no files
			p.add(graded(diag.New(diag.Invalid, summaryOf(problem.Kind), upperFirst(problem.Error())+".", ""),
				problem).For(address))
			continue
		}
		if s.failed && slices.Contains(resolved, problem.Kind) {
			continue
		}
		if problem.Kind == value.NotKnown && s.forgiving && c.Spec.Get(problem.Path...).Kind() == value.Unknown &&
			!c.deferred(problem.Path) {
			continue
		}
		d := describe(c.spec, "spec", problem)
		if len(problem.Path) == 0 && c.spec.deletion(problem.Missing) == nil {
			d = at(d, c.document.specKey())
		}
		if problem.Kind == value.UnknownKey && len(problem.Path) == 1 {
			d.Detail = strings.Replace(d.Detail, "a key of spec.", "a key of the spec of "+c.Kind+".", 1)
		}
		p.add(graded(d, problem).For(address))
	}
	return p.list.Sort()
}

// resolved are the kinds of problems that Resolve or an earlier step reports itself.
var resolved = []value.ProblemKind{
	component.UnknownComponent, component.UnknownOutput, component.UnknownVerb,
	component.SensitiveValue,
}

// deferred reports whether an expression with references is at the path or above it.
func (c *Component) deferred(path []string) bool {
	for i := 0; i <= len(path); i++ {
		if c.Spec.Get(path[:i]...).Kind() == value.Deferred {
			return true
		}
	}
	return false
}

// Validate checks the spec of every component against its kind.
func (s *Stack) Validate(kinds *component.Registry) diag.List {
	var all diag.List
	for i := range s.Components {
		c := &s.Components[i]
		if kind, ok := kinds.Kind(c.Kind); ok {
			all.Add(s.Diagnose(c.Address, kind.Validate(c.Instance))...)
		}
	}
	return all.Sort()
}

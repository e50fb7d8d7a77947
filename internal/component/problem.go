package component

import (
	"fmt"
	"slices"
	"strings"

	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

// Problem is one thing wrong with one component. Its Path is below spec.
type Problem struct {
	Address string // of the component; "" when it concerns the stack as a whole
	value.Problem
}

func (p Problem) Error() string {
	text := p.Message
	if len(p.Path) > 0 {
		text = strings.Join(p.Path, ".") + ": " + text
	}
	if p.Address != "" {
		text = p.Address + ": " + text
	}
	return text
}

// The kinds of Problem that only the whole stack shows. Package value has the others.
const (
	UnknownComponent value.ProblemKind = "unknown component" // a name of a component that does not exist
	// a reference names an output that the component does not give
	UnknownOutput value.ProblemKind = "unknown output"
	UnknownVerb   value.ProblemKind = "unknown verb" // uses asks for a verb that the kind does not have
	Cycle         value.ProblemKind = "cycle"        // components need each other
	// more than AWS allows by default: a warning, because AWS can raise quotas
	Quota          value.ProblemKind = "quota"
	SensitiveValue value.ProblemKind = "sensitive value" // a secret in a field that is stored
	Unusual        value.ProblemKind = "unusual"         // works, and is seldom meant: a warning
)

// Warning reports whether problems of a kind are no errors.
func Warning(kind value.ProblemKind) bool { return kind == Quota || kind == Unusual }

// Warn is a warning: what is written works, and is seldom meant. Expand of a kind may return it.
func Warn(path []string, format string, args ...any) value.Problem {
	return problem(Unusual, path, nil, format, args...)
}

// Invalid is a value of the right type that cannot work. The checks of kinds use it.
func Invalid(path []string, format string, args ...any) value.Problem {
	return problem(value.BadValue, path, nil, format, args...)
}

func problem(kind value.ProblemKind, path []string, allowed []string, format string, args ...any) value.Problem {
	return value.Problem{Kind: kind, Path: slices.Clone(path), Message: fmt.Sprintf(format, args...), Allowed: allowed}
}

// cycleProblem says which components need each other. Its place is the first key that is part of the cycle.
func (x *expansion) cycleProblem(cycle *resource.CycleError) Problem {
	var components []string
	for _, id := range cycle.Path {
		if address := resource.ComponentOf(id); len(components) == 0 || components[len(components)-1] != address {
			components = append(components, address)
		}
	}
	message := fmt.Sprintf("the components need each other: %s", strings.Join(components, " -> "))
	if len(components) == 1 {
		message = "the resources of this component need each other"
	}
	message += fmt.Sprintf(" (%s); remove one of the references or dependsOn entries",
		strings.Join(cycle.Path, " -> "))
	for i := 0; i+1 < len(components); i++ {
		if path, ok := x.members[components[i]].wayTo(components[i+1]); ok {
			return Problem{Address: components[i], Problem: problem(Cycle, path, nil, "%s", message)}
		}
	}
	return Problem{Address: components[0], Problem: problem(Cycle, nil, nil, "%s", message)}
}

// wayTo is the path in m's spec that makes it wait for another component.
func (m *member) wayTo(address string) (path []string, found bool) {
	if m == nil {
		return nil, false
	}
	m.Spec.Walk(func(at []string, node value.Value) {
		if found || node.Kind() != value.Deferred {
			return
		}
		for _, ref := range node.References() {
			if ref.Target == address {
				path, found = slices.Clone(at), true
			}
		}
	})
	if !found && m.common != nil {
		if i := slices.Index(m.common.DependsOn, address); i >= 0 {
			return []string{"dependsOn", fmt.Sprint(i)}, true
		}
		if _, uses := m.uses[address]; uses {
			return []string{"uses", address}, true
		}
	}
	return path, found
}

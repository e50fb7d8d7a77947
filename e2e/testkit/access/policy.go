package access

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
)

// Request is one thing that IAM decides: an action on a resource, with its condition keys.
type Request struct {
	Action   string              // "sqs:CreateQueue"
	Resource string              // an ARN, or "*" where AWS knows no resource
	Context  map[string][]string // condition keys
}

func (r Request) String() string { return r.Action + " on " + r.Resource }

// Policy is the statements of one or more documents. It knows Allow statements and the operators that the product uses.
// Reading fails on anything else, so that a statement that was not understood never allows anything.
type Policy struct {
	Statements []Statement
}

// Statement is one statement.
type Statement struct {
	Effect    string
	Action    List
	Resource  List
	Condition map[string]map[string]List `json:",omitempty"`
}

// List is a list that JSON may hold as a single item without brackets.
type List []string

// UnmarshalJSON implements json.Unmarshaler.
func (l *List) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*l = List{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(l))
}

// ReadPolicy reads one or more policy documents.
func ReadPolicy(documents ...[]byte) (*Policy, error) {
	var p Policy
	for _, text := range documents {
		var document struct {
			Version   string
			Statement []Statement
		}
		if err := json.Unmarshal(text, &document); err != nil {
			return nil, fmt.Errorf("access: a policy document: %w", err)
		}
		for _, s := range document.Statement {
			if s.Effect != "Allow" || len(s.Action) == 0 || len(s.Resource) == 0 {
				return nil, fmt.Errorf("access: a statement that allows nothing: %+v", s)
			}
			for operator := range s.Condition {
				if operators[operator] == nil {
					return nil, fmt.Errorf("access: unknown operator %s", operator)
				}
			}
			p.Statements = append(p.Statements, s)
		}
	}
	return &p, nil
}

// Allows reports whether a statement allows the request.
func (p *Policy) Allows(r Request) bool {
	return slices.ContainsFunc(p.Statements, func(s Statement) bool { return s.allows(r) })
}

// Actions returns all actions that the policy names, sorted.
func (p *Policy) Actions() []string {
	var out []string
	for _, s := range p.Statements {
		out = append(out, s.Action...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Without returns the policy without an action.
func (p *Policy) Without(action string) *Policy {
	out := &Policy{}
	for _, s := range p.Statements {
		s.Action = slices.DeleteFunc(slices.Clone(s.Action), func(a string) bool { return a == action })
		out.Statements = append(out.Statements, s)
	}
	return out
}

func (s Statement) allows(r Request) bool {
	if !matchesAny(s.Action, r.Action) || !matchesAny(s.Resource, r.Resource) {
		return false
	}
	for operator, tests := range s.Condition {
		for key, wanted := range tests {
			if !operators[operator](wanted, r.Context[key]) {
				return false
			}
		}
	}
	return true
}

// operators compare the values of a key. A key that the request does not have has no values.
var operators = map[string]func(wanted, have []string) bool{
	"StringEquals": func(wanted, have []string) bool { return len(have) == 1 && slices.Contains(wanted, have[0]) },
	"ArnLike":      func(wanted, have []string) bool { return len(have) == 1 && matchesAny(wanted, have[0]) },
	"ForAllValues:StringEquals": func(wanted, have []string) bool {
		return !slices.ContainsFunc(have, func(value string) bool { return !slices.Contains(wanted, value) })
	},
	"ForAllValues:StringLike": func(wanted, have []string) bool {
		return !slices.ContainsFunc(have, func(value string) bool { return !matchesAny(wanted, value) })
	},
}

func matchesAny(patterns []string, text string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return matches(pattern, text) })
}

// matches is IAM's wildcard: * matches anything, colons and slashes included.
func matches(pattern, text string) bool {
	flat := strings.NewReplacer("/", "\x00", "[", "\x01", "\\", "\x02")
	ok, err := path.Match(flat.Replace(pattern), flat.Replace(text))
	return err == nil && ok
}

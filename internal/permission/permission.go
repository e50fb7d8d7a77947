// Package permission makes the IAM policy that a stack needs from what its resource types, its state and its locks
// declare.
//
// In: desired resources and the statements that their types declare. Out: statements, joined and sorted, and policy
// documents in IAM's form. It must not call anything, or know an AWS service.
package permission

import (
	"maps"
	"slices"
	"strings"

	"github.com/company/deployer/internal/resource"
)

// Types says which permissions a resource type or a lookup needs. It is a resource.Catalog.
type Types interface {
	Permissions(typ string, scope resource.Scope) []resource.Statement
}

// Collect returns the statements for creating, changing, reading and deleting everything in a graph.
func Collect(types Types, graph *resource.Graph, scope resource.Scope) []resource.Statement {
	var out []resource.Statement
	for _, r := range graph.Resources {
		scope.Props = r.Props
		out = append(out, types.Permissions(r.Type, scope)...)
	}
	return out
}

// Reading keeps only the actions that change nothing.
func Reading(statements []resource.Statement) []resource.Statement {
	var out []resource.Statement
	for _, s := range statements {
		if s.Looks {
			out = append(out, s)
			continue
		}
		s.Actions = slices.DeleteFunc(slices.Clone(s.Actions), func(action string) bool { return !reads(action) })
		if len(s.Actions) > 0 && s.Why == "" { // AWS acts in the name of the caller for changes only
			out = append(out, s)
		}
	}
	return out
}

func reads(action string) bool {
	_, verb, _ := strings.Cut(action, ":")
	return strings.HasPrefix(verb, "Get") || strings.HasPrefix(verb, "List") || strings.HasPrefix(verb, "Describe")
}

// Join returns the fewest statements that allow the same. It drops actions on single resources that are allowed on
// everything, and joins actions with the same resources and conditions, and resources with the same actions.
func Join(statements []resource.Statement) []resource.Statement {
	anything := map[string]bool{} // actions allowed on everything, without a condition
	for _, s := range statements {
		if len(s.On) == 0 && len(s.When) == 0 {
			for _, action := range s.Actions {
				anything[action] = true
			}
		}
	}
	// One entry for each action and condition, with all its resources, which may come from several types.
	type need struct {
		action    string
		condition resource.Condition
		on        map[string]bool
	}
	needs := map[string]*need{}
	for _, s := range statements {
		for _, action := range s.Actions {
			if anything[action] && (len(s.On) > 0 || len(s.When) > 0) {
				continue
			}
			key := action + "\n" + conditionKey(s.When)
			if needs[key] == nil {
				needs[key] = &need{action, s.When, map[string]bool{}}
			}
			if len(s.On) == 0 {
				needs[key].on["*"] = true
			}
			for _, on := range s.On {
				needs[key].on[on] = true
			}
		}
	}
	joined := map[string]*resource.Statement{}
	for _, n := range needs {
		on := slices.Sorted(maps.Keys(n.on))
		if n.on["*"] {
			on = nil
		}
		key := strings.Join(on, "\n") + "\n\n" + conditionKey(n.condition)
		if joined[key] == nil {
			joined[key] = &resource.Statement{On: on, When: n.condition}
		}
		joined[key].Actions = append(joined[key].Actions, n.action)
	}
	out := make([]resource.Statement, 0, len(joined))
	for _, s := range joined {
		slices.Sort(s.Actions)
		out = append(out, *s)
	}
	slices.SortFunc(out, func(a, b resource.Statement) int { return strings.Compare(order(a), order(b)) })
	return out
}

// Merge joins statements under the same condition into one where that allows nothing more. AWS checks an action against
// the resource types that the action supports. So only statements that name different objects of the same type must
// stay separate. It merges the statements of each service, or all.
func Merge(statements []resource.Statement, services bool) []resource.Statement {
	var out []resource.Statement
	for _, s := range statements {
		i := slices.IndexFunc(out, func(o resource.Statement) bool {
			return conditionKey(o.When) == conditionKey(s.When) && agree(o.On, s.On) &&
				(services || service(o) == service(s))
		})
		if i < 0 {
			out = append(out, s)
			continue
		}
		out[i].Actions = union(out[i].Actions, s.Actions)
		out[i].On = union(out[i].On, s.On)
	}
	slices.SortFunc(out, func(a, b resource.Statement) int { return strings.Compare(order(a), order(b)) })
	return out
}

// agree reports whether two lists name the same objects of each type that is in both. Everything agrees only with
// everything.
func agree(a, b []string) bool {
	if len(a) == 0 || len(b) == 0 {
		return len(a) == len(b)
	}
	kinds := func(arns []string) map[string][]string {
		out := map[string][]string{}
		for _, arn := range arns {
			out[kind(arn)] = append(out[kind(arn)], arn)
		}
		return out
	}
	ofB := kinds(b)
	for k, arns := range kinds(a) {
		if other := ofB[k]; len(other) > 0 && !slices.Equal(arns, other) {
			return false
		}
	}
	return true
}

// kind is the service and the resource type in an ARN.
func kind(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 {
		return arn
	}
	name := parts[5]
	if parts[2] == "s3" {
		return "s3" // a bucket's name with * matches its objects, too
	}
	end := strings.IndexAny(name, "/:")
	if end < 0 {
		end = 0
	}
	return parts[2] + ":" + name[:end]
}

func service(s resource.Statement) string {
	prefix, _, _ := strings.Cut(s.Actions[0], ":")
	return prefix
}

func union(a, b []string) []string {
	out := append(slices.Clone(a), b...)
	slices.Sort(out)
	return slices.Compact(out)
}

// order sorts statements by service; statements for everything come last.
func order(s resource.Statement) string {
	last := "0"
	if len(s.On) == 0 {
		last = "1"
	}
	return last + strings.Join(s.Actions, " ") + "\n" + strings.Join(s.On, " ") + "\n" + conditionKey(s.When)
}

func conditionKey(c resource.Condition) string {
	var b strings.Builder
	for _, operator := range slices.Sorted(maps.Keys(c)) {
		for _, key := range slices.Sorted(maps.Keys(c[operator])) {
			b.WriteString(operator + " " + key + " " + strings.Join(c[operator][key], ",") + "\n")
		}
	}
	return b.String()
}

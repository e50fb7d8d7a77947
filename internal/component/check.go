package component

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/company/deployer/internal/value"
)

// maxTags is AWS's limit on tags, less five: we add up to five of the fifty to objects that have no readable name.
const maxTags = 50 - 5

// checkMember finds what only the whole stack shows: unknown components, and secrets in fields that are stored.
func (x *expansion) checkMember(m *member) {
	eachReference(m.Spec, func(path []string, ref value.Reference) {
		target := x.members[ref.Target]
		switch {
		case target == nil:
			x.add(m.Address, x.unknown(path, ref.Target))
		case target == m:
			x.add(m.Address, problem(Cycle, path, nil, "a component cannot refer to its own output %q", ref.Output))
		case !slices.Contains(target.kind.Outputs, ref.Output):
			x.add(m.Address, problem(UnknownOutput, path, target.kind.Outputs, "%s (%s) has no output %q; it has %s",
				ref.Target, target.Kind, ref.Output, strings.Join(target.kind.Outputs, ", ")))
		}
	})
	for i, address := range m.common.DependsOn {
		path := []string{"dependsOn", strconv.Itoa(i)}
		switch {
		case address == m.Address:
			x.add(m.Address, problem(Cycle, path, nil, "a component cannot depend on itself"))
		case x.members[address] == nil:
			x.add(m.Address, x.unknown(path, address))
		}
	}
	for _, path := range sensitivePlaces(m.Spec, nil) {
		x.add(m.Address, problem(SensitiveValue, path, nil,
			"uses a sensitive value, which would be stored in the state and be visible in AWS; "+
				"keep it in Secrets Manager or the SSM parameter store and name it under `secrets`"))
	}
	x.add(m.Address, CheckTags(m.common.Tags, m.Tags)...)
	all := maps.Clone(m.common.Tags)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, m.Tags)
	if len(all) > maxTags {
		x.add(m.Address, problem(value.BadValue, []string{"tags"}, nil,
			"AWS allows at most %d tags besides deployer's own. Together with the tags of the stack, its environment "+
				"and the service %s these are %d", maxTags, m.Service, len(all)))
	}
}

func (x *expansion) unknown(path []string, address string) value.Problem {
	candidates := x.addresses()
	return problem(UnknownComponent, path, candidates, "there is no component %q", address)
}

// sensitivePlaces are the paths of strings that hold something sensitive or are computed from it.
func sensitivePlaces(v value.Value, path []string) [][]string {
	if v.IsSensitive() || v.Kind() == value.Deferred && slices.ContainsFunc(v.Expression().Args,
		value.Value.HasSensitive) {
		return [][]string{slices.Clone(path)}
	}
	var out [][]string
	for i, item := range v.Items() {
		out = append(out, sensitivePlaces(item, append(path[:len(path):len(path)], strconv.Itoa(i)))...)
	}
	for _, key := range v.Keys() {
		out = append(out, sensitivePlaces(v.Entries()[key], append(path[:len(path):len(path)], key))...)
	}
	return out
}

// CheckTags checks the tags of a stack, an environment, a service or a component against rules that the tags of Tagged
// cannot express. Paths are below their spec. above are the tags of the levels above.
func CheckTags(tags, above map[string]string) []value.Problem {
	var problems []value.Problem
	folded := map[string]string{} // IAM ignores the case of keys
	for _, key := range slices.Sorted(maps.Keys(above)) {
		folded[strings.ToLower(key)] = key
	}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		path := []string{"tags", key}
		lower := strings.ToLower(key)
		other := folded[lower]
		_, told := above[key] // problems of this key are reported at the level above
		folded[lower] = key
		switch {
		case strings.HasPrefix(lower, "aws:") || strings.HasPrefix(lower, "deployer:"):
			problems = append(problems, problem(value.BadValue, path, nil,
				"keys that begin with aws: or deployer: are reserved"))
		case other != "" && other != key && !told:
			problems = append(problems, problem(value.BadValue, path, nil,
				"the key differs only in case from %q, and IAM accepts only one of the two: write both in the same way",
				other))
		}
	}
	return problems
}

// resolveUses turns `uses` into grants of the used components.
func (x *expansion) resolveUses(m *member) {
	for _, address := range slices.Sorted(maps.Keys(m.uses)) {
		path := []string{"uses", address}
		target := x.members[address]
		switch {
		case target == nil:
			x.add(m.Address, x.unknown(path, address))
			continue
		case target == m:
			x.add(m.Address, problem(value.BadValue, path, nil, "a component cannot use itself"))
			continue
		case len(target.kind.Verbs) == 0:
			x.add(m.Address, problem(UnknownVerb, path, nil, "%s is a %s, which has no verbs", address,
				target.Kind))
			continue
		case len(m.uses[address]) == 0:
			x.add(m.Address, problem(value.BadValue, path, target.kind.Verbs, "name one or more of the verbs %s",
				strings.Join(target.kind.Verbs, ", ")))
			continue
		}
		asked := map[string]bool{}
		for i, verb := range m.uses[address] {
			at := append(path[:2:2], strconv.Itoa(i))
			if !slices.Contains(target.kind.Verbs, verb) {
				x.add(m.Address, problem(UnknownVerb, at, target.kind.Verbs, "a %s has no verb %q; its verbs are %s",
					target.Kind, verb, strings.Join(target.kind.Verbs, ", ")))
				continue
			}
			if asked[verb] || target.spec == nil {
				continue
			}
			asked[verb] = true
			grant := target.kind.grant(target.Instance, target.spec, verb)
			if grant.Refused != "" {
				x.add(m.Address, problem(value.BadValue, at, nil, "%s does not have the verb %q: %s", address, verb,
					grant.Refused))
				continue
			}
			m.granted = append(m.granted, Granted{Address: address, Verb: verb, Grant: grant})
		}
	}
	slices.SortFunc(m.granted, func(a, b Granted) int {
		if c := strings.Compare(a.Address, b.Address); c != 0 {
			return c
		}
		return strings.Compare(a.Verb, b.Verb)
	})
}

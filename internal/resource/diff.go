package resource

import (
	"slices"
	"strconv"

	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/value"
)

// Diff is the difference between an object and its desired properties.
type Diff struct {
	Changes []plan.Property // empty: nothing to do
	Replace []string        // the top-level properties that force a replacement; empty: in place
}

// Changed returns the top-level properties that differ.
func (d Diff) Changed() []string {
	var names []string
	for _, c := range d.Changes {
		if name := c.Path[0]; !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// Compare is the one diff: preview and apply both use it. old and desired are checked inputs. desired may hold Unknown,
// which counts as a change. A HashedName follows from the other properties: it counts as a change only if its prefix
// changes.
func Compare(def *Definition, old, desired value.Value) Diff {
	var d Diff
	forcing := append(slices.Clone(def.ReplaceOn), def.HashedName)
	if def.Replaces != nil && !old.IsNull() {
		forcing = append(forcing, def.Replaces(old, desired)...)
	}
	for _, name := range unionKeys(old, desired) {
		if slices.Contains(def.CreateOnly, name) {
			continue
		}
		was, wanted := old.Entries()[name], desired.Entries()[name]
		before := len(d.Changes)
		compare([]string{name}, was, wanted, slices.Contains(forcing, name), &d.Changes)
		if slices.Contains(def.WriteOnly, name) {
			for i := range d.Changes[before:] {
				c := &d.Changes[before+i]
				c.Old, c.New = c.Old.Sensitive(), c.New.Sensitive()
			}
		}
		if len(d.Changes) > before && slices.Contains(forcing, name) {
			d.Replace = append(d.Replace, name)
		}
	}
	return d
}

func compare(path []string, was, wanted value.Value, forces bool, out *[]plan.Property) {
	if value.Equal(was, wanted) {
		return
	}
	if was.Kind() == value.Map && wanted.Kind() == value.Map {
		for _, key := range unionKeys(was, wanted) {
			compare(append(path[:len(path):len(path)], key), was.Entries()[key], wanted.Entries()[key], forces, out)
		}
		return
	}
	if was.Kind() == value.List && wanted.Kind() == value.List {
		if pairs, ok := match(was.Items(), wanted.Items()); ok {
			for _, p := range pairs {
				compare(append(path[:len(path):len(path)], p.key), p.was, p.wanted, forces, out)
			}
			return
		}
	}
	*out = append(*out, plan.Property{Path: slices.Clone(path), Old: was, New: wanted, ForcesReplacement: forces})
}

// pair is two items of lists that are versions of the same item.
type pair struct {
	key         string // its name, or its index
	was, wanted value.Value
}

// match pairs the items of two lists of objects: by name if all have one, else by position if both lists have the same
// length. Lists of named objects in different orders do not match: order counts.
func match(was, wanted []value.Value) ([]pair, bool) {
	before, named := names(was)
	after, alsoNamed := names(wanted)
	var pairs []pair
	switch {
	case named && alsoNamed:
		if slices.Equal(shared(before, after), shared(after, before)) {
			for i, name := range before {
				p := pair{key: name, was: was[i]}
				if j := slices.Index(after, name); j >= 0 {
					p.wanted = wanted[j]
				}
				pairs = append(pairs, p)
			}
			for j, name := range after {
				if !slices.Contains(before, name) {
					pairs = append(pairs, pair{key: name, wanted: wanted[j]})
				}
			}
			return pairs, len(pairs) > 0
		}
	case len(was) == len(wanted) && objects(was) && objects(wanted):
		for i := range was {
			pairs = append(pairs, pair{strconv.Itoa(i), was[i], wanted[i]})
		}
		return pairs, true
	}
	return nil, false
}

// names returns the names of objects; false if one has no name or two have the same.
func names(items []value.Value) ([]string, bool) {
	var out []string
	for _, item := range items {
		name := item.Get("name")
		if name.Kind() != value.String || slices.Contains(out, name.Str()) {
			return nil, false
		}
		out = append(out, name.Str())
	}
	return out, true
}

func objects(items []value.Value) bool {
	return !slices.ContainsFunc(items, func(v value.Value) bool { return v.Kind() != value.Map })
}

// shared returns the items of a that are also in b, in the order of a.
func shared(a, b []string) []string {
	var out []string
	for _, s := range a {
		if slices.Contains(b, s) {
			out = append(out, s)
		}
	}
	return out
}

func unionKeys(a, b value.Value) []string {
	keys := append(a.Keys(), b.Keys()...)
	slices.Sort(keys)
	return slices.Compact(keys)
}

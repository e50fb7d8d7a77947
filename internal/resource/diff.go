package resource

import (
	"slices"

	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/value"
)

// Diff is what separates an object from what is desired of it.
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

// Compare is the one diff: preview and apply both decide by it. old and desired are checked inputs; desired may hold
// Unknown, which counts as a change. With HashedName the name follows from the other properties and is no change of its own,
// as long as its prefix stays.
func Compare(def *Definition, old, desired value.Value) Diff {
	var d Diff
	for _, name := range unionKeys(old, desired) {
		if slices.Contains(def.CreateOnly, name) {
			continue
		}
		was, wanted := old.Entries()[name], desired.Entries()[name]
		before := len(d.Changes)
		compare([]string{name}, was, wanted, slices.Contains(def.ReplaceOn, name) || name == def.HashedName, &d.Changes)
		if len(d.Changes) > before && (slices.Contains(def.ReplaceOn, name) || name == def.HashedName) {
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
	*out = append(*out, plan.Property{Path: slices.Clone(path), Old: was, New: wanted, ForcesReplacement: forces})
}

func unionKeys(a, b value.Value) []string {
	keys := append(a.Keys(), b.Keys()...)
	slices.Sort(keys)
	return slices.Compact(keys)
}

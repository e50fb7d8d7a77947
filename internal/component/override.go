package component

import (
	"maps"
	"slices"
	"strings"

	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

// override applies merge patches to generated resources.
func override(resources map[string]*resource.Resource, patches map[string]value.Value) []value.Problem {
	var problems []value.Problem
	for _, name := range slices.Sorted(maps.Keys(patches)) {
		patch, path := patches[name], []string{"overrides", name}
		r := resources[name]
		switch {
		case r == nil && len(resources) == 0:
			problems = append(problems, problem(value.BadValue, path, nil,
				"this component creates no resource that overrides could change"))
		case r == nil:
			all := slices.Sorted(maps.Keys(resources))
			problems = append(problems, problem(value.UnknownKey, path, all,
				"this component creates no resource named %q; it creates %s", name, strings.Join(all, ", ")))
		case patch.IsNull():
		case patch.Kind() != value.Map:
			problems = append(problems, problem(value.WrongType, path, nil, "must be a map of properties, but is %s",
				patch.Kind().Article()))
		default:
			r.Props = mergePatch(r.Props, patch)
		}
	}
	return problems
}

// mergePatch merges as overlays do: maps merge, lists of maps with names merge by name, null deletes, all else
// replaces.
func mergePatch(base, patch value.Value) value.Value {
	switch {
	case patch.Kind() == value.List && hasNames(base) && hasNames(patch):
		return mergeNamed(base, patch)
	case patch.Kind() != value.Map:
		return patch
	}
	if base.Kind() != value.Map {
		base = value.NewMap(nil)
	}
	for _, key := range patch.Keys() {
		item := patch.Entries()[key]
		if !item.IsNull() {
			item = mergePatch(base.Entries()[key], item)
		}
		base = base.With(key, item)
	}
	return base
}

// hasNames reports whether every item of a list is a map with a name of its own.
func hasNames(list value.Value) bool {
	seen := map[string]bool{}
	for _, item := range list.Items() {
		name := item.Entries()["name"].Str()
		if name == "" || seen[name] {
			return false
		}
		seen[name] = true
	}
	return len(seen) > 0
}

func mergeNamed(base, patch value.Value) value.Value {
	items := slices.Clone(base.Items())
	for _, item := range patch.Items() {
		if i := IndexOfName(items, item); i >= 0 {
			items[i] = mergePatch(items[i], item)
		} else {
			items = append(items, mergePatch(value.NewMap(nil), item))
		}
	}
	return value.NewList(items...)
}

// IndexOfName is the index of the item that has the name of another; -1 when there is none.
func IndexOfName(items []value.Value, other value.Value) int {
	return slices.IndexFunc(items, func(item value.Value) bool {
		return item.Entries()["name"].Str() == other.Entries()["name"].Str()
	})
}

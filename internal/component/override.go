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

// mergePatch is RFC 7396: maps merge, null deletes, all else replaces.
func mergePatch(base, patch value.Value) value.Value {
	if patch.Kind() != value.Map {
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

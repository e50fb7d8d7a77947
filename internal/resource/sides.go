package resource

import (
	"slices"
	"strconv"

	"github.com/company/deployer/internal/value"
)

// Sides is one property as three sources have it. A side that has no such property is Null.
type Sides struct {
	Path             []string
	Is, Was, Desired value.Value // in AWS, in the state, in the manifests
	Outside          bool        // AWS is not as the state says
	Pending          bool        // the manifests are not as the state says
}

// CompareSides compares an object in AWS, in the state and in the manifests, with the one diff. It returns the
// properties in which one of them differs from the state.
func CompareSides(def *Definition, is, was, desired value.Value) []Sides {
	outside, pending := Compare(def, was, is).Changes, Compare(def, was, desired).Changes
	var paths [][]string
	sensitive := map[string]bool{}
	for _, c := range append(outside, pending...) {
		paths = append(paths, c.Path)
		if c.Old.HasSensitive() || c.New.HasSensitive() {
			sensitive[c.Path[0]] = true
		}
	}
	slices.SortFunc(paths, slices.Compare)
	var out []Sides
	for i, path := range paths {
		if i > 0 && within(path, out[len(out)-1].Path) {
			continue // one diff saw the whole, the other one a part
		}
		s := Sides{Path: path, Is: at(is, path), Was: at(was, path), Desired: at(desired, path)}
		s.Outside, s.Pending = !value.Equal(s.Is, s.Was), !value.Equal(s.Desired, s.Was)
		if sensitive[path[0]] {
			s.Is, s.Was, s.Desired = s.Is.Sensitive(), s.Was.Sensitive(), s.Desired.Sensitive()
		}
		out = append(out, s)
	}
	return out
}

// within reports whether a path is at or below another one.
func within(path, above []string) bool {
	return len(path) >= len(above) && slices.Equal(path[:len(above)], above)
}

// at returns the value at a path of Compare: an item of a list is named by its name or its index.
func at(v value.Value, path []string) value.Value {
	for _, step := range path {
		switch v.Kind() {
		case value.Unknown, value.Deferred:
			return value.NewUnknown()
		case value.List:
		default:
			v = v.Entries()[step]
			continue
		}
		items := v.Items()
		i := slices.IndexFunc(items, func(item value.Value) bool {
			name := item.Get("name")
			return name.Kind() == value.String && name.Str() == step
		})
		if n, err := strconv.Atoi(step); i < 0 && err == nil && n >= 0 && n < len(items) {
			i = n
		}
		if i < 0 {
			return value.NullValue
		}
		v = items[i]
	}
	return v
}

package manifest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/company/deployer/internal/value"
)

// tree generates plain data: maps, lists, lists of named objects, scalars and nulls.
func tree(depth int) *rapid.Generator[any] {
	scalar := rapid.OneOf(rapid.Just[any](nil), rapid.Map(rapid.IntRange(0, 3), func(n int) any { return float64(n) }),
		rapid.Map(rapid.SampledFrom([]string{"x", "y"}), func(s string) any { return s }))
	if depth == 0 {
		return scalar
	}
	object := rapid.Map(rapid.MapOfN(rapid.SampledFrom([]string{"a", "b", "c"}), tree(depth-1), 0, 3),
		func(m map[string]any) any { return m })
	named := rapid.Map(rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"p", "q", "r"}), 1, 3, rapid.ID[string]),
		func(names []string) any {
			items := make([]any, len(names))
			for i, name := range names {
				items[i] = map[string]any{"name": name, "v": fmt.Sprint(i)}
			}
			return items
		})
	list := rapid.Map(rapid.SliceOfN(tree(depth-1), 0, 3), func(items []any) any { return items })
	return rapid.OneOf(scalar, object, object, named, list)
}

// plant makes nodes of plain data, all in the given file.
func plant(data any, f *file) *node {
	where := span{file: f, line: 1, column: 1}
	switch d := data.(type) {
	case nil:
		return &node{kind: value.Null, at: where, size: 1, height: 1}
	case float64:
		return &node{kind: value.Number, number: d, text: fmt.Sprint(d), at: where, size: 1, height: 1}
	case string:
		return &node{kind: value.String, text: d, at: where, size: 1, height: 1}
	case []any:
		var items []*node
		for _, item := range d {
			items = append(items, plant(item, f))
		}
		return newList(where, items)
	case map[string]any:
		var entries []entry
		for key, item := range d {
			entries = append(entries, entry{key: key, at: where, value: plant(item, f)})
		}
		slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.key, b.key) })
		return newMap(where, entries)
	}
	panic("unreachable")
}

// model is the merge rule of the users' contract, written for plain data.
func model(base, over any) any {
	if b, ok := base.(map[string]any); ok {
		if o, ok := over.(map[string]any); ok {
			out := map[string]any{}
			for k, v := range b {
				out[k] = v
			}
			for k, v := range o {
				if old, given := out[k]; given {
					v = model(old, v)
				}
				out[k] = v
			}
			return out
		}
	}
	b, bn := names(base)
	o, on := names(over)
	if bn == nil || on == nil {
		return over
	}
	out := slices.Clone(b)
	for i, item := range o {
		if at := slices.Index(bn, on[i]); at >= 0 {
			out[at] = model(out[at], item)
		} else {
			out = append(out, item)
		}
	}
	return out
}

// names returns the items and their names when data is a list of objects with distinct names.
func names(data any) ([]any, []string) {
	items, ok := data.([]any)
	if !ok || len(items) == 0 {
		return nil, nil
	}
	var out []string
	for _, item := range items {
		object, _ := item.(map[string]any)
		name := object["name"]
		if name == nil || slices.Contains(out, fmt.Sprint(name)) {
			return nil, nil
		}
		switch name.(type) {
		case string, float64:
			out = append(out, fmt.Sprint(name))
		default:
			return nil, nil
		}
	}
	return items, out
}

// without removes the nulls from maps.
func without(data any) any {
	switch d := data.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, v := range d {
			if v != nil {
				out[k] = without(v)
			}
		}
		return out
	case []any:
		out := make([]any, len(d))
		for i, item := range d {
			out[i] = without(item)
		}
		return out
	}
	return data
}

func TestMergeFollowsTheModel(t *testing.T) {
	lower, upper := &file{name: "base"}, &file{name: "overlay"}
	rapid.Check(t, func(t *rapid.T) {
		base, over := tree(3).Draw(t, "base"), tree(3).Draw(t, "overlay")
		below, above := plant(base, lower), plant(over, upper)
		merged := prune(merge(below, above))
		if d := cmp.Diff(without(model(base, over)), merged.value().Interface()); d != "" {
			t.Fatal(d)
		}
		if d := cmp.Diff(base, below.value().Interface()); d != "" {
			t.Fatal("the base was changed", d)
		}
		if again := prune(merge(merge(below, above), above)); !value.Equal(again.value(), merged.value()) {
			t.Fatalf("twice is not once: %s and %s", again.value(), merged.value())
		}
		count := 0
		merged.value().Walk(func(path []string, v value.Value) {
			count++
			n := merged.find(path)
			if n == nil || n.at.file == nil {
				t.Fatalf("%v has lost its place", path)
			}
			if v.Kind() != value.Map && v.Kind() != value.List && n.at.file == lower && over != nil &&
				below.find(path) == nil && !slices.ContainsFunc(path, isIndex) {
				t.Fatalf("%v is placed in the base, where it is not", path)
			}
		})
		if merged.size != count {
			t.Fatalf("size %d of %d nodes", merged.size, count)
		}
	})
}

func isIndex(step string) bool { return strings.Trim(step, "0123456789") == "" }

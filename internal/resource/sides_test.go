package resource_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

func TestThreeSides(t *testing.T) {
	def := &resource.Definition{Type: "test/thing", CreateOnly: []string{"first"}, WriteOnly: []string{"password"}}
	m := func(data map[string]any) value.Value {
		v, err := value.From(data)
		require.NoError(t, err)
		return v
	}
	was := map[string]any{
		"count": 3, "first": 1, "password": "hash", "tags": map[string]any{"a": "1"},
		"rules":      []any{map[string]any{"name": "x", "port": 80}},
		"containers": []any{map[string]any{"image": "a:1", "cpu": 1}},
	}
	with := func(changes map[string]any) value.Value {
		out := map[string]any{}
		for k, v := range was {
			out[k] = v
		}
		for k, v := range changes {
			out[k] = v
		}
		return m(out)
	}
	found := func(is, desired map[string]any) map[string]resource.Sides {
		out := map[string]resource.Sides{}
		for _, s := range resource.CompareSides(def, with(is), m(was), with(desired)) {
			name := ""
			for _, step := range s.Path {
				name += "." + step
			}
			out[name] = s
		}
		return out
	}
	require.Empty(t, found(nil, nil))
	require.Empty(t, found(map[string]any{"first": 7}, map[string]any{"first": 8}))

	// by hand, in the manifests, and both
	all := found(
		map[string]any{"count": 5, "tags": map[string]any{"a": "1", "b": "2"}},
		map[string]any{"count": 4, "password": "other"},
	)
	require.Len(t, all, 3)
	require.Equal(t, []float64{5, 3, 4}, []float64{
		all[".count"].Is.Number(), all[".count"].Was.Number(),
		all[".count"].Desired.Number(),
	})
	require.True(t, all[".count"].Outside && all[".count"].Pending)
	require.True(t, all[".tags.b"].Outside && !all[".tags.b"].Pending)
	require.True(t, all[".tags.b"].Was.IsNull() && all[".tags.b"].Desired.IsNull())
	require.True(t, all[".password"].Pending && !all[".password"].Outside && all[".password"].Was.IsSensitive())

	// items of lists, by name and by index; a list of another length is one property
	all = found(
		map[string]any{
			"rules":      []any{map[string]any{"name": "x", "port": 81}, map[string]any{"name": "y", "port": 1}},
			"containers": []any{map[string]any{"image": "a:2", "cpu": 1}},
		},
		map[string]any{"containers": []any{
			map[string]any{"image": "a:3", "cpu": 1}, map[string]any{"image": "b", "cpu": 2},
		}},
	)
	require.Equal(t, 81.0, all[".rules.x.port"].Is.Number())
	require.Equal(t, 80.0, all[".rules.x.port"].Desired.Number())
	require.True(t, all[".rules.y"].Was.IsNull())
	require.Contains(t, all, ".containers") // one side has another length: parts cannot be told apart
	require.NotContains(t, all, ".containers.0.image")
	require.True(t, all[".containers"].Outside && all[".containers"].Pending)

	// the manifests may know a value only after the apply
	unknown := resource.CompareSides(def, with(map[string]any{"tags": map[string]any{"a": "2"}}), m(was),
		m(was).With("tags", value.NewUnknown()))
	require.Len(t, unknown, 1)
	require.False(t, unknown[0].Desired.Known())
	require.True(t, unknown[0].Outside)
}

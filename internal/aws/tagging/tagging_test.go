package tagging

import (
	"fmt"
	"maps"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTags(t *testing.T) {
	ours := map[string]string{"deployer:stack": "shop", "team": "a"}
	wanted := Wanted(ours, map[string]string{"team": "b", "cost": "7"})
	require.Equal(t, map[string]string{"deployer:stack": "shop", "team": "b", "cost": "7"}, wanted)
	require.Equal(t, map[string]string{"deployer:stack": "shop", "team": "a"}, ours, "the call's own tags stay")
	require.Equal(t, map[string]string{}, Wanted(nil, nil))

	require.Equal(t, map[string]string{"team": "b"},
		User(map[string]string{"aws:cloudformation:stack-id": "x", "deployer:stack": "shop", "team": "b"}))
	require.Nil(t, User(map[string]string{"deployer:stack": "shop"}))

	require.Equal(t, []string{"gone", "left"},
		Removed(map[string]string{"left": "", "gone": "", "team": "", "aws:x": "", "deployer:old": ""}, wanted))
}

func TestSDKTags(t *testing.T) {
	type tag struct{ key, value *string }
	fields := func(t *tag) (key, text **string) { return &t.key, &t.value }
	list := List(map[string]string{"b": "2", "a": ""}, fields)
	require.Equal(t, "a", *list[0].key)
	require.Equal(t, "2", *list[1].value)
	back := Map(append(list, tag{}, tag{key: list[0].key}), fields)
	require.Equal(t, map[string]string{"a": "", "b": "2"}, back)
}

func TestRetagNeverPassesTheLimit(t *testing.T) {
	some := func(prefix string, n int) map[string]string {
		out := map[string]string{}
		for i := range n {
			out[fmt.Sprint(prefix, i)] = "x"
		}
		return out
	}
	for name, test := range map[string]struct {
		old, wanted map[string]string
		calls       []string
	}{
		"nothing goes":       {some("a", 3), some("a", 4), []string{"add 4"}},
		"there is room":      {some("a", 3), some("b", 4), []string{"add 4", "remove 3"}},
		"just enough":        {some("a", 5), some("b", 45), []string{"add 45", "remove 5"}},
		"not enough":         {some("a", 6), some("b", 45), []string{"remove 6", "add 45"}},
		"full, and one goes": {some("a", 50), some("a", 49), []string{"add 49", "remove 1"}},
	} {
		object, most := maps.Clone(test.old), 0
		var calls []string
		require.NoError(t, Retag(test.old, test.wanted, func(tags map[string]string) error {
			calls = append(calls, fmt.Sprint("add ", len(tags)))
			maps.Copy(object, tags)
			most = max(most, len(object))
			return nil
		}, func(keys []string) error {
			calls = append(calls, fmt.Sprint("remove ", len(keys)))
			for _, key := range keys {
				delete(object, key)
			}
			return nil
		}), name)
		require.Equal(t, test.calls, calls, name)
		require.Equal(t, test.wanted, object, name)
		require.LessOrEqual(t, most, 50, name)
	}
}

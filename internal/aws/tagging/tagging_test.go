package tagging

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTags(t *testing.T) {
	ours := map[string]string{"deployer:stack": "shop", "team": "a"}
	wanted := Wanted(ours, map[string]string{"team": "b", "cost": "7"})
	require.Equal(t, map[string]string{"deployer:stack": "shop", "team": "b", "cost": "7"}, wanted)
	require.Equal(t, map[string]string{"deployer:stack": "shop", "team": "a"}, ours, "the call's own tags stay")
	require.Equal(t, map[string]string{}, Wanted(nil, nil))

	require.Equal(t, map[string]string{"team": "b"}, User(map[string]string{"aws:cloudformation:stack-id": "x", "deployer:stack": "shop", "team": "b"}))
	require.Nil(t, User(map[string]string{"deployer:stack": "shop"}))

	require.Equal(t, []string{"gone", "left"}, Removed(map[string]string{"left": "", "gone": "", "team": "", "aws:x": "", "deployer:old": ""}, wanted))
}

func TestSDKTags(t *testing.T) {
	type tag struct{ key, value *string }
	list := List(map[string]string{"b": "2", "a": ""}, func(key, value string) tag { return tag{&key, &value} })
	require.Equal(t, "a", *list[0].key)
	require.Equal(t, "2", *list[1].value)
	back := Map(append(list, tag{}, tag{key: list[0].key}), func(t tag) (*string, *string) { return t.key, t.value })
	require.Equal(t, map[string]string{"a": "", "b": "2"}, back)
}

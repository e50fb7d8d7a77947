package engine

import (
	"encoding/json"
	"testing"

	sdk "github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/stretchr/testify/require"
)

// What waits for its deletion comes before what still depends on it, so that Pulumi deletes that first.
func TestInOrder(t *testing.T) {
	object := func(name string, waits bool, needs ...sdk.URN) slot {
		text := name
		if waits {
			text = "old " + name
		}
		raw, err := json.Marshal(text)
		require.NoError(t, err)
		return slot{raw: raw, head: head{URN: sdk.URN(name), Delete: waits, Dependencies: needs}}
	}
	for name, c := range map[string]struct {
		slots []slot
		want  []string
	}{
		"an old cluster before its instances": {
			[]slot{
				object("group", false), object("cluster", true, "group"), object("one", false, "cluster"),
				object("two", false, "cluster"), object("cluster", false, "group"),
			},
			[]string{"group", "cluster", "old cluster", "one", "two"},
		},
		"an old instance after the old cluster": {
			[]slot{
				object("cluster", true), object("one", true, "cluster"), object("one", false, "cluster"),
				object("cluster", false),
			},
			[]string{"cluster", "old cluster", "one", "old one"},
		},
		"last, where its dependencies allow no other place": {
			[]slot{
				object("queue", true, "rule"), object("rule", false, "queue"), object("queue", false),
				object("other", false),
			},
			[]string{"queue", "rule", "other", "old queue"},
		},
		"last, where nothing replaced it": {
			[]slot{object("queue", true), object("other", false)}, []string{"other", "old queue"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := inOrder(c.slots)
			require.NoError(t, err)
			var got []string
			for _, raw := range out {
				var text string
				require.NoError(t, json.Unmarshal(raw, &text))
				got = append(got, text)
			}
			require.Equal(t, c.want, got)
		})
	}
}

package resource

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// Types that cost one call per object are read only while they have few objects. The order of the objects does not
// decide which types are skipped.
func TestASurveyHasABound(t *testing.T) {
	s := &Survey{catalog: NewCatalog(nil, nil).Indexed(Indexing{
		ARNs:     map[string]func(State) string{"a/indexed": func(State) string { return "" }},
		Together: []string{"a/together"},
	})}
	objects := func(counts map[string]int) []Object {
		var out []Object
		for typ, n := range counts {
			for i := range n {
				out = append(out, Object{Resource: fmt.Sprint(typ, i), Type: typ})
			}
		}
		return out
	}
	require.Equal(t, map[string]bool{"a/few": false, "a/more": false},
		s.leftOut(objects(map[string]int{"a/few": 50, "a/more": 150, "a/indexed": 999, "a/together": 999})))
	require.Equal(t, map[string]bool{"a/few": false, "a/more": true, "a/most": true},
		s.leftOut(objects(map[string]int{"a/most": 900, "a/more": 151, "a/few": 50})))
}

// An object that was read and does not exist counts as missing, and not also as compared.
func TestASurveyCountsEachObjectOnce(t *testing.T) {
	s := Sum([]Finding{
		{Resource: "a", Presence: There},
		{Resource: "b", Presence: There, Compared: true},
		{Resource: "c", Presence: Differs, Compared: true},
		{Resource: "d", Presence: Missing, Compared: true},
		{Resource: "e", Presence: Unasked, Why: "denied"},
	})
	require.Equal(t, 2, s.Compared)
	require.Equal(t, 1, s.Objects-s.Compared-len(s.Missing)-len(s.Unasked[0].Resources), "only a is as recorded")
}

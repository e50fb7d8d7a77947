package resource

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// Types that cost a call an object are read as long as they are few. Which are left out does not depend on the order of the objects.
func TestASurveyHasABound(t *testing.T) {
	s := &Survey{catalog: NewCatalog(nil, nil).Indexed(Indexing{
		ARNs: map[string]func(State) string{"a/indexed": func(State) string { return "" }}, Together: []string{"a/together"},
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

package value

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What an apply makes has no place in the order yet: the rest of the list must not look changed for it.
func TestAsSetPartlyKnown(t *testing.T) {
	list := Expr[[]string](NewList(NewString("b"), NewUnknown(), NewString("a"), NewString("b")))
	got := AsSet(list).Value().Items()
	require.Len(t, got, 3)
	require.Equal(t, "a", got[0].Str())
	require.Equal(t, "b", got[1].Str())
	require.Equal(t, Unknown, got[2].Kind())
	whole := Expr[[]string](NewUnknown())
	require.Equal(t, Unknown, AsSet(whole).Value().Kind())
}

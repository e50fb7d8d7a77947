package tally

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTable(t *testing.T) {
	var table Table
	var out, kept strings.Builder
	table.Keep(&kept)
	table.Calls("create", "death", 7)
	table.Print(&out)
	require.Empty(t, out.String())
	table.Add(Result{Story: "create", Way: "death", Converged: true, Took: time.Second})
	table.Add(Result{Story: "create", Way: "death", Orphans: 2, Duplicates: 1, Took: 2 * time.Second})
	require.Equal(t, 3, table.Add(Result{Story: "destroy", Way: "death", Converged: true, Missed: true}))
	table.Print(&out)
	want := [][]string{
		{
			"story", "what", "happens", "calls", "cases", "converged", "orphans", "duplicates", "not", "reached",
			"s/case",
		},
		{"create", "death", "7", "2", "1", "2", "1", "0", "1.5"},
		{"destroy", "death", "any", "1", "1", "0", "0", "1", "0.0"},
		{"all", "3", "2", "2", "1", "1"},
	}
	require.Equal(t, want, words(out.String()))

	var other Table
	require.NoError(t, other.Load(strings.NewReader(kept.String())))
	out.Reset()
	other.Print(&out)
	require.Equal(t, want, words(out.String()))
	require.Error(t, other.Load(strings.NewReader("no result")))
}

func words(text string) [][]string {
	var out [][]string
	for line := range strings.Lines(strings.TrimSpace(text)) {
		out = append(out, strings.Fields(line))
	}
	return out
}

package manifest

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPlainFilesHaveTheLimitsOfManifests(t *testing.T) {
	bomb := "a: &a [x, x, x, x, x, x, x, x, x]\n"
	for c := 'b'; c <= 'k'; c++ {
		bomb += string(c) + ": &" + string(c) + " [" + strings.Repeat("*"+string(c-1)+", ", 9) + "]\n"
	}
	for name, text := range map[string]string{
		"alias bomb": bomb, "deep": strings.Repeat("[", 100000), "large": strings.Repeat("# a comment\n", 5e6),
		"loop":   "a: &a [*a]",
		"latin1": "a: caf\xe9", "tab": "a:\n\tb: c", "twice": "a: 1\na: 2", "list": "- a",
		"documents": "a: 1\n---\nb: 2",
	} {
		began := time.Now()
		_, found := ReadPlain("config.yaml", []byte(text))
		require.NotEmpty(t, found, name)
		require.Equal(t, "config.yaml", found[0].Position.File, name)
		require.Less(t, time.Since(began), 5*time.Second, name) // without limits: minutes, or until the memory is full
	}
}

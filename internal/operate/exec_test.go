package operate

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

const testMark = "deployer0123456789abcdef"

// However the output is cut into messages, what comes between the marks is passed on, and nothing else.
func TestTheOutputBetweenTheMarksIsTheCommands(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		piece := rapid.SampledFrom([]string{
			"a", "\n", "\r\n", "\r", "\x00", "deployer", "deployer0", testMark[:len(testMark)-1], "=0=", ":1:", "ü",
		})
		said := strings.Join(rapid.SliceOfN(piece, 0, 20).Draw(t, "output"), "")
		if strings.Contains(said, testMark) {
			t.Skip("the command knows the mark")
		}
		terminal := rapid.SampledFrom([]string{"0", "1"}).Draw(t, "terminal")
		plain := rapid.Bool().Draw(t, "plain")
		all := []byte("banner\r\n" + testMark + ":" + terminal + ":" + said + testMark + "=42=rest")
		var out bytes.Buffer
		m := &marked{out: &out, mark: []byte(testMark), plain: plain, ended: make(chan struct{})}
		for len(all) > 0 {
			n := rapid.IntRange(1, len(all)).Draw(t, "message")
			require.NoError(t, m.write(all[:n]))
			all = all[n:]
		}
		code, ok := m.code()
		require.True(t, ok)
		require.Equal(t, 42, code)
		want := said
		if plain && terminal == "1" {
			want = strings.ReplaceAll(said, "\r\n", "\n")
		}
		require.Equal(t, want, out.String())
	})
}

// Each word reaches the command as it was given, through the shell of the script.
func TestTheScriptPassesOnWordsAndCodes(t *testing.T) {
	for _, words := range [][]string{
		{"printf", "%s|", "a b", "it's", `"q"`, "$HOME", "`date`", "*", "", "\n", `\`, "#x"},
		{"sh", "-c", "exit 7"},
		{"sh", "-c", "kill -INT $$"},
	} {
		line, err := script(testMark, words, true)
		require.NoError(t, err)
		got, err := exec.Command("sh", "-c", line).Output()
		require.NoError(t, err)
		var out bytes.Buffer
		m := &marked{out: &out, mark: []byte(testMark), plain: true, ended: make(chan struct{})}
		require.NoError(t, m.write(got))
		direct := exec.Command(words[0], words[1:]...)
		want, _ := direct.Output()
		code, ok := m.code()
		require.True(t, ok)
		require.Equal(t, string(want), out.String())
		if direct.ProcessState.ExitCode() >= 0 {
			require.Equal(t, direct.ProcessState.ExitCode(), code)
		} else {
			require.Equal(t, 130, code) // ended by SIGINT
		}
	}
	_, err := script(testMark, []string{strings.Repeat("x", longest)}, true)
	require.ErrorContains(t, err, "too long")
}

func TestAnOutputWithoutMarksIsTheAgents(t *testing.T) {
	var out bytes.Buffer
	m := &marked{out: &out, mark: []byte(testMark), ended: make(chan struct{})}
	require.NoError(t, m.write([]byte("exec: sh: not found\r\n")))
	_, ok := m.code()
	require.False(t, ok)
	require.Equal(t, "exec: sh: not found", m.rest())
	require.Empty(t, out.String())
}

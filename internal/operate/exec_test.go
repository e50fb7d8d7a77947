package operate

import (
	"bytes"
	"io"
	"os/exec"
	"strings"
	"testing"
	"testing/iotest"

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
		terminal := rapid.SampledFrom([]string{"0", "1", "0i"}).Draw(t, "terminal")
		plain := rapid.Bool().Draw(t, "plain")
		all := []byte("banner\r\n" + testMark + ":" + terminal + ":" + said + testMark + "=42=rest")
		var out bytes.Buffer
		m := newMarked(&out, testMark, plain)
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
		line, err := script(testMark, words, nothing)
		require.NoError(t, err)
		got, err := exec.Command("sh", "-c", line).Output()
		require.NoError(t, err)
		var out bytes.Buffer
		m := newMarked(&out, testMark, true)
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
	_, err := script(testMark, []string{strings.Repeat("x", longest)}, nothing)
	require.ErrorContains(t, err, "too long")
}

func TestAnOutputWithoutMarksIsTheAgents(t *testing.T) {
	var out bytes.Buffer
	m := newMarked(&out, testMark, false)
	require.NoError(t, m.write([]byte("exec: sh: not found\r\n")))
	_, ok := m.code()
	require.False(t, ok)
	require.Equal(t, "exec: sh: not found", m.rest())
	require.Empty(t, out.String())
}

// What is fed comes out of the decoder of the script as it went in, whatever bytes it has.
func TestStdinArrivesWithItsEnd(t *testing.T) {
	for _, text := range []string{
		"", "select 1\n", "no end of line", "\x00\x03\x04\x11\x13\x1a\x1c\x7f\r\n.\n.", strings.Repeat("ü\n", 5000),
	} {
		var lines bytes.Buffer
		m := newMarked(io.Discard, testMark, true)
		require.NoError(t, m.write([]byte(testMark+":0i:")))
		feed(&lines, iotest.OneByteReader(strings.NewReader(text[:min(len(text), 3)])), m, nil)
		feed(&lines, strings.NewReader(text), m, nil)
		for line := range strings.Lines(lines.String()) {
			require.LessOrEqual(t, len(line), 1024)
		}
		_, whole, _ := strings.Cut(lines.String(), ".\n")
		decoder := exec.Command("sh", "-c", `sed -n '/^\.$/q;p' | base64 -d`)
		decoder.Stdin = strings.NewReader(whole + "not for it\n")
		got, err := decoder.Output()
		require.NoError(t, err)
		require.Equal(t, text, string(got))
	}
}

// A container that cannot decode is an error only if there is something to pass on.
func TestStdinThatCannotBePassedOnIsNotLostInSilence(t *testing.T) {
	for text, want := range map[string]bool{"": false, "select 1": true} {
		m, lost := newMarked(io.Discard, testMark, true), make(chan struct{})
		require.NoError(t, m.write([]byte(testMark+":1:")))
		var sent bytes.Buffer
		feed(&sent, strings.NewReader(text), m, lost)
		require.Zero(t, sent.Len())
		select {
		case <-lost:
			require.True(t, want)
		default:
			require.False(t, want)
		}
	}
}

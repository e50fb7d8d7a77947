package manifest

import (
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestFormat(t *testing.T) {
	for name, c := range map[string]struct{ from, to string }{
		"indentation": {"a:\n    b: 1\n    c:\n          d: 2\n", "a:\n  b: 1\n  c:\n    d: 2\n"},
		"lists": {
			"a:\n- b:   1\n  c: 2\n-   d: 3\n    e: 4\n- - x\n  - y\nf:\n   -\n     g: 1\n",
			"a:\n  - b: 1\n    c: 2\n  - d: 3\n    e: 4\n  - - x\n    - y\nf:\n  -\n    g: 1\n",
		},
		"colons": {"a:   1\n\"b\":   2\nc:\n", "a: 1\n\"b\": 2\nc:\n"},
		"expressions": {
			"a: ${X}-1\nb:\n  - ${a.b}\nc: 'it ${X}'\nd: say \"${X}\"\n",
			"a: \"${X}-1\"\nb:\n  - \"${a.b}\"\nc: 'it ${X}'\nd: say \"${X}\"\n",
		},
		"empty lines": {"\n\na: 1\n\n\n\nb: 2  \n\n\n", "a: 1\n\nb: 2\n"},
		"line ends":   {"a: 1\r\nb: 2", "a: 1\nb: 2\n"},
		"documents": {
			"a: 1\n\n---\n\n\n  b:\n     c: 1\n--- # next\nd: 1\n",
			"a: 1\n---\n\nb:\n  c: 1\n--- # next\nd: 1\n",
		},
		"nothing":        {"\n \n", ""},
		"only a comment": {"  # no\n", "# no\n"},
		"comments go with their block": {
			"a:\n    # of b\n    b: 1\n    # of a\n# of c\nc: 1\n    # deep\n",
			"a:\n  # of b\n  b: 1\n  # of a\n# of c\nc: 1\n# deep\n",
		},
		"comments in a column stay in one": {
			"a:\n    bbb: 1   # one\n    c: 2     # two\n    d: 3 # three\n",
			"a:\n  bbb: 1   # one\n  c: 2     # two\n  d: 3 # three\n",
		},
		"block texts": {
			"a:\n    b: |\n        one\n          two\n\n        # three\n    c: >2-\n        x\nd:\n- |\n one\n",
			"a:\n  b: |\n    one\n      two\n\n    # three\n  c: >2-\n      x\nd:\n  - |\n    one\n",
		},
		"what is kept at the end of a text": {"a: |+\n  x\n\n\nb: 1\n", "a: |+\n  x\n\n\nb: 1\n"},
		"texts of several lines": {
			"a:\n    b: 'x\n       y'\n    c: p\n      q\n",
			"a:\n  b: 'x\n     y'\n  c: p\n    q\n",
		},
		"collections of several lines": {
			"a:\n    b: {x: 1,\n        y: [2,\n         3]}  # end\n    c: 1\n",
			"a:\n  b: {x: 1,\n      y: [2,\n       3]}  # end\n  c: 1\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, problems := Format("a.yaml", c.from)
			assert.Empty(t, problems)
			assert.Equal(t, c.to, got)
			again, _ := Format("a.yaml", got)
			assert.Equal(t, got, again)
		})
	}
}

func TestFormatRefusesWhatIsNoYAML(t *testing.T) {
	got, problems := Format("a.yaml", "a: [1\nb: 2\n")
	assert.Equal(t, "a: [1\nb: 2\n", got)
	require.True(t, problems.HasErrors())
	assert.Equal(t, "a.yaml", problems[0].Position.File)
}

// A file is only changed when its values and comments are the same afterwards.
func TestSameMeaning(t *testing.T) {
	const text = "a: 1\nb: [x] # why\n"
	assert.True(t, sameMeaning(text, "a:   1\nb:   [x]\n   # why\n"))
	for _, other := range []string{
		"a: 2\nb: [x] # why\n", "b: [x] # why\na: 1\n", "a: 1\nb: [x]\n", "a: 1\nb: [x] # why not\n",
		"a: '1'\nb: [x] # why\n", text + "---\nc: 1\n", "a: [\n",
	} {
		assert.False(t, sameMeaning(text, other), other)
	}
}

func FuzzFormat(f *testing.F) {
	for _, text := range []string{
		"a:\n  - |+\n   x\n\n", "? a\n: - b\n", "a: {b: ${c},\n # d\n e: f}\n", "- - 'x\n y'\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, problems := Format("a.yaml", text)
		if len(problems) > 0 {
			assert.Equal(t, text, got)
			return
		}
		again, problems := Format("a.yaml", got)
		assert.Empty(t, problems)
		assert.Equal(t, got, again)
	})
}

// What is laid out well already, such as our own examples, stays as it is.
func TestFormatKeepsTheExamples(t *testing.T) {
	n := 0
	for _, folder := range []string{
		"../../examples/user-platform", "../../examples/website", "../../examples/marketplace",
		"../../examples/two-stacks", "testdata",
	} {
		require.NoError(t, filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !isManifest(d.Name()) {
				return err
			}
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			got, problems := Format(path, string(data))
			if problems.HasErrors() {
				return nil
			}
			n++
			if strings.HasPrefix(folder, "../") {
				assert.Equal(t, string(data), got, path)
			}
			again, _ := Format(path, got)
			assert.Equal(t, got, again, path)
			return nil
		}))
	}
	assert.Greater(t, n, 9)
}

// Any document keeps its values and comments, and a second run changes nothing.
func TestFormatIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := "root:\n" + drawBlock(t, rapid.IntRange(1, 4).Draw(t, "first"), 0)
		before, comments, ok := meaning(text)
		if !ok {
			t.Skip()
		}
		got, problems := Format("a.yaml", text)
		for _, p := range problems {
			t.Fatalf("%s: %s\n%s", p.Summary, p.Detail, text)
		}
		after, commentsAfter, _ := meaning(got)
		assert.Equal(t, before, after)
		assert.Equal(t, comments, commentsAfter)
		again, _ := Format("a.yaml", got)
		assert.Equal(t, got, again, text)
	})
}

// drawBlock is a map or a list in a careless layout.
func drawBlock(t *rapid.T, column, depth int) string {
	var b strings.Builder
	list := rapid.Bool().Draw(t, "list")
	pad := strings.Repeat(" ", column)
	for n := range rapid.IntRange(1, 4).Draw(t, "entries") {
		before := []string{"", "", "", "\n", "\n\n\n", pad + "# above\n", "# far\n"}
		b.WriteString(rapid.SampledFrom(before).Draw(t, "before"))
		b.WriteString(pad)
		if list {
			b.WriteString("-" + strings.Repeat(" ", rapid.IntRange(1, 3).Draw(t, "dash")))
		} else {
			b.WriteString(rapid.StringMatching(`[a-z]{1,6}`).Draw(t, "key") + strconv.Itoa(n) + ":" +
				strings.Repeat(" ", rapid.IntRange(1, 3).Draw(t, "colon")))
		}
		deeper := column + rapid.IntRange(1, 5).Draw(t, "deeper")
		kind := rapid.IntRange(0, 5).Draw(t, "value")
		switch {
		case kind == 0 && depth < 4:
			b.WriteString("\n" + drawBlock(t, deeper, depth+1))
		case kind == 1:
			in := strings.Repeat(" ", deeper)
			b.WriteString("|\n" + in + "one\n" + in + "  two\n\n" + in + "# three\n")
		case kind == 2:
			b.WriteString("{x: [1,\n" + strings.Repeat(" ", deeper) + "2]}\n")
		case kind == 3:
			b.WriteString("'a\n" + strings.Repeat(" ", deeper) + "b'\n")
		default:
			b.WriteString(rapid.SampledFrom([]string{"1", "x ${V}", `"q"`, "'é'", "&a1 x", "[]"}).Draw(t, "scalar"))
			b.WriteString(rapid.SampledFrom([]string{"", "  ", "   # beside"}).Draw(t, "after") + "\n")
		}
	}
	return b.String()
}

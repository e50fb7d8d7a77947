// Package page compares pages of the docs that are generated from the code with what the code says now.
//
// In: a path and the text that should be there. Out: a failed test, or, with the test flag -update, the file. It must
// not be linked into the program.
package page

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Note is the first line of a page of which nothing is written by hand.
const Note = "<!-- generated: make generate -->\n\n"

// Compare holds a file against the text. The test's package defines the flag -update.
func Compare(t *testing.T, path, want string) {
	t.Helper()
	if Updating() {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	written, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(want, string(written)); diff != "" {
		t.Errorf("%s is not what the code says (-want +written); run make generate:\n%s", path, diff)
	}
}

// Updating reports whether the test writes the files.
func Updating() bool {
	f := flag.Lookup("update")
	return f != nil && f.Value.String() == "true"
}

const width = 118 // of the docs

// Item is an item of a list, broken at the width of the docs. No line begins with a sign that Markdown would take for a
// list.
func Item(format string, args ...any) string {
	return wrap("* ", "  ", fmt.Sprintf(format, args...))
}

// Paragraph is a text, broken at the width of the docs.
func Paragraph(format string, args ...any) string {
	return wrap("", "", fmt.Sprintf(format, args...)) + "\n"
}

func wrap(first, next, text string) string {
	var b strings.Builder
	b.WriteString(first)
	at := len(first)
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
		case at+1+len([]rune(word)) > width && word != "+" && word != "-" && word != "*":
			b.WriteString("\n" + next)
			at = len(next)
		default:
			b.WriteString(" ")
			at++
		}
		b.WriteString(word)
		at += len([]rune(word))
	}
	return b.String() + "\n"
}

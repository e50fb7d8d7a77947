package manifest

import (
	"errors"
	"io"
	"path"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"

	"github.com/company/deployer/internal/diag"
)

// Format lays out one YAML file: two spaces for each level, lists indented below their key, one space after a colon and
// a dash, quotes around texts that hold ${...}, at most one empty line in a row. Order, words and comments are kept.
// Formatting the result again changes nothing.
//
// It returns the problems of a file that is no YAML. A file whose meaning would change is returned as it is, with a
// warning.
func Format(name, data string) (string, diag.List) {
	p := &problems{}
	r := &reader{problems: p, cost: &cost{}}
	f, _ := r.read(name, data)
	if p.list.HasErrors() {
		return data, p.list.Sort()
	}
	before := strings.Join(f.lines, "\n")
	text := layOut(before)
	if !sameMeaning(before, text) || layOut(text) != text {
		p.warn(span{file: f}, "File was not formatted",
			"The file uses YAML that cannot be formatted without a risk for its meaning.",
			"Write it in a simpler way: no explicit keys (?), no tabs between words.")
		return data, p.list.Sort()
	}
	return text, p.list.Sort()
}

func layOut(text string) string {
	lines := strings.Split(text, "\n")
	var out []string
	for first := 0; first < len(lines); {
		end := first + 1
		for end < len(lines) && !startsDocument(lines[end]) {
			end++
		}
		out = append(out, formatDocument(lines[first:end])...)
		first = end
	}
	if len(out) == 0 {
		return ""
	}
	return strings.Join(out, "\n") + "\n"
}

// sameMeaning reports whether two texts have the same values and the same comments, in the same order.
func sameMeaning(before, after string) bool {
	a, commentsA, okA := meaning(before)
	b, commentsB, okB := meaning(after)
	return okA && okB && reflect.DeepEqual(a, b) && slices.Equal(commentsA, commentsB)
}

func meaning(text string) (values []any, comments []string, ok bool) {
	defer func() {
		if recover() != nil { // the parser panics on some input
			ok = false
		}
	}()
	decoder := yaml.NewDecoder(strings.NewReader(text), yaml.UseOrderedMap(), yaml.AllowDuplicateMapKey())
	for {
		var value any
		if err := decoder.Decode(&value); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, nil, false
		}
		values = append(values, value)
	}
	for _, t := range lexer.Tokenize(text) {
		if t.Type == token.CommentType {
			comments = append(comments, strings.TrimSpace(t.Value))
		}
	}
	return values, comments, true
}

// tab is how many columns a level is indented.
const tab = 2

// level is an open block: its column in the source and in the result, from 0.
type level struct {
	from, to int
	list     bool
}

// body is what a text or a flow collection has on the lines after its first.
type body struct {
	block    bool // a text after | or >, whose indentation counts
	relative bool // its header gives the indentation as a number
}

// line is one line of the result.
type line struct {
	text, comment string
	column, gap   int  // where the comment began in the source, and the spaces before it
	kept          bool // part of a text or collection
}

// word is a token at its place, from 0. The lexer's own columns are wrong after some texts.
type word struct {
	*token.Token
	line, column int
}

// Layout is a file of a stack and how Format lays it out.
type Layout struct {
	Path          string // relative to the repository, with slashes
	Before, After string
}

// Changed reports whether Format changes the file.
func (l Layout) Changed() bool { return l.Before != l.After }

// Layouts lays out the manifests of a stack. Files with problems are left out.
func Layouts(root, stack string) ([]Layout, diag.List) {
	p := &problems{}
	read, _ := sources(root, stack, p)
	found := p.list
	var out []Layout
	for _, s := range read {
		l := Layout{Path: path.Join(stacksFolder, stack, s.path), Before: s.data}
		var problems diag.List
		l.After, problems = Format(l.Path, l.Before)
		found.Add(problems...)
		if !problems.HasErrors() {
			out = append(out, l)
		}
	}
	return out, found.Sort()
}

// Package view writes everything that people and programs read: diagnostics, plans, progress, tables, graphs and the
// JSON shapes.
//
// In: data from the stages and the writer. Out: text. No terminal escape in data reaches a terminal. It must not decide
// anything, call anything, or know where data comes from.
package view

import (
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"reflect"
	"strings"
	"unicode/utf8"
)

// Style marks are part of texts. Only Writer turns them into colours or drops them. Each begins with a secret of this
// process, so that data cannot contain one.
var (
	secret = newSecret()
	bold   = mark(0)
	dim    = mark(1)
	red    = mark(2)
	green  = mark(3)
	yellow = mark(4)
	cyan   = mark(5)
	reset  = mark(6)
	violet = mark(7)
)

var sgr = [...]string{"\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[36m", "\x1b[0m", "\x1b[35m"}

const firstMark = '\uFDD0' // of 32 noncharacters

func newSecret() string {
	var b strings.Builder
	for range 12 {
		b.WriteRune(firstMark + rand.Int32N(24))
	}
	return b.String()
}

func mark(code rune) string { return secret + string(firstMark+24+code) }

// pieces iterates over a text: style marks as a whole, all else by character.
func pieces(text string) iter.Seq2[string, rune] {
	return func(yield func(style string, r rune) bool) {
		for len(text) > 0 {
			r, n := utf8.DecodeRuneInString(text)
			style := ""
			if r >= firstMark && r < firstMark+24 && strings.HasPrefix(text, secret) {
				code, width := utf8.DecodeRuneInString(text[len(secret):])
				if code -= firstMark + 24; code >= 0 && int(code) < len(sgr) {
					n = len(secret) + width
					style, r = text[:n], code
				}
			}
			if !yield(style, r) {
				return
			}
			text = text[n:]
		}
	}
}

// Writer writes lines for people.
type Writer struct {
	w     io.Writer
	Color bool
	Width int  // columns; long prose is wrapped to it
	Full  bool // nothing is left out, however long
}

// NewWriter returns a Writer. Width 0 means 80.
func NewWriter(w io.Writer, color bool, width int) *Writer {
	if width <= 0 {
		width = 80
	}
	return &Writer{w: w, Color: color, Width: width}
}

// block is text of several lines that view itself has composed. Every other text that Printf gets is one line.
type block string

// Printf formats and writes. Everything that is written for people goes through here. Arguments cannot move the cursor
// or begin a new line: control characters and marks that reorder or hide text are shown as code points, line ends as
// \\n.
func (w *Writer) Printf(format string, args ...any) {
	flat := make([]any, len(args))
	for i, arg := range args {
		flat[i] = arg
		switch a := arg.(type) {
		case block:
			flat[i] = string(a)
		case []byte:
			flat[i] = oneLine(string(a))
		case error:
			flat[i] = oneLine(a.Error())
		case fmt.Stringer:
			flat[i] = oneLine(a.String())
		default:
			if v := reflect.ValueOf(arg); v.Kind() == reflect.String {
				flat[i] = oneLine(v.String())
			}
		}
	}
	io.WriteString(w.w, w.render(fmt.Sprintf(format, flat...))) //nolint:errcheck // nobody is left to see an error
}

// render makes text safe and applies colours.
func (w *Writer) render(text string) string {
	var b strings.Builder
	for style, r := range pieces(text) {
		switch {
		case style == "":
			b.WriteString(clean(r))
		case w.Color:
			b.WriteString(sgr[r])
		}
	}
	return b.String()
}

// styled wraps text in a style; an empty style or text stays plain.
func styled(style, text string) string {
	if style == "" || text == "" {
		return text
	}
	return style + text + reset
}

// paint styles lines.
func paint(style string, text block) block { return block(styled(style, string(text))) }

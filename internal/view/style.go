// Package view is everything that people and programs read: diagnostics, plans, progress, tables, graphs and the JSON shapes.
//
// In: data from the stages and where to write it. Out: text. Whatever data holds, no terminal escape of it reaches a terminal. It must not
// decide anything, call anything, or know where data comes from.
package view

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Style marks are noncharacters, which no valid data holds; Writer turns them into colours or drops them.
const (
	bold   = "\uFDD0"
	dim    = "\uFDD1"
	red    = "\uFDD2"
	green  = "\uFDD3"
	yellow = "\uFDD4"
	cyan   = "\uFDD5"
	reset  = "\uFDD6"
)

var sgr = map[rune]string{
	'\uFDD0': "\x1b[1m", '\uFDD1': "\x1b[2m", '\uFDD2': "\x1b[31m", '\uFDD3': "\x1b[32m",
	'\uFDD4': "\x1b[33m", '\uFDD5': "\x1b[36m", '\uFDD6': "\x1b[0m",
}

// Writer writes lines for people.
type Writer struct {
	w     io.Writer
	Color bool
	Width int // columns; long prose is wrapped to it
}

// NewWriter returns a Writer. Width 0 means 80.
func NewWriter(w io.Writer, color bool, width int) *Writer {
	if width <= 0 {
		width = 80
	}
	return &Writer{w: w, Color: color, Width: width}
}

// Printf formats and writes. Control characters in the result, other than newline and tab, are dropped or shown.
func (w *Writer) Printf(format string, args ...any) {
	io.WriteString(w.w, w.render(fmt.Sprintf(format, args...))) //nolint:errcheck // nobody is left to tell
}

// render makes text safe and applies colours.
func (w *Writer) render(text string) string {
	var b strings.Builder
	for _, r := range text {
		if code, mark := sgr[r]; mark {
			if w.Color {
				b.WriteString(code)
			}
			continue
		}
		b.WriteString(clean(r))
	}
	return b.String()
}

// clean is what may stand for r on a terminal: controls, including the eight-bit ones, and marks that reorder text are shown as
// code points.
func clean(r rune) string {
	switch {
	case r == '\n' || r == '\t':
		return string(r)
	case r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r >= 0xfdd0 && r <= 0xfdef:
		return fmt.Sprintf("\\u%04x", r)
	}
	return string(r)
}

// Clean makes one line of foreign text safe to print.
func Clean(text string) string {
	var b strings.Builder
	for _, r := range text {
		b.WriteString(clean(r))
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

// columns is how wide text stands on a terminal, marks left out.
func columns(text string) int {
	n := 0
	for _, r := range text {
		if _, mark := sgr[r]; !mark {
			n++
		}
	}
	return n
}

// pad fills text with spaces up to width columns.
func pad(text string, width int) string {
	if gap := width - columns(text); gap > 0 {
		return text + strings.Repeat(" ", gap)
	}
	return text
}

// truncate cuts text to at most width columns, ending in an ellipsis when something was cut.
func truncate(text string, width int) string {
	if columns(text) <= width || width < 1 {
		return text
	}
	var b strings.Builder
	n, styledText := 0, false
	for _, r := range text {
		if _, mark := sgr[r]; mark {
			b.WriteRune(r)
			styledText = true
			continue
		}
		if n == width-1 {
			break
		}
		b.WriteRune(r)
		n++
	}
	b.WriteString("…")
	if styledText {
		b.WriteString(reset)
	}
	return b.String()
}

// fold breaks text of any kind into lines of at most width columns, at a space where one is near, all but the first with the indent.
func fold(text string, indent, width int) string {
	var out []byte
	var word []rune // what should stay together
	column, length := 0, 0
	flush := func() {
		out = append(out, string(word)...)
		word, column, length = nil, column+length, 0
	}
	for _, r := range text {
		if _, mark := sgr[r]; mark {
			word = append(word, r)
			continue
		}
		if column+length == width {
			if column == indent || length > width/4 {
				flush()
			}
			out = append(bytes.TrimRight(out, " "), "\n"+strings.Repeat(" ", indent)...)
			column = indent
			if r == ' ' && length == 0 {
				continue
			}
		}
		word = append(word, r)
		length++
		if r == ' ' {
			flush()
		}
	}
	flush()
	return string(out)
}

// Wrap breaks prose into lines of at most width columns.
func Wrap(text string, width int) string { return wrap(text, "", width) }

// wrap breaks prose into lines of at most width columns, each with the indent.
func wrap(text string, indent string, width int) string {
	var out strings.Builder
	for i, paragraph := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		if i > 0 {
			out.WriteByte('\n')
		}
		line := 0
		for _, word := range strings.Fields(paragraph) {
			n := utf8.RuneCountInString(word)
			switch {
			case line == 0:
				out.WriteString(indent)
				line = len(indent)
			case line+1+n > width:
				out.WriteString("\n" + indent)
				line = len(indent)
			default:
				out.WriteByte(' ')
				line++
			}
			out.WriteString(word)
			line += n
		}
	}
	return out.String()
}

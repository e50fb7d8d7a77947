package view

import (
	"bytes"
	"strings"
)

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
	for style, r := range pieces(text) {
		if style != "" {
			b.WriteString(style)
			styledText = true
			continue
		}
		if n += cells(r); n > width-1 {
			break
		}
		b.WriteRune(r)
	}
	b.WriteString("…")
	if styledText {
		b.WriteString(reset)
	}
	return b.String()
}

// fold breaks a line of any kind into lines of at most width columns, at a space where one is near, all but the first with the indent.
func fold(text string, indent, width int) block {
	var out []byte
	var word strings.Builder // what should stay together
	column, length := 0, 0
	flush := func() {
		out = append(out, word.String()...)
		word.Reset()
		column, length = column+length, 0
	}
	for style, r := range pieces(oneLine(text)) {
		if style != "" {
			word.WriteString(style)
			continue
		}
		if n := cells(r); column+length+n > width {
			if column == indent || length > width/4 {
				flush()
			}
			out = append(bytes.TrimRight(out, " "), "\n"+strings.Repeat(" ", indent)...)
			column = indent
			if r == ' ' && length == 0 {
				continue
			}
		}
		word.WriteRune(r)
		length += cells(r)
		if r == ' ' {
			flush()
		}
	}
	flush()
	return block(out)
}

// Wrap breaks prose into lines of at most width columns.
func Wrap(text string, width int) string { return string(wrap(text, "", width)) }

// wrap breaks prose into lines of at most width columns, each with the indent.
func wrap(text string, indent string, width int) block {
	var out strings.Builder
	for i, paragraph := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		if i > 0 {
			out.WriteByte('\n')
		}
		line := 0
		for _, word := range strings.Fields(paragraph) {
			n := columns(word)
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
	return block(out.String())
}

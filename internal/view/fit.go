package view

import (
	"bytes"
	"iter"
	"strings"
	"unicode/utf8"
)

// pad fills text with spaces up to width columns.
func pad(text string, width int) string {
	if gap := width - columns(text); gap > 0 {
		return text + strings.Repeat(" ", gap)
	}
	return text
}

// truncate cuts text to at most width columns. A text that was cut ends in an ellipsis.
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

// fold breaks a line of any kind at spaces into lines of at most width columns, all but the first with the indent. It
// breaks a word only if the word is longer than a line, because users copy names and addresses.
func fold(text string, indent, width int) block {
	var out []byte
	column, room := 0, max(width-indent, 1)
	newLine := func() {
		out = append(bytes.TrimRight(out, " "), "\n"+strings.Repeat(" ", indent)...)
		column = indent
	}
	for word := range words(oneLine(text)) {
		blank := strings.Trim(word, " ") == ""
		length := columns(word)
		switch {
		case column+length <= width:
		case blank:
			continue // at the end of a line
		case column > indent && length <= room:
			newLine()
		}
		for style, r := range pieces(word) {
			if style == "" {
				n := cells(r)
				if column+n > width && column > indent {
					newLine()
				}
				column += n
				out = utf8.AppendRune(out, r)
			} else {
				out = append(out, style...)
			}
		}
	}
	return block(bytes.TrimRight(out, " "))
}

// words walks over the words of a text and the spaces between them.
func words(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for len(text) > 0 {
			end := strings.IndexByte(text, ' ')
			if end == 0 {
				end = len(text) - len(strings.TrimLeft(text, " "))
			}
			if end < 0 {
				end = len(text)
			}
			if !yield(text[:end]) {
				return
			}
			text = text[end:]
		}
	}
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

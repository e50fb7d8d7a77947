package view

import (
	"strings"
)

// longestWord is the width of the longest word of a text, in columns.
func longestWord(text string) int {
	n := 0
	for word := range words(text) {
		n = max(n, columns(word))
	}
	return n
}

// In a table that is wider than the screen, the last column is broken into lines of at least this many columns, or
// moves below its row.
const narrowest = 24

// Table writes rows below a header, columns two spaces apart. A row's cells beyond the header are notes: they follow on
// lines of their own. Nothing is cut: text that is too wide continues below.
func Table(w *Writer, header []string, rows [][]string) {
	last := len(header) - 1
	widths := make([]int, len(header))
	for _, row := range append([][]string{header}, rows...) {
		for i, cell := range row[:len(header)] {
			widths[i] = max(widths[i], columns(oneLine(cell)))
		}
	}
	before := 0 // columns before the last one
	for _, width := range widths[:last] {
		before += width + 2
	}
	line := func(row []string, style string) {
		var b strings.Builder
		for i, cell := range row[:last] {
			b.WriteString(pad(oneLine(cell), widths[i]+2))
		}
		rest := oneLine(row[last])
		switch {
		case before+columns(rest) <= w.Width:
			w.Printf("%s\n", styled(style, strings.TrimRight(b.String()+rest, " ")))
		case before+max(narrowest, longestWord(rest)) <= w.Width:
			w.Printf("%s\n", fold(b.String()+rest, before, w.Width))
		default:
			w.Printf("%s\n%s\n", fold(strings.TrimRight(b.String(), " "), 4, w.Width), fold("    "+rest, 4, w.Width))
		}
		for _, note := range row[last+1:] {
			if note != "" {
				w.Printf("%s\n", fold("    "+note, 6, w.Width))
			}
		}
	}
	line(header, bold)
	for _, row := range rows {
		line(row, "")
	}
}

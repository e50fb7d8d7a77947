package view

import (
	"strings"
)

// longestWord is the columns of the longest word of a text.
func longestWord(text string) int {
	n := 0
	for word := range words(text) {
		n = max(n, columns(word))
	}
	return n
}

// Where a table is wider than the screen, its last column is broken into lines of at least this many columns, or goes
// below its row.
const narrowest = 24

// Table writes rows below a header, columns two spaces apart. Cells that a row has beyond the header are notes and
// follow on lines of their own. Nothing is cut: what is wider than the screen goes on below.
func Table(w *Writer, header []string, rows [][]string) {
	last := len(header) - 1
	widths := make([]int, len(header))
	for _, row := range append([][]string{header}, rows...) {
		for i, cell := range row[:len(header)] {
			widths[i] = max(widths[i], columns(oneLine(cell)))
		}
	}
	before := 0 // columns left of the last one
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

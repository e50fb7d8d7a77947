package view

import "strings"

// Table writes rows below a header, columns two spaces apart, the last one cut at the width of the screen.
func Table(w *Writer, header []string, rows [][]string) {
	widths := make([]int, len(header))
	for _, row := range append([][]string{header}, rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], columns(cell))
		}
	}
	line := func(row []string, style string) {
		var b strings.Builder
		for i, cell := range row {
			if i < len(row)-1 {
				cell = pad(cell, widths[i]+2)
			}
			b.WriteString(cell)
		}
		w.Printf("%s\n", styled(style, strings.TrimRight(b.String(), " ")))
	}
	line(header, bold)
	for _, row := range rows {
		line(row, "")
	}
}

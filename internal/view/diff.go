package view

import (
	"strings"

	"github.com/aymanbagabas/go-udiff"
)

// Diff writes the lines in which two texts of a file differ, in the unified format.
func Diff(w *Writer, name, before, after string) {
	for line := range strings.Lines(udiff.Unified(name, name, before, after)) {
		style := ""
		switch {
		case strings.HasPrefix(line, "---"), strings.HasPrefix(line, "+++"):
			style = bold
		case strings.HasPrefix(line, "@@"):
			style = cyan
		case strings.HasPrefix(line, "-"):
			style = red
		case strings.HasPrefix(line, "+"):
			style = green
		}
		w.Printf("%s\n", styled(style, oneLine(strings.TrimSuffix(line, "\n"))))
	}
}

package view

import (
	"slices"
	"strings"

	"github.com/company/deployer/internal/diag"
)

// alike groups problems of the same kind: the same summary, call and next step, each of another component. Ten services
// with the same crash are one problem, and the other problems stay visible.
func alike(list diag.List) []diag.List {
	var out []diag.List
	kinds := map[string]int{}
	for _, d := range list {
		if d.Position != nil || d.Component == "" {
			out = append(out, diag.List{d})
			continue
		}
		key := strings.Join([]string{
			string(d.Severity), string(d.Code), plainly(d, d.Summary), d.Operation,
			plainly(d, d.Next),
		}, "\n")
		if at, known := kinds[key]; known {
			out[at] = append(out[at], d)
			continue
		}
		kinds[key] = len(out)
		out = append(out, diag.List{d})
	}
	return out
}

// plainly is a text without the component's name.
func plainly(d *diag.Diagnostic, text string) string {
	_, short, _ := strings.Cut(d.Component, "/")
	return strings.ReplaceAll(strings.ReplaceAll(text, d.Component, "*"), `"`+short+`"`, "*")
}

// lastLines is how many log lines are shown for a problem of the same kind as an earlier one.
const lastLines = 2

// others writes the problems of the same kind as the first, which was written before.
func others(w *Writer, first *diag.Diagnostic, list diag.List) {
	w.Printf("  %s\n", styled(bold, "The same of "+count(len(list), "other component")+":"))
	for _, d := range list {
		head := "  - " + styled(cyan, d.Component)
		if text := d.Detail; text != "" && plainly(d, text) != plainly(first, first.Detail) {
			head += ": " + text
		}
		w.Printf("%s\n", fold(head, 4, w.Width))
		if slices.Equal(d.Lines, first.Lines) {
			continue
		}
		for _, line := range d.Lines[max(0, len(d.Lines)-lastLines):] {
			w.Printf("    %s %s\n", styled(dim, "|"), strings.TrimRight(line, "\r\n"))
		}
	}
}

package view

import (
	"fmt"
	"slices"
	"strings"

	"github.com/company/deployer/internal/diag"
)

// Diagnostics writes problems: what, where with an excerpt, why, and the next step. When several
// problems are of the same kind, only the first is written in full, unless w.Full is set.
func Diagnostics(w *Writer, list diag.List) {
	groups := alike(list)
	if w.Full {
		groups = nil
		for _, d := range list {
			groups = append(groups, diag.List{d})
		}
	}
	for i, group := range groups {
		if i > 0 {
			w.Printf("\n")
		}
		diagnostic(w, group[0])
		if len(group) > 1 {
			others(w, group[0], group[1:])
		}
	}
}

func diagnostic(w *Writer, d *diag.Diagnostic) {
	label, colour := "Error", red
	if d.Severity == diag.Warning {
		label, colour = "Warning", yellow
	}
	w.Printf("%s %s\n", styled(colour+bold, label+":"), styled(bold, d.Summary))
	if d.Position != nil {
		w.Printf("  %s\n", styled(cyan, d.Position.String()))
		excerpt(w, d)
	}
	var where []string
	if d.Component != "" {
		where = append(where, d.Component)
	}
	if d.Operation != "" {
		where = append(where, d.Operation)
	}
	if d.RequestID != "" {
		where = append(where, "request "+d.RequestID)
	}
	if n := len(d.Environments); n > 0 {
		noun := "environment "
		if n > 1 {
			noun = "environments "
		}
		where = append(where, "only in "+noun+strings.Join(d.Environments, ", "))
	}
	if len(where) > 0 {
		w.Printf("  %s\n", styled(cyan, strings.Join(where, ", ")))
	}
	if d.Detail != "" {
		w.Printf("%s\n", wrap(d.Detail, "  ", w.Width))
	}
	for _, line := range d.Lines {
		w.Printf("  %s %s\n", styled(dim, "|"), strings.TrimRight(line, "\r\n"))
	}
	for _, paragraph := range strings.Split(d.Next, "\n") {
		switch {
		case paragraph == "":
		case strings.HasPrefix(paragraph, "deployer "): // a command to be copied: never broken
			w.Printf("    %s\n", paragraph)
		default:
			// The same applies to a command at the end of a sentence.
			if at := strings.LastIndex(paragraph, ": deployer "); at >= 0 && columns(paragraph)+2 > w.Width &&
				!strings.HasSuffix(paragraph, ".") {
				w.Printf("%s\n    %s\n", wrap(paragraph[:at+1], "  ", w.Width), paragraph[at+2:])
				continue
			}
			w.Printf("%s\n", wrap(paragraph, "  ", w.Width))
		}
	}
}

func excerpt(w *Writer, d *diag.Diagnostic) {
	if d.Excerpt == nil {
		return
	}
	last := d.Excerpt.FirstLine + len(d.Excerpt.Lines) - 1
	digits := len(fmt.Sprint(last))
	for i, line := range d.Excerpt.Lines {
		n := d.Excerpt.FirstLine + i
		text, shift := window(line, d.Position.Column, w.Width-digits-7)
		w.Printf("    %s %s\n", styled(dim, fmt.Sprintf("%*d |", digits, n)), text)
		if n == d.Position.Line && d.Position.Column > 0 {
			lead, marked := under(text, d.Position.Column-1-shift, d.Position.Length)
			w.Printf("    %s %s%s\n", styled(dim, strings.Repeat(" ", digits)+" |"), lead,
				styled(red, strings.Repeat("^", marked)))
		}
	}
}

// window cuts a line that is wider than width columns around the marked character, and marks the cuts. shift is how
// many characters it cut off on the left.
func window(line string, column, width int) (text string, shift int) {
	total := columns(line)
	if total <= width {
		return line, 0
	}
	runes := []rune(line)
	before := columns(string(runes[:min(max(column-1, 0), len(runes))]))
	if before > width*2/3 {
		for before >= width/2 && total > width {
			n := cells(runes[shift])
			before, total, shift = before-n, total-n, shift+1
		}
	}
	end := shift
	for room := width; end < len(runes) && room >= cells(runes[end]); end++ {
		room -= cells(runes[end])
	}
	kept := slices.Clone(runes[shift:end])
	if shift > 0 && len(kept) > 0 && cells(kept[0]) == 1 {
		kept[0] = '…'
	}
	if n := len(kept) - 1; end < len(runes) && n >= 0 && cells(kept[n]) == 1 {
		kept[n] = '…'
	}
	return string(kept), shift
}

// under is the text before the carets, with the line's tabs, and the number of carets. There is one caret for each
// column of the length characters from start on.
func under(line string, start, length int) (lead string, carets int) {
	var b strings.Builder
	for i, r := range []rune(line) {
		switch {
		case i >= start+length:
		case i >= start:
			carets += cells(r)
		case r == '\t':
			b.WriteByte('\t')
		default:
			b.WriteString(strings.Repeat(" ", cells(r)))
		}
	}
	return b.String(), max(carets, 1)
}

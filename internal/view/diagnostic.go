package view

import (
	"fmt"
	"strings"

	"github.com/company/deployer/internal/diag"
)

// Diagnostics writes problems: what, where with an excerpt, why, and the next step.
func Diagnostics(w *Writer, list diag.List) {
	for i, d := range list {
		if i > 0 {
			w.Printf("\n")
		}
		diagnostic(w, d)
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
	if len(where) > 0 {
		w.Printf("  %s\n", styled(cyan, strings.Join(where, ", ")))
	}
	if d.Detail != "" {
		w.Printf("%s\n", wrap(d.Detail, "  ", w.Width))
	}
	for _, line := range d.Lines {
		w.Printf("  %s %s\n", styled(dim, "|"), strings.TrimRight(line, "\r\n"))
	}
	if d.Next != "" {
		w.Printf("%s\n", wrap(d.Next, "  ", w.Width))
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
			lead := caretLead(text, d.Position.Column-1-shift)
			length := max(min(d.Position.Length, columns(text)-(d.Position.Column-1-shift)), 1)
			w.Printf("    %s %s%s\n", styled(dim, strings.Repeat(" ", digits)+" |"), lead, styled(red, strings.Repeat("^", length)))
		}
	}
}

// window cuts a long line around the marked column; shift is how many characters went on the left.
func window(line string, column, width int) (text string, shift int) {
	runes := []rune(line)
	if len(runes) <= width {
		return line, 0
	}
	if column > width*2/3 {
		shift = min(column-width/2, len(runes)-width)
		shift = max(shift, 0)
	}
	return string(runes[shift:min(shift+width, len(runes))]), shift
}

// caretLead keeps tabs, so that the caret stands below its text.
func caretLead(line string, n int) string {
	var b strings.Builder
	for i, r := range []rune(line) {
		if i >= n {
			break
		}
		if r == '\t' {
			b.WriteByte('\t')
		} else {
			b.WriteByte(' ')
		}
	}
	return b.String()
}

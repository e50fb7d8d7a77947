package view

import "github.com/company/deployer/internal/report"

// Examination writes what doctor found: one line each, with what to do.
func Examination(w *Writer, found []report.Examined) {
	marks := map[string]string{
		report.Fine: styled(green, "ok  "), report.Wrong: styled(red, "FAIL"), report.Advice: styled(yellow, "note"),
		report.Skipped: styled(dim, "skip"),
	}
	for _, e := range found {
		text := e.Check
		if e.Detail != "" {
			text += ": " + e.Detail
		}
		w.Printf("%s %s\n", marks[e.Result], wrap(text, "     ", w.Width)[len("     "):])
		if e.Next != "" {
			w.Printf("%s\n", wrap(e.Next, "     ", w.Width))
		}
	}
}

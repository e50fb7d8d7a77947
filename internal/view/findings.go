package view

import "github.com/company/deployer/internal/report"

// Findings writes the results of a check of the backend.
func Findings(w *Writer, findings []report.Finding) {
	for _, f := range findings {
		mark := styled(green, "ok  ")
		if !f.OK {
			mark = styled(red, "FAIL")
		}
		line := mark + " " + f.What
		if f.Detail != "" {
			line += styled(dim, ": "+f.Detail)
		}
		w.Printf("%s\n", line)
		if f.Fix != "" && !f.OK {
			w.Printf("%s\n", wrap(f.Fix, "     ", w.Width))
		}
	}
}

package view

import "github.com/company/deployer/internal/report"

// Written writes which files were created, and the commands to go on with.
func Written(w *Writer, r *report.Written) {
	for _, f := range r.Files {
		word := "created"
		if !f.Created {
			word = "kept   "
		}
		w.Printf("%s  %s\n", word, f.Path)
	}
	w.Printf("\n")
	for i, command := range r.Next {
		lead := "      "
		if i == 0 {
			lead = "Next: "
		}
		w.Printf("%s%s\n", lead, command)
	}
}

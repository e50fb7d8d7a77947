package view

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/company/deployer/internal/report"
)

// Stacks writes stacks with their environments and last deployments.
func Stacks(w *Writer, list []report.StackEntry, now time.Time) {
	if len(list) == 0 {
		w.Printf("There are no stacks yet. Create one: deployer stack init NAME\n")
		return
	}
	var rows [][]string
	var absent []string // places that were searched and have no state
	for _, s := range list {
		if len(s.Environments) == 0 {
			rows = append(rows, []string{s.Stack, "(none)", ""})
		}
		for _, e := range s.Environments {
			last := "no state"
			if e.Absent != "" && !slices.Contains(absent, e.Absent) {
				absent = append(absent, e.Absent)
			}
			if e.Problem != "" {
				last = styled(red, e.Problem)
			}
			if e.Version > 0 || e.Result != "" {
				last = fmt.Sprintf("%s %s, %s ago", e.Version, e.Result, ago(now.Sub(e.At)))
			}
			switch {
			case s.Path == "":
				last += styled(yellow, "; this repository has no folder of the stack")
			case e.NoFile:
				last += styled(yellow, "; this repository has no file of it")
			}
			rows = append(rows, []string{s.Stack, e.Name, last})
		}
	}
	Table(w, []string{"STACK", "ENVIRONMENT", "LAST DEPLOYMENT"}, rows)
	if absent != nil {
		w.Printf("%s\n", fold("Looked for states in "+strings.Join(absent, ", ")+".", 2, w.Width))
	}
}

package view

import (
	"fmt"
	"time"

	"github.com/company/deployer/internal/report"
)

// States writes the list of states.
func States(w *Writer, where string, states []report.State) {
	if len(states) == 0 {
		w.Printf("There is no state in %s yet.\n", where)
		return
	}
	var rows [][]string
	for _, s := range states {
		rows = append(rows, []string{
			s.Stack, s.Environment, s.Modified.UTC().Format("2006-01-02 15:04:05"),
			size(s.Size),
		})
	}
	Table(w, []string{"STACK", "ENVIRONMENT", "CHANGED (UTC)", "SIZE"}, rows)
}

func size(n int64) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d B", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}

// State writes a summary of a state and its resources.
func State(w *Writer, s report.StateSummary) {
	w.Printf("%s/%s  %s %s\n", styled(bold, s.Stack), styled(bold, s.Environment), s.Version, s.Result)
	for _, row := range [][2]string{
		{"written", s.At.UTC().Format(time.RFC3339) + " by " + s.Who},
		{"edited", s.Edited},
		{"commit", s.Commit},
		{"deployer", s.Deployer},
		{"account", s.Account + ", " + s.Region},
		{"lineage", s.Lineage},
		{"serial", fmt.Sprintf("%d, fence %d", s.Serial, s.Fence)},
	} {
		if row[1] != "" {
			w.Printf("  %s %s\n", pad(row[0]+":", 10), row[1])
		}
	}
	if len(s.Intents) > 0 {
		w.Printf("%s\n", styled(yellow, "An interrupted run was about to:"))
		for _, i := range s.Intents {
			w.Printf("  %s\n", i)
		}
	}
	w.Printf("\n")
	rows := make([][]string, len(s.Resources))
	for i, r := range s.Resources {
		rows[i] = []string{r.Resource, r.Type, r.ID}
	}
	Table(w, []string{"RESOURCE", "TYPE", "ID"}, rows)
}

package view

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/state"
)

// History writes deployments, newest first.
func History(w *Writer, key state.Key, past []report.Deployment) {
	if len(past) == 0 {
		w.Printf("%s has no deployments yet.\n", key)
		return
	}
	longest := 0
	for _, d := range past {
		longest = max(longest, columns(d.Who))
	}
	header := []string{"VERSION", "AT (UTC)", "RESULT", "WHO", "COMMIT", "CHANGES"}
	aside := longest > w.Width/4 // a role's ARN is longer than all other columns
	if aside {
		header = slices.Delete(header, 3, 4)
	}
	var rows [][]string
	for _, d := range past {
		colour := green
		if d.Result != string(state.Succeeded) && d.Result != string(state.Destroyed) {
			colour = red
		}
		commit := d.Commit
		if len(commit) > 7 {
			commit = commit[:7]
		}
		version := "?"
		if d.Version > 0 {
			version = d.Version.String()
		}
		row := []string{
			version, d.At.UTC().Format("2006-01-02 15:04:05"), styled(colour, d.Result), d.Who, commit,
			effect(d), wayBack(d), changedVariables(d.Changed),
		}
		if aside {
			row = slices.Delete(row, 3, 4)
			if d.Who != "" {
				row = append(row, styled(dim, "by "+d.Who))
			}
		}
		rows = append(rows, row)
	}
	Table(w, header, rows)
}

// effect is what a run has changed and how long that took.
func effect(d report.Deployment) string {
	parts := []string{d.Summary + d.Problem}
	if d.Duration > 0 {
		parts = append(parts, (time.Duration(d.Duration) * time.Second).String())
	}
	return strings.Join(slices.DeleteFunc(parts, empty), " in ")
}

// wayBack says what a version has to do with rollbacks; "" for nothing.
func wayBack(d report.Deployment) string {
	var parts []string
	if r := d.Rollback; r != nil {
		text := "rollback"
		if r.Automatic {
			text = "automatic rollback"
		}
		if r.From > 0 {
			text += " from " + r.From.String()
		}
		parts = append(parts, text+" to "+r.To.String())
	}
	if d.Held {
		parts = append(parts, styled(yellow, "held")+": an apply of this version stops until --release-hold")
	}
	return strings.Join(parts, "; ")
}

// changedVariables is one line about the variables that changed since the version before.
func changedVariables(changes []report.VariableChange) string {
	parts := make([]string, len(changes))
	for i, c := range changes {
		switch {
		case c.Old == nil:
			parts[i] = fmt.Sprintf("%s = %q", c.Name, *c.New)
		case c.New == nil:
			parts[i] = fmt.Sprintf("%s = %q -> (not set)", c.Name, *c.Old)
		default:
			parts[i] = fmt.Sprintf("%s = %q -> %q", c.Name, *c.Old, *c.New)
		}
	}
	return strings.Join(parts, ", ")
}

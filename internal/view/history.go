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
	header := []string{"VERSION", "AT (UTC)", "RESULT", "WHO", "COMMIT", "TOOK", "CHANGES"}
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
		result := styled(colour, d.Result)
		if r := d.Rollback; r != nil {
			result += ", rollback to " + r.To.String()
		}
		if d.Held {
			result += ", " + styled(yellow, "held")
		}
		row := []string{
			version, d.At.UTC().Format("2006-01-02 15:04:05"), result, d.Who, commit, took(d.Duration),
			d.Summary + d.Problem, changedVariables(d.Changed),
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

// took is a duration in seconds; "" when it is not known.
func took(seconds int) string {
	if seconds == 0 {
		return ""
	}
	return (time.Duration(seconds) * time.Second).String()
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

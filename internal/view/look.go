package view

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/value"
)

// ago is a span as people say it.
func ago(d time.Duration) string {
	switch {
	case d < 0:
		return "0s"
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}

// Details writes components, their outputs and resources.
func Details(w *Writer, d *report.Details) {
	w.Printf("%s/%s  %s %s, account %s, %s\n", styled(bold, d.Stack), styled(bold, d.Environment), d.Version, d.Result, d.Account, d.Region)
	for _, c := range d.Components {
		marks := c.Kind
		if c.Shared {
			marks += ", shared"
		}
		if c.Protected {
			marks += ", protected"
		}
		w.Printf("\n%s %s\n", styled(bold, c.Address), styled(dim, "("+marks+")"))
		for _, name := range slices.Sorted(maps.Keys(c.Outputs)) {
			w.Printf("  %s = %s\n", name, text(c.Outputs[name]))
		}
		width, types := 0, 0
		for _, r := range c.Resources {
			width, types = max(width, columns(name(r.Resource))), max(types, columns(r.Type))
		}
		for _, r := range c.Resources {
			w.Printf("%s\n", fold("  "+styled(dim, pad(name(r.Resource), width+2)+r.Type)+strings.Repeat(" ", types-columns(r.Type)+2)+r.ID, 4, w.Width))
			for _, p := range r.Problems {
				w.Printf("%s\n", paint(red, wrap(p, "    ", w.Width)))
			}
		}
	}
}

// text is an output as people read it: strings raw, the rest as JSON.
func text(data any) string {
	if s, ok := data.(string); ok {
		return s
	}
	v, err := value.From(data)
	if err != nil {
		return fmt.Sprint(data)
	}
	return v.String()
}

// Raw writes one output, for scripts.
func Raw(w *Writer, data any) { w.Printf("%s\n", block(text(data))) }

// Outputs writes all outputs by component.
func Outputs(w *Writer, all map[string]map[string]any) {
	for i, address := range slices.Sorted(maps.Keys(all)) {
		if i > 0 {
			w.Printf("\n")
		}
		w.Printf("%s\n", styled(bold, address))
		for _, name := range slices.Sorted(maps.Keys(all[address])) {
			w.Printf("  %s = %s\n", name, text(all[address][name]))
		}
	}
}

var (
	notVariable = regexp.MustCompile(`[^A-Za-z0-9]+`)
	camel       = regexp.MustCompile(`([a-z0-9])([A-Z])`)
)

// OutputsEnv writes outputs as lines that a POSIX shell can source: USER_SERVICE_API_URL='…'.
func OutputsEnv(w *Writer, all map[string]map[string]any) {
	for _, address := range slices.Sorted(maps.Keys(all)) {
		for _, name := range slices.Sorted(maps.Keys(all[address])) {
			key := strings.ToUpper(notVariable.ReplaceAllString(address+"_"+camel.ReplaceAllString(name, "${1}_${2}"), "_"))
			w.Printf("%s='%s'\n", key, block(strings.ReplaceAll(text(all[address][name]), "'", `'\''`)))
		}
	}
}

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
	header := []string{"VERSION", "AT (UTC)", "RESULT", "WHO", "COMMIT", "SUMMARY"}
	aside := longest > w.Width/4 // a role's ARN is longer than all the rest
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
		row := []string{version, d.At.UTC().Format("2006-01-02 15:04:05"), styled(colour, d.Result), d.Who, commit, d.Summary + d.Problem, changedVariables(d.Changed)}
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

// changedVariables is one line about variables that a version has otherwise than the one before.
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

// States writes the list of states.
func States(w *Writer, where string, states []report.State) {
	if len(states) == 0 {
		w.Printf("There is no state in %s yet.\n", where)
		return
	}
	var rows [][]string
	for _, s := range states {
		rows = append(rows, []string{s.Stack, s.Environment, s.Modified.UTC().Format("2006-01-02 15:04:05"), size(s.Size)})
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

// Locks writes who holds what.
func Locks(w *Writer, locks []report.Lock, now time.Time) {
	if len(locks) == 0 {
		w.Printf("Nothing is locked.\n")
		return
	}
	var rows [][]string
	for _, l := range locks {
		alive := styled(green, "alive")
		if !l.Alive {
			alive = styled(red, "gone")
		}
		rows = append(rows, []string{l.Stack + "/" + l.Environment, l.By, ago(now.Sub(l.At)), alive, l.Metadata["hostname"], l.ID})
	}
	Table(w, []string{"STACK", "BY", "FOR", "HOLDER", "HOST", "LOCK ID"}, rows)
}

// Lock writes all that is known of one lock.
func Lock(w *Writer, l *report.Lock, now time.Time) {
	w.Printf("%s/%s is locked\n", styled(bold, l.Stack), styled(bold, l.Environment))
	state := "alive"
	if !l.Alive {
		state = "gone: the next run takes over by itself"
	}
	rows := [][2]string{
		{"lock id", l.ID},
		{"by", l.By},
		{"since", l.At.UTC().Format(time.RFC3339) + " (" + ago(now.Sub(l.At)) + ")"},
		{"last heartbeat", l.LastHeartbeat.UTC().Format(time.RFC3339) + " (" + ago(now.Sub(l.LastHeartbeat)) + " ago)"},
		{"expires", l.Expires.UTC().Format(time.RFC3339)},
		{"holder", state},
	}
	for _, key := range slices.Sorted(maps.Keys(l.Metadata)) {
		rows = append(rows, [2]string{key, l.Metadata[key]})
	}
	for _, row := range rows {
		w.Printf("  %s %s\n", pad(row[0]+":", 16), row[1])
	}
}

// Findings writes what a check of the backend found.
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

// Stacks writes stacks with their environments and last deployments.
func Stacks(w *Writer, list []report.StackEntry, now time.Time) {
	if len(list) == 0 {
		w.Printf("There are no stacks yet. Make one: deployer stack init NAME\n")
		return
	}
	var rows [][]string
	var absent []string // where there was no state
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
				last += styled(yellow, "; the stack has no folder here")
			case e.NoFile:
				last += styled(yellow, "; it has no file here")
			}
			rows = append(rows, []string{s.Stack, e.Name, last})
		}
	}
	Table(w, []string{"STACK", "ENVIRONMENT", "LAST DEPLOYMENT"}, rows)
	if absent != nil {
		w.Printf("%s\n", fold("No state: looked for in "+strings.Join(absent, ", ")+".", 2, w.Width))
	}
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
		w.Printf("%s\n", styled(yellow, "An interrupted run meant to:"))
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

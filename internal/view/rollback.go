package view

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/state"
)

// rollback says which version a plan goes back to.
func rollback(w *Writer, p *plan.Plan) {
	r := p.Rollback
	if r == nil {
		return
	}
	verb, from := "Rollback", ""
	if r.Automatic {
		verb = "The apply failed. Automatic rollback"
	}
	if r.From > 0 {
		from = fmt.Sprintf(" from v%d", r.From)
	}
	w.Printf("%s\n\n", fold(styled(bold, verb+from+fmt.Sprintf(" to v%d", r.To))+": deployed "+
		strings.Join(
			slices.DeleteFunc([]string{since(r.Age), briefly(r.Commit)}, empty),
			", ",
		)+by(r.Who)+".", 2, w.Width))
}

func empty(s string) bool { return s == "" }

func by(who string) string {
	if who == "" {
		return ""
	}
	return ", by " + who
}

func briefly(commit string) string { return commit[:min(len(commit), 7)] }

// since is a time in the past as people say it: 15 minutes ago.
func since(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "less than a minute ago"
	case d < time.Hour:
		return count(int(d.Minutes()), "minute") + " ago"
	case d < 48*time.Hour:
		return count(int(d.Hours()), "hour") + " ago"
	}
	return count(int(d.Hours()/24), "day") + " ago"
}

// offered is how many versions the choice of a rollback shows.
const offered = 10

// WaysBack writes the versions that a rollback can go back to, newest first.
func WaysBack(w *Writer, key state.Key, versions []report.Deployment, now time.Time) {
	w.Printf("%s has these versions to go back to:\n", styled(bold, key.String()))
	var rows [][]string
	for _, v := range versions[:min(len(versions), offered)] {
		var variables []string
		for _, name := range slices.Sorted(maps.Keys(v.Variables)) {
			variables = append(variables, name+"="+v.Variables[name])
		}
		rows = append(rows, []string{
			styled(bold, v.Version.String()),
			strings.Join(slices.DeleteFunc([]string{since(now.Sub(v.At)), briefly(v.Commit)}, empty), ", "),
			strings.Join(variables, " "),
		})
	}
	Table(w, []string{"VERSION", "DEPLOYED", "VARIABLES"}, rows)
	if more := len(versions) - offered; more > 0 {
		w.Printf("and %s: deployer history\n", count(more, "older version"))
	}
}

// Rollouts writes which rollouts are in progress.
func Rollouts(w *Writer, lines []string) {
	w.Printf("These rollouts are in progress:\n")
	for _, line := range lines {
		w.Printf("%s\n", fold("  "+line, 4, w.Width))
	}
}

// Holds writes what rollbacks hold.
func Holds(w *Writer, holds []report.Hold) {
	for _, h := range holds {
		what := "What the interrupted run deployed"
		if h.Version > 0 {
			what = h.Version.String()
		}
		if h.Commit != "" {
			what += " (" + briefly(h.Commit) + ")"
		}
		w.Printf("%s\n", fold(fmt.Sprintf("%s %s of %s was rolled back to %s at %s by %s. An apply of the same "+
			"configuration stops until deployer apply --release-hold.", styled(yellow+bold, "Held:"), what,
			several(h.Components), h.To, h.At.UTC().Format("2006-01-02 15:04:05 UTC"), h.Who), 2, w.Width))
	}
}

// several is some names, or their number.
func several(names []string) string {
	if len(names) > listed {
		return count(len(names), "component")
	}
	return strings.Join(names, ", ")
}

// Back is the rollback that followed a failed apply.
type Back struct {
	Plan     *plan.Plan // nil: it was not planned
	Version  report.Version
	Outcome  *plan.Outcome // nil: it was not carried out
	Outputs  map[string]map[string]any
	Warnings diag.List
	Err      error
	Again    string // the command that continues it
}

// WentBack writes the result of the rollback after a failed apply; nil: there was none.
func WentBack(w *Writer, b *Back) {
	switch {
	case b == nil:
	case b.Err == nil && (b.Plan == nil || b.Outcome == nil):
		w.Printf("\n%s Nothing has to be taken back.\n", styled(green+bold, "Rolled back."))
	case b.Err == nil:
		w.Printf(
			"\n%s\n",
			fold(fmt.Sprintf("%s %s/%s is as in v%d again, as %s: %s. Correct the cause and apply again.",
				styled(green+bold, "Rolled back."), b.Plan.Stack, b.Plan.Environment, b.Plan.Rollback.To, b.Version,
				strings.Join(verbs(b.Outcome.Done), ", ")), 2, w.Width),
		)
	case b.Outcome != nil:
		w.Printf("\n%s\n", styled(red+bold, "The rollback failed, too."))
		Unfinished(w, b.Plan, b.Version, b.Outcome, b.Again)
	default:
		w.Printf(
			"\n%s\n",
			fold(styled(red+bold, "Not rolled back.")+" What the apply changed stays as it is.", 2, w.Width),
		)
	}
}

type rollbackJSON struct {
	To        report.Version `json:"to"`
	From      report.Version `json:"from,omitzero"` // left out: a run that did not end
	At        time.Time      `json:"at"`            // when To was deployed
	Commit    string         `json:"commit,omitempty"`
	Who       string         `json:"who,omitempty"`
	Automatic bool           `json:"automatic,omitempty"` // after the failure of an apply
}

func rollbackDocument(r *plan.Rollback) *rollbackJSON {
	if r == nil {
		return nil
	}
	return &rollbackJSON{
		report.Version(r.To), report.Version(r.From), r.At.UTC(), r.Commit, r.Who, r.Automatic,
	}
}

type backJSON struct {
	Succeeded   bool           `json:"succeeded"`
	Version     report.Version `json:"version,omitzero"`
	Plan        *planJSON      `json:"plan,omitempty"`
	Outcome     *outcomeJSON   `json:"outcome,omitempty"`
	Diagnostics diag.List      `json:"diagnostics"`
}

func backDocument(b *Back) *backJSON {
	if b == nil {
		return nil
	}
	out := &backJSON{
		Succeeded: b.Err == nil, Version: b.Version, Outcome: outcomeDocument(b.Outcome),
		Diagnostics: append(append(diag.List{}, b.Warnings...), diag.From(b.Err)...),
	}
	if b.Plan != nil {
		p := planDocument(b.Plan, nil)
		out.Plan = &p
	}
	return out
}

package view

import (
	"fmt"
	"slices"
	"strings"

	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/resource"
)

// Unfinished writes what a plan that did not finish has changed, below the errors that say why. again is the command
// that continues; "" when the state does not say what was done.
func Unfinished(w *Writer, p *plan.Plan, version report.Version, o *plan.Outcome, again string) {
	total := len(o.Done) + len(o.Failed) + len(o.Stopped) + len(o.NotStarted)
	head := fmt.Sprintf("%s %s/%s %s: %d of %s done", styled(red+bold, "Not finished."), p.Stack, p.Environment,
		version, len(o.Done), count(total, "change"))
	if n := len(o.Failed); n > 0 {
		head += fmt.Sprintf(", %d failed", n)
	}
	if n := len(o.Stopped); n > 0 {
		head += fmt.Sprintf(", %d stopped", n)
	}
	if n := len(o.NotStarted); n > 0 {
		head += fmt.Sprintf(", %d not started", n)
	}
	w.Printf("\n%s\n", fold(head+".", 2, w.Width))
	row := func(label, text string) {
		w.Printf("%s\n", fold("  "+pad(label, 13)+text, 15, w.Width))
	}
	if len(o.Done) > 0 {
		row("done", styled(green, strings.Join(verbs(o.Done), ", ")))
	}
	if len(o.Failed) > 0 {
		row("failed", styled(red, places(o.Failed)))
	}
	if len(o.Stopped) > 0 {
		row("stopped", styled(yellow, places(o.Stopped))+
			": started; AWS may continue, and the next run checks the result")
	}
	label := "not started"
	for _, same := range byReason(o.NotStarted) {
		reason := ""
		if same[0].Reason != "" {
			reason = ": " + same[0].Reason
		}
		row(label, places(same)+reason)
		label = ""
	}
	if again != "" {
		next := "What was done is in the state. When the cause is corrected, this continues:"
		if len(o.Failed) == 0 {
			next = "What was done is in the state. This continues:"
		}
		w.Printf("%s\n    %s\n", wrap(next, "  ", w.Width), again)
	}
}

// WayBack names the command that goes back after a failed apply; "": there is nothing to go back to.
func WayBack(w *Writer, command string) {
	if command != "" {
		w.Printf("  This goes back to the version before:\n    %s\n", command)
	}
}

// verbs counts the changes, as in "2 created".
func verbs(steps []plan.Step) []string {
	var out []string
	for _, action := range []plan.Action{plan.Create, plan.Adopt, plan.Update, plan.Replace, plan.Delete, plan.NoOp} {
		n := 0
		for _, s := range steps {
			if s.Action == action {
				n++
			}
		}
		if n > 0 {
			out = append(out, fmt.Sprintf("%d %s", n, did(action)))
		}
	}
	return out
}

// listed is how many components or resources a line of a summary names.
const listed = 8

// places names resources. If components have several resources, it names the components.
func places(steps []plan.Step) string {
	var ids, components []string
	for _, s := range steps {
		ids = append(ids, s.Resource)
		if c := resource.ComponentOf(s.Resource); !slices.Contains(components, c) {
			components = append(components, c)
		}
	}
	names, before, noun := ids, "", "resource"
	if len(components) < len(ids) {
		names, before, noun = components, count(len(ids), "resource")+" of ", "component"
	}
	if more := len(names) - listed; more > 1 {
		names = append(names[:listed:listed], "and "+count(more, "more "+noun))
	}
	return before + strings.Join(names, ", ")
}

// byReason groups steps that did not start by their reason, the largest group first.
func byReason(steps []plan.Step) [][]plan.Step {
	var out [][]plan.Step
	for _, s := range steps {
		at := slices.IndexFunc(out, func(same []plan.Step) bool { return same[0].Reason == s.Reason })
		if at < 0 {
			out = append(out, nil)
			at = len(out) - 1
		}
		out[at] = append(out[at], s)
	}
	slices.SortStableFunc(out, func(a, b []plan.Step) int { return len(b) - len(a) })
	return out
}

type stepJSON struct {
	Resource string `json:"resource"`
	Action   string `json:"action"`
	Reason   string `json:"reason,omitempty"`  // why it did not start
	Because  string `json:"because,omitempty"` // the failed resource that is the reason
}

type outcomeJSON struct {
	Done       []stepJSON `json:"done"`
	Failed     []stepJSON `json:"failed"`
	Stopped    []stepJSON `json:"stopped"`
	NotStarted []stepJSON `json:"notStarted"`
}

func outcomeDocument(o *plan.Outcome) *outcomeJSON {
	if o == nil {
		return nil
	}
	steps := func(list []plan.Step) []stepJSON {
		out := make([]stepJSON, len(list))
		for i, s := range list {
			out[i] = stepJSON{s.Resource, string(s.Action), s.Reason, s.Because}
		}
		return out
	}
	return &outcomeJSON{steps(o.Done), steps(o.Failed), steps(o.Stopped), steps(o.NotStarted)}
}

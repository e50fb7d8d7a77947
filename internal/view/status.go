package view

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/company/deployer/internal/report"
)

// Status writes the health of all components.
func Status(w *Writer, s *report.Status, now time.Time) {
	status(w, s, now, func(report.Component) bool { return true })
}

// status writes a status, with details of the components for which wanted is true.
func status(w *Writer, s *report.Status, now time.Time, wanted func(report.Component) bool) {
	w.Printf("%s\n%s\n", fold(headline(s, now), 2, w.Width), paint(dim, wrap(counted(s.Objects), "", w.Width)))
	Holds(w, s.Holds)
	if len(s.Components) == 0 {
		return
	}
	w.Printf("\n")
	statusTable(w, s.Components)
	for _, c := range s.Components {
		if wanted(c) {
			statusDetails(w, c, now)
		}
	}
}

// headline says which deployment the status is about, and whether a run is changing it.
func headline(s *report.Status, now time.Time) string {
	text := fmt.Sprintf("%s/%s  ", styled(bold, s.Stack), styled(bold, s.Environment))
	switch {
	case s.Run == nil:
		return text + fmt.Sprintf("%s %s, %s ago", s.Version, s.Result, ago(now.Sub(s.At)))
	case !s.Run.Alive:
		text += fmt.Sprintf("%s was interrupted, started %s ago by %s", s.Run.Version, ago(now.Sub(s.Run.Since)),
			s.Run.Who)
	default:
		text += fmt.Sprintf("%s in progress, started %s ago by %s", s.Run.Version, ago(now.Sub(s.Run.Since)), s.Run.Who)
	}
	if s.Version > 0 {
		text += fmt.Sprintf("; %s came before it", s.Version)
	}
	return text
}

// counted says how many of the desired objects AWS has.
func counted(o report.Objects) string {
	switch o.Wanted {
	case 0:
		return "Nothing is deployed."
	case o.There:
		return fmt.Sprintf("AWS has all %s.", count(o.Wanted, "object"))
	}
	var rest []string
	if o.Missing > 0 {
		rest = append(rest, fmt.Sprintf("%d missing", o.Missing))
	}
	if o.Unknown > 0 {
		rest = append(rest, fmt.Sprintf("%d could not be read", o.Unknown))
	}
	return fmt.Sprintf("AWS has %d of %s: %s.", o.There, count(o.Wanted, "object"), strings.Join(rest, ", "))
}

// statusTable writes a line per component. In a table that is wider than the screen, first the kind is left out, then
// the addresses get lines of their own.
func statusTable(w *Writer, components []report.Component) {
	header := []string{"COMPONENT", "KIND", "HEALTH", "TASKS", "REVISION"}
	rows := make([][]string, len(components))
	for i, c := range components {
		rows[i] = append([]string{oneLine(c.Address), oneLine(c.Kind), health(c)}, tasks(c)...)
	}
	width := func() (sum int) {
		for i := range header {
			widest := 0
			for _, row := range append([][]string{header}, rows...) {
				widest = max(widest, columns(row[i]))
			}
			sum += widest + 2
		}
		return sum - 2
	}
	if width() > w.Width {
		header = slices.Delete(header, 1, 2)
		for i := range rows {
			rows[i] = slices.Delete(rows[i], 1, 2)
		}
	}
	if width() > w.Width {
		for _, row := range rows {
			w.Printf("%s\n  %s\n", fold(row[0], 2, w.Width), strings.TrimRight(row[1]+"  "+row[2], " "))
		}
		return
	}
	Table(w, header, rows)
}

// health is the health of a component, with its colour.
func health(c report.Component) string {
	text := string(c.Health)
	if c.Health == report.Missing {
		missing := 0
		for _, part := range c.Affected {
			if part.Health == report.Missing {
				missing++
			}
		}
		if missing < c.Objects {
			text += fmt.Sprintf(" %d/%d", missing, c.Objects)
		}
	}
	return styled(healthColour(c.Health), text)
}

func healthColour(h report.Health) string {
	switch h {
	case report.Healthy:
		return green
	case report.Updating, report.Unknown, report.Changed:
		return yellow
	}
	return red
}

// tasks says how many tasks run, and of which revision.
func tasks(c report.Component) []string {
	v := c.Service
	if v == nil {
		return []string{"", ""}
	}
	text := fmt.Sprintf("%d/%d", v.Running, v.Desired)
	if v.Pending > 0 {
		text += fmt.Sprintf(" +%d", v.Pending)
	}
	revision := v.Revision
	if v.Applied != nil && v.Applied.Revision != revision {
		revision = fmt.Sprintf("%s, applied %s", cmp.Or(revision, "none"), v.Applied.Revision)
	}
	return []string{text, oneLine(revision)}
}

func statusDetails(w *Writer, c report.Component, now time.Time) {
	if c.Service == nil && c.Problem == "" && len(c.Observed) == 0 {
		return
	}
	w.Printf("\n%s\n", fold(styled(bold, c.Address), 2, w.Width))
	if c.Problem != "" {
		for _, sentence := range strings.Split(c.Problem, "\n") {
			w.Printf("%s\n", fold(styled(healthColour(c.Health), "  "+sentence), 2, w.Width))
		}
	}
	for _, o := range c.Observed {
		w.Printf("%s\n", fold("  "+strings.TrimPrefix(o.Resource, c.Address+":")+": "+facts(o.Facts), 4, w.Width))
	}
	if c.Service == nil {
		return
	}
	for _, i := range c.Service.Images {
		w.Printf("%s\n", fold(fmt.Sprintf("  %s runs %s in %s", i.Container, i.Image, count(i.Tasks, "task")), 4,
			w.Width))
		if i.Digest != "" {
			w.Printf("%s\n", fold("    "+styled(dim, i.Digest), 4, w.Width))
		}
	}
	if a := c.Service.Applied; a != nil && a.Revision != c.Service.Revision {
		for _, i := range a.Images {
			w.Printf("%s\n", fold(fmt.Sprintf("  applied: %s with %s, revision %s", i.Container, i.Image,
				a.Revision), 4, w.Width))
		}
	}
	serviceDeployment(w, c.Service, now)
	for _, t := range c.Service.Targets {
		text := fmt.Sprintf("  targets %d/%d healthy", t.Healthy, t.Total)
		if len(t.Failing) == 0 {
			text += because(t.Reason)
		}
		w.Printf("%s\n", fold(text, 4, w.Width))
		const most = 5
		for _, f := range t.Failing[:min(len(t.Failing), most)] {
			w.Printf("%s\n", fold("    "+failing(f), 6, w.Width))
		}
		if more := len(t.Failing) - most; more > 0 {
			w.Printf("    and %d more\n", more)
		}
	}
	for _, e := range c.Service.Events[:min(len(c.Service.Events), 3)] {
		w.Printf("%s\n", fold("  "+styled(dim, ago(now.Sub(e.At))+" ago")+"  "+e.Message, 4, w.Width))
	}
}

// failing describes a target that is not healthy: its address, the task that has it, and the reason.
func failing(t report.Target) string {
	text := t.Address
	if t.Task != "" {
		text += " (task " + t.Task[:min(len(t.Task), 8)] + ")"
	}
	text += " " + t.State + because(cmp.Or(t.Reason, t.Code))
	return oneLine(text)
}

// serviceDeployment describes the newest deployment of a service, unless it succeeded.
func serviceDeployment(w *Writer, s *report.Service, now time.Time) {
	if s.Unread != "" {
		w.Printf("%s\n", fold("  "+styled(dim, "AWS could not be asked about deployments: "+oneLine(s.Unread)), 4,
			w.Width))
	}
	d := s.Deployment
	if d == nil || d.Status == "SUCCESSFUL" {
		return
	}
	of := "deployment"
	if d.Revision != "" {
		of += " of revision " + d.Revision
	}
	status := spelt(d.Status)
	when := status + " " + ago(now.Sub(d.Finished)) + " ago"
	if d.InProgress() {
		when = fmt.Sprintf("%s, begun %s ago", status, ago(now.Sub(d.Started)))
		if d.Stage != "" {
			when += ", stage " + spelt(d.Stage)
		}
	}
	w.Printf("%s\n", fold("  "+of+": "+oneLine(when), 4, w.Width))
	for _, line := range deploymentReasons(d) {
		w.Printf("%s\n", fold("    "+oneLine(line), 6, w.Width))
	}
}

// deploymentReasons says why a deployment was stopped, and how near it is to that.
func deploymentReasons(d *report.ServiceDeployment) []string {
	var out []string
	if text := cmp.Or(d.RolledBack, d.Reason); text != "" {
		out = append(out, text)
	}
	if b := d.CircuitBreaker; b != nil && (b.Failed > 0 || d.InProgress()) {
		out = append(out, fmt.Sprintf("circuit breaker: %s failed, it acts at %d", count(b.Failed, "task"),
			b.Threshold))
	}
	switch {
	case len(d.Triggered) > 0:
		out = append(out, "alarms that fired: "+strings.Join(d.Triggered, ", "))
	case len(d.Alarms) > 0 && d.InProgress():
		out = append(out, "alarms that would stop it: "+strings.Join(d.Alarms, ", "))
	}
	return out
}

// spelt turns a constant of AWS into words: ROLLBACK_IN_PROGRESS.
func spelt(constant string) string {
	switch constant {
	case "ROLLBACK_SUCCESSFUL":
		return "rolled back"
	case "ROLLBACK_FAILED":
		return "rollback failed"
	}
	return strings.ToLower(strings.ReplaceAll(constant, "_", " "))
}

// facts lists what AWS tells about an object: messages 3, messages in flight 1.
func facts(all []report.Fact) string {
	texts := make([]string, len(all))
	for i, f := range all {
		texts[i] = oneLine(fmt.Sprintf("%s %v", f.Name, f.Value))
	}
	return strings.Join(texts, ", ")
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}

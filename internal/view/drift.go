package view

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/value"
)

// Drift writes what somebody else has changed, apart from what the manifests change, and what was not compared.
func Drift(w *Writer, d *report.Drift, now time.Time) {
	w.Printf("%s\n", fold(driftHeadline(d, now), 2, w.Width))
	if len(d.Drifted) > 0 {
		w.Printf("\n%s\n", styled(bold, "Changed outside of deployer:"))
		for _, one := range d.Drifted {
			drifted(w, d, one, now)
		}
	}
	if len(d.Ignored) > 0 {
		w.Printf("\n%s\n", styled(bold, "Ignored:"))
		for _, one := range d.Ignored {
			w.Printf("%s\n", fold("  "+ignored(one), 6, w.Width))
		}
	}
	if len(d.Pending) > 0 {
		w.Printf("\n%s\n", fold(styled(bold, "In the manifests, not deployed yet (no drift):"), 2, w.Width))
		for _, p := range d.Pending {
			s := symbols[plan.Action(p.Action)]
			w.Printf(
				"%s\n",
				fold("  "+styled(s.colour, s.mark)+" "+p.Resource+"  "+styled(s.colour, s.verb), 6, w.Width),
			)
			var list []plan.Property
			for _, side := range p.Properties {
				list = append(list, plan.Property{Path: side.Path, Old: side.State, New: side.YAML})
			}
			properties(w, list)
		}
	}
	uncompared(w, d)
	for _, note := range d.Notes {
		w.Printf("\n%s\n", fold("Note: "+note+".", 2, w.Width))
	}
	w.Printf("\n%s\n", fold(driftSummary(d), 2, w.Width))
}

// driftHeadline says which deployment AWS was compared with.
func driftHeadline(d *report.Drift, now time.Time) string {
	text := styled(bold, d.Stack) + "/" + styled(bold, d.Environment) + "  "
	if d.Result == "in progress" {
		return text + fmt.Sprintf("%s is in progress or was interrupted, begun %s ago", d.Version+1, ago(now.Sub(d.At)))
	}
	if d.Version > 0 {
		text += d.Version.String() + " "
	}
	return text + d.Result + ", " + ago(now.Sub(d.At)) + " ago"
}

// driftSummary is the last line: what was found, and in how much.
func driftSummary(d *report.Drift) string {
	of := fmt.Sprintf("%s compared", count(d.Objects, "object"))
	if d.Compared < d.Objects {
		of = fmt.Sprintf("%d of %s compared", d.Compared, count(d.Objects, "object"))
	}
	if d.Objects == 0 {
		of = "nothing is deployed"
	}
	var more []string
	if n := len(d.Ignored); n > 0 {
		more = append(more, fmt.Sprintf("%d ignored", n))
	}
	if n := len(d.Pending); n > 0 {
		more = append(more, fmt.Sprintf("%d pending in the manifests", n))
	}
	more = append(more, of)
	if !d.HasDrift() {
		return styled(green+bold, "No drift:") + " " + strings.Join(more, ", ") + "."
	}
	var parts []string
	for _, kind := range []struct {
		kind report.DriftKind
		text string
	}{
		{report.DriftChanged, "changed"},
		{report.DriftDeleted, "deleted"},
		{report.DriftMade, "made outside"},
	} {
		if n := d.Count(kind.kind); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, kind.text))
		}
	}
	return styled(red+bold, "Drift:") + " " + strings.Join(append(parts, more...), ", ") + "."
}

var driftWords = map[report.DriftKind]struct{ mark, colour, verb string }{
	report.DriftChanged: {"~", yellow, "changed"},
	report.DriftDeleted: {"-", red, "deleted"},
	report.DriftMade:    {"+", red, "made outside"},
}

func drifted(w *Writer, d *report.Drift, one report.Drifted, now time.Time) {
	s := driftWords[one.Kind]
	head := fmt.Sprintf("  %s %s  %s", styled(s.colour, s.mark), one.Resource, styled(s.colour, s.verb))
	if one.What != "" {
		head += ": " + one.What
	}
	w.Printf("%s\n", fold(head, 6, w.Width))
	if one.Problem != "" {
		w.Printf("%s\n", fold("      "+one.Problem, 8, w.Width))
	}
	for _, deed := range one.Deeds {
		w.Printf("%s\n", fold("      "+styled(cyan, deedText(deed, now)), 8, w.Width))
	}
	sides(w, one.Properties, d.Unread == "")
	if one.Next != "" {
		w.Printf("%s\n", fold("      to remove it: "+one.Next, 8, w.Width))
	}
}

// deedText says who did something, when and how.
func deedText(d report.Deed, now time.Time) string {
	text := fmt.Sprintf("%s by %s, %s ago", d.Action, d.Who, ago(now.Sub(d.At)))
	if d.From != "" {
		text += ", from " + d.From
	}
	return text
}

// ignored is one ignored difference in a line.
func ignored(one report.Drifted) string {
	text := one.Resource
	switch {
	case one.What != "":
		text += ": " + one.What
	case one.Kind == report.DriftDeleted:
		text += " deleted"
	}
	var names []string
	for _, p := range one.Properties {
		names = append(names, p.Name())
	}
	if one.Problem != "" {
		names = append(names, "tags")
	}
	if len(names) > 0 {
		text += ": " + strings.Join(names, ", ")
	}
	if one.Reason != "" {
		text += styled(dim, " ("+one.Reason+")")
	}
	return text + styled(dim, " "+one.Rule)
}

// sides writes properties as AWS, the state and the manifests have them: in columns where they fit, else below each
// other.
func sides(w *Writer, list []report.Sides, written bool) {
	if len(list) == 0 {
		return
	}
	rows := [][]string{{"", "AWS", "STATE", "YAML"}}
	for _, s := range list {
		yaml := brief(s.YAML)
		if !written {
			yaml = "(not read)"
		}
		rows = append(rows, []string{s.Name(), brief(s.AWS), brief(s.State), yaml})
	}
	widths, total := make([]int, 4), 6
	for i := range widths {
		for _, row := range rows {
			widths[i] = max(widths[i], columns(oneLine(row[i])))
		}
		total += widths[i] + 2
	}
	if total-2 <= w.Width {
		for n, row := range rows {
			line := "      "
			for i, cell := range row {
				if cell = oneLine(cell); i < len(row)-1 {
					cell = pad(cell, widths[i]+2)
				}
				switch {
				case n == 0:
					cell = styled(dim, cell)
				case i == 1:
					cell = styled(yellow, cell)
				}
				line += cell
			}
			w.Printf("%s\n", line)
		}
		return
	}
	for n, row := range rows[1:] {
		w.Printf("%s\n", fold("      "+row[0], 8, w.Width))
		// long texts are cut to the part where they differ
		aws, was := difference(row[1], row[2])
		var yaml string
		if written && value.Equal(list[n].YAML, list[n].State) {
			yaml = "as the state"
		} else if written && value.Equal(list[n].YAML, list[n].AWS) {
			yaml = "as AWS"
		} else {
			_, yaml = difference(row[1], row[3])
		}
		for _, side := range [][2]string{{"AWS  ", styled(yellow, aws)}, {"state", was}, {"YAML ", yaml}} {
			w.Printf("%s\n", fold("        "+styled(dim, side[0])+"  "+side[1], 15, w.Width))
		}
	}
}

// uncompared lists what was not compared, by the reason. The reasons that other credentials or another time would
// change come first.
func uncompared(w *Writer, d *report.Drift) {
	type group struct {
		why, what string
		failed    bool
		resources []string
	}
	var groups []group
	for _, u := range d.Uncompared {
		what := strings.Join(u.Properties, ", ")
		if u.What != "" {
			what = u.What
		}
		i := slices.IndexFunc(groups, func(g group) bool {
			return g.why == u.Why && g.what == what && g.failed == u.Failed
		})
		if i < 0 {
			i, groups = len(groups), append(groups, group{why: u.Why, what: what, failed: u.Failed})
		}
		groups[i].resources = append(groups[i].resources, u.Resource)
	}
	slices.SortStableFunc(groups, func(a, b group) int {
		switch {
		case a.failed == b.failed:
			return 0
		case a.failed:
			return -1
		}
		return 1
	})
	if len(groups) == 0 && d.Unread == "" && d.Untold == "" {
		return
	}
	w.Printf("\n%s\n", styled(bold, "Not compared:"))
	if d.Unread != "" {
		w.Printf("%s\n", fold("  the manifests: "+d.Unread, 4, w.Width))
	}
	for _, g := range groups {
		text := some(g.resources)
		if g.what != "" {
			text = g.what + " of " + text
		}
		why := g.why
		if g.failed {
			why = styled(yellow, why)
		}
		w.Printf("%s\n", fold("  "+text+": "+why, 4, w.Width))
	}
	if d.Untold != "" {
		w.Printf("%s\n", fold("  who changed it: "+d.Untold, 4, w.Width))
	}
}

// Remediated writes what was put back, and what was made outside and therefore stays.
func Remediated(w *Writer, p *plan.Plan, version report.Version, o *plan.Outcome, d *report.Drift) {
	if !p.HasChanges() || o == nil {
		w.Printf("%s\n",
			wrap("Nothing had to be put back: the objects are as the last deployment wanted them.", "", w.Width))
	} else {
		w.Printf("%s\n", fold(fmt.Sprintf("%s %s/%s %s: %s.", styled(green+bold, "Put back"), p.Stack, p.Environment,
			version, strings.Join(verbs(o.Done), ", ")), 2, w.Width))
	}
	if n := d.Count(report.DriftMade); n > 0 {
		w.Printf("%s\n", wrap(fmt.Sprintf("What was made outside of deployer stays (%s): see above how to remove it.",
			count(n, "object")), "", w.Width))
	}
}

// Accepted says which objects are in the state as they are in AWS now.
func Accepted(w *Writer, ids []string, serial int64) {
	w.Printf("%s\n", fold(fmt.Sprintf("%s the state, serial %d: %s. The next apply changes what the manifests say "+
		"otherwise.", styled(green+bold, "Taken into"), serial, strings.Join(ids, ", ")), 2, w.Width))
}

// AcceptedJSON is Accepted as JSON.
func AcceptedJSON(w io.Writer, ids []string, serial int64, warnings diag.List) error {
	return JSON(w, struct {
		Accepted    []string  `json:"accepted"` // IDs of resources
		Serial      int64     `json:"serial"`   // of the state
		Diagnostics diag.List `json:"diagnostics"`
	}{list(ids), serial, nonNil(warnings)})
}

// IgnoredFrom says where ignored differences stand.
func IgnoredFrom(w *Writer, file string, added int) {
	if added == 0 {
		w.Printf("%s names all of these already.\n", file)
		return
	}
	w.Printf("%s\n", fold(fmt.Sprintf("%s to %s: %s. Commit the file, so that everybody ignores the same.",
		styled(green+bold, "Added"), file, count(added, "rule")), 2, w.Width))
}

// IgnoredJSON is IgnoredFrom as JSON.
func IgnoredJSON(w io.Writer, file string, added int) error {
	return JSON(w, struct {
		File  string `json:"file"`
		Added int    `json:"added"` // rules
	}{file, added})
}

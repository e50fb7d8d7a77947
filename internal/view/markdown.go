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
)

// markdownLimit is how many bytes a comment of a pull request may have: GitHub takes 65,536 characters.
const markdownLimit = 60_000

// markdownList is how many bytes the list of components has at most, and that of warnings.
const markdownList = 20_000

// markdownWidth is the width of the changes in their box, which scrolls.
const markdownWidth = 120

// PlanMarkdown writes a plan as the comment of a pull request. Its first line is invisible and names the stack, so that
// a pipeline finds its own comment again. Counts, grave consequences and hash are never cut; the changes are, where
// they are too long.
func PlanMarkdown(w io.Writer, p *plan.Plan, hash string, warnings diag.List) error {
	var head, tail strings.Builder
	name := p.Stack + "/" + p.Environment
	fmt.Fprintf(&head, "<!-- deployer plan %s -->\n### Plan for `%s`%s\n\n", name, name, escape(only(p)))
	switch {
	case !p.HasChanges() && len(p.Targets) > 0:
		fmt.Fprintf(&head, "**No changes.** %s\n", escape(unchanged(p)))
	case !p.HasChanges():
		fmt.Fprintf(&head, "**No changes.** %s.\n", count(p.Unchanged, "resource"))
	default:
		fmt.Fprintf(&head, "%s\n", markdownSummary(p))
	}
	for _, v := range p.Previous {
		fmt.Fprintf(&head, "\nVariable as in %s: %s\n", v.Version, code(v.Name+"="+v.Value))
	}
	head.WriteString(markdownWarnings(warnings))
	fmt.Fprintf(&tail, "\n<sub>Plan %s</sub>\n", code(hash))
	var changes strings.Builder
	text := NewWriter(&changes, false, markdownWidth)
	drift(text, p)
	for _, c := range p.Components {
		if len(c.Changes) > 0 {
			component(text, c)
		}
	}
	body := folded("Changes", changes.String(), markdownLimit-head.Len()-tail.Len()-200)
	out := NewWriter(w, false, markdownWidth)
	out.Printf("%s%s%s", block(head.String()), block(body), block(tail.String()))
	return nil
}

// folded is a text that opens on a click, cut to so many bytes; "" for an empty text.
func folded(title, text string, room int) string {
	body := strings.TrimSpace(text)
	if body == "" {
		return ""
	}
	if len(body) > room {
		body = body[:max(room, 0)]
		body = body[:max(strings.LastIndexByte(body, '\n'), 0)] + "\n… and more: this is too long for a comment."
	}
	fence := "```"
	for strings.Contains(body, fence) {
		fence += "`"
	}
	return fmt.Sprintf("\n<details><summary>%s</summary>\n\n%s\n%s\n%s\n\n</details>\n", title, fence, body, fence)
}

// DriftMarkdown writes a report of drift for a comment or a chat. Its first line is invisible and names the stack, so
// that a pipeline finds its own comment again. The summary is never cut; the rest is, where it is too long.
func DriftMarkdown(w io.Writer, d *report.Drift, now time.Time) error {
	var head strings.Builder
	name := d.Stack + "/" + d.Environment
	fmt.Fprintf(&head, "<!-- deployer drift %s -->\n### Drift of `%s`\n\n", name, name)
	plain := NewWriter(&head, false, markdownWidth)
	plain.Printf("%s\n", driftSummary(d))
	for i, one := range d.Drifted {
		if i == markdownDrifted {
			fmt.Fprintf(&head, "* … and %d more\n", len(d.Drifted)-i)
			break
		}
		if i == 0 {
			fmt.Fprintln(&head)
		}
		fmt.Fprintf(&head, "* %s **%s**", code(one.Resource), driftWords[one.Kind].verb)
		var names []string
		for _, s := range one.Properties {
			names = append(names, code(s.Name()))
		}
		if one.What != "" {
			names = append(names, escape(one.What))
		}
		if len(names) > 0 {
			fmt.Fprintf(&head, ": %s", strings.Join(names, ", "))
		}
		if len(one.Deeds) > 0 {
			fmt.Fprintf(&head, " (%s)", escape(deedText(one.Deeds[0], now)))
		}
		fmt.Fprintln(&head)
	}
	var all strings.Builder
	Drift(NewWriter(&all, false, markdownWidth), d, now)
	body := folded("Details", all.String(), markdownLimit-head.Len()-200)
	out := NewWriter(w, false, markdownWidth)
	out.Printf("%s%s", block(head.String()), block(body))
	return nil
}

// markdownDrifted is how many drifted objects the summary names.
const markdownDrifted = 50

func markdownSummary(p *plan.Plan) string {
	s := p.Summary()
	var parts []string
	for _, part := range []struct {
		n    int
		verb string
	}{{s.Create, "create"}, {s.Adopt, "adopt"}, {s.Update, "update"}, {s.Replace, "replace"}, {s.Delete, "delete"}} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("**%d to %s**", part.n, part.verb))
		}
	}
	text := strings.Join(parts, ", ") + fmt.Sprintf(", %d unchanged.\n", s.Unchanged)
	var lines []string
	listed := map[int]bool{}
	room, more, worse := markdownList, 0, 0
	for _, grave := range []bool{true, false} { // what users notice is listed before the rest
		lines = lines[:0]
		for _, c := range p.Components {
			line, isGrave := markdownComponent(c)
			if lines = append(lines, line); line == "" || isGrave != grave {
				continue
			}
			if room -= len(line); room >= 0 {
				listed[len(lines)-1] = true
				continue
			}
			if more++; grave {
				worse++
			}
		}
	}
	for i, line := range lines {
		if listed[i] {
			text += line
		}
	}
	if more > 0 {
		text += fmt.Sprintf("\n* … and %d more, %d of them with downtime or data loss", more, worse)
	}
	return text + "\n"
}

// markdownComponent is the entry of a component in the summary, and whether its users notice the change. "": nothing
// changes.
func markdownComponent(c plan.Component) (string, bool) {
	if len(c.Changes) == 0 {
		return "", false
	}
	text, grave := fmt.Sprintf("\n* `%s` %s", c.Address, symbols[c.Action].verb), false
	switch c.Consequence {
	case plan.None, plan.InPlace:
	case plan.Downtime, plan.DataLoss:
		text, grave = text+", **"+string(c.Consequence)+"**", true
	default:
		text += ", " + string(c.Consequence)
	}
	if slices.ContainsFunc(c.Changes, func(ch plan.Change) bool { return ch.Protected }) {
		text, grave = text+", **protected**", true
	}
	return text, grave
}

// markdownWarnings lists warnings with what to do about them.
func markdownWarnings(warnings diag.List) string {
	var out strings.Builder
	for i, d := range warnings {
		text := d.Detail
		if d.Component != "" && !strings.Contains(text, d.Component) {
			text = d.Component + ": " + text
		}
		if d.Next != "" {
			text += " " + d.Next
		}
		entry := fmt.Sprintf("\n> **%s**: %s\n", escape(d.Summary), escape(strings.ReplaceAll(text, "\n", " ")))
		if out.Len()+len(entry) > markdownList {
			fmt.Fprintf(&out, "\n> … and %d more\n", len(warnings)-i)
			break
		}
		out.WriteString(entry)
	}
	return out.String()
}

// code is a text in a code span, whatever is in it.
func code(text string) string {
	return "`" + strings.NewReplacer("`", "'", "\n", " ").Replace(text) + "`"
}

// escape keeps a text from being read as Markdown or HTML.
func escape(text string) string {
	return strings.NewReplacer(
		"&", "&amp;", "<", "&lt;", "*", "\\*", "_", "\\_", "`", "\\`", "[", "\\[", "@", "&#64;",
	).Replace(text)
}

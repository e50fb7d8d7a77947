package view

import (
	"fmt"
	"io"
	"strings"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/plan"
)

// markdownLimit is how many bytes a comment of a pull request may have: GitHub takes 65,536 characters.
const markdownLimit = 60_000

// markdownWidth is the width of the changes in their box, which scrolls.
const markdownWidth = 120

// PlanMarkdown writes a plan as the comment of a pull request. Its first line is invisible and names the stack, so that
// a pipeline finds its own comment again. Summary and hash are never cut; the changes are, where they are too long.
func PlanMarkdown(w io.Writer, p *plan.Plan, hash string, warnings diag.List) error {
	var head, tail strings.Builder
	name := p.Stack + "/" + p.Environment
	fmt.Fprintf(&head, "<!-- deployer plan %s -->\n### Plan for `%s`\n\n", name, name)
	if !p.HasChanges() {
		fmt.Fprintf(&head, "**No changes.** %s.\n", count(p.Unchanged, "resource"))
	} else {
		fmt.Fprintf(&head, "%s\n", markdownSummary(p))
	}
	for _, v := range p.Previous {
		fmt.Fprintf(&head, "\nVariable as in %s: %s\n", v.Version, code(v.Name+"="+v.Value))
	}
	for _, d := range warnings {
		fmt.Fprintf(&head, "\n> **%s**: %s\n", escape(d.Summary), escape(strings.ReplaceAll(d.Detail, "\n", " ")))
	}
	fmt.Fprintf(&tail, "\n<sub>Plan %s</sub>\n", code(hash))
	var changes strings.Builder
	text := NewWriter(&changes, false, markdownWidth)
	drift(text, p)
	for _, c := range p.Components {
		if len(c.Changes) > 0 {
			component(text, c)
		}
	}
	body := strings.TrimSpace(changes.String())
	if body != "" {
		const cut = "\n… and more: this is too long for a comment."
		room := markdownLimit - head.Len() - tail.Len() - 200
		if len(body) > room {
			body = body[:max(room, 0)]
			body = body[:max(strings.LastIndexByte(body, '\n'), 0)] + cut
		}
		fence := "```"
		for strings.Contains(body, fence) {
			fence += "`"
		}
		body = fmt.Sprintf("\n<details><summary>Changes</summary>\n\n%s\n%s\n%s\n\n</details>\n", fence, body, fence)
	}
	out := NewWriter(w, false, markdownWidth)
	out.Printf("%s%s%s", block(head.String()), block(body), block(tail.String()))
	return nil
}

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
	for _, c := range p.Components {
		if len(c.Changes) == 0 {
			continue
		}
		text += fmt.Sprintf("\n* `%s` %s", c.Address, symbols[c.Action].verb)
		switch c.Consequence {
		case plan.None, plan.InPlace:
		case plan.Downtime, plan.DataLoss:
			text += ", **" + string(c.Consequence) + "**"
		default:
			text += ", " + string(c.Consequence)
		}
		for _, ch := range c.Changes {
			if ch.Protected {
				text += ", **protected**"
				break
			}
		}
	}
	return text + "\n"
}

// code is a text in a code span, whatever is in it.
func code(text string) string {
	return "`" + strings.NewReplacer("`", "'", "\n", " ").Replace(text) + "`"
}

// escape keeps a text from being read as Markdown or HTML.
func escape(text string) string {
	return strings.NewReplacer("<", "&lt;", "*", "\\*", "_", "\\_", "`", "\\`", "[", "\\[", "@", "&#64;").Replace(text)
}

package view

import (
	"fmt"
	"strings"
	"time"

	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/value"
)

var symbols = map[plan.Action]struct{ mark, colour, verb string }{
	plan.Create:  {"+", green, "create"},
	plan.Update:  {"~", yellow, "update"},
	plan.Replace: {"±", red, "replace"},
	plan.Delete:  {"-", red, "delete"},
	plan.Adopt:   {"→", cyan, "adopt"},
	plan.NoOp:    {" ", dim, "no change"},
}

// Plan writes the changes and their reasons, per component and then per resource, and a summary line.
func Plan(w *Writer, p *plan.Plan) {
	rollback(w, p)
	if !p.HasChanges() {
		w.Printf("%s\n", fold(styled(green+bold, "No changes.")+" "+unchanged(p), 4, w.Width))
		for _, c := range p.Components {
			if c.MovedFrom != "" {
				w.Printf("%s\n",
					wrap(c.Address+" is moved from "+c.MovedFrom+
						" in the state; the objects in AWS have that address already.", "",
						w.Width))
			}
		}
		previous(w, p)
		survey(w, p.Survey)
		return
	}
	drift(w, p)
	w.Printf("%s\n", fold("Plan for "+styled(bold, p.Stack)+"/"+styled(bold, p.Environment)+only(p)+":", 4, w.Width))
	for _, c := range p.Components {
		if len(c.Changes) == 0 {
			continue
		}
		component(w, c)
	}
	w.Printf("\n%s\n", summary(p))
	previous(w, p)
	survey(w, p.Survey)
}

// unchanged says of a plan without changes what has none.
func unchanged(p *plan.Plan) string {
	if len(p.Targets) > 0 {
		return strings.Join(p.Targets, ", ") + " and what it needs are up to date. The rest of " + p.Stack + "/" +
			p.Environment + " was not planned."
	}
	return p.Stack + "/" + p.Environment + " is up to date: " + count(p.Unchanged, "resource") + "."
}

// only says which part of the stack was planned.
func only(p *plan.Plan) string {
	if len(p.Targets) == 0 {
		return ""
	}
	return ", only " + strings.Join(p.Targets, ", ") + " and what it needs"
}

// previous says which variables have the value of an earlier deployment.
func previous(w *Writer, p *plan.Plan) {
	if len(p.Previous) == 0 {
		return
	}
	var list []string
	for _, v := range p.Previous {
		list = append(list, v.Name+"="+v.Value)
	}
	w.Printf("%s\n", fold("Variables as in "+p.Previous[0].Version+": "+strings.Join(list, ", "), 4, w.Width))
}

func component(w *Writer, c plan.Component) {
	s := symbols[c.Action]
	head := styled(s.colour+bold, s.mark+" "+c.Address)
	if c.Kind != "" {
		head += " " + styled(dim, "("+c.Kind+")")
	}
	if c.MovedFrom != "" {
		head += styled(dim, ", moved from "+c.MovedFrom)
	}
	w.Printf("\n%s\n", fold(head, 4, w.Width))
	if c.About != "" {
		w.Printf("%s\n", fold("    "+c.About, 4, w.Width))
	}
	if len(c.Overrides) > 0 {
		w.Printf("%s\n", fold("    overrides: "+strings.Join(c.Overrides, ", "), 8, w.Width))
	}
	width := 0
	for _, ch := range c.Changes {
		width = max(width, len(name(ch.Resource)))
	}
	for _, ch := range c.Changes {
		change(w, ch, min(width, 32))
	}
	notes(w, c)
}

// drift shows what somebody else has changed, apart from what the plan changes.
func drift(w *Writer, p *plan.Plan) {
	if p.Survey == nil || len(p.Survey.Drift) == 0 {
		return
	}
	w.Printf("%s\n", styled(bold, "Changed in AWS since "+report.Version(p.Survey.Version).String()+":"))
	for _, d := range p.Survey.Drift {
		if d.Gone {
			w.Printf("%s\n", fold("    "+d.Resource+"  is not there any more", 8, w.Width))
			continue
		}
		w.Printf("%s\n", fold("    "+d.Resource, 8, w.Width))
		properties(w, d.Properties)
	}
	w.Printf("\n")
}

// notes writes what the users of a component must know or do.
func notes(w *Writer, c plan.Component) {
	for _, note := range c.Notes {
		w.Printf("%s\n", fold("    "+styled(cyan, "note:")+" "+note, 8, w.Width))
	}
}

func name(resource string) string {
	_, n, _ := strings.Cut(resource, ":")
	return n
}

func change(w *Writer, ch plan.Change, width int) {
	s := symbols[ch.Action]
	line := fmt.Sprintf("    %s %s  %s", styled(s.colour, s.mark), pad(name(ch.Resource), width),
		styled(s.colour, s.verb))
	if ch.Consequence != plan.None && !(ch.Action == plan.Update && ch.Consequence == plan.InPlace) {
		line += ", " + styled(consequenceColour(ch.Consequence), string(ch.Consequence))
		if ch.Lasts != "" {
			line += " (" + ch.Lasts + ")"
		}
	} else if ch.Consequence == plan.InPlace {
		line += " in place"
	}
	if ch.Reason != "" && ch.Reason != "new" {
		line += styled(dim, ": "+ch.Reason)
	}
	if ch.Protected {
		line += " " + styled(red+bold, "[protected]")
	}
	w.Printf("%s\n", fold(line, 8, w.Width)) // nothing of a plan is cut: every part may matter
	if ch.TakesOver != "" {
		w.Printf("%s\n", fold("        "+ch.TakesOver, 12, w.Width))
	}
	for _, o := range ch.Obstacles {
		w.Printf("%s\n", fold("        "+styled(red+bold, "cannot be deleted:")+" "+o.What, 12, w.Width))
	}
	switch {
	case ch.Action == plan.Update || ch.Action == plan.Replace || w.Full && ch.Action != plan.Create:
		properties(w, ch.Properties)
	case w.Full:
		created(w, ch.Properties)
	}
}

// created writes the properties of a new object.
func created(w *Writer, list []plan.Property) {
	for _, p := range list {
		if !p.Old.IsNull() { // the object was deleted outside of deployer
			properties(w, []plan.Property{p})
			continue
		}
		_, now := difference("", brief(p.New))
		w.Printf("%s\n", fold("        "+p.Name()+": "+now, 12, w.Width))
	}
}

func properties(w *Writer, list []plan.Property) {
	for _, p := range list {
		force := ""
		if p.ForcesReplacement {
			force = styled(red, "  forces replacement")
		}
		old, now := difference(brief(p.Old), brief(p.New))
		if text := fmt.Sprintf("        %s: %s %s %s", p.Name(), old, styled(dim, "->"), now) +
			force; columns(text) <= w.Width {
			w.Printf("%s\n", text)
			continue
		}
		w.Printf("        %s:%s\n", p.Name(), force)
		w.Printf("%s\n%s\n", fold("          "+styled(red, "- ")+old, 12, w.Width),
			fold("          "+styled(green, "+ ")+now, 12, w.Width))
	}
}

func consequenceColour(c plan.Consequence) string {
	switch c {
	case plan.DataLoss, plan.Downtime:
		return red + bold
	case plan.Replacement, plan.Rolling, plan.Restart, plan.Reboot:
		return yellow
	}
	return ""
}

func brief(v value.Value) string {
	switch v.Kind() {
	case value.Null:
		return "(none)"
	case value.Unknown, value.Deferred:
		return styled(dim, value.KnownAfterApply)
	}
	return v.String()
}

// Values longer than wholeUpTo characters are shown from context characters before the first difference.
const (
	wholeUpTo = 400
	context   = 60
)

// difference cuts two long texts to the part where they differ.
func difference(old, now string) (string, string) {
	a, b := []rune(old), []rune(now)
	if len(a) <= wholeUpTo && len(b) <= wholeUpTo {
		return old, now
	}
	same := 0
	for same < len(a) && same < len(b) && a[same] == b[same] {
		same++
	}
	part := func(text []rune) string {
		from, to, before, after := max(0, min(same, len(text))-context), len(text), "", ""
		if from > 0 {
			before = "…"
		}
		if to-from > wholeUpTo {
			to, after = from+wholeUpTo, "…"
		}
		return before + string(text[from:to]) + after
	}
	return part(a), part(b)
}

// summary is the last line of a plan, with a second line for dangerous changes.
func summary(p *plan.Plan) block {
	s := p.Summary()
	var parts []string
	add := func(n int, verb, colour string) {
		if n > 0 {
			parts = append(parts, styled(colour, fmt.Sprintf("%d to %s", n, verb)))
		}
	}
	add(s.Create, "create", green)
	add(s.Adopt, "adopt", cyan)
	add(s.Update, "update", yellow)
	add(s.Replace, "replace", red)
	add(s.Delete, "delete", red)
	worst := plan.None
	for _, c := range p.Components {
		worst = plan.Worse(worst, c.Consequence)
	}
	line := styled(bold, "Plan:") + " " + strings.Join(parts, ", ") + fmt.Sprintf(", %d unchanged.", s.Unchanged)
	if worst == plan.Downtime || worst == plan.DataLoss {
		line += "\n" + styled(red+bold, "Gravest consequence: "+string(worst)+".")
	}
	return block(line)
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Saved says where a plan was saved, and how to apply it.
func Saved(w *Writer, path, hash string) {
	w.Printf("\nSaved. Apply exactly this plan: %s\n%s\n", styled(bold, "deployer apply "+path),
		styled(dim, "Plan "+hash))
}

// Applying says which saved plan is carried out.
func Applying(w *Writer, path, hash string, at time.Time) {
	w.Printf("Applying the plan in %s, made %s.\n%s\n", path, at.UTC().Format("2006-01-02 15:04:05 UTC"),
		styled(dim, "Plan "+hash))
}

package view

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
)

// group is the state of one component.
type group struct {
	address    string
	rows       []*row
	state      plan.EventKind
	began, end time.Time
}

// components are the rows by component, in the order of their start.
func (l *Live) components() []*group {
	var order []*group
	groups := map[string]*group{}
	for _, r := range l.rows {
		address := resource.ComponentOf(r.id)
		g := groups[address]
		if g == nil {
			g = &group{address: address, state: plan.Done, began: r.began}
			groups[address] = g
			order = append(order, g)
		}
		g.rows = append(g.rows, r)
		g.state = worse(g.state, r.state)
		if r.began.Before(g.began) {
			g.began = r.began
		}
		if r.end.After(g.end) {
			g.end = r.end
		}
	}
	return order
}

// running reports whether a resource of a component is not finished.
func (g *group) running() bool {
	return slices.ContainsFunc(g.rows, func(r *row) bool { return r.state == plan.Started })
}

func (g *group) head(now time.Time) string {
	end := g.end
	if g.running() {
		end = now
	}
	return fmt.Sprintf("%s %s %s", glyph(g.state), styled(bold, g.address), styled(dim, elapsed(end.Sub(g.began))))
}

// lines are a component and its unfinished resources; in the final tree, a failed component has all its resources.
func (g *group) lines(now time.Time, final bool) []string {
	lines := []string{g.head(now)}
	for _, r := range g.rows {
		if r.state != plan.Done || final && g.state != plan.Done {
			lines = append(lines, "  "+r.line(now))
		}
	}
	return lines
}

// line is a component with its current activity.
func (g *group) line(now time.Time) string {
	for _, state := range []plan.EventKind{plan.FailedAt, plan.Started, plan.Stopped} {
		for _, r := range g.rows {
			if r.state == state {
				return fmt.Sprintf("%s %s  %s", glyph(g.state), styled(bold, g.address),
					strings.TrimPrefix(r.line(now), glyph(r.state)+" "))
			}
		}
	}
	return g.head(now)
}

func (r *row) line(now time.Time) string {
	took := func(end time.Time) string { return styled(dim, elapsed(end.Sub(r.began))) }
	switch r.state {
	case plan.FailedAt:
		return fmt.Sprintf("%s %s %s", glyph(r.state), name(r.id), styled(red, "failed"))
	case plan.Stopped:
		return fmt.Sprintf("%s %s %s %s", glyph(r.state), name(r.id), styled(yellow, "stopped"), took(r.end))
	case plan.Skipped:
		return fmt.Sprintf("%s %s %s", glyph(r.state), name(r.id), styled(yellow, "not started"))
	case plan.Done:
		return fmt.Sprintf("%s %s %s %s", glyph(r.state), name(r.id), did(r.action), took(r.end))
	}
	line := fmt.Sprintf("%s %s %s %s", glyph(r.state), name(r.id), doing(r.action), took(now))
	if r.text != "" {
		line += "  " + r.text
	}
	return line
}

func worse(a, b plan.EventKind) plan.EventKind {
	rank := map[plan.EventKind]int{plan.Done: 0, plan.Skipped: 1, plan.Stopped: 2, plan.Started: 3, plan.FailedAt: 4}
	if rank[b] > rank[a] {
		return b
	}
	return a
}

func glyph(state plan.EventKind) string {
	switch state {
	case plan.Done:
		return styled(green, "✓")
	case plan.FailedAt:
		return styled(red, "✗")
	case plan.Stopped:
		return styled(yellow, "■")
	case plan.Skipped:
		return styled(yellow, "-")
	}
	return styled(yellow, "●")
}

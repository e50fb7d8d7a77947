package view

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
)

// Live redraws a tree of components with elapsed times and a bar: for terminals.
type Live struct {
	mu      sync.Mutex
	w       *Writer
	now     func() time.Time
	height  func() int
	begin   time.Time
	phase   string
	planned int
	done    int
	rows    []*row // in the order of their start
	byID    map[string]*row
	drawn   int // lines on the screen that belong to us
	stop    chan struct{}
	stopped sync.WaitGroup
}

type row struct {
	id, text   string
	action     plan.Action
	began, end time.Time
	state      plan.EventKind
	counted    bool // a replacement ends twice
}

// NewLive returns a Live progress that redraws until Close.
func NewLive(w *Writer, now func() time.Time, height func() int) *Live {
	l := &Live{w: w, now: now, height: height, begin: now(), byID: map[string]*row{}, stop: make(chan struct{})}
	l.stopped.Add(1)
	go func() {
		defer l.stopped.Done()
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-l.stop:
				return
			case <-tick.C:
				l.mu.Lock()
				l.draw(false)
				l.mu.Unlock()
			}
		}
	}()
	return l
}

// Planned implements Progress.
func (l *Live) Planned(p *plan.Plan) { l.mu.Lock(); l.planned = changes(p); l.mu.Unlock() }

// Event implements Progress.
func (l *Live) Event(e plan.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.Kind == plan.Phase || e.Kind == plan.Waiting {
		l.phase = e.Text
		return
	}
	r := l.byID[e.Resource]
	if r == nil {
		r = &row{id: e.Resource, began: l.now()}
		l.byID[e.Resource] = r
		l.rows = append(l.rows, r)
	}
	switch e.Kind {
	case plan.Started:
		// A replacement starts twice: the new object, later the old one's delete.
		r.action, r.state, r.end = e.Action, plan.Started, time.Time{}
	case plan.Progress:
		r.text = e.Text
	case plan.Done, plan.FailedAt:
		r.state, r.end = e.Kind, l.now()
		if !r.counted {
			r.counted = true
			l.done++
		}
	case plan.Skipped:
		r.state, r.end = e.Kind, l.now()
	}
}

// Close draws the final tree and leaves it standing.
func (l *Live) Close() {
	close(l.stop)
	l.stopped.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.rows) == 0 {
		l.erase()
		return
	}
	l.draw(true)
}

func (l *Live) erase() {
	if l.drawn > 0 {
		fmt.Fprintf(l.w.w, "\x1b[%dA\x1b[J", l.drawn)
		l.drawn = 0
	}
}

// draw repaints. While running it fits the screen: finished components collapse to a line, what does not fit is counted.
func (l *Live) draw(final bool) {
	lines := l.tree(final)
	room := 1 << 20
	if !final {
		room = max(l.height()-3, 5)
	}
	if hidden := len(lines) - room; hidden > 0 {
		lines = append([]string{styled(dim, fmt.Sprintf("  … %d more lines", hidden+1))}, lines[hidden+1:]...)
	}
	if !final || l.planned > 0 {
		lines = append(lines, l.bar())
	}
	l.erase()
	var b strings.Builder
	for _, line := range lines {
		b.WriteString(truncate(oneLine(line), l.w.Width-1) + "\n")
	}
	l.w.Printf("%s", block(b.String()))
	l.drawn = len(lines)
	if final {
		l.drawn = 0
	}
}

func (l *Live) tree(final bool) []string {
	var order []string
	groups := map[string][]*row{}
	for _, r := range l.rows {
		c := resource.ComponentOf(r.id)
		if groups[c] == nil {
			order = append(order, c)
		}
		groups[c] = append(groups[c], r)
	}
	var lines []string
	for _, c := range order {
		rows := groups[c]
		began, end, state := rows[0].began, time.Time{}, plan.Done
		for _, r := range rows {
			if r.began.Before(began) {
				began = r.began
			}
			if r.end.After(end) {
				end = r.end
			}
			state = worse(state, r.state)
		}
		if state == plan.Started {
			end = l.now()
		}
		lines = append(lines, fmt.Sprintf("%s %s %s", glyph(state), styled(bold, c), styled(dim, elapsed(end.Sub(began)))))
		for _, r := range rows {
			if r.state == plan.Done && (state == plan.Done || !final) {
				continue
			}
			end := r.end
			if r.state == plan.Started {
				end = l.now()
			}
			line := fmt.Sprintf("  %s %s %s %s", glyph(r.state), name(r.id), doing(r.action), styled(dim, elapsed(end.Sub(r.began))))
			if r.state == plan.FailedAt {
				line = fmt.Sprintf("  %s %s %s", glyph(r.state), name(r.id), styled(red, "failed"))
			}
			if r.state == plan.Skipped {
				line = fmt.Sprintf("  %s %s %s", glyph(r.state), name(r.id), styled(yellow, "not started"))
			}
			if r.text != "" && r.state == plan.Started {
				line += "  " + r.text
			}
			lines = append(lines, line)
		}
	}
	return lines
}

func worse(a, b plan.EventKind) plan.EventKind {
	rank := map[plan.EventKind]int{plan.Done: 0, plan.Skipped: 1, plan.Started: 2, plan.FailedAt: 3}
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
	case plan.Skipped:
		return styled(yellow, "-")
	}
	return styled(yellow, "●")
}

func (l *Live) bar() string {
	took := elapsed(l.now().Sub(l.begin))
	if l.planned == 0 {
		return fmt.Sprintf("%s %s", l.phase, styled(dim, took))
	}
	const width = 24
	done := min(l.done, l.planned)
	filled := width * done / l.planned
	return fmt.Sprintf("[%s%s] %d/%d %s %s", styled(green, strings.Repeat("█", filled)), styled(dim, strings.Repeat("░", width-filled)),
		done, l.planned, styled(dim, took), l.phase)
}

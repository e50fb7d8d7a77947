package view

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/company/deployer/internal/plan"
)

// Live redraws a tree of components with elapsed times and a bar: for terminals.
type Live struct {
	mu      sync.Mutex
	w       *Writer
	now     func() time.Time
	size    func() (width, height int)
	begin   time.Time
	phase   string
	planned int
	rows    []*row // in the order of their start
	byID    map[string]*row
	drawn   []int // columns of the lines that are on the screen now
	stop    chan struct{}
	stopped sync.WaitGroup
}

type row struct {
	id, text   string
	action     plan.Action
	began, end time.Time
	state      plan.EventKind
	done       bool // stays true while a replacement deletes the old object
}

// NewLive returns a Live progress that redraws until Close. It calls size before each drawing, because windows change.
func NewLive(w *Writer, now func() time.Time, size func() (width, height int)) *Live {
	own := *w // a copy, because its width changes
	l := &Live{w: &own, now: now, size: size, begin: now(), byID: map[string]*row{}, stop: make(chan struct{})}
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
		// A replacement starts twice: with the create of the new object, and later with the delete of the old one.
		r.action, r.state, r.end = e.Action, plan.Started, time.Time{}
	case plan.Progress:
		r.text = e.Text
	case plan.Done, plan.FailedAt, plan.Stopped, plan.Skipped:
		r.state, r.end = e.Kind, l.now()
		r.done = e.Kind == plan.Done
	}
}

// Close draws the final tree and leaves it on the screen.
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

// up moves the cursor to the beginning of the drawing. In a window that became narrower, the terminal has broken our
// lines into several.
func (l *Live) up() string {
	rows := 0
	for _, n := range l.drawn {
		rows += max(1, (n+l.w.Width-1)/l.w.Width)
	}
	l.drawn = nil
	if rows == 0 {
		return ""
	}
	return fmt.Sprintf("\r\x1b[%dA", rows)
}

// erase removes the drawing from the screen.
func (l *Live) erase() {
	if up := l.up(); up != "" {
		_, _ = io.WriteString(l.w.w, up+"\x1b[J") // nobody is left to see an error
	}
}

// draw repaints. During the run it fits the screen: running and failed resources come before finished ones.
func (l *Live) draw(final bool) {
	width, height := l.size()
	l.w.Width = max(width, 20)
	var lines []string
	if final {
		for _, c := range l.components() {
			lines = append(lines, l.foldAll(c.lines(l.now(), true))...)
		}
	} else {
		lines = l.fitted(max(height-4, 5))
	}
	if !final || l.planned > 0 {
		lines = append(lines, l.bar(final)...)
	}
	// Line by line: erasing the whole screen flickers, and tmux keeps erased screens in its history.
	var b strings.Builder
	b.WriteString(l.up())
	var drawn []int
	for _, line := range lines {
		line = truncate(oneLine(line), l.w.Width-1)
		b.WriteString("\x1b[2K" + l.w.render(line) + "\n")
		drawn = append(drawn, columns(line))
	}
	_, _ = io.WriteString(l.w.w, b.String()+"\x1b[J") // nobody is left to see an error
	if !final {
		l.drawn = drawn
	}
}

// foldAll breaks lines at the width of the screen, so that nothing is cut.
func (l *Live) foldAll(lines []string) []string {
	var out []string
	for _, line := range lines {
		out = append(out, strings.Split(string(fold(line, 6, l.w.Width-1)), "\n")...)
	}
	return out
}

// fitted is the tree of a running apply in at most room lines. A tree that does not fit gets shorter in steps: first
// the finished components become one line, at last each other component becomes one line.
func (l *Live) fitted(room int) []string {
	all := l.components()
	var whole []string
	for _, c := range all {
		whole = append(whole, l.foldAll(c.lines(l.now(), false))...)
	}
	if len(whole) <= room {
		return whole
	}
	var done, failed, stopped, running []*group
	for _, c := range all {
		switch c.state {
		case plan.Done, plan.Skipped:
			done = append(done, c)
		case plan.FailedAt:
			failed = append(failed, c)
		case plan.Stopped:
			stopped = append(stopped, c)
		default:
			running = append(running, c)
		}
	}
	var head []string
	if len(done) > 0 {
		head = append(head, fmt.Sprintf("%s %s done", glyph(plan.Done), count(len(done), "component")))
	}
	busy := slices.Concat(failed, running, stopped)
	var lines []string
	for _, c := range busy {
		lines = append(lines, c.lines(l.now(), false)...)
	}
	if len(head)+len(lines) > room {
		lines = nil
		for _, c := range busy {
			lines = append(lines, c.line(l.now()))
		}
	}
	if hidden := len(head) + len(lines) - room; hidden > 0 {
		lines = append(lines[:len(lines)-hidden-1],
			styled(dim, fmt.Sprintf("  … and %s", count(hidden+1, "more component"))))
	}
	return append(head, lines...)
}

// bar counts the changes that are done, without those that failed or were stopped. The run's own activity (such as
// saving the state) is on the same line, or below it where that line would be too long.
func (l *Live) bar(final bool) []string {
	took := elapsed(l.now().Sub(l.begin))
	if l.planned == 0 {
		return l.foldAll([]string{fmt.Sprintf("%s %s", l.phase, styled(dim, took))})
	}
	width := min(24, max(6, l.w.Width-46)) // the numbers matter more
	done, failed, stopped := 0, 0, 0
	for _, r := range l.rows {
		switch {
		case r.state == plan.FailedAt:
			failed++
		case r.state == plan.Stopped:
			stopped++
		case r.done:
			done++
		}
	}
	done = min(done, l.planned)
	filled := width * done / l.planned
	line := fmt.Sprintf("[%s%s] %d/%d", styled(green, strings.Repeat("█", filled)),
		styled(dim, strings.Repeat("░", width-filled)), done, l.planned)
	if failed > 0 {
		line += styled(red, fmt.Sprintf(", %d failed", failed))
	}
	if stopped > 0 {
		line += styled(yellow, fmt.Sprintf(", %d stopped", stopped))
	}
	line += " " + styled(dim, took)
	switch {
	case final || l.phase == "":
		return []string{line}
	case columns(line)+1+columns(oneLine(l.phase)) < l.w.Width:
		return []string{line + " " + l.phase}
	}
	return append([]string{line}, l.foldAll([]string{"  " + l.phase})...)
}

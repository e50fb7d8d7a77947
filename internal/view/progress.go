package view

import (
	"fmt"
	"sync"
	"time"

	"github.com/company/deployer/internal/plan"
)

// Progress shows the events of a run. No call may follow Close.
type Progress interface {
	Event(plan.Event)
	// Planned says how many resources will change, once the number is known.
	Planned(p *plan.Plan)
	Close()
}

// Quiet shows only that the run waits for another one: minutes without output would look like a hang.
type Quiet struct{ W *Writer }

// Event implements Progress.
func (q Quiet) Event(e plan.Event) {
	if e.Kind == plan.Waiting {
		q.W.Printf("%s\n", e.Text)
	}
}

// Planned implements Progress.
func (Quiet) Planned(*plan.Plan) {}

// Close implements Progress.
func (Quiet) Close() {}

// Plain writes a line per event, for CI logs and terminals without a cursor.
type Plain struct {
	mu    sync.Mutex
	w     *Writer
	now   func() time.Time
	begun map[string]time.Time
	// done has resources that came to their end. It is a set: a replacement ends twice, with its create and with its
	// delete.
	done    map[string]bool
	planned int
}

// NewPlain returns a Plain progress.
func NewPlain(w *Writer, now func() time.Time) *Plain {
	return &Plain{w: w, now: now, begun: map[string]time.Time{}, done: map[string]bool{}}
}

// Planned implements Progress.
func (p *Plain) Planned(pl *plan.Plan) { p.mu.Lock(); p.planned = changes(pl); p.mu.Unlock() }

// Close implements Progress.
func (p *Plain) Close() {}

// Event implements Progress.
func (p *Plain) Event(e plan.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e.Kind {
	case plan.Phase, plan.Waiting:
		p.w.Printf("%s\n", e.Text)
	case plan.Started:
		p.begun[e.Resource] = p.now()
		p.w.Printf("%s: %s\n", e.Resource, doing(e.Action))
	case plan.Progress:
		p.w.Printf("%s: %s (%s)\n", e.Resource, e.Text, elapsed(p.now().Sub(p.begun[e.Resource])))
	case plan.Done:
		p.done[e.Resource] = true
		if e.Action == plan.NoOp { // the new values turned out to be the old ones
			p.w.Printf("%s: %s%s\n", e.Resource, did(e.Action), p.counter())
			return
		}
		p.w.Printf("%s: %s%s%s\n", e.Resource, styled(green, did(e.Action)), p.took(e.Resource), p.counter())
	case plan.FailedAt:
		delete(p.done, e.Resource)
		p.w.Printf("%s: %s after %s%s\n", e.Resource, styled(red, "failed"), elapsed(p.now().Sub(p.begun[e.Resource])),
			p.counter())
	case plan.Stopped:
		delete(p.done, e.Resource)
		p.w.Printf("%s: %s after %s%s\n", e.Resource, styled(yellow, "stopped"),
			elapsed(p.now().Sub(p.begun[e.Resource])), p.counter())
	case plan.Skipped: // the end of the run lists steps that did not start, and why
	}
}

// took is how long a resource took; "" for a resource that never started because only its state changed.
func (p *Plain) took(resource string) string {
	begun, known := p.begun[resource]
	if !known {
		return ""
	}
	return " after " + elapsed(p.now().Sub(begun))
}

func (p *Plain) counter() string {
	if p.planned == 0 {
		return ""
	}
	return styled(dim, fmt.Sprintf(" [%d/%d]", len(p.done), p.planned))
}

func changes(p *plan.Plan) int {
	s := p.Summary()
	return s.Create + s.Update + s.Replace + s.Delete + s.Adopt
}

func doing(a plan.Action) string {
	switch a {
	case plan.Create:
		return "creating"
	case plan.Update:
		return "updating"
	case plan.Replace:
		return "replacing"
	case plan.Delete:
		return "deleting"
	case plan.Adopt:
		return "adopting"
	}
	return "reading"
}

func did(a plan.Action) string {
	switch a {
	case plan.Create:
		return "created"
	case plan.Update:
		return "updated"
	case plan.Replace:
		return "replaced"
	case plan.Delete:
		return "deleted"
	case plan.Adopt:
		return "adopted"
	case plan.NoOp:
		return "needed no change"
	}
	return "read"
}

func elapsed(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	}
	return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
}

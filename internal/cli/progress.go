package cli

import (
	"slices"
	"sync"
	"time"

	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/view"
)

// lateProgress makes a Progress at the first event, and again after a pause.
type lateProgress struct {
	make func() view.Progress

	mu      sync.Mutex
	current view.Progress
	over    bool // later news about calls is not shown
}

// newProgress returns the progress of this command. It also shows news about AWS calls.
func (f *Factory) newProgress() *lateProgress {
	f.progress = &lateProgress{make: f.Progress}
	return f.progress
}

func (l *lateProgress) Event(e plan.Event) { l.made().Event(e) }

func (l *lateProgress) Planned(p *plan.Plan) { l.made().Planned(p) }

func (l *lateProgress) made() view.Progress {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.current == nil {
		l.current = l.make()
	}
	return l.current
}

func (l *lateProgress) Close() {
	l.pause()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
}

func (l *lateProgress) ended() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.over
}

func (l *lateProgress) pause() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.current != nil {
		l.current.Close()
		l.current = nil
	}
}

// troubleEvery is the shortest time between two lines about failing AWS calls: many calls may run at once.
const troubleEvery = 5 * time.Second

// tellTrouble says what a call that belongs to no step waits for. It does so even with --quiet, because minutes without
// output would look like a hang.
func (f *Factory) tellTrouble(line string) {
	f.trouble.Lock()
	defer f.trouble.Unlock()
	if now := f.Now(); now.Sub(f.toldTrouble) >= troubleEvery {
		f.toldTrouble = now
	} else {
		return
	}
	f.news(line)
}

// tellFact shows a line that is no problem, once, and not with --quiet.
func (f *Factory) tellFact(line string) {
	f.trouble.Lock()
	defer f.trouble.Unlock()
	if f.global.quiet || slices.Contains(f.facts, line) {
		return
	}
	f.facts = append(f.facts, line)
	f.news(line)
}

// news shows a line next to the lines of the steps.
func (f *Factory) news(line string) {
	e := plan.Event{Kind: plan.Waiting, Text: line}
	if f.log != nil {
		logEvent(f.log, e)
	}
	switch {
	case f.progress == nil:
		view.Quiet{W: f.Stderr()}.Event(e)
	case !f.progress.ended():
		f.progress.Event(e)
	}
}

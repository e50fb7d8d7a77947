package cli

import (
	"slices"
	"sync"
	"time"

	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/view"
)

// lateProgress makes a Progress when there is something to show, and again after a pause.
type lateProgress struct {
	make func() view.Progress

	mu      sync.Mutex
	current view.Progress
	over    bool // what calls tell is no news any more
}

// newProgress returns the progress of this command. What AWS calls tell is news of it, too.
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

// troubleEvery is the shortest time between two lines of news about calls that AWS does not take: many may be under
// way.
const troubleEvery = 5 * time.Second

// tellTrouble says what a call that belongs to no step waits for; also to those who want to hear only of errors, as
// minutes without a word would look like a hang.
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

// tellFact tells once what is no trouble, and only those who want to hear of more than errors.
func (f *Factory) tellFact(line string) {
	f.trouble.Lock()
	defer f.trouble.Unlock()
	if f.global.quiet || slices.Contains(f.facts, line) {
		return
	}
	f.facts = append(f.facts, line)
	f.news(line)
}

// news shows a line beside those of the steps.
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

package session_test

import "testing"

// This file is a model of the design, small enough to check every interleaving of two runs. Either may take over the
// lock from the other at any point, each may die or fall asleep at any point, and calls to AWS know nothing of locks.
// It shows why weaker designs lose something, and that this design does not.

// design says what a run does to be safe. With none of it, a run locks, and writes the state at any time.
type design struct {
	conditional bool // writes carry the version that was read (If-Match)
	fenced      bool // writes carry the fence; a run that reads a higher one stops
	intents     bool // a run writes what it will create before it creates it; a takeover keeps that and looks for it
	discards    bool // a run throws away the intents of others that it did not find
}

// runs is a set of runs, and of what they create: each makes one object of its own.
type runs uint

type written struct {
	version, fence int
	have, intents  runs
}

type point int

const (
	acquire point = iota
	read
	claim
	look
	create
	save
	release
	over // done, stopped or dead
)

type actor struct {
	at      point
	fence   int
	base    written // the state as it read or wrote it
	found   runs
	claimed bool
	created bool
}

type interleaving struct {
	holder, fence int // the lock; holder 0 is nobody
	object        written
	aws           runs
	stale         bool // a write went over one of a later holder
	actors        [2]actor
}

// next are all worlds that one step leads to.
func (d design) next(w interleaving) (out []interleaving) {
	for i := range w.actors {
		if w.actors[i].at == over {
			continue
		}
		dead, moved := w, w
		dead.actors[i].at = over
		d.step(&moved, i)
		out = append(out, dead, moved)
	}
	return out
}

// step lets one actor do what comes next.
func (d design) step(w *interleaving, i int) {
	a, me := &w.actors[i], runs(1)<<i
	switch a.at {
	case acquire:
		w.fence++ // from nobody, or from a holder that it believes dead
		w.holder, a.fence, a.at = i+1, w.fence, read
	case read:
		a.base = w.object
		switch {
		case d.fenced && a.base.fence > a.fence:
			a.at = over
		case d.intents:
			a.at = claim
		case a.created:
			a.at = save
		default:
			a.at = create
		}
	case claim:
		if a.at = read; d.put(w, a, written{have: a.base.have, intents: a.base.intents | me}) {
			a.at, a.claimed = look, true
		}
	case look:
		a.found, a.at = a.base.intents&w.aws, create
	case create:
		w.aws |= me
		a.created, a.at = true, save
	case save:
		next := written{have: a.base.have | a.found | me}
		if next.intents = a.base.intents &^ next.have; d.discards {
			next.intents = 0
		}
		switch {
		case d.put(w, a, next):
			a.at = release
		case a.claimed:
			a.at = over // fenced out
		default:
			a.at = read
		}
	case release:
		if a.at = over; w.holder == i+1 {
			w.holder = 0
		}
	}
}

func (d design) put(w *interleaving, a *actor, next written) bool {
	if d.conditional && a.base.version != w.object.version {
		return false
	}
	w.stale = w.stale || w.object.fence > a.fence
	next.version, next.fence = w.object.version+1, a.fence
	w.object, a.base = next, next
	return true
}

// explore counts the possible final worlds: all, those where a write replaced one of a later holder, and those with an
// object in AWS that the state does not know.
func (d design) explore() (ends, stale, orphaned int) {
	seen := map[interleaving]bool{{}: true}
	for open := []interleaving{{}}; len(open) > 0; {
		w := open[len(open)-1]
		open = open[:len(open)-1]
		following := d.next(w)
		if len(following) == 0 {
			ends++
			if w.stale {
				stale++
			}
			if w.aws&^(w.object.have|w.object.intents) != 0 {
				orphaned++
			}
		}
		for _, next := range following {
			if !seen[next] {
				seen[next] = true
				open = append(open, next)
			}
		}
	}
	return ends, stale, orphaned
}

func TestEveryInterleaving(t *testing.T) {
	for _, c := range []struct {
		name            string
		design          design
		stale, orphaned bool
	}{
		{"unconditional writes", design{}, true, true},
		{"If-Match alone", design{conditional: true}, true, true},
		{"fence", design{conditional: true, fenced: true}, false, true},
		{"fence without If-Match", design{fenced: true, intents: true}, true, true},
		{
			"fence and intents, discarded by a takeover",
			design{conditional: true, fenced: true, intents: true, discards: true},
			false, true,
		},
		{"fence and intents", design{conditional: true, fenced: true, intents: true}, false, false},
	} {
		ends, stale, orphaned := c.design.explore()
		t.Logf("%-45s %5d ends, %4d with a stale write, %4d with an orphan", c.name, ends, stale, orphaned)
		if stale > 0 != c.stale || orphaned > 0 != c.orphaned {
			t.Errorf("%s: stale writes %v, want %v; orphans %v, want %v", c.name, stale > 0, c.stale, orphaned > 0,
				c.orphaned)
		}
		if ends < 30 {
			t.Errorf("%s: only %d ends: not everything was looked at", c.name, ends)
		}
	}
}

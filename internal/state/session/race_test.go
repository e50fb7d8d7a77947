package session_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/company/deployer/internal/state"
)

// This file is a state machine. Deployers run, are paused (SIGSTOP), suspended (a laptop's lid), killed, cut off, lose
// answers, and have clocks that are hours apart and jump, on one machine or several. In every mix, two deployers never
// act at once, and no write replaces one that its writer did not know.

const deployers = 2

// event is one thing that happens to one deployer, and the time that passes after it.
type event struct {
	Deployer int // deployers: the one that holds the lock
	What     string
	Then     time.Duration
}

type scenario struct {
	Skews  [deployers]time.Duration
	SameOS bool // all deployers see each other's processes
	Events []event
}

func (s scenario) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "skews %v, same machine %v\n", s.Skews, s.SameOS)
	for _, e := range s.Events {
		fmt.Fprintf(&b, "  %d %s, then %s\n", e.Deployer, e.What, e.Then)
	}
	return b.String()
}

func drawScenario(t *rapid.T) scenario {
	var s scenario
	for i := range s.Skews {
		s.Skews[i] = time.Duration(rapid.IntRange(-7200, 7200).Draw(t, "skew")) * time.Second
	}
	s.SameOS = rapid.Bool().Draw(t, "same machine")
	what := rapid.SampledFrom([]string{
		"run", "run", "run", "pause", "close the lid", "pause with the next request on its way",
		"pause before the next answer", "resume", "resume", "resume",
		"kill", "cut", "join", "lose the next answer", "lose the next request", "clock +2h", "clock -2h", "idle",
	})
	then := rapid.SampledFrom([]time.Duration{
		0, 3 * time.Millisecond, time.Second, 29 * time.Second, 50 * time.Second, 80 * time.Second, 95 * time.Second,
		395 * time.Second, 8 * time.Minute,
	})
	for d := range deployers {
		s.Events = append(s.Events, event{d, "run", then.Draw(t, "then")})
	}
	for range rapid.IntRange(3, 40).Draw(t, "events") {
		s.Events = append(s.Events, event{
			rapid.IntRange(0, deployers).Draw(t, "deployer"), what.Draw(t, "what"),
			then.Draw(t, "then"),
		})
	}
	return s
}

// play runs a scenario and returns what went wrong, and how many runs came to their end during it.
func play(t *testing.T, s scenario) (problems []string, finished int) {
	w := &world{cloud: cloud(), same: s.SameOS, alive: map[int]bool{}, basedOn: map[string]string{}}
	for i := range w.deployers {
		w.deployers[i] = &deployer{index: i, world: w, skew: s.Skews[i], gate: make(chan struct{})}
	}
	for _, e := range s.Events {
		d := w.who(e)
		if e.What == "run" {
			d.run(10 * time.Minute)
		} else {
			d.suffer(e.What)
		}
		time.Sleep(e.Then)
	}
	// Enough time for the waiting deployers, before the sleeping ones wake up.
	time.Sleep(8 * time.Minute)
	// In the end the next run succeeds without help.
	for _, d := range w.deployers {
		d.suffer("resume")
		d.suffer("join")
	}
	time.Sleep(30 * time.Minute)
	for _, d := range w.deployers {
		finished += d.ended()
	}
	last := w.deployers[0]
	before := last.ended()
	last.suffer("lose nothing")
	last.run(8 * time.Minute)
	time.Sleep(3 * time.Hour)
	if last.ended() != before+1 {
		w.problem("the last run did not get through")
	}
	w.history(t)
	return w.problems, finished
}

// history checks the chain of all writes.
func (w *world) history(t *testing.T) {
	var before *state.Envelope
	for i, raw := range w.cloud.Versions("states", object) {
		e, err := state.Decode(raw, object)
		if err != nil {
			t.Fatal(err)
		}
		known, confirmed := w.basedOn[e.Writer.OpID]
		if !confirmed { // it landed, but its writer died or got no answer
			known = w.basedOn["next of "+e.Writer.LockID]
		}
		switch {
		case before == nil:
		case e.Lineage != before.Lineage:
			w.problem("write %d has another lineage", i)
		case e.Serial != before.Serial+1:
			w.problem("write %d has serial %d after %d", i, e.Serial, before.Serial)
		case e.Fence < before.Fence:
			w.problem("write %d has fence %d after %d", i, e.Fence, before.Fence)
		case known != before.Writer.OpID:
			w.problem("write %d went over one that its writer did not know", i)
		}
		before = e
	}
}

func TestNoTwoHoldersAndNoStaleWrite(t *testing.T) {
	total := 0
	rapid.Check(t, func(rt *rapid.T) {
		s := drawScenario(rt)
		var problems []string
		synctest.Test(t, func(t *testing.T) {
			var finished int
			problems, finished = play(t, s)
			total += finished
		})
		if len(problems) > 0 {
			rt.Fatalf("%s\n%s", strings.Join(problems, "\n"), s)
		}
	})
	if total == 0 {
		t.Error("no run of any scenario came to its end: nothing was tested")
	}
	t.Logf("%d runs came to their end", total)
}

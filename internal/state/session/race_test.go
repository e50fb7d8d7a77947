package session_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/company/deployer/internal/lock"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/state/fakeaws"
	"github.com/company/deployer/internal/state/session"
)

// This file is a state machine: deployers that run, are paused (SIGSTOP), killed, cut off, lose answers, have clocks hours apart
// that jump, on one machine or several. However these things mix, two deployers never act at once and no write goes over one that
// its writer did not know.

const deployers = 2

// event is one thing that happens to one deployer, and the time that passes after it.
type event struct {
	Deployer int
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
		"run", "run", "run", "pause", "pause", "resume", "resume", "kill", "cut", "join", "lose the next answer", "lose the next request",
		"clock +2h", "clock -2h", "sleep 2h", "idle",
	})
	then := rapid.SampledFrom([]time.Duration{0, 3 * time.Millisecond, time.Second, 29 * time.Second, 95 * time.Second, 395 * time.Second, 20 * time.Minute})
	for range rapid.IntRange(3, 40).Draw(t, "events") {
		s.Events = append(s.Events, event{rapid.IntRange(0, deployers-1).Draw(t, "deployer"), what.Draw(t, "what"), then.Draw(t, "then")})
	}
	return s
}

// deployer is a process that can be disturbed.
type deployer struct {
	index int
	world *world
	skew  time.Duration

	mu       sync.Mutex
	gate     chan struct{} // open while not paused
	paused   bool
	killed   bool
	cut      bool
	lose     string
	wall     time.Duration // what its clock has jumped
	asleep   time.Duration
	pid      int
	running  bool
	stop     context.CancelFunc
	current  *lock.Lock
	finished int
}

type world struct {
	cloud     *fakeaws.Cloud
	same      bool
	deployers [deployers]*deployer

	mu       sync.Mutex
	alive    map[int]bool
	pids     int
	basedOn  map[string]string // operation ids: what each write knew as the one before
	problems []string
}

func (w *world) problem(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.problems = append(w.problems, fmt.Sprintf(format, args...))
}

var errKilled = errors.New("killed")

// pass waits while the process is stopped.
func (d *deployer) pass() error {
	for {
		d.mu.Lock()
		gate, paused, killed := d.gate, d.paused, d.killed
		d.mu.Unlock()
		switch {
		case killed:
			return errKilled
		case !paused:
			return nil
		}
		<-gate
	}
}

// intercept is the network of one incarnation of the process.
func (d *deployer) intercept(pid int) fakeaws.Intercept {
	return func(_ fakeaws.Call, serve func() *http.Response) (*http.Response, error) {
		time.Sleep(time.Millisecond) // on the way, where a pause can catch it before it has an effect
		if err := d.pass(); err != nil {
			return nil, err
		}
		d.mu.Lock()
		cut, lose, dead := d.cut, d.lose, d.pid != pid
		d.lose = ""
		d.mu.Unlock()
		if cut || dead || lose == "request" {
			return nil, fakeaws.ErrReset
		}
		answer := serve()
		time.Sleep(time.Millisecond)
		if err := d.pass(); err != nil {
			return nil, err
		}
		if lose == "answer" {
			return nil, fakeaws.ErrReset
		}
		return answer, nil
	}
}

func (d *deployer) clock() lock.Clock {
	began := time.Now()
	return lock.Clock{
		Wall: func() time.Time {
			d.mu.Lock()
			defer d.mu.Unlock()
			return time.Now().Add(d.skew + d.wall)
		},
		Monotonic: func() time.Duration {
			d.mu.Lock()
			defer d.mu.Unlock()
			return time.Since(began) - d.asleep
		},
	}
}

func (d *deployer) host(pid int) lock.Host {
	h := lock.Host{BootID: "boot", PIDNamespace: "ns", PID: pid, ProcessStart: "0", Started: func(pid int) (string, bool) {
		d.world.mu.Lock()
		defer d.world.mu.Unlock()
		return "0", d.world.alive[pid]
	}}
	if !d.world.same {
		h.BootID = fmt.Sprint("boot of ", d.index)
	}
	return h
}

// run starts a process that deploys once.
func (d *deployer) run(timeout time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.running {
		return
	}
	d.world.mu.Lock()
	d.world.pids++
	pid := d.world.pids
	d.world.alive[pid] = true
	d.world.mu.Unlock()
	d.running, d.killed, d.pid, d.current = true, false, pid, nil
	ctx, stop := context.WithCancel(context.Background())
	d.stop = stop
	go func() {
		done := d.deploy(ctx, pid, timeout)
		stop()
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.pid == pid {
			d.running = false
			if done {
				d.finished++
			}
		}
		d.world.mu.Lock()
		defer d.world.mu.Unlock()
		delete(d.world.alive, pid)
	}()
}

// deploy is the order of an apply. It reports whether it came to its end.
func (d *deployer) deploy(ctx context.Context, pid int, timeout time.Duration) bool {
	p := startOn(d.world.cloud, fmt.Sprint("deployer ", d.index), d.intercept(pid), d.clock(), d.host(pid))
	s, err := p.open(ctx, func(o *session.Options) { o.Lock.Timeout = timeout })
	if err != nil {
		return false
	}
	d.mu.Lock()
	if d.pid == pid {
		d.current = s.Lock()
	}
	d.mu.Unlock()
	defer func() {
		// A process that failed still tries to give the lock back.
		_ = s.Close(context.WithoutCancel(ctx))
	}()
	write := func(n int) error {
		for {
			before := ""
			if e := s.State(); e != nil {
				before = e.Writer.OpID
			}
			d.world.mu.Lock()
			d.world.basedOn["next of "+s.Lock().ID()] = before
			d.world.mu.Unlock()
			err := s.Write(ctx, payload(n), []state.Intent{{Resource: "a:b", Action: state.Create}})
			var moved *session.MovedError
			if !errors.As(err, &moved) {
				if err == nil {
					d.wrote(s, before)
				}
				return err
			}
		}
	}
	for step := range 6 {
		if err := write(step); err != nil {
			return false
		}
		for range 3 { // calls that change AWS
			time.Sleep(20 * time.Second)
			if d.pass() != nil || s.Lock().Context().Err() != nil {
				return false
			}
			if s.Lock().Guard() != nil {
				return false
			}
			d.acts()
		}
	}
	return write(6) == nil && s.Close(ctx) == nil
}

// wrote notes what a successful write went on top of.
func (d *deployer) wrote(s *session.Session, before string) {
	d.world.mu.Lock()
	defer d.world.mu.Unlock()
	d.world.basedOn[s.State().Writer.OpID] = before
}

// acts is the moment of a change in AWS: nobody else may think that it could do the same.
func (d *deployer) acts() {
	for _, other := range d.world.deployers {
		if other == d {
			continue
		}
		other.mu.Lock()
		current, killed := other.current, other.killed
		other.mu.Unlock()
		if current != nil && !killed && current.Guard() == nil {
			d.world.problem("deployers %d and %d both pass their guard (fences %d and %d)", d.index, other.index, d.current.Fence(), current.Fence())
		}
	}
}

func (d *deployer) suffer(what string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch what {
	case "pause":
		d.paused = true
	case "resume":
		d.resume()
	case "kill":
		d.killed, d.running = true, false
		d.pid = -d.pid
		d.resume()
		if d.stop != nil {
			d.stop()
		}
		d.world.mu.Lock()
		delete(d.world.alive, -d.pid)
		d.world.mu.Unlock()
	case "cut":
		d.cut = true
	case "join":
		d.cut = false
	case "lose the next answer":
		d.lose = "answer"
	case "lose the next request":
		d.lose = "request"
	case "clock +2h":
		d.wall += 2 * time.Hour
	case "clock -2h":
		d.wall -= 2 * time.Hour
	case "sleep 2h": // as the laptop sees it: the wall clock has moved, nothing else
		d.wall += 2 * time.Hour
		d.asleep += time.Second
	}
}

func (d *deployer) resume() {
	if d.paused {
		d.paused = false
		close(d.gate)
		d.gate = make(chan struct{})
	}
}

// play runs a scenario and returns what went wrong, and how many runs came to their end during it.
func play(t *testing.T, s scenario) (problems []string, finished int) {
	w := &world{cloud: cloud(), same: s.SameOS, alive: map[int]bool{}, basedOn: map[string]string{}}
	for i := range w.deployers {
		w.deployers[i] = &deployer{index: i, world: w, skew: s.Skews[i], gate: make(chan struct{})}
	}
	for _, e := range s.Events {
		d := w.deployers[e.Deployer]
		if e.What == "run" {
			d.run(10 * time.Minute)
		} else {
			d.suffer(e.What)
		}
		time.Sleep(e.Then)
	}
	// In the end all is well again, and the next run gets through without anybody's help.
	for _, d := range w.deployers {
		d.suffer("resume")
		d.suffer("join")
	}
	time.Sleep(30 * time.Minute)
	for _, d := range w.deployers {
		finished += d.finished
	}
	last := w.deployers[0]
	before := last.finished
	last.lose = ""
	last.run(8 * time.Minute)
	time.Sleep(3 * time.Hour)
	if last.finished != before+1 {
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
		if !confirmed { // landed, but its writer died or never heard of it
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

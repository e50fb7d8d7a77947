package session_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/company/deployer/internal/lock"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/state/session"
	"github.com/company/deployer/internal/testkit/fakeaws"
)

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
	freeze   string        // the process stops when its next request, or the answer to it, is on the way
	lockID   string        // of its last run
	wall     time.Duration // what its clock has jumped
	asleep   time.Duration // how long its monotonic clock stood still
	lid      time.Time     // since when the laptop is suspended; zero: it is not
	pid      int
	running  bool
	stop     context.CancelFunc
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

// frozen stops the process if its next call is the one to freeze.
func (d *deployer) frozen(when string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.freeze == when {
		d.freeze, d.paused = "", true
	}
}

// intercept is the network of one incarnation of the process.
func (d *deployer) intercept(pid int) fakeaws.Intercept {
	return func(_ fakeaws.Call, serve func() *http.Response) (*http.Response, error) {
		time.Sleep(time.Millisecond) // on the way, where a pause can catch it before it has an effect
		d.frozen("request")
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
		d.frozen("answer")
		if err := d.pass(); err != nil {
			return nil, err
		}
		if lose == "answer" {
			return nil, fakeaws.ErrReset
		}
		return answer, nil
	}
}

// clock is that of the machine: while the lid is closed, its monotonic half stands still.
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
			asleep := d.asleep
			if !d.lid.IsZero() {
				asleep += time.Since(d.lid)
			}
			return time.Since(began) - asleep
		},
		Boot: func() time.Duration { return time.Since(began) },
	}
}

func (d *deployer) host(pid int) lock.Host {
	h := lock.Host{
		BootID: "boot", PIDNamespace: "ns", PID: pid, ProcessStart: "0",
		Started: func(pid int) (string, bool) {
			d.world.mu.Lock()
			defer d.world.mu.Unlock()
			return "0", d.world.alive[pid]
		},
	}
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
	d.running, d.killed, d.pid = true, false, pid
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
		d.lockID = s.Lock().ID()
	}
	d.mu.Unlock()
	defer func() {
		// A process that failed still tries to release the lock.
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
			d.acts(s.Lock())
		}
	}
	return write(6) == nil && s.Close(ctx) == nil
}

// wrote notes which version a successful write replaced.
func (d *deployer) wrote(s *session.Session, before string) {
	d.world.mu.Lock()
	defer d.world.mu.Unlock()
	d.world.basedOn[s.State().Writer.OpID] = before
}

// acts is the moment of a change in AWS: nobody may have taken the lock over.
func (d *deployer) acts(mine *lock.Lock) {
	if holder := d.world.holder(); holder != mine.ID() {
		d.world.problem("deployer %d passes its guard with the lock %s, but %s has it", d.index, mine.ID(), holder)
	}
}

// holder is the id of the lock that is held.
func (w *world) holder() string {
	id, _ := w.cloud.Item("locks", item)["lockId"].(map[string]any)
	text, _ := id["S"].(string)
	return text
}

// who is the deployer that an event is about.
func (w *world) who(e event) *deployer {
	if e.Deployer < deployers {
		return w.deployers[e.Deployer]
	}
	for _, d := range w.deployers {
		d.mu.Lock()
		holds := d.lockID != "" && d.lockID == w.holder()
		d.mu.Unlock()
		if holds {
			return d
		}
	}
	return w.deployers[0]
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
	case "pause with the next request on its way":
		d.freeze = "request"
	case "pause before the next answer":
		d.freeze = "answer"
	case "cut":
		d.cut = true
	case "join":
		d.cut = false
	case "lose the next answer":
		d.lose = "answer"
	case "lose nothing":
		d.lose = ""
	case "lose the next request":
		d.lose = "request"
	case "clock +2h":
		d.wall += 2 * time.Hour
	case "clock -2h":
		d.wall -= 2 * time.Hour
	case "close the lid": // the process stands still, and so does its monotonic clock
		d.paused = true
		if d.lid.IsZero() {
			d.lid = time.Now()
		}
	}
}

// ended is how many of its runs came to their end.
func (d *deployer) ended() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.finished
}

func (d *deployer) resume() {
	d.freeze = ""
	if d.paused {
		d.paused = false
		if !d.lid.IsZero() {
			d.asleep, d.lid = d.asleep+time.Since(d.lid), time.Time{}
		}
		close(d.gate)
		d.gate = make(chan struct{})
	}
}

// Package lock lets one run at a time hold a stack in an environment, and tells a run when it may no longer rely on
// that.
//
// In: a Table that changes records only under conditions, a clock and the facts of this host. Out: a Lock with a fence
// that only grows, kept by a heartbeat, and a context that ends when the lock is lost. The rules of acquiring, taking
// over, beating and releasing are only here; lock/dynamodb and lock/local only keep records. It must not know what the
// lock protects.
package lock

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"
)

// Key names what is locked.
type Key struct{ Stack, Environment string }

// String is the lock's key in its plain form: "stack:shop:env:production".
func (k Key) String() string { return "stack:" + k.Stack + ":env:" + k.Environment }

// Record is the lock item. Times are the table's, in whole seconds.
type Record struct {
	Key Key

	ID            string // of the acquisition; "" when nobody holds the lock
	LockedBy      string // who: CI actor, git user.email, or the AWS caller's ARN
	LockedAt      time.Time
	ExpiresAt     time.Time
	LastHeartbeat time.Time
	Heartbeat     time.Duration     // the holder's interval
	RVN           string            // changes at every heartbeat
	Metadata      map[string]string // hostname, pid, version and what the owner adds

	// Where the holder runs, so that other processes there can see that it died. Empty where the system does not say.
	BootID       string
	PIDNamespace string
	ProcessStart string

	// These fields stay when the lock is released.
	Fence      int64 // grows at every acquisition
	LastSerial int64 // of the state, when the lock was last released
	// Unclaimed: a former holder did not release, and nobody has written the state since. Its write could still
	// succeed.
	Unclaimed bool
}

// Held reports whether somebody holds the lock, dead or alive.
func (r Record) Held() bool { return r.ID != "" }

// PID is the holder's process id, 0 when the metadata does not tell it.
func (r Record) PID() int {
	pid, err := strconv.Atoi(r.Metadata["pid"])
	if err != nil {
		return 0
	}
	return pid
}

// Holder names the holder for people: "ann@example.com (laptop, pid 4711)".
func (r Record) Holder() string {
	s := r.LockedBy
	if s == "" {
		s = "someone"
	}
	var where []string
	if host := r.Metadata["hostname"]; host != "" {
		where = append(where, host)
	}
	if pid := r.Metadata["pid"]; pid != "" {
		where = append(where, "pid "+pid)
	}
	if len(where) > 0 {
		s += " (" + strings.Join(where, ", ") + ")"
	}
	return s
}

// Errors of a Table.
var (
	// ErrHeld: the lock does not meet the condition; the returned record is the current one.
	ErrHeld = errors.New("the lock is held")
	// ErrLost: the record is no longer held under that id.
	ErrLost = errors.New("the lock is held by somebody else or nobody")
	// ErrTrouble, joined to other errors: the table exists, but is too busy, broken, or out of reach for now.
	ErrTrouble = errors.New("the lock table does not answer as it should")
)

// Table keeps one Record per key. Each method is one atomic step. A step that is repeated inside after a lost answer
// must have the effect of one step, where the id shows that. Keys that were never locked have a zero Record.
type Table interface {
	// Take writes the holder's fields of r and adds one to the fence. Without seen it does so only if nobody holds the
	// lock. With seen it does so only if the lock is held with seen's ID and RVN, and sets Unclaimed. It returns the
	// record as it is now, with ErrHeld when the condition failed; the record is then a consistent read.
	Take(ctx context.Context, r Record, seen *Record) (Record, error)
	// Beat writes RVN, LastHeartbeat and ExpiresAt of r if the lock has r's ID and Fence, else ErrLost.
	Beat(ctx context.Context, r Record) error
	// Raise sets the fence to fence if the lock has r's ID, else ErrLost.
	Raise(ctx context.Context, r Record, fence int64) error
	// Free removes the holder's fields, sets Unclaimed of r and, unless it is 0, LastSerial, if the lock has r's ID,
	// and r's RVN unless that is empty, else ErrLost.
	Free(ctx context.Context, r Record) error
	// Get reads consistently.
	Get(ctx context.Context, key Key) (Record, error)
	// Now estimates the table's clock, which all clients share; right after an answer it is precise to about a second.
	Now() time.Time
}

// Clock is the local time. No single part is enough: the wall clock jumps, the monotonic clock stands still while a
// laptop sleeps, and not every system counts the time since boot.
type Clock struct {
	Wall      func() time.Time
	Monotonic func() time.Duration // since some fixed moment, without time asleep
	Boot      func() time.Duration // since some fixed moment, time asleep included; nil where the system does not tell
}

// NewClock makes a Clock out of time.Now.
func NewClock(now func() time.Time) Clock {
	start := now()
	return Clock{
		Wall:      func() time.Time { return now().Round(0) },
		Monotonic: func() time.Duration { return now().Sub(start) },
	}
}

// Instant is a moment on all parts of a Clock.
type Instant struct {
	wall            time.Time
	monotonic, boot time.Duration
}

// Mark returns the present moment.
func (c Clock) Mark() Instant { return Instant{c.Wall(), c.Monotonic(), c.boot()} }

// Since returns the time that has passed since then, by the part of the clock that saw most time pass.
func (c Clock) Since(then Instant) time.Duration {
	return max(c.Wall().Sub(then.wall), c.Monotonic()-then.monotonic, c.boot()-then.boot)
}

func (c Clock) boot() time.Duration {
	if c.Boot == nil {
		return 0
	}
	return c.Boot()
}

// Owner is who wants the lock, for people to read.
type Owner struct {
	Who      string            // CI actor, else git user.email, else the AWS caller's ARN
	Version  string            // of deployer
	Metadata map[string]string // more: the command, the CI job's URL
}

// Options of one acquisition.
type Options struct {
	Timeout   time.Duration // how long to wait for the holder; 0: not at all
	TTL       time.Duration // 0: an hour
	Heartbeat time.Duration // 0: 30 s
	// Notify is called when waiting begins and every half minute after, with the holder and the time waited. May be
	// nil.
	Notify func(holder Record, waited time.Duration)
	// Patience is how long trouble of the table is tolerated; 0: 5 minutes. Trouble is called before another attempt,
	// with how long the trouble has lasted. May be nil.
	Patience time.Duration
	Trouble  func(err error, lasted time.Duration)
}

const (
	defaultTTL       = time.Hour
	defaultHeartbeat = 30 * time.Second
	defaultPatience  = 5 * time.Minute
	// missed is how many heartbeats may be missing before a holder must stop, and others may begin to count.
	missed = 3
	// grace is how long others wait after that: longer than AWS accepts a request that was signed before.
	grace = 300 * time.Second
)

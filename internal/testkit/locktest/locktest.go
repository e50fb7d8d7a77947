// Package locktest is the conformance suite that every lock.Table passes, alone and under the rules of lock.Locker.
//
// In: a function that opens a table, once per process. Out: test failures. Time is that of testing/synctest, so hours
// pass in milliseconds. It must not know which table it tests.
package locktest

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/lock"
)

// Open returns a table over the storage of one test, as a process with that clock sees it.
type Open func(clock lock.Clock) lock.Table

var now = time.Now //nolint:forbidigo // inside synctest, where it is the test's own clock

var key = lock.Key{Stack: "shop", Environment: "dev"}

// World is one machine with its processes.
type World struct {
	open  Open
	alive map[int]bool // by process id
}

// NewWorld returns a machine that uses the table.
func NewWorld(open Open) *World { return &World{open: open, alive: map[int]bool{}} }

// Process returns the Locker of a new process. Its wall clock is ahead by skew.
func (w *World) Process(pid int, skew time.Duration) *lock.Locker {
	w.alive[pid] = true
	return w.ProcessOn(lock.Host{
		Hostname: "host-1", BootID: "boot-1", PIDNamespace: "pid:[1]", PID: pid,
		ProcessStart: fmt.Sprint("started-", pid),
		Started:      func(pid int) (string, bool) { return fmt.Sprint("started-", pid), w.alive[pid] },
	}, skew)
}

// ProcessOn returns the Locker of a process somewhere else.
func (w *World) ProcessOn(host lock.Host, skew time.Duration) *lock.Locker {
	clock := lock.NewClock(func() time.Time { return now().Add(skew) })
	return lock.New(w.open(clock), clock, host, w.ID)
}

var ids atomic.Int64

// ID makes ids for Lockers, unique in all worlds.
func (w *World) ID() string { return fmt.Sprint("id-", ids.Add(1)) }

// through is this machine with something between its processes and the table.
func (w *World) through(between func(lock.Table) lock.Table) *World {
	return &World{alive: w.alive, open: func(clock lock.Clock) lock.Table { return between(w.open(clock)) }}
}

// slow is a table at the end of a long line: who sends an attempt loses patience, and the attempt arrives anyway.
type slow struct {
	lock.Table
	sent func()
}

// arrival is how long an attempt is under way.
const arrival = 2 * time.Second

type taken struct {
	record lock.Record
	err    error
}

// Take implements lock.Table.
func (s slow) Take(ctx context.Context, r lock.Record, seen *lock.Record) (lock.Record, error) {
	done := make(chan taken, 1)
	go func() {
		time.Sleep(arrival)
		record, err := s.Table.Take(context.WithoutCancel(ctx), r, seen)
		done <- taken{record, err}
	}()
	s.sent()
	select {
	case answer := <-done:
		return answer.record, answer.err
	case <-ctx.Done():
		return lock.Record{}, context.Cause(ctx)
	}
}

// watched is a table that tells when somebody tries to take a lock.
type watched struct {
	lock.Table
	tried func()
}

// Take implements lock.Table.
func (o watched) Take(ctx context.Context, r lock.Record, seen *lock.Record) (lock.Record, error) {
	o.tried()
	return o.Table.Take(ctx, r, seen)
}

// overtaken is a table on which somebody else is quicker.
type overtaken struct {
	lock.Table
	before func()
}

// Free implements lock.Table.
func (o overtaken) Free(ctx context.Context, r lock.Record) error {
	o.before()
	return o.Table.Free(ctx, r)
}

// Kill ends a process: nothing of it runs any more, and its neighbours see that.
func (w *World) Kill(pid int) { delete(w.alive, pid) }

// Run runs both suites; every test gets storage of its own.
func Run(t *testing.T, start func(t *testing.T) Open) {
	for name, test := range tableTests {
		t.Run("table: "+name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, start(t)(lock.NewClock(now))) })
		})
	}
	for name, test := range ruleTests {
		t.Run("rules: "+name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, NewWorld(start(t))) })
		})
	}
}

// RunTable runs the suite of the table alone, in real time: for tables behind a network.
func RunTable(t *testing.T, start func(t *testing.T) lock.Table) {
	for name, test := range tableTests {
		t.Run(name, func(t *testing.T) { test(t, start(t)) })
	}
}

// Owner of the locks of a test.
func Owner(who string) lock.Owner { return lock.Owner{Who: who, Version: "1.2.3"} }

func acquire(t *testing.T, l *lock.Locker, who string, o lock.Options) *lock.Lock {
	t.Helper()
	k, err := l.Acquire(t.Context(), key, Owner(who), o)
	require.NoError(t, err)
	return k
}

package lock

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Locker acquires, shows and breaks locks of one table.
type Locker struct {
	table Table
	clock Clock
	host  Host
	newID func() string
}

// New returns a Locker. newID makes unique ids (UUIDs).
func New(table Table, clock Clock, host Host, newID func() string) *Locker {
	return &Locker{table: table, clock: clock, host: host, newID: newID}
}

// The pauses between two looks at a held lock, and between two calls of Notify.
const (
	firstLook   = time.Second
	longestLook = 5 * time.Second
	notifyEvery = 30 * time.Second
	// linger is how long Acquire waits for an attempt in flight when nobody wants the lock any more. Otherwise the
	// attempt could arrive after the call that releases the lock.
	linger = 3 * time.Second
	// rescind limits the call that releases a lock that is not wanted, or that we may have got without an answer.
	rescind = 3 * time.Second
)

// Acquire takes the lock: at once if it is free or its holder is known to be dead, else after waiting up to
// Options.Timeout. It fails with a diag.Locked that wraps a *HeldError. The Lock's context descends from ctx, but the
// heartbeat goes on after ctx ends, until Release: an interrupted run still has to save.
func (l *Locker) Acquire(ctx context.Context, key Key, owner Owner, o Options) (*Lock, error) {
	if o.TTL == 0 {
		o.TTL = defaultTTL
	}
	if o.Heartbeat == 0 {
		o.Heartbeat = defaultHeartbeat
	}
	if o.Patience == 0 {
		o.Patience = defaultPatience
	}
	w := &waiter{Locker: l, key: key, options: o, start: l.clock.Mark(), mine: l.holder(key, owner, o)}
	lock, err := w.acquire(ctx)
	give, stop := context.WithTimeout(context.WithoutCancel(ctx), rescind)
	defer stop()
	// This release is best effort: if it fails, the lock expires, or is taken over when this process is gone.
	switch {
	case err == nil && ctx.Err() != nil:
		_ = lock.Release(give, 0)
		return nil, context.Cause(ctx)
	case err != nil && w.unsure:
		_ = l.table.Free(give, Record{Key: key, ID: w.mine.ID, Unclaimed: true})
	}
	return lock, err
}

// holder is the record of this process; the times come with each attempt.
func (l *Locker) holder(key Key, owner Owner, o Options) Record {
	r := Record{
		Key: key, ID: l.newID(), LockedBy: owner.Who, Heartbeat: o.Heartbeat,
		BootID: l.host.BootID, PIDNamespace: l.host.PIDNamespace, ProcessStart: l.host.ProcessStart,
		Metadata: map[string]string{},
	}
	maps.Copy(r.Metadata, owner.Metadata)
	r.Metadata["hostname"], r.Metadata["pid"], r.Metadata["version"] = l.host.Hostname, strconv.Itoa(l.host.PID),
		owner.Version
	return r
}

// waiter is one acquisition in progress.
type waiter struct {
	*Locker
	key      Key
	options  Options
	mine     Record
	start    Instant
	answered bool // the table has answered
	unsure   bool // an attempt may have succeeded without an answer
	notified *Instant
	troubled *Instant      // since when the table has trouble
	watched  Record        // the holder as last seen
	since    time.Duration // when it was first seen like that, on the monotonic clock
}

func (w *waiter) acquire(ctx context.Context) (*Lock, error) {
	var seen *Record // the holder to take over from
	for pause := firstLook; ; {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		sent, assumed := w.clock.Mark(), w.table.Now()
		w.mine.LockedAt = assumed
		stamp(&w.mine, assumed, w.options.TTL, w.newID)
		now, err := w.take(ctx, seen)
		switch {
		case err == nil, errors.Is(err, ErrHeld) && now.ID == w.mine.ID:
			// The record is ours: an earlier answer was lost, and the times are older than this attempt.
			lock, err := w.got(ctx, now, sent, seen != nil, err != nil || w.clockWasOff(sent, assumed))
			if errors.Is(err, ErrTrouble) && ctx.Err() == nil && w.passes(err) {
				break // it is ours, but its times are not right yet
			}
			if !errors.Is(err, ErrLost) {
				return lock, err
			}
			// Another process took it over while its times were wrong: wait again.
			w.mine.ID, w.answered, seen = w.newID(), true, nil
		case !errors.Is(err, ErrHeld):
			w.unsure = true
			if ctx.Err() != nil || !w.passes(err) {
				return nil, err
			}
			seen = nil
		default:
			w.answered, w.troubled = true, nil
			if seen = w.abandoned(now); seen == nil && w.silent(now) {
				seen = &now
			}
			if seen != nil || !now.Held() {
				continue
			}
			if w.clock.Since(w.start) >= w.options.Timeout {
				return nil, held(now, w.table.Now(), w.options.Timeout)
			}
			w.notify(now)
		}
		rest := pause + rand.N(pause/2)
		if w.troubled == nil {
			rest = min(rest, max(w.options.Timeout-w.clock.Since(w.start), 0)+time.Millisecond)
		}
		if err := Sleep(ctx, rest); err != nil {
			return nil, err
		}
		pause = min(pause*3/2, longestLook)
	}
}

// passes reports whether a failed attempt is worth another one. Trouble is waited out; other errors are mistakes to
// report, unless the table has worked before.
func (w *waiter) passes(err error) bool {
	if !errors.Is(err, ErrTrouble) {
		return w.answered && w.clock.Since(w.start) < w.options.Timeout
	}
	if w.troubled == nil {
		mark := w.clock.Mark()
		w.troubled = &mark
	}
	lasted := w.clock.Since(*w.troubled)
	if w.options.Trouble != nil && lasted > 0 {
		w.options.Trouble(err, lasted)
	}
	return lasted < w.options.Patience
}

// take makes one attempt. It waits for the answer for a while even when ctx ends.
func (w *waiter) take(ctx context.Context, seen *Record) (Record, error) {
	call, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	defer context.AfterFunc(ctx, func() {
		if err := Sleep(call, linger); err == nil {
			cancel(context.Cause(ctx))
		}
	})()
	return w.table.Take(call, w.mine, seen)
}

// stamp sets the fields that a heartbeat changes.
func stamp(r *Record, now time.Time, ttl time.Duration, newID func() string) {
	r.LastHeartbeat, r.ExpiresAt, r.RVN = now, now.Add(ttl), newID()
}

// tolerance is how wrong the assumed table clock may have been: HTTP dates are whole seconds.
const tolerance = 2 * time.Second

// clockWasOff reports whether the table's clock, known from the answer, differs from what was assumed for the request:
// then the times in the request are wrong.
func (l *Locker) clockWasOff(sent Instant, assumed time.Time) bool {
	took := l.clock.Since(sent)
	off := l.table.Now().Sub(assumed) - took
	return off > tolerance || off < -tolerance-took
}

// abandoned returns the holder when its lock may be taken over, else nil.
func (l *Locker) abandoned(holder Record) *Record {
	if holder.Held() && (l.host.Died(holder) || Expired(holder, l.table.Now())) {
		return &holder
	}
	return nil
}

// Expired reports whether the holder has been silent for so long that none of its calls can still arrive.
func Expired(holder Record, now time.Time) bool {
	end := holder.ExpiresAt
	if silent := holder.LastHeartbeat.Add(missed * holder.Heartbeat); holder.Heartbeat > 0 && silent.Before(end) {
		end = silent
	}
	return now.After(end.Add(grace))
}

// silent reports whether this process itself has seen no heartbeat for so long that the holder must have stopped. It
// needs no common clock: a holder whose clock was ahead may have died right after it locked, so that its times are in
// the future.
func (w *waiter) silent(now Record) bool {
	at := w.clock.Monotonic()
	if now.ID != w.watched.ID || now.RVN != w.watched.RVN {
		w.watched, w.since = now, at
	}
	return now.Held() && now.Heartbeat > 0 && at-w.since > missed*now.Heartbeat+grace
}

func (w *waiter) notify(holder Record) {
	if w.options.Notify == nil || w.notified != nil && w.clock.Since(*w.notified) < notifyEvery {
		return
	}
	mark := w.clock.Mark()
	w.notified = &mark
	w.options.Notify(holder, w.clock.Since(w.start))
}

// Sleep waits; it returns why ctx ended, if that was first.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// Inspect returns the current record of a key; a zero one when it was never locked.
func (l *Locker) Inspect(ctx context.Context, key Key) (Record, error) { return l.table.Get(ctx, key) }

// readers is how many records List reads at a time.
const readers = 16

// List returns the records of those keys that are held, in the order of the keys.
func (l *Locker) List(ctx context.Context, keys []Key) ([]Record, error) {
	records, failures := make([]Record, len(keys)), make([]error, len(keys))
	slots := make(chan struct{}, readers)
	var all sync.WaitGroup
	for i, key := range keys {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			records[i], failures[i] = l.table.Get(ctx, key)
		})
	}
	all.Wait()
	held := slices.DeleteFunc(records, func(r Record) bool { return !r.Held() })
	return held, errors.Join(failures...)
}

// Liveness is what this process can say about a holder.
type Liveness string

// The possible answers.
const (
	Alive   Liveness = "alive"   // a heartbeat came within its time
	Silent  Liveness = "silent"  // heartbeats are missing; it is taken over when that lasts
	Dead    Liveness = "dead"    // the process is gone, or silent for so long that the next run takes over
	Unknown Liveness = "unknown" // the record says nothing of heartbeats
)

// Liveness tells whether the holder of a record is alive. The record must be fresh.
func (l *Locker) Liveness(holder Record) Liveness {
	switch {
	case l.host.Died(holder), Expired(holder, l.table.Now()):
		return Dead
	case holder.Heartbeat == 0:
		return Unknown
	case l.table.Now().After(holder.LastHeartbeat.Add(missed * holder.Heartbeat)):
		return Silent
	}
	return Alive
}

// Now is the table's clock, to show how long ago something was.
func (l *Locker) Now() time.Time { return l.table.Now() }

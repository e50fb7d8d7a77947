package lock

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Lock is a lock that this process holds or has held.
type Lock struct {
	locker   *Locker
	ttl      time.Duration
	tookOver bool
	waited   bool

	ctx    context.Context
	cancel context.CancelCauseFunc
	stop   context.CancelFunc // of the heartbeat
	done   chan struct{}

	step sync.Mutex // one conditional step at a time, so that a raised fence never meets a heartbeat with the old one

	mu       sync.Mutex
	record   Record
	good     Instant // when the last heartbeat that reached the table was sent
	released bool
	gone     error // why the lock was lost; the context may have ended for another reason before
}

// got makes the Lock and starts its heartbeat. stale: the times in the record are wrong, or not of this attempt; they
// are corrected before anybody may rely on them.
func (w *waiter) got(ctx context.Context, r Record, sent Instant, tookOver, stale bool) (*Lock, error) {
	k := &Lock{
		locker: w.Locker, ttl: w.options.TTL, record: r, good: sent, tookOver: tookOver || r.Unclaimed,
		waited: w.answered, done: make(chan struct{}),
	}
	if stale {
		if err := k.beat(ctx); err != nil {
			w.unsure = !errors.Is(err, ErrLost)
			return nil, err
		}
	}
	k.ctx, k.cancel = context.WithCancelCause(ctx)
	heart, stop := context.WithCancel(context.WithoutCancel(ctx))
	k.stop = stop
	go k.keepAlive(heart)
	return k, nil
}

// Context ends when the lock is lost (its cause is then a diag.Conflict that wraps a *LostError), when the context
// given to Acquire ends, or after Release.
func (k *Lock) Context() context.Context { return k.ctx }

// ID is unique to this acquisition.
func (k *Lock) ID() string { return k.snapshot().ID }

// Fence is higher than the fences of all former holders.
func (k *Lock) Fence() int64 { return k.snapshot().Fence }

// LastSerial is the serial of the state when the lock was last released, 0 when it never was. If the state that was
// read is older, it is out of date.
func (k *Lock) LastSerial() int64 { return k.snapshot().LastSerial }

// TookOver reports whether a former holder did not release, so that one of its writes may still arrive: claim the state
// before anything else.
func (k *Lock) TookOver() bool { return k.tookOver }

// Waited reports whether somebody else held the lock at first. A state that was read before is out of date.
func (k *Lock) Waited() bool { return k.waited }

// Now is the table's clock: AWS time, which all clients share.
func (k *Lock) Now() time.Time { return k.locker.table.Now() }

// Guard returns nil while this process can be sure that nobody else holds the lock: the last good heartbeat was sent
// less than three heartbeats ago, by the part of the clock that saw most time pass.
func (k *Lock) Guard() error {
	k.mu.Lock()
	gone := k.gone
	k.mu.Unlock()
	if gone != nil {
		return gone
	}
	r := k.snapshot()
	if silent := k.silent(); silent >= missed*r.Heartbeat {
		return lost(r.Key, fmt.Sprintf("no heartbeat arrived for %s, so another run may have taken it over",
			silent.Round(time.Second)))
	}
	return nil
}

// RaiseFence lifts the fence above that number, in case somebody deleted the lock item by hand. It fails when the lock
// is no longer ours.
func (k *Lock) RaiseFence(ctx context.Context, above int64) error {
	k.step.Lock()
	defer k.step.Unlock()
	if k.Fence() > above {
		return nil
	}
	r := k.snapshot()
	err := k.locker.table.Raise(ctx, r, above+1)
	if errors.Is(err, ErrLost) {
		return k.lose("another run has taken over the lock")
	}
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.record.Fence = above + 1
	return nil
}

// Release releases the lock and stops the heartbeat. lastSerial is the serial of the state that this run leaves, 0 when
// it wrote none. It is no error if the lock is no longer ours, or already released. It needs one call, within ctx, and
// may be repeated if that failed.
func (k *Lock) Release(ctx context.Context, lastSerial int64) error {
	k.mu.Lock()
	r, again := k.record, k.released
	k.mu.Unlock()
	if again {
		return nil
	}
	k.stop()
	r.RVN = "" // a heartbeat may be on its way
	r.Unclaimed = k.tookOver && lastSerial <= r.LastSerial
	r.LastSerial = max(lastSerial, r.LastSerial)
	_ = k.end(lost(r.Key, "it was released"))
	err := k.locker.table.Free(ctx, r)
	<-k.done
	if err != nil && !errors.Is(err, ErrLost) {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.released = true
	return nil
}

func (k *Lock) snapshot() Record {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.record
}

// lose ends the lock's context and returns why.
func (k *Lock) lose(reason string) error { return k.end(lost(k.snapshot().Key, reason)) }

// end keeps the first reason, which Guard then returns.
func (k *Lock) end(why error) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.gone == nil {
		k.gone = why
	}
	k.cancel(k.gone)
	return k.gone
}

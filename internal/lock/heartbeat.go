package lock

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// keepAlive sends the heartbeats. It ends when ctx does, or when the lock is lost.
func (k *Lock) keepAlive(ctx context.Context) {
	defer close(k.done)
	interval := k.snapshot().Heartbeat
	pause := interval
	for {
		if Sleep(ctx, pause) != nil {
			return
		}
		silent := k.silent()
		if silent >= missed*interval {
			_ = k.lose(fmt.Sprintf("no heartbeat arrived for %s (no connection, or this machine slept)",
				silent.Round(time.Second)))
			return
		}
		attempt, stop := context.WithTimeout(ctx, min(missed*interval-silent, interval))
		err := k.beat(attempt)
		stop()
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, ErrLost):
			_ = k.lose("another run has taken over the lock, or it was unlocked")
			return
		case err != nil:
			// After a failed heartbeat: often, until the deadline.
			pause = max(min(interval/6, missed*interval-k.silent()), time.Millisecond)
		default:
			pause = max(interval-k.silent(), time.Millisecond)
		}
	}
}

func (k *Lock) silent() time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.locker.clock.Since(k.good)
}

// beat sends a heartbeat. If the answer shows that the table's clock was assumed wrongly, the written times are wrong,
// and beat sends another. Only a heartbeat with right times is good.
func (k *Lock) beat(ctx context.Context) error {
	k.step.Lock()
	defer k.step.Unlock()
	l := k.locker
	for range 3 {
		r := k.snapshot()
		sent, assumed := l.clock.Mark(), l.table.Now()
		stamp(&r, assumed, k.ttl, l.newID)
		if err := l.table.Beat(ctx, r); err != nil {
			return err
		}
		if !l.clockWasOff(sent, assumed) {
			k.mu.Lock()
			k.record, k.good = r, sent
			k.mu.Unlock()
			return nil
		}
	}
	return errors.New("the clocks of this machine and of the lock table differ more and more")
}

package locktest

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/lock"
)

var ruleTests = map[string]func(*testing.T, *World){
	"one holder at a time": func(t *testing.T, w *World) {
		a := acquire(t, w.Process(1, 0), "ann", lock.Options{})
		require.NoError(t, a.Guard())
		_, err := w.Process(2, 0).Acquire(t.Context(), key, Owner("bob"), lock.Options{})
		requireHeld(t, err, "ann")
		require.NoError(t, a.Release(t.Context(), 4))
		require.Error(t, a.Guard())
		require.Error(t, a.Context().Err())
		require.NoError(t, a.Release(t.Context(), 4), "twice is once")
		b := acquire(t, w.Process(2, 0), "bob", lock.Options{})
		require.Equal(t, []any{int64(2), int64(4), false, false},
			[]any{b.Fence(), b.LastSerial(), b.TookOver(), b.Waited()})
		require.NoError(t, b.Release(t.Context(), 0))
	},
	"waiting tells who holds it and ends": func(t *testing.T, w *World) {
		a := acquire(t, w.Process(1, 0), "ann", lock.Options{})
		start := now()
		var told []string
		_, err := w.Process(2, 0).Acquire(t.Context(), key, Owner("bob"),
			lock.Options{Timeout: time.Minute, Notify: func(r lock.Record, _ time.Duration) {
				told = append(told, r.LockedBy)
			}})
		requireHeld(t, err, "ann")
		require.InDelta(t, 60, now().Sub(start).Seconds(), 1)
		require.Equal(t, []string{"ann", "ann"}, told, "at once and after half a minute")
		require.NoError(t, a.Release(t.Context(), 0))
	},
	"those who wait do not keep step": func(t *testing.T, w *World) {
		a := acquire(t, w.Process(1, 0), "ann", lock.Options{})
		var tries []time.Time
		_, err := w.through(func(inner lock.Table) lock.Table {
			return watched{inner, func() { tries = append(tries, now()) }}
		}).Process(2, 0).Acquire(t.Context(), key, Owner("bob"), lock.Options{Timeout: 4 * time.Minute})
		requireHeld(t, err, "ann")
		require.Greater(t, len(tries), 20)
		pauses := map[time.Duration]bool{}
		for i := range tries[1:] {
			pauses[tries[i+1].Sub(tries[i])] = true
		}
		require.Greater(t, len(pauses), len(tries)/2, "with jitter")
		require.NoError(t, a.Release(t.Context(), 0))
	},
	"waiting gets it when it is released": func(t *testing.T, w *World) {
		a := acquire(t, w.Process(1, 0), "ann", lock.Options{})
		time.AfterFunc(20*time.Second, func() {
			if err := a.Release(context.Background(), 9); err != nil {
				t.Error(err)
			}
		})
		start := now()
		b := acquire(t, w.Process(2, 0), "bob", lock.Options{Timeout: 8 * time.Minute})
		require.Less(t, now().Sub(start), 28*time.Second)
		require.Equal(t, []any{int64(9), false, true}, []any{b.LastSerial(), b.TookOver(), b.Waited()})
		require.NoError(t, b.Release(t.Context(), 0))
	},
	"waiting ends with the context": func(t *testing.T, w *World) {
		a := acquire(t, w.Process(1, 0), "ann", lock.Options{})
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		_, err := w.Process(2, 0).Acquire(ctx, key, Owner("bob"), lock.Options{Timeout: time.Hour})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NoError(t, a.Release(t.Context(), 0))
	},
	"an attempt on its way is given back when nobody wants the lock any more": func(t *testing.T, w *World) {
		ctx, interrupt := context.WithCancel(t.Context())
		l := w.through(func(inner lock.Table) lock.Table { return slow{inner, interrupt} }).Process(1, 0)
		_, err := l.Acquire(ctx, key, Owner("ann"), lock.Options{})
		require.ErrorIs(t, err, context.Canceled)
		time.Sleep(2 * arrival)
		r, err := l.Inspect(t.Context(), key)
		require.NoError(t, err)
		require.False(t, r.Held(), "held by %s", r.ID)
	},
	"the heartbeat keeps it for hours": func(t *testing.T, w *World) {
		a := acquire(t, w.Process(1, 0), "ann", lock.Options{})
		time.Sleep(5*time.Hour + 10*time.Second)
		require.NoError(t, a.Guard())
		other := w.Process(2, 0)
		r, err := other.Inspect(t.Context(), key)
		require.NoError(t, err)
		require.Equal(t, lock.Alive, other.Liveness(r))
		require.Less(t, time.Since(r.LastHeartbeat), 31*time.Second)
		require.InDelta(t, time.Hour.Seconds(), r.ExpiresAt.Sub(r.LastHeartbeat).Seconds(), 1)
		require.NoError(t, a.Release(t.Context(), 0))
	},
	"the heartbeat outlives an interrupt": func(t *testing.T, w *World) {
		ctx, interrupt := context.WithCancel(t.Context())
		a, err := w.Process(1, 0).Acquire(ctx, key, Owner("ann"), lock.Options{})
		require.NoError(t, err)
		interrupt()
		require.Error(t, a.Context().Err())
		time.Sleep(10 * time.Minute)
		require.NoError(t, a.Guard(), "what is in flight may end and be saved")
		require.NoError(t, a.Release(t.Context(), 0))
	},
	"a loss after an interrupt is known, too": func(t *testing.T, w *World) {
		ctx, interrupt := context.WithCancel(t.Context())
		a, err := w.Process(1, 0).Acquire(ctx, key, Owner("ann"), lock.Options{})
		require.NoError(t, err)
		interrupt()
		_, err = w.Process(2, 0).ForceUnlock(t.Context(), key, a.ID(), true)
		require.NoError(t, err)
		time.Sleep(31 * time.Second)
		var l *lock.LostError
		require.ErrorAs(t, a.Guard(), &l)
		require.NoError(t, a.Release(t.Context(), 0))
	},
	"a dead process on this machine is taken over at once": func(t *testing.T, w *World) {
		abandon(t, w, 1)
		b := acquire(t, w.Process(2, 0), "bob", lock.Options{})
		require.Equal(t, []any{true, int64(2)}, []any{b.TookOver(), b.Fence()})
		require.NoError(t, b.Release(t.Context(), 1))
	},
	"a dead process elsewhere is not": func(t *testing.T, w *World) {
		abandon(t, w, 1)
		for _, host := range []lock.Host{
			{BootID: "boot-2", PIDNamespace: "pid:[1]"}, {BootID: "boot-1", PIDNamespace: "pid:[2]"}, {},
		} {
			host.Started = func(int) (string, bool) { return "", false }
			_, err := w.ProcessOn(host, 0).Acquire(t.Context(), key, Owner("bob"), lock.Options{})
			requireHeld(t, err, "abandoned")
		}
	},
	"a silent holder is taken over after its time": func(t *testing.T, w *World) {
		abandon(t, w, 1)
		w.alive[1] = true // it hangs: its neighbours see it, but no heartbeat comes
		start := now()
		b := acquire(t, w.Process(2, 0), "bob", lock.Options{Timeout: 8 * time.Minute})
		require.True(t, b.TookOver())
		require.InDelta(t, 393, now().Sub(start).Seconds(), 5, "3 heartbeats and 300 s")
		require.NoError(t, b.Release(t.Context(), 1))
	},
	"what a holder left open is told until somebody writes": func(t *testing.T, w *World) {
		abandon(t, w, 1)
		b := acquire(t, w.Process(2, 0), "bob", lock.Options{})
		require.True(t, b.TookOver())
		require.NoError(t, b.Release(t.Context(), 0), "it failed before it wrote")
		c := acquire(t, w.Process(2, 0), "bob", lock.Options{})
		require.True(t, c.TookOver(), "the former holder's write could still fit")
		require.NoError(t, c.Release(t.Context(), 5))
		d := acquire(t, w.Process(2, 0), "bob", lock.Options{})
		require.False(t, d.TookOver())
		require.NoError(t, d.Release(t.Context(), 5))
	},
	"unlock": func(t *testing.T, w *World) {
		l, other := w.Process(1, 0), w.Process(2, 0)
		_, err := other.ForceUnlock(t.Context(), key, "", false)
		var free *lock.NotLockedError
		require.ErrorAs(t, err, &free)
		a := acquire(t, l, "ann", lock.Options{})
		_, err = other.ForceUnlock(t.Context(), key, "wrong", true)
		requireCode(t, err, diag.Invalid)
		_, err = other.ForceUnlock(t.Context(), key, a.ID(), false)
		requireCode(t, err, diag.Locked)
		require.NoError(t, a.Guard())
		freed, err := other.ForceUnlock(t.Context(), key, a.ID(), true)
		require.NoError(t, err)
		require.Equal(t, "ann", freed.LockedBy)
		time.Sleep(31 * time.Second)
		requireLost(t, a)
		b := acquire(t, other, "bob", lock.Options{})
		require.True(t, b.TookOver(), "ann's last write could still fit")
		require.NoError(t, a.Release(t.Context(), 3), "not ours any more")
		require.NoError(t, b.Guard())
		require.NoError(t, b.Release(t.Context(), 1))
	},
	"unlock of a dead holder needs no force": func(t *testing.T, w *World) {
		abandon(t, w, 1)
		_, err := w.Process(2, 0).ForceUnlock(t.Context(), key, "", false)
		require.NoError(t, err)
	},
	"unlock spares who came after": func(t *testing.T, w *World) {
		a := acquire(t, w.Process(1, 0), "ann", lock.Options{})
		var b *lock.Lock
		other := w.through(func(inner lock.Table) lock.Table {
			return overtaken{inner, func() {
				if b == nil { // between the look at the lock and the step that frees it
					require.NoError(t, a.Release(t.Context(), 3))
					b = acquire(t, w.Process(2, 0), "bob", lock.Options{})
				}
			}}
		}).Process(3, 0)
		_, err := other.ForceUnlock(t.Context(), key, "", true)
		requireCode(t, err, diag.Invalid)
		require.ErrorContains(t, err, "held by bob")
		require.NoError(t, b.Guard())
		time.Sleep(31 * time.Second)
		require.NoError(t, b.Guard(), "its heartbeat fits")
		require.NoError(t, b.Release(t.Context(), 4))
	},
	"list shows held locks only": func(t *testing.T, w *World) {
		l := w.Process(1, 0)
		keys := []lock.Key{{Stack: "a", Environment: "dev"}, key, {Stack: "z", Environment: "dev"}}
		a := acquire(t, l, "ann", lock.Options{})
		held, err := l.List(t.Context(), keys)
		require.NoError(t, err)
		require.Len(t, held, 1)
		require.Equal(t, key, held[0].Key)
		require.NoError(t, a.Release(t.Context(), 0))
		held, err = l.List(t.Context(), keys)
		require.NoError(t, err)
		require.Empty(t, held)
	},
	"the fence can be raised": func(t *testing.T, w *World) {
		a := acquire(t, w.Process(1, 0), "ann", lock.Options{})
		require.NoError(t, a.RaiseFence(t.Context(), 41))
		require.Equal(t, int64(42), a.Fence())
		require.NoError(t, a.RaiseFence(t.Context(), 7), "it never falls")
		require.Equal(t, int64(42), a.Fence())
		time.Sleep(10 * time.Minute)
		require.NoError(t, a.Guard(), "heartbeats go on with the new fence")
		require.NoError(t, a.Release(t.Context(), 0))
		b := acquire(t, w.Process(1, 0), "ann", lock.Options{})
		require.Equal(t, int64(43), b.Fence())
		_, err := w.Process(2, 0).ForceUnlock(t.Context(), key, "", true)
		require.NoError(t, err)
		require.Error(t, b.RaiseFence(t.Context(), 99))
		requireLost(t, b)
		require.NoError(t, b.Release(t.Context(), 0))
	},
	"clocks may differ by hours": func(t *testing.T, w *World) {
		for _, skew := range []time.Duration{-2 * time.Hour, 2 * time.Hour} {
			a := acquire(t, w.Process(1, skew), "ann", lock.Options{})
			b := w.ProcessOn(lock.Host{}, -skew)
			time.Sleep(time.Minute)
			_, err := b.Acquire(t.Context(), key, Owner("bob"), lock.Options{})
			requireHeld(t, err, "ann")
			require.NoError(t, a.Guard())
			require.NoError(t, a.Release(t.Context(), 0))
		}
	},
}

// abandon leaves a lock behind as a process does that is killed.
func abandon(t *testing.T, w *World, pid int) {
	t.Helper()
	l := w.Process(pid, 0)
	k := acquire(t, l, "abandoned", lock.Options{})
	r, err := l.Inspect(t.Context(), key)
	require.NoError(t, err)
	require.NoError(t, k.Release(t.Context(), 0)) // ends its goroutine
	synctest.Wait()
	_, err = w.open(lock.NewClock(now)).Take(t.Context(), r, nil)
	require.NoError(t, err)
	// One fence was used up by the release; the tests count from the abandoned one.
	require.NoError(t, w.open(lock.NewClock(now)).Raise(t.Context(), r, 1))
	w.Kill(pid)
}

func requireHeld(t *testing.T, err error, by string) {
	t.Helper()
	var held *lock.HeldError
	require.ErrorAs(t, err, &held)
	require.Equal(t, by, held.Holder.LockedBy)
	requireCode(t, err, diag.Locked)
}

func requireCode(t *testing.T, err error, code diag.Code) {
	t.Helper()
	var d *diag.Diagnostic
	require.ErrorAs(t, err, &d)
	require.Equal(t, code, d.Code)
	require.NotEmpty(t, d.Next)
}

func requireLost(t *testing.T, k *lock.Lock) {
	t.Helper()
	var l *lock.LostError
	require.ErrorAs(t, k.Guard(), &l)
	require.ErrorAs(t, context.Cause(k.Context()), &l)
	require.True(t, errors.Is(k.Context().Err(), context.Canceled))
}

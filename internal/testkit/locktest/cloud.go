package locktest

import (
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/lock"
	"github.com/company/deployer/internal/testkit/fakeaws"
)

// Cloud is a table in AWS, whose calls can fail.
type Cloud struct {
	Open   func(faults fakeaws.Intercept) Open // as a process with these faults sees the table
	Write  string                              // the operation that changes a record
	Delete func()                              // deletes the record, as a person can
	// What AWS answers when it is in trouble, by kind: "fault", "throttled".
	Trouble map[string]func() *http.Response
}

// RunCloud tests what only a table behind a network can do wrong: lost answers, outages, and clocks that differ.
func RunCloud(t *testing.T, start func(aws func() time.Time) Cloud) {
	for name, test := range cloudTests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, start(now)) })
		})
	}
	for _, skew := range []time.Duration{-2 * time.Hour, 2 * time.Hour, -3 * time.Minute} {
		t.Run("times are AWS's, with a clock that is off by "+skew.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { timesAreAWSTimes(t, start, skew) })
		})
	}
}

// LoseAnswer lets the n-th (from 1) of these calls have its effect and loses the answer.
func LoseAnswer(operation string, n int) fakeaws.Intercept {
	return func(call fakeaws.Call, serve func() *http.Response) (*http.Response, error) {
		answer := serve()
		if call.Operation == operation {
			if n--; n == 0 {
				return nil, fakeaws.ErrReset
			}
		}
		return answer, nil
	}
}

// switched loses all requests while down is set.
func switched(down *atomic.Bool) fakeaws.Intercept {
	return func(_ fakeaws.Call, serve func() *http.Response) (*http.Response, error) {
		if down.Load() {
			return nil, fakeaws.ErrReset
		}
		return serve(), nil
	}
}

// broken answers in AWS's place for that long.
func broken(d time.Duration, answer func() *http.Response) fakeaws.Intercept {
	until := now().Add(d)
	return func(_ fakeaws.Call, serve func() *http.Response) (*http.Response, error) {
		if now().Before(until) {
			return answer(), nil
		}
		return serve(), nil
	}
}

func (c Cloud) world(faults fakeaws.Intercept) *World { return NewWorld(c.Open(faults)) }

// kept is the record as another process reads it.
func (c Cloud) kept(t *testing.T) lock.Record {
	t.Helper()
	r, err := c.Open(nil)(lock.NewClock(now)).Get(t.Context(), key)
	require.NoError(t, err)
	return r
}

var cloudTests = map[string]func(*testing.T, Cloud){
	"a lost answer looks like nobody else's lock": func(t *testing.T, c Cloud) {
		k := acquire(t, c.world(LoseAnswer(c.Write, 1)).Process(1, 0), "ann", lock.Options{})
		require.Equal(t, int64(1), k.Fence(), "acquired once")
		require.NoError(t, k.Guard())
		_, err := c.world(LoseAnswer(c.Write, 1)).Process(2, 0).ForceUnlock(t.Context(), key, "", true)
		require.NoError(t, err, "the answer to its own unlock was lost")
		require.NoError(t, k.Release(t.Context(), 0))
	},
	"the answer to a takeover is lost": func(t *testing.T, c Cloud) {
		first := acquire(t, c.world(nil).Process(1, 0), "ann", lock.Options{})
		for n := range 2 { // where a refusal is a call of the same operation, too
			k := acquire(t, c.world(LoseAnswer(c.Write, n+1)).Process(2+n, 0), "bob", lock.Options{})
			require.Equal(t, []any{int64(2 + n), true}, []any{k.Fence(), k.TookOver()})
			if n > 0 {
				require.NoError(t, k.Release(t.Context(), 1))
			} else {
				t.Cleanup(func() { _ = k.Release(t.Context(), 0) })
			}
		}
		require.NoError(t, first.Release(t.Context(), 0))
	},
	"the answers to a heartbeat, a raised fence and a release are lost": func(t *testing.T, c Cloud) {
		k := acquire(t, c.world(LoseAnswer(c.Write, 2)).Process(1, 0), "ann", lock.Options{})
		time.Sleep(61 * time.Second)
		require.NoError(t, k.Guard())
		require.NoError(t, k.Release(t.Context(), 3))
		k = acquire(t, c.world(LoseAnswer(c.Write, 2)).Process(1, 0), "ann", lock.Options{})
		require.NoError(t, k.RaiseFence(t.Context(), 41))
		require.NoError(t, k.Release(t.Context(), 0))
		require.Equal(t, lock.Record{Key: key, Fence: 42, LastSerial: 3}, c.kept(t))
		k = acquire(t, c.world(LoseAnswer(c.Write, 2)).Process(1, 0), "ann", lock.Options{})
		require.NoError(t, k.Release(t.Context(), 4))
		require.Equal(t, lock.Record{Key: key, Fence: 43, LastSerial: 4}, c.kept(t))
	},
	"no connection means stop": func(t *testing.T, c Cloud) {
		var down atomic.Bool
		k := acquire(t, c.world(switched(&down)).Process(1, 0), "ann", lock.Options{})
		time.Sleep(31 * time.Second) // one heartbeat
		down.Store(true)
		time.Sleep(85 * time.Second)
		require.NoError(t, k.Guard())
		require.NoError(t, k.Context().Err())
		time.Sleep(5 * time.Second)
		var gone *lock.LostError
		require.ErrorAs(t, k.Guard(), &gone)
		time.Sleep(time.Minute)
		require.Error(t, k.Context().Err())
		require.Error(t, k.Release(t.Context(), 0), "nobody could be told")
		down.Store(false)
		require.NoError(t, k.Release(t.Context(), 0), "but may be later")
	},
	"a short outage is survived": func(t *testing.T, c Cloud) {
		var down atomic.Bool
		k := acquire(t, c.world(switched(&down)).Process(1, 0), "ann", lock.Options{})
		time.Sleep(31 * time.Second)
		down.Store(true)
		time.Sleep(70 * time.Second)
		down.Store(false)
		time.Sleep(10 * time.Minute)
		require.NoError(t, k.Guard())
		require.NoError(t, k.Release(t.Context(), 0))
	},
	// Only at this moment the record has times of a wrong clock. A waiting process finds out.
	"a death right after locking in the future": func(t *testing.T, c Cloud) {
		ahead := lock.NewClock(func() time.Time { return now().Add(2 * time.Hour) })
		future := ahead.Wall()
		_, err := c.Open(nil)(ahead).Take(t.Context(), lock.Record{
			Key: key, ID: "dead", LockedBy: "ann", LockedAt: future, LastHeartbeat: future,
			ExpiresAt: future.Add(time.Hour), Heartbeat: 30 * time.Second, RVN: "r",
		}, nil)
		require.NoError(t, err)
		k := acquire(t, c.world(nil).Process(2, 0), "bob", lock.Options{Timeout: 8 * time.Minute})
		require.True(t, k.TookOver())
		require.NoError(t, k.Release(t.Context(), 1))
	},
	"suspend counts as time": func(t *testing.T, c Cloud) {
		machine := &machine{}
		k := acquire(t, machine.process(c), "ann", lock.Options{})
		machine.wall.Add(int64(2 * time.Hour)) // wakes up; no timer has run
		require.Error(t, k.Guard(), "before any heartbeat could tell")
		time.Sleep(31 * time.Second)
		require.Error(t, k.Context().Err())
		require.NoError(t, k.Release(t.Context(), 0))
	},
	"the clock jumps back": func(t *testing.T, c Cloud) {
		machine := &machine{}
		k := acquire(t, machine.process(c), "ann", lock.Options{})
		machine.wall.Add(-int64(2 * time.Hour))
		time.Sleep(31 * time.Second)
		require.InDelta(t, float64(now().Unix()), float64(c.kept(t).LastHeartbeat.Unix()), 3)
		require.NoError(t, k.Guard())
		require.NoError(t, k.Release(t.Context(), 0))
	},
	"the record is deleted by a person": func(t *testing.T, c Cloud) {
		k := acquire(t, c.world(nil).Process(1, 0), "ann", lock.Options{})
		c.Delete()
		time.Sleep(31 * time.Second)
		require.Error(t, k.Guard())
		require.NoError(t, k.Release(t.Context(), 0))
		require.Equal(t, lock.Record{Key: key}, c.kept(t), "nobody brings it back")
	},
	"trouble is waited out": func(t *testing.T, c Cloud) {
		require.Len(t, c.Trouble, 2)
		for kind, answer := range c.Trouble {
			var lasted []time.Duration
			k := acquire(t, c.world(broken(2*time.Minute, answer)).Process(1, 0), "ann", lock.Options{
				Trouble: func(_ error, d time.Duration) { lasted = append(lasted, d) }, // nobody waits for a holder
			})
			require.NoError(t, k.Guard(), "its times are those of the attempt that succeeded")
			require.Greater(t, lasted[len(lasted)-1], time.Minute, kind)
			require.NoError(t, k.Release(t.Context(), 0))
		}
	},
	"trouble that stays is told": func(t *testing.T, c Cloud) {
		began := now()
		_, err := c.world(broken(time.Hour, c.Trouble["fault"])).Process(1, 0).
			Acquire(t.Context(), key, Owner("ann"), lock.Options{})
		var d *diag.Diagnostic
		require.ErrorAs(t, err, &d)
		require.Equal(t, "AWS has a fault", d.Summary)
		require.InDelta(t, 5, now().Sub(began).Minutes(), 0.5)
	},
	"trouble after a lost answer is waited out": func(t *testing.T, c Cloud) {
		took := false
		faulty := broken(time.Minute, c.Trouble["fault"])
		k := acquire(t, c.world(func(call fakeaws.Call, serve func() *http.Response) (*http.Response, error) {
			switch {
			case took:
				return faulty(call, serve)
			case call.Operation == c.Write:
				took = true
				serve()
				return nil, fakeaws.ErrReset
			}
			return serve(), nil
		}).Process(1, 0), "ann", lock.Options{})
		require.EqualValues(t, 1, k.Fence())
		require.NoError(t, k.Guard())
		require.NoError(t, k.Release(t.Context(), 0))
	},
}

// timesAreAWSTimes: the local clock is hours off and the first requests are refused. Still all times become AWS's
// before anybody may rely on them.
func timesAreAWSTimes(t *testing.T, start func(func() time.Time) Cloud, skew time.Duration) {
	aws := func() time.Time { return now().Add(-skew) }
	c := start(aws)
	k := acquire(t, c.world(nil).Process(1, 0), "ann", lock.Options{})
	require.InDelta(t, float64(aws().Unix()), float64(c.kept(t).LastHeartbeat.Unix()), 2)
	require.InDelta(t, float64(aws().Unix()), float64(k.Now().Unix()), 2)
	require.NoError(t, k.Release(t.Context(), 0))
}

// machine has a wall clock that can jump.
type machine struct{ wall atomic.Int64 } // nanoseconds

func (m *machine) process(c Cloud) *lock.Locker {
	start := now()
	clock := lock.Clock{
		Wall:      func() time.Time { return now().Add(time.Duration(m.wall.Load())) },
		Monotonic: func() time.Duration { return now().Sub(start) },
	}
	return lock.New(c.Open(nil)(clock), clock, lock.Host{}, NewWorld(nil).ID)
}

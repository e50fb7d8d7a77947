package dynamodb_test

import (
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/lock"
	"github.com/company/deployer/internal/lock/dynamodb"
	"github.com/company/deployer/internal/testkit/fakeaws"
	"github.com/company/deployer/internal/testkit/locktest"
)

var (
	key      = lock.Key{Stack: "shop", Environment: "dev"}
	settings = dynamodb.Settings{Table: "locks", Bucket: "states"}
)

const itemKey = "stack:shop:env:dev"

func cloud(now func() time.Time) *fakeaws.Cloud {
	c := fakeaws.New(now)
	c.CreateTable("locks")
	return c
}

// process opens the table as a separate process, with faults.
func process(c *fakeaws.Cloud, faults fakeaws.Intercept) locktest.Open {
	return func(clock lock.Clock) lock.Table { return dynamodb.New(c.Config("p", faults), settings, clock) }
}

func acquire(t *testing.T, l *lock.Locker, o lock.Options) *lock.Lock {
	t.Helper()
	k, err := l.Acquire(t.Context(), key, locktest.Owner("ann"), o)
	require.NoError(t, err)
	return k
}

func TestConformance(t *testing.T) {
	locktest.Run(t, func(*testing.T) locktest.Open { return process(cloud(time.Now), nil) })
}

// TestConformanceWithoutOldItem runs against a server that does not return the item on a failed condition, as dynalite.
func TestConformanceWithoutOldItem(t *testing.T) {
	locktest.Run(t, func(*testing.T) locktest.Open {
		return process(cloud(time.Now), func(_ fakeaws.Call, serve func() *http.Response) (*http.Response, error) {
			answer := serve()
			if answer.StatusCode == http.StatusBadRequest {
				return fakeaws.Response(time.Now(), http.StatusBadRequest, nil,
					[]byte(`{"__type": "#ConditionalCheckFailedException"}`)), nil
			}
			return answer, nil
		})
	})
}

func TestItem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cloud(time.Now)
		w := locktest.NewWorld(process(c, nil))
		k := acquire(t, w.Process(4711, 0), lock.Options{})
		now := float64(time.Now().Unix())
		item := c.Item("locks", itemKey)
		for name, want := range map[string]any{
			"lockKey": s(itemKey), "lockId": s(k.ID()), "lockedBy": s("ann"), "heartbeat": n("30"), "fence": n("1"),
			"bucket": s("states/"),
			"bootId": s("boot-1"), "pidNamespace": s("pid:[1]"), "processStart": s("started-4711"),
			"metadata": map[string]any{"M": map[string]any{
				"hostname": s("host-1"), "pid": n("4711"),
				"version": s("1.2.3"),
			}},
		} {
			require.Equal(t, want, item[name], name)
		}
		require.Contains(t, item, "rvn")
		for name, ahead := range map[string]float64{"lockedAt": 0, "lastHeartbeat": 0, "expiresAt": 3600} {
			require.InDelta(t, now+ahead, seconds(t, item, name), 1, name)
		}
		require.NoError(t, k.Release(t.Context(), 12))
		require.Equal(t, map[string]any{
			"lockKey": s(itemKey), "fence": n("1"), "lastSerial": n("12"),
			"bucket": s("states/"),
		}, c.Item("locks", itemKey))
		require.Len(t, c.Calls(), 2, "one call to acquire, one to release")
	})
}

func s(text string) map[string]any { return map[string]any{"S": text} }
func n(text string) map[string]any { return map[string]any{"N": text} }

func seconds(t *testing.T, item map[string]any, name string) float64 {
	t.Helper()
	at, err := time.ParseDuration(item[name].(map[string]any)["N"].(string) + "s")
	require.NoError(t, err)
	return at.Seconds()
}

func TestKeysOfBucketsAndPrefixes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cloud(time.Now)
		var held []*lock.Lock
		for _, s := range []dynamodb.Settings{
			{Table: "locks", Bucket: "states"},
			{Table: "locks", Bucket: "others"},
			{Table: "locks", Bucket: "states", Prefix: "/team/a/"},
		} {
			l := locktest.NewWorld(func(clock lock.Clock) lock.Table {
				return dynamodb.New(c.Config("p", nil), s, clock)
			}).Process(1, 0)
			held = append(held, acquire(t, l, lock.Options{}))
			r, err := locktest.NewWorld(func(clock lock.Clock) lock.Table {
				return dynamodb.New(c.Config("q", nil), s, clock)
			}).Process(1, 0).Inspect(t.Context(), key)
			require.NoError(t, err)
			require.Equal(t, held[len(held)-1].ID(), r.ID, "another process finds the same item")
		}
		for _, name := range []string{itemKey, itemKey + ":others/", itemKey + ":states/team/a"} {
			require.Contains(t, c.Item("locks", name), "lockId", name)
		}
		for _, k := range held {
			require.NoError(t, k.Release(t.Context(), 0))
		}
	})
}

// loseAnswer lets the n-th UpdateItem (from 1) have its effect and loses the answer.
func loseAnswer(n int) fakeaws.Intercept {
	return func(call fakeaws.Call, serve func() *http.Response) (*http.Response, error) {
		answer := serve()
		if call.Operation == "UpdateItem" {
			if n--; n == 0 {
				return nil, fakeaws.ErrReset
			}
		}
		return answer, nil
	}
}

func TestLostAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cloud(time.Now)
		k := acquire(t, locktest.NewWorld(process(c, loseAnswer(1))).Process(1, 0), lock.Options{})
		require.Equal(t, int64(1), k.Fence(), "acquired once")
		require.NoError(t, k.Guard())

		// The holder dies; the answer to the takeover is lost, too.
		w := locktest.NewWorld(process(c, loseAnswer(1)))
		_, err := w.Process(2, 0).ForceUnlock(t.Context(), key, "", true)
		require.NoError(t, err, "the answer to its own unlock was lost")
		require.NoError(t, k.Release(t.Context(), 0))
	})
}

func TestLostAnswerOfTakeover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cloud(time.Now)
		first := acquire(t, locktest.NewWorld(process(c, nil)).Process(1, 0), lock.Options{})
		w := locktest.NewWorld(process(c, loseAnswer(2))) // the first attempt finds it held, the second takes over
		k := acquire(t, w.Process(2, 0), lock.Options{})
		require.Equal(t, []any{int64(2), true}, []any{k.Fence(), k.TookOver()})
		require.NoError(t, k.Release(t.Context(), 1))
		require.NoError(t, first.Release(t.Context(), 0))
	})
}

func TestNoConnectionMeansStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cloud(time.Now)
		var down atomic.Bool
		l := locktest.NewWorld(process(c, func(_ fakeaws.Call, serve func() *http.Response) (*http.Response, error) {
			if down.Load() {
				return nil, fakeaws.ErrReset
			}
			return serve(), nil
		})).Process(1, 0)
		k := acquire(t, l, lock.Options{})
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
	})
}

func TestShortOutageIsSurvived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cloud(time.Now)
		var down atomic.Bool
		k := acquire(t,
			locktest.NewWorld(process(c, func(_ fakeaws.Call, serve func() *http.Response) (*http.Response, error) {
				if down.Load() {
					return nil, fakeaws.ErrReset
				}
				return serve(), nil
			})).Process(1, 0), lock.Options{})
		time.Sleep(31 * time.Second)
		down.Store(true)
		time.Sleep(70 * time.Second)
		down.Store(false)
		time.Sleep(10 * time.Minute)
		require.NoError(t, k.Guard())
		require.NoError(t, k.Release(t.Context(), 0))
	})
}

// TestTimesAreAWSTimes: the local clock is hours off and the first requests are refused. Still all times become AWS's
// before anybody may rely on them.
func TestTimesAreAWSTimes(t *testing.T) {
	for _, skew := range []time.Duration{-2 * time.Hour, 2 * time.Hour, -3 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			aws := func() time.Time { return time.Now().Add(-skew) }
			c := cloud(aws)
			k := acquire(t, locktest.NewWorld(process(c, nil)).Process(1, 0), lock.Options{})
			require.InDelta(t, float64(aws().Unix()), seconds(t, c.Item("locks", itemKey), "lastHeartbeat"), 2)
			require.InDelta(t, float64(aws().Unix()), float64(k.Now().Unix()), 2)
			require.NoError(t, k.Release(t.Context(), 0))
		})
	}
}

// TestDeathRightAfterLockingInTheFuture: only at this moment the item has times of a wrong clock. A waiting process
// finds out.
func TestDeathRightAfterLockingInTheFuture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cloud(time.Now)
		ahead := lock.NewClock(func() time.Time { return time.Now().Add(2 * time.Hour) })
		now := ahead.Wall()
		_, err := process(c, nil)(ahead).Take(t.Context(), lock.Record{
			Key: key, ID: "dead", LockedBy: "ann", LockedAt: now, LastHeartbeat: now, ExpiresAt: now.Add(time.Hour),
			Heartbeat: 30 * time.Second, RVN: "r",
		}, nil)
		require.NoError(t, err)
		k := acquire(t, locktest.NewWorld(process(c, nil)).Process(2, 0), lock.Options{Timeout: 8 * time.Minute})
		require.True(t, k.TookOver())
		require.NoError(t, k.Release(t.Context(), 1))
	})
}

// clock is a machine whose wall clock can jump and whose monotonic clock can stand still.
type clock struct{ wall, asleep atomic.Int64 } // nanoseconds

func (c *clock) Clock() lock.Clock {
	start := time.Now()
	return lock.Clock{
		Wall:      func() time.Time { return time.Now().Add(time.Duration(c.wall.Load())) },
		Monotonic: func() time.Duration { return time.Since(start) - time.Duration(c.asleep.Load()) },
	}
}

func TestSuspendCountsAsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cloud(time.Now)
		machine := &clock{}
		l := lock.New(process(c, nil)(machine.Clock()), machine.Clock(), lock.Host{}, locktest.NewWorld(nil).ID)
		k := acquire(t, l, lock.Options{})
		machine.wall.Add(int64(2 * time.Hour)) // wakes up; no timer has run
		require.Error(t, k.Guard(), "before any heartbeat could tell")
		time.Sleep(31 * time.Second)
		require.Error(t, k.Context().Err())
		require.NoError(t, k.Release(t.Context(), 0))
	})
}

func TestClockJumpsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cloud(time.Now)
		machine := &clock{}
		k := acquire(t, lock.New(process(c, nil)(machine.Clock()), machine.Clock(), lock.Host{},
			locktest.NewWorld(nil).ID), lock.Options{})
		machine.wall.Add(-int64(2 * time.Hour))
		time.Sleep(31 * time.Second)
		require.InDelta(t, float64(time.Now().Unix()), seconds(t, c.Item("locks", itemKey), "lastHeartbeat"), 3)
		require.NoError(t, k.Guard())
		require.NoError(t, k.Release(t.Context(), 0))
	})
}

func TestItemDeletedByHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cloud(time.Now)
		k := acquire(t, locktest.NewWorld(process(c, nil)).Process(1, 0), lock.Options{})
		c.DeleteItem("locks", itemKey)
		time.Sleep(31 * time.Second)
		require.Error(t, k.Guard())
		require.NoError(t, k.Release(t.Context(), 0))
	})
}

// TestUnsureAcquireIsGivenBack: every answer is lost, so the caller fails. It may have got the lock without knowing;
// that lock must not stay.
func TestUnsureAcquireIsGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, calls := cloud(time.Now), 0
		l := locktest.NewWorld(process(c, func(_ fakeaws.Call, serve func() *http.Response) (*http.Response, error) {
			answer := serve()
			if calls++; calls <= 3 { // the SDK's attempts
				return nil, fakeaws.ErrReset
			}
			return answer, nil
		})).Process(1, 0)
		_, err := l.Acquire(t.Context(), key, locktest.Owner("ann"), lock.Options{})
		require.Error(t, err)
		require.NotContains(t, c.Item("locks", itemKey), "lockId")
	})
}

func TestMissingTable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := locktest.NewWorld(process(fakeaws.New(time.Now), nil)).Process(1, 0)
		_, err := l.Acquire(t.Context(), key, locktest.Owner("ann"), lock.Options{Timeout: time.Minute})
		var d *diag.Diagnostic
		require.ErrorAs(t, err, &d)
		require.Equal(t, diag.Invalid, d.Code)
		require.Contains(t, d.Next, "backend create --table locks")
	})
}

// broken makes DynamoDB answer with its own fault, or with body, for that long.
func broken(d time.Duration, body string) fakeaws.Intercept {
	until := time.Now().Add(d)
	return func(_ fakeaws.Call, serve func() *http.Response) (*http.Response, error) {
		if time.Now().Before(until) {
			status := http.StatusInternalServerError
			if body != `{"__type": "#InternalServerError"}` {
				status = http.StatusBadRequest
			}
			return fakeaws.Response(time.Now(), status, nil, []byte(body)), nil
		}
		return serve(), nil
	}
}

func TestTroubleOfTheTableIsWaitedOut(t *testing.T) {
	for name, body := range map[string]string{
		"fault":     `{"__type": "#InternalServerError"}`,
		"throttled": `{"__type": "#ThrottlingException"}`,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := cloud(time.Now)
				var lasted []time.Duration
				k := acquire(t, locktest.NewWorld(process(c, broken(2*time.Minute, body))).Process(1, 0), lock.Options{
					Trouble: func(_ error, d time.Duration) { lasted = append(lasted, d) }, // nobody waits for a holder
				})
				require.NoError(t, k.Guard(), "its times are those of the attempt that succeeded")
				require.Greater(t, lasted[len(lasted)-1], time.Minute)
				require.NoError(t, k.Release(t.Context(), 0))
			})
		})
	}
}

func TestTroubleThatStaysIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		_, err := locktest.NewWorld(process(cloud(time.Now),
			broken(time.Hour, `{"__type": "#InternalServerError"}`))).Process(1, 0).
			Acquire(t.Context(), key, locktest.Owner("ann"), lock.Options{})
		var d *diag.Diagnostic
		require.ErrorAs(t, err, &d)
		require.Equal(t, "AWS has a fault", d.Summary)
		require.InDelta(t, 5, time.Since(began).Minutes(), 0.5)
	})
}

func TestTroubleAfterALostAnswerIsWaitedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cloud(time.Now)
		took := false
		faulty := broken(time.Minute, `{"__type": "#InternalServerError"}`)
		k := acquire(t,
			locktest.NewWorld(process(c, func(call fakeaws.Call, serve func() *http.Response) (*http.Response, error) {
				if !took {
					took = true
					serve()
					return nil, fakeaws.ErrReset
				}
				return faulty(call, serve)
			})).Process(1, 0), lock.Options{})
		require.EqualValues(t, 1, k.Fence())
		require.NoError(t, k.Guard())
		require.NoError(t, k.Release(t.Context(), 0))
	})
}

func TestATableWithAnotherKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		other := func(fakeaws.Call, func() *http.Response) (*http.Response, error) {
			return fakeaws.Response(time.Now(), http.StatusBadRequest, nil,
				[]byte(
					`{"__type": "com.amazon.coral.validate#ValidationException", "message": "The provided key element does not match the schema"}`,
				)), nil
		}
		l := locktest.NewWorld(process(cloud(time.Now), other)).Process(1, 0)
		_, acquired := l.Acquire(t.Context(), key, locktest.Owner("ann"), lock.Options{Timeout: time.Hour})
		_, read := l.Inspect(t.Context(), key)
		_, unlocked := l.ForceUnlock(t.Context(), key, "", true)
		for _, err := range []error{acquired, read, unlocked} {
			var d *diag.Diagnostic
			require.ErrorAs(t, err, &d)
			require.Equal(t, diag.Invalid, d.Code)
			require.Equal(t, "Lock table has another key", d.Summary)
			require.Contains(t, d.Next, "backend create --table")
		}
	})
}

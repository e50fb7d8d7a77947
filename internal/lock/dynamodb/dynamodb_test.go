package dynamodb_test

import (
	"net/http"
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

func TestConformanceInTheCloud(t *testing.T) {
	locktest.RunCloud(t, func(aws func() time.Time) locktest.Cloud {
		c := cloud(aws)
		refusal := func(status int, code string) func() *http.Response {
			return func() *http.Response {
				return fakeaws.Response(aws(), status, nil, []byte(`{"__type": "#`+code+`"}`))
			}
		}
		return locktest.Cloud{
			Open: func(faults fakeaws.Intercept) locktest.Open { return process(c, faults) }, Write: "UpdateItem",
			Delete: func() { c.DeleteItem("locks", itemKey) },
			Trouble: map[string]func() *http.Response{
				"fault":     refusal(http.StatusInternalServerError, "InternalServerError"),
				"throttled": refusal(http.StatusBadRequest, "ThrottlingException"),
			},
		}
	})
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

package s3_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/lock"
	"github.com/company/deployer/internal/lock/s3"
	"github.com/company/deployer/internal/testkit/fakeaws"
	"github.com/company/deployer/internal/testkit/locktest"
)

var key = lock.Key{Stack: "shop", Environment: "dev"}

const object = "team/locks/shop/dev.json"

func cloud(now func() time.Time) *fakeaws.Cloud {
	c := fakeaws.New(now)
	c.CreateBucket("states")
	return c
}

// process opens the table as a separate process, with faults.
func process(c *fakeaws.Cloud, faults fakeaws.Intercept) locktest.Open {
	return func(clock lock.Clock) lock.Table {
		return s3.New(c.Config("p", faults), s3.Settings{Bucket: "states", Prefix: "/team/", PathStyle: true}, clock)
	}
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
		return locktest.Cloud{
			Open: func(faults fakeaws.Intercept) locktest.Open { return process(c, faults) }, Write: "PutObject",
			Delete: func() { c.SetObject("states", object, nil) },
			Trouble: map[string]func() *http.Response{
				"fault":     func() *http.Response { return fakeaws.Response(aws(), 500, nil, nil) },
				"throttled": func() *http.Response { return fakeaws.SlowDown(aws()) },
			},
		}
	})
}

// TestConformanceWithConflicts: every other conditional write meets another one that is in flight, before or after it
// had its effect.
func TestConformanceWithConflicts(t *testing.T) {
	for name, effect := range map[string]bool{"without effect": false, "with effect": true} {
		t.Run(name, func(t *testing.T) {
			locktest.Run(t, func(*testing.T) locktest.Open {
				writes := 0
				faults := func(call fakeaws.Call, serve func() *http.Response) (*http.Response, error) {
					if call.Operation != "PutObject" {
						return serve(), nil
					}
					if writes++; writes%2 == 0 {
						return serve(), nil
					}
					if effect {
						serve()
					}
					return fakeaws.ConditionalConflict(time.Now()), nil
				}
				return process(cloud(time.Now), faults)
			})
		})
	}
}

func TestObject(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cloud(time.Now)
		k := acquire(t, locktest.NewWorld(process(c, nil)).Process(4711, 0), lock.Options{})
		text := string(c.Objects("states", "")[object])
		for _, part := range []string{
			`"lockKey": "stack:shop:env:dev"`, `"lockedBy": "ann"`, `"lockId": "` + k.ID() + `"`, `"fence": 1`, `"rvn"`,
		} {
			require.Contains(t, text, part)
		}
		require.Len(t, c.Calls(), 2, "to look and to acquire")
		time.Sleep(31 * time.Second)
		require.Len(t, c.Calls(), 3, "one for each heartbeat")
		require.NoError(t, k.Release(t.Context(), 12))
		require.Len(t, c.Calls(), 4, "one to release")
		require.JSONEq(t, `{"lockKey": "stack:shop:env:dev", "fence": 1, "lastSerial": 12}`,
			string(c.Objects("states", "")[object]))
		for _, call := range c.Calls() {
			if call.Operation == "PutObject" {
				require.NotEqual(t, call.Header.Get("If-Match") == "", call.Header.Get("If-None-Match") == "")
			}
		}
	})
}

// Two teams with prefixes of their own do not share a lock.
func TestPrefixes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cloud(time.Now)
		for _, prefix := range []string{"", "a", "b/c/"} {
			l := locktest.NewWorld(func(clock lock.Clock) lock.Table {
				return s3.New(c.Config("p", nil), s3.Settings{Bucket: "states", Prefix: prefix, PathStyle: true}, clock)
			}).Process(1, 0)
			k := acquire(t, l, lock.Options{})
			defer func() { require.NoError(t, k.Release(t.Context(), 0)) }()
		}
		for _, name := range []string{"locks/shop/dev.json", "a/locks/shop/dev.json", "b/c/locks/shop/dev.json"} {
			require.Contains(t, c.Objects("states", ""), name)
		}
	})
}

// An organisation may refuse writes that do not request encryption.
func TestEncryptionIsAskedForInEveryWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cloud(time.Now)
		k := acquire(t, locktest.NewWorld(func(clock lock.Clock) lock.Table {
			return s3.New(c.Config("p", nil),
				s3.Settings{Bucket: "states", PathStyle: true, Encryption: "alias/state"}, clock)
		}).Process(1, 0), lock.Options{})
		time.Sleep(31 * time.Second)
		require.NoError(t, k.Release(t.Context(), 0))
		puts := 0
		for _, call := range c.Calls() {
			if call.Operation == "PutObject" {
				puts++
				require.Equal(t, "aws:kms", call.Header.Get("X-Amz-Server-Side-Encryption"))
				require.Equal(t, "alias/state", call.Header.Get("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id"))
			}
		}
		require.Equal(t, 3, puts)
	})
}

// A heartbeat that was under way for minutes arrives when somebody else holds the lock, or nobody does.
func TestALateHeartbeatChangesNothing(t *testing.T) {
	for name, after := range map[string]func(*testing.T, *lock.Locker) *lock.Lock{
		"released":   func(*testing.T, *lock.Locker) *lock.Lock { return nil },
		"taken over": func(t *testing.T, l *lock.Locker) *lock.Lock { return acquire(t, l, lock.Options{}) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, puts, late := cloud(time.Now), 0, make(chan func() *http.Response, 1)
				faults := func(call fakeaws.Call, serve func() *http.Response) (*http.Response, error) {
					if call.Operation == "PutObject" {
						if puts++; puts == 2 { // the first heartbeat
							late <- serve
							return nil, fakeaws.ErrReset
						}
					}
					return serve(), nil
				}
				k := acquire(t, locktest.NewWorld(process(c, faults)).Process(1, 0), lock.Options{})
				time.Sleep(31 * time.Second)
				serve := <-late
				require.NoError(t, k.Release(t.Context(), 0))
				next := after(t, locktest.NewWorld(process(c, nil)).Process(2, 0))
				before := c.Objects("states", "")
				require.Equal(t, http.StatusPreconditionFailed, serve().StatusCode)
				require.Equal(t, before, c.Objects("states", ""))
				if next != nil {
					require.NoError(t, next.Release(t.Context(), 0))
				}
			})
		})
	}
}

func TestMissingBucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := locktest.NewWorld(process(fakeaws.New(time.Now), nil)).Process(1, 0)
		_, err := l.Acquire(t.Context(), key, locktest.Owner("ann"), lock.Options{Timeout: time.Minute})
		var d *diag.Diagnostic
		require.ErrorAs(t, err, &d)
		require.Equal(t, diag.Invalid, d.Code)
		require.Contains(t, d.Next, "backend create --bucket states")
	})
}

func TestADamagedLockIsNobodysLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cloud(time.Now)
		c.SetObject("states", object, []byte("{"))
		l := locktest.NewWorld(process(c, nil)).Process(1, 0)
		_, acquired := l.Acquire(t.Context(), key, locktest.Owner("ann"), lock.Options{Timeout: time.Minute})
		_, read := l.Inspect(t.Context(), key)
		_, unlocked := l.ForceUnlock(t.Context(), key, "", true)
		for _, err := range []error{acquired, read, unlocked} {
			var d *diag.Diagnostic
			require.ErrorAs(t, err, &d)
			require.Equal(t, diag.Conflict, d.Code)
			require.Contains(t, d.Next, "aws s3 rm s3://states/team/locks/shop/dev.json")
		}
		require.Equal(t, "{", string(c.Objects("states", "")[object]))
	})
}

package session_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/lock"
	"github.com/company/deployer/internal/lock/dynamodb"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/state/s3"
	"github.com/company/deployer/internal/state/session"
	"github.com/company/deployer/internal/testkit/fakeaws"
)

var key = state.Key{Stack: "shop", Environment: "dev"}

const object, item = "stacks/shop/dev/state.json", "stack:shop:env:dev"

func cloud() *fakeaws.Cloud {
	c := fakeaws.New(time.Now)
	c.CreateBucket("states")
	c.CreateTable("locks")
	return c
}

var ids atomic.Int64

func newID() string { return fmt.Sprintf("id-%d", ids.Add(1)) }

// program is one process' access to the backend.
type program struct {
	locker *lock.Locker
	store  state.Store
}

func start(c *fakeaws.Cloud, name string, faults fakeaws.Intercept) program {
	return startOn(c, name, faults, lock.NewClock(time.Now), lock.Host{Hostname: name})
}

func startOn(c *fakeaws.Cloud, name string, faults fakeaws.Intercept, clock lock.Clock, host lock.Host) program {
	cfg := c.Config(name, faults)
	return program{
		locker: lock.New(dynamodb.New(cfg, dynamodb.Settings{Table: "locks", Bucket: "states"}, clock), clock, host,
			newID),
		store: s3.New(cfg, s3.Settings{Bucket: "states", PathStyle: true}).Store(key),
	}
}

func (p program) open(ctx context.Context, change func(*session.Options)) (*session.Session, error) {
	o := session.Options{Key: key, Owner: lock.Owner{Who: "ann"}, Account: "1", Region: "r", NewID: newID}
	if change != nil {
		change(&o)
	}
	return session.Open(ctx, p.locker, p.store, o)
}

func payload(n int) *state.Payload {
	return &state.Payload{Stack: "shop", Environment: "dev", Account: "1", Region: "r", Deployment: n, At: time.Now()}
}

// A state of another stack, in another account, does not mean that the credentials are wrong: deploy reports it, and
// may replace it.
func TestStateOfAnotherStackHasNoPlace(t *testing.T) {
	c := cloud()
	p := start(c, "p", nil)
	e := &state.Envelope{Lineage: "other", Serial: 7, Writer: state.Writer{OpID: "o"}}
	require.NoError(t, e.SetPayload(&state.Payload{Stack: "other", Environment: "dev", Account: "2", Region: "r"}))
	_, err := p.store.Put(t.Context(), e, "")
	require.NoError(t, err)
	s, err := p.open(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, "other", s.Lineage())
	require.NoError(t, s.Close(t.Context()))
}

// deploy is a run that changes something.
func deploy(t *testing.T, p program, n int) {
	t.Helper()
	s, err := p.open(t.Context(), nil)
	require.NoError(t, err)
	require.NoError(t, s.Write(t.Context(), payload(n-1), []state.Intent{{Resource: "a:b", Action: state.Create}}))
	require.NoError(t, s.Write(t.Context(), payload(n), nil))
	require.NoError(t, s.Close(t.Context(), func(ctx context.Context) error {
		_, err := p.store.PutHistory(ctx, time.Now(), s.State())
		return err
	}))
}

// trips counts the sequential round trips of do. Every call takes ten milliseconds, so calls that began in the same
// millisecond ran in parallel.
func trips(c *fakeaws.Cloud, do func(program)) (operations []string) {
	var last time.Time
	p := start(c, "p", func(call fakeaws.Call, serve func() *http.Response) (*http.Response, error) {
		if now := time.Now(); now.Sub(last) >= 10*time.Millisecond {
			last, operations = now, append(operations, "")
		}
		operations[len(operations)-1] += " " + call.Operation
		answer := serve()
		time.Sleep(10 * time.Millisecond)
		return answer, nil
	})
	do(p)
	return operations
}

func TestRoundTrips(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cloud()
		require.Len(t, trips(c, func(p program) { deploy(t, p, 1) }), 4, "changing apply, first")
		time.Sleep(time.Second) // a name in the history is a second
		require.Len(t, trips(c, func(p program) { deploy(t, p, 2) }), 4, "changing apply")
		require.Len(t, trips(c, func(p program) {
			s, err := p.open(t.Context(), nil)
			require.NoError(t, err)
			require.NoError(t, s.Close(t.Context()))
		}), 2, "apply without changes")
		require.Len(t, trips(c, func(p program) {
			_, err := p.store.Get(t.Context())
			require.NoError(t, err)
		}), 1, "plan")
		require.Len(t, c.Versions("states", object), 4)
	})
}

func TestAStaleReadIsRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cloud()
		other := start(c, "other", nil)
		deploy(t, other, 1)
		first := true
		p := start(c, "p", func(call fakeaws.Call, serve func() *http.Response) (*http.Response, error) {
			if call.Operation == "UpdateItem" && first {
				first = false
				time.Sleep(time.Second) // the read, which runs beside this, is done
				deploy(t, other, 2)
			}
			return serve(), nil
		})
		s, err := p.open(t.Context(), nil)
		require.NoError(t, err)
		require.Equal(t, int64(4), s.Serial())
		require.False(t, s.MustClaim())
		require.NoError(t, s.Close(t.Context()))
	})
}

func TestAnOldStateIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cloud()
		p := start(c, "p", nil)
		deploy(t, p, 1)
		old := c.Versions("states", object)[0]
		for _, put := range [][]byte{old, nil} {
			c.SetObject("states", object, put)
			_, err := p.open(t.Context(), nil)
			requireCode(t, err, diag.Conflict, "State is older than it was")
			require.NotContains(t, c.Item("locks", item), "lockId", "the lock is not kept")
		}
	})
}

func TestWrongPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cloud()
		p := start(c, "p", nil)
		deploy(t, p, 1)
		for summary, change := range map[string]func(*session.Options){
			"Wrong AWS account":  func(o *session.Options) { o.Account = "2" },
			"Wrong AWS region":   func(o *session.Options) { o.Region = "elsewhere" },
			"State was replaced": func(o *session.Options) { o.Lineage = "foreign" },
		} {
			_, err := p.open(t.Context(), change)
			code := diag.Invalid
			if summary == "State was replaced" {
				code = diag.Conflict
			}
			requireCode(t, err, code, summary)
		}
		require.NotContains(t, c.Item("locks", item), "lockId")
	})
}

func TestMissingBucketDoesNotWaitForTheLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := fakeaws.New(time.Now)
		c.CreateTable("locks")
		k, err := start(c, "other", nil).locker.Acquire(t.Context(), lock.Key(key), lock.Owner{Who: "bob"},
			lock.Options{})
		require.NoError(t, err)
		began := time.Now()
		_, err = start(c, "p", nil).open(t.Context(), func(o *session.Options) { o.Lock.Timeout = time.Hour })
		requireCode(t, err, diag.Invalid, "Bucket does not exist")
		require.Less(t, time.Since(began), time.Minute)
		require.NoError(t, k.Release(t.Context(), 0))
	})
}

func TestDamagedStateReleasesTheLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cloud()
		c.SetObject("states", object, []byte("{"))
		_, err := start(c, "p", nil).open(t.Context(), nil)
		requireCode(t, err, diag.Conflict, "State is damaged")
		require.NotContains(t, c.Item("locks", item), "lockId")
	})
}

func TestADeletedLockItemDoesNotLowerTheFence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cloud()
		p := start(c, "p", nil)
		for n := range 5 {
			deploy(t, p, n+1)
		}
		c.DeleteItem("locks", item)
		s, err := p.open(t.Context(), nil)
		require.NoError(t, err)
		require.Equal(t, int64(6), s.Lock().Fence())
		require.NoError(t, s.Write(t.Context(), payload(6), nil))
		require.NoError(t, s.Close(t.Context()))
	})
}

func TestZombieIsFencedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cloud()
		asleep := false
		zombie := start(c, "zombie", func(_ fakeaws.Call, serve func() *http.Response) (*http.Response, error) {
			if asleep {
				return nil, fakeaws.ErrReset
			}
			return serve(), nil
		})
		z, err := zombie.open(t.Context(), nil)
		require.NoError(t, err)
		intents := []state.Intent{{Resource: "a:b", Action: state.Create, Name: "x"}}
		require.NoError(t, z.Write(t.Context(), payload(0), intents))
		asleep = true
		w, err := start(c, "winner", nil).open(t.Context(), func(o *session.Options) {
			o.Lock.Timeout = 8 * time.Minute
		})
		require.NoError(t, err)
		require.True(t, w.MustClaim())
		require.Equal(t, intents, w.State().Intents)
		require.NoError(t, w.Write(t.Context(), payload(0), w.State().Intents))
		asleep = false
		require.Error(t, z.Lock().Guard())
		var lost *lock.LostError
		require.ErrorAs(t, context.Cause(z.Lock().Context()), &lost)
		err = z.Write(t.Context(), payload(1), nil)
		var conflict *state.ConflictError
		require.ErrorAs(t, err, &conflict)
		require.Greater(t, conflict.Current.Envelope.Fence, z.Lock().Fence())
		requireCode(t, err, diag.Conflict, "State was changed by someone else")
		rescue, err := z.Next(payload(1), nil)
		require.NoError(t, err)
		require.Equal(t, []any{int64(2), w.Lineage()}, []any{rescue.Serial, rescue.Lineage})
		require.NoError(t, z.Close(t.Context()))
		require.NoError(t, w.Write(t.Context(), payload(1), nil))
		require.NoError(t, w.Close(t.Context()))
	})
}

// TestAWriteBeforeTheClaimIsNoticed: the former holder's last write lands after the takeover, before the claim.
func TestAWriteBeforeTheClaimIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cloud()
		z, err := start(c, "zombie", nil).open(t.Context(), nil)
		require.NoError(t, err)
		require.NoError(t, z.Write(t.Context(), payload(0), nil))
		_, err = start(c, "p", nil).locker.ForceUnlock(t.Context(), lock.Key(key), "", true)
		require.NoError(t, err)
		w, err := start(c, "winner", nil).open(t.Context(), nil)
		require.NoError(t, err)
		require.True(t, w.MustClaim())
		require.NoError(t, z.Write(t.Context(), payload(1),
			[]state.Intent{{Resource: "late:one", Action: state.Delete}}))
		var moved *session.MovedError
		require.ErrorAs(t, w.Write(t.Context(), payload(0), nil), &moved)
		require.Equal(t, "late:one", w.State().Intents[0].Resource)
		require.NoError(t, w.Write(t.Context(), payload(0), w.State().Intents))
		require.Error(t, z.Write(t.Context(), payload(2), nil), "from now on the zombie is out")
		require.NoError(t, z.Close(t.Context()))
		require.NoError(t, w.Close(t.Context()))
	})
}

func requireCode(t *testing.T, err error, code diag.Code, summary string) {
	t.Helper()
	var d *diag.Diagnostic
	require.True(t, errors.As(err, &d), "%v", err)
	require.Equal(t, summary, d.Summary)
	require.Equal(t, code, d.Code)
}

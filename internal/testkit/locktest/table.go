package locktest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/lock"
)

var tableTests = map[string]func(*testing.T, lock.Table){
	"an unknown key is free": func(t *testing.T, table lock.Table) {
		r, err := table.Get(t.Context(), key)
		require.NoError(t, err)
		require.Equal(t, lock.Record{Key: key}, r)
	},
	"what was taken is seen": func(t *testing.T, table lock.Table) {
		want := record("a", "r1")
		got, err := table.Take(t.Context(), want, nil)
		require.NoError(t, err)
		want.Fence = 1
		requireRecord(t, want, got)
		other, err := table.Take(t.Context(), record("b", "r2"), nil)
		require.ErrorIs(t, err, lock.ErrHeld)
		requireRecord(t, want, other)
		read, err := table.Get(t.Context(), key)
		require.NoError(t, err)
		requireRecord(t, want, read)
	},
	"taking over needs the very record": func(t *testing.T, table lock.Table) {
		first, err := table.Take(t.Context(), record("a", "r1"), nil)
		require.NoError(t, err)
		beat := first
		beat.RVN = "r2"
		require.NoError(t, table.Beat(t.Context(), beat))
		now, err := table.Take(t.Context(), record("b", "r3"), &first)
		require.ErrorIs(t, err, lock.ErrHeld, "a heartbeat came in between")
		require.Equal(t, "r2", now.RVN)
		next := record("b", "r3")
		next.BootID, next.LockedBy = "", "" // must not keep what the holder before had
		second, err := table.Take(t.Context(), next, &now)
		require.NoError(t, err)
		next.Fence, next.Unclaimed = 2, true
		requireRecord(t, next, second)
	},
	"a heartbeat needs id and fence": func(t *testing.T, table lock.Table) {
		r, err := table.Take(t.Context(), record("a", "r1"), nil)
		require.NoError(t, err)
		r.RVN, r.LastHeartbeat, r.ExpiresAt = "r2", r.LastHeartbeat.Add(time.Minute), r.ExpiresAt.Add(time.Minute)
		require.NoError(t, table.Beat(t.Context(), r))
		read, err := table.Get(t.Context(), key)
		require.NoError(t, err)
		requireRecord(t, r, read)
		for _, wrong := range []lock.Record{
			{Key: key, ID: "b", Fence: 1},
			{Key: key, ID: "a", Fence: 2},
			{Key: lock.Key{Stack: "other", Environment: "dev"}, ID: "a", Fence: 1},
		} {
			wrong.RVN, wrong.LastHeartbeat, wrong.ExpiresAt = "r3", r.LastHeartbeat, r.ExpiresAt
			require.ErrorIs(t, table.Beat(t.Context(), wrong), lock.ErrLost)
		}
	},
	"freeing keeps fence and serial": func(t *testing.T, table lock.Table) {
		r, err := table.Take(t.Context(), record("a", "r1"), nil)
		require.NoError(t, err)
		require.ErrorIs(t, table.Free(t.Context(), lock.Record{Key: key, ID: "b"}), lock.ErrLost)
		require.ErrorIs(t, table.Free(t.Context(), lock.Record{Key: key, ID: "a", RVN: "r0"}), lock.ErrLost)
		require.NoError(t,
			table.Free(t.Context(), lock.Record{Key: key, ID: "a", RVN: "r1", LastSerial: 7, Unclaimed: true}))
		require.ErrorIs(t, table.Free(t.Context(), r), lock.ErrLost, "twice")
		free, err := table.Get(t.Context(), key)
		require.NoError(t, err)
		require.Equal(t, lock.Record{Key: key, Fence: 1, LastSerial: 7, Unclaimed: true}, free)
		again, err := table.Take(t.Context(), record("c", "r2"), nil)
		require.NoError(t, err)
		require.Equal(t, []any{int64(2), int64(7), true}, []any{again.Fence, again.LastSerial, again.Unclaimed})
		require.NoError(t, table.Free(t.Context(), lock.Record{Key: key, ID: "c"}))
		free, err = table.Get(t.Context(), key)
		require.NoError(t, err)
		require.Equal(t, lock.Record{Key: key, Fence: 2, LastSerial: 7}, free, "no serial given: the old one stays")
	},
	"only the holder raises the fence": func(t *testing.T, table lock.Table) {
		r, err := table.Take(t.Context(), record("a", "r1"), nil)
		require.NoError(t, err)
		require.ErrorIs(t, table.Raise(t.Context(), lock.Record{Key: key, ID: "b"}, 100), lock.ErrLost)
		require.NoError(t, table.Raise(t.Context(), r, 100))
		require.ErrorIs(t, table.Beat(t.Context(), r), lock.ErrLost, "the old fence does not beat any more")
		now, err := table.Get(t.Context(), key)
		require.NoError(t, err)
		require.Equal(t, int64(100), now.Fence)
	},
	"one of many gets it": func(t *testing.T, table lock.Table) {
		var mu sync.Mutex
		won := 0
		var all sync.WaitGroup
		for i := range 16 {
			all.Go(func() {
				_, err := table.Take(t.Context(), record(fmt.Sprint("racer-", i), "r"), nil)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					won++
				} else if !errors.Is(err, lock.ErrHeld) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		require.Equal(t, 1, won)
		now, err := table.Get(t.Context(), key)
		require.NoError(t, err)
		require.Equal(t, int64(1), now.Fence)
	},
}

func record(id, rvn string) lock.Record {
	at := time.Date(2024, 1, 15, 10, 30, 0, 0, time.UTC)
	return lock.Record{
		Key: key, ID: id, LockedBy: "ann@example.com", LockedAt: at, ExpiresAt: at.Add(time.Hour), LastHeartbeat: at,
		Heartbeat: 30 * time.Second, RVN: rvn, BootID: "boot", PIDNamespace: "pid:[1]", ProcessStart: "99",
		Metadata: map[string]string{"hostname": "laptop", "pid": "4711", "version": "1.2.3"},
	}
}

func requireRecord(t *testing.T, want, got lock.Record) {
	t.Helper()
	for _, at := range []*time.Time{
		&got.LockedAt, &got.ExpiresAt, &got.LastHeartbeat, &want.LockedAt, &want.ExpiresAt,
		&want.LastHeartbeat,
	} {
		*at = at.UTC()
	}
	require.Equal(t, want, got)
	require.Equal(t, 4711, got.PID())
}

package observe

import (
	"context"
	"slices"
	"strings"

	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/lock"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/state"
)

// Locks lists the held locks of all states in the backend, and of the given keys, which may never have been deployed.
func Locks(ctx context.Context, b *backend.Backend, also []state.Key) ([]report.Lock, error) {
	entries, err := b.List(ctx)
	if err != nil {
		return nil, err
	}
	keys := slices.Clone(also)
	for _, e := range entries {
		keys = append(keys, e.Key)
	}
	slices.SortFunc(keys, func(a, b state.Key) int { return strings.Compare(a.String(), b.String()) })
	keys = slices.Compact(keys)
	ask := make([]lock.Key, len(keys))
	for i, k := range keys {
		ask[i] = lock.Key(k)
	}
	if len(ask) == 0 { // "nothing is locked" needs a table that exists
		_, err := b.Locker.Inspect(ctx, lock.Key{})
		return []report.Lock{}, err
	}
	held, err := b.Locker.List(ctx, ask)
	out := []report.Lock{}
	for _, record := range held {
		out = append(out, *lockOf(b, record))
	}
	return out, err
}

// Lock returns who holds the lock of a key, nil when nobody does.
func Lock(ctx context.Context, b *backend.Backend, key state.Key) (*report.Lock, error) {
	record, err := b.Locker.Inspect(ctx, lock.Key(key))
	if err != nil || !record.Held() {
		return nil, err
	}
	return lockOf(b, record), nil
}

func lockOf(b *backend.Backend, record lock.Record) *report.Lock {
	return &report.Lock{
		Stack: record.Key.Stack, Environment: record.Key.Environment, ID: record.ID, By: record.LockedBy,
		At:      record.LockedAt,
		Expires: record.ExpiresAt, LastHeartbeat: record.LastHeartbeat, Alive: b.Locker.Liveness(record) != lock.Dead,
		Metadata: record.Metadata,
	}
}

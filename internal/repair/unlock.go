package repair

import (
	"context"

	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/lock"
	"github.com/company/deployer/internal/state"
)

// Unlock breaks the lock of a key and returns who held it.
func Unlock(ctx context.Context, b *backend.Backend, key state.Key, id string, force bool) (string, error) {
	record, err := b.Locker.ForceUnlock(ctx, lock.Key(key), id, force)
	return record.LockedBy, err
}

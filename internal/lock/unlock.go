package lock

import (
	"context"
	"errors"
	"fmt"

	"github.com/company/deployer/internal/diag"
)

// ForceUnlock frees the lock of an interrupted run. id, when given, must be the lock's (diag.Invalid). Without force it
// leaves alone a holder that may be alive (diag.Locked). It returns what was freed, or a *NotLockedError. It never
// frees a lock that changed hands meanwhile. The next holder must claim the state first.
func (l *Locker) ForceUnlock(ctx context.Context, key Key, id string, force bool) (Record, error) {
	var tried *Record
	for {
		now, err := l.table.Get(ctx, key)
		if err != nil {
			return Record{}, err
		}
		if id == "" {
			id = now.ID // a later holder is safe
		}
		switch {
		case !now.Held() && tried != nil:
			return *tried, nil // the answer was lost, or the holder released it first
		case !now.Held():
			return Record{}, &NotLockedError{key}
		case id != "" && now.ID != id:
			return now, diag.New(diag.Invalid, "Wrong lock ID",
				fmt.Sprintf("%s is held by %s under the ID %s, not %s. Nothing was unlocked.", key, now.Holder(),
					now.ID, id),
				"Check with `deployer locks show`: the run with that lock has ended.")
		case !force && l.Liveness(now) != Dead:
			d := diag.New(diag.Locked, "Lock holder may be alive",
				fmt.Sprintf("%s is held by %s; its last heartbeat was %s ago. Nothing was unlocked.", key,
					now.Holder(), ago(l.table.Now(), now.LastHeartbeat)),
				"Wait for that run or stop it. If you are sure that it has ended, unlock with --force.")
			d.Cause = &HeldError{now}
			return now, d
		}
		free := now
		free.Unclaimed = true
		if force {
			free.RVN = "" // a living holder changes it all the time
		}
		err = l.table.Free(ctx, free)
		if errors.Is(err, ErrLost) {
			tried = &now
			continue // it was released, beat, or changed hands: look again
		}
		return now, err
	}
}

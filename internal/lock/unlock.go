package lock

import (
	"context"
	"errors"
	"fmt"

	"github.com/company/deployer/internal/diag"
)

// ForceUnlock frees the lock of a run that is dead. id, when given, must be the lock's (diag.Invalid). A holder that
// may be alive is left alone without force (diag.Locked). It returns what was freed, or a *NotLockedError. A lock that
// changed hands meanwhile is never freed. The next to lock is told to claim the state first.
func (l *Locker) ForceUnlock(ctx context.Context, key Key, id string, force bool) (Record, error) {
	var tried *Record
	for {
		now, err := l.table.Get(ctx, key)
		if err != nil {
			return Record{}, err
		}
		if id == "" {
			id = now.ID // who comes after that one is safe
		}
		switch {
		case !now.Held() && tried != nil:
			return *tried, nil // the answer was lost, or the holder was quicker
		case !now.Held():
			return Record{}, &NotLockedError{key}
		case id != "" && now.ID != id:
			return now, diag.New(diag.Invalid, "Wrong lock ID",
				fmt.Sprintf("%s is held by %s under the ID %s, not %s. Nothing was unlocked.", key, now.Holder(),
					now.ID, id),
				"Look again with `deployer locks show`: the run that you had in mind has ended.")
		case !force && l.Liveness(now) != Dead:
			d := diag.New(diag.Locked, "Lock holder may be alive",
				fmt.Sprintf("%s is held by %s; its last heartbeat came %s ago. Nothing was unlocked.", key,
					now.Holder(), ago(l.table.Now(), now.LastHeartbeat)),
				"Wait for that run, stop it, or unlock with --force if you are sure that it is dead.")
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

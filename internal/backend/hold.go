package backend

import (
	"context"
	"fmt"
	"time"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/lock"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/state/session"
)

// Request says which lock is wanted, and how long to wait for it.
type Request struct {
	Key         state.Key
	LockTimeout time.Duration    // 0: fail at once
	Progress    func(plan.Event) // gets each event; never nil
}

// Hold takes the lock and reads the state, in parallel (steps 1 to 4 of the protocol).
// lineage is what the state gets if there is none yet; "": a new one.
func (b *Backend) Hold(ctx context.Context, req Request, where Place, lineage string) (*session.Session, error) {
	held, err := b.HoldWith(ctx, req, where, func(o *session.Options) { o.Lineage = lineage })
	if err != nil {
		return nil, b.Healing(ctx, req.Key, Early(ctx, err))
	}
	return held, nil
}

// HoldWith is Hold with other options; it returns errors about the state unchanged.
func (b *Backend) HoldWith(
	ctx context.Context, req Request, where Place, change func(*session.Options),
) (*session.Session, error) {
	locks := b.World.Settings.Locks
	if b.World.OnLock != nil {
		b.World.OnLock()
	}
	o := session.Options{
		Key: req.Key, Account: where.Account, Region: where.Region, NewID: b.NewID,
		Owner: lock.Owner{
			Who: b.Who(where), Version: b.World.Version,
			Metadata: map[string]string{"command": b.World.Command},
		},
		Lock: lock.Options{
			Timeout: req.LockTimeout, TTL: time.Duration(locks.TTL) * time.Second,
			Heartbeat: time.Duration(locks.Heartbeat) * time.Second,
			Notify: func(holder lock.Record, waited time.Duration) {
				req.Progress(plan.Event{
					Kind: plan.Waiting,
					Text: fmt.Sprintf("Waiting for the lock (%s): held since %s by %s",
						waited.Round(time.Second), holder.LockedAt.UTC().Format("2006-01-02 15:04:05 UTC"),
						holder.Holder()),
				})
			},
			Trouble: func(err error, lasted time.Duration) {
				if lasted < untold {
					return
				}
				trouble := diag.From(err)[0].Summary
				resource.Tell(ctx, fmt.Sprintf("Taking the lock: %s; still trying after %s", trouble,
					lasted.Round(time.Second)))
			},
		},
	}
	change(&o)
	return session.Open(ctx, b.Locker, b.Store(req.Key), o)
}

// Closing releases the lock of a run that ends early, and returns why it ended.
func Closing(held *session.Session, err error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(held.Lock().Context()), releaseTime)
	defer cancel()
	_ = held.Close(ctx) // a later run takes over a lock that cannot be released
	return err
}

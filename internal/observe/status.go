// Package observe reads the present and the past of stacks: status, details, history, locks. It only reads, in
// parallel.
//
// In: a Backend and a key. Out: reports, as data. It must not write to AWS, to the state or to the locks.
package observe

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/lock"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/state"
)

// Status asks AWS about everything in the state of a stack, or in the one component of that address. It reads state,
// account and lock in parallel, then all objects.
func Status(ctx context.Context, b *backend.Backend, key state.Key, address string) (*report.Status, error) {
	var stored *Deployed
	var holder lock.Record
	var first errgroup.Group
	first.Go(func() (err error) { stored, err = ReadPlace(ctx, b, key); return err })
	first.Go(func() error {
		// Without permission to read locks, everything else is shown. A run in progress then counts as interrupted.
		holder, _ = b.Locker.Inspect(ctx, lock.Key(key))
		return nil
	})
	if err := first.Wait(); err != nil {
		return nil, err
	}
	components, err := Select(stored, address)
	if err != nil {
		return nil, err
	}
	where, err := b.PlaceOf(ctx, stored.Snapshot.Envelope)
	if err != nil {
		return nil, err
	}
	e := examination{stored: stored, intents: map[string]bool{}, answers: map[string]answer{}}
	if stored.Payload.Status == state.InProgress {
		e.alive = holder.Held() && b.Locker.Liveness(holder) != lock.Dead
	}
	for _, i := range stored.Snapshot.Envelope.Intents {
		e.intents[i.Resource] = true
	}
	if err := e.ask(ctx, b.World.Types(where.Reading()), components); err != nil {
		return nil, err
	}
	return e.report(components), nil
}

package session

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/state"
)

// Write replaces the state by payload and intents, as one atomic commit. The first Write of a run is its claim. If
// somebody else wrote since the state was read and the lock is still ours, it returns a *MovedError, and the Session
// has the new state to plan from. After the claim, such a write means that this run was fenced out: a diag.Conflict
// that wraps a *state.ConflictError; then nothing can be written. After the claim it does not ask the lock's guard, so
// that changes can be recorded without contact to the lock; the condition on the state keeps that safe. One Write at a
// time.
func (s *Session) Write(ctx context.Context, payload *state.Payload, intents []state.Intent) error {
	next, err := s.Next(payload, intents)
	if err != nil {
		return err
	}
	if !s.claimed {
		if err := s.lock.Guard(); err != nil {
			return err
		}
	}
	var after state.Version
	switch {
	case s.base != nil:
		after = s.base.Version
	case s.damaged != nil:
		after = s.damaged.Version
	}
	version, err := s.store.Put(ctx, next, after)
	if err == nil {
		s.base, s.claimed = &state.Snapshot{Envelope: next, Version: version}, true
		return nil
	}
	var conflict *state.ConflictError
	if s.claimed || !errors.As(err, &conflict) {
		return err
	}
	if s.base, err = s.get(ctx); err != nil {
		return err
	}
	if err := s.accept(ctx); err != nil {
		return err
	}
	return &MovedError{Serial: s.Serial()}
}

// Next returns the envelope that Write would write; for a rescue file if Write fails.
func (s *Session) Next(payload *state.Payload, intents []state.Intent) (*state.Envelope, error) {
	next := &state.Envelope{
		Lineage: s.lineage, Serial: max(s.Serial(), s.floor) + 1, Fence: s.lock.Fence(), Intents: intents,
		Writer: state.Writer{LockID: s.lock.ID(), OpID: s.options.NewID()},
	}
	return next, next.SetPayload(payload)
}

// Close releases the lock, in parallel with alongside: the history, the derived copy. It returns all errors. A Session
// that wrote nothing leaves the lock as it found it.
func (s *Session) Close(ctx context.Context, alongside ...func(context.Context) error) error {
	failures := make([]error, len(alongside)+1)
	var all sync.WaitGroup
	for i, do := range alongside {
		all.Go(func() { failures[i] = do(ctx) })
	}
	written := int64(0)
	if s.claimed {
		written = s.Serial()
	}
	failures[len(alongside)] = s.lock.Release(ctx, written)
	all.Wait()
	s.end()
	return errors.Join(failures...)
}

// WrongAccount is the error that a stack is not in the account of the credentials.
func WrongAccount(deployed, used string) error {
	return diag.New(diag.Invalid, "Wrong AWS account",
		fmt.Sprintf("The stack is deployed in account %s, but the credentials in use belong to account %s.", deployed,
			used),
		"Use credentials of account "+deployed+": check AWS_PROFILE and aws.profile.")
}

// CheckPlace checks that a state belongs to that AWS account and region (an empty one is not compared); else it returns
// a diag.Invalid.
func CheckPlace(e *state.Envelope, account, region string) error {
	place, err := e.Place()
	if err != nil {
		return err
	}
	switch {
	case account != "" && place.Account != "" && account != place.Account:
		return WrongAccount(place.Account, account)
	case region != "" && place.Region != "" && region != place.Region:
		return diag.New(diag.Invalid, "Wrong AWS region",
			fmt.Sprintf("The stack is deployed in %s, but the configuration says %s. Moving to another region would "+
				"replace everything.", place.Region, region),
			"Set the region back to "+place.Region+", or deploy to the other region as an environment of its own.")
	}
	return nil
}

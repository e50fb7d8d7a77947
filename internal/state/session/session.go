// Package session combines a lock and a state for one run: who may write, what a write replaces, and how a run that
// lost its lock finds out before it does harm.
//
// In: a lock.Locker, a state.Store, facts about the run. Out: a Session with the current state. All writes of the run
// go through it. It contacts the backend as rarely as is safe: reading and locking in parallel, one call per write,
// history and release in parallel. It must not know what is deployed; deploy decides what to write and when.
package session

import (
	"context"
	"errors"
	"fmt"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/lock"
	"github.com/company/deployer/internal/state"
)

// Options of one run.
type Options struct {
	Key     state.Key
	Owner   lock.Owner
	Lock    lock.Options
	Account string // of the credentials in use; must be the state's. "": not compared
	Region  string // of the AWS resources; must be the state's. "": not compared
	Lineage string // that the state must have, when there is one: a saved plan's. "": any
	// Replace: this run writes a state of its own, so a missing or damaged state, or one older than the lock remembers,
	// is no error.
	Replace bool
	NewID   func() string // makes unique ids (UUIDs): of operations, and of the lineage of a first deployment
}

// Session is one run that holds the lock.
type Session struct {
	options Options
	store   state.Store
	lock    *lock.Lock
	base    *state.Snapshot     // what the next write replaces; nil: nothing, or nothing readable
	damaged *state.CorruptError // what the next write replaces, if that cannot be read
	floor   int64               // the next serial is higher than this one, too
	lineage string
	claimed bool
	end     func() // of the lock's context
}

// MovedError says that the state was changed between reading and claiming it, and that the Session now holds the new
// one: plan again.
type MovedError struct{ Serial int64 }

func (e *MovedError) Error() string {
	return fmt.Sprintf("another run changed the state: it has serial %d now", e.Serial)
}

// Open reads the state and acquires the lock, in parallel, and checks that they fit together. On an error it holds
// nothing.
func Open(ctx context.Context, locker *lock.Locker, store state.Store, o Options) (*Session, error) {
	s := &Session{options: o, store: store}
	both, cancel := context.WithCancelCause(ctx)
	s.end = func() { cancel(nil) }
	read := make(chan error, 1)
	go func() {
		var err error
		s.base, err = s.get(both)
		if err == nil && s.base != nil {
			err = s.checkPlace() // reported at once, whoever holds the lock
		}
		if err != nil {
			cancel(err) // a missing bucket need not wait for the lock
		}
		read <- err
	}()
	var lockErr error
	s.lock, lockErr = locker.Acquire(both, lock.Key(o.Key), o.Owner, o.Lock)
	// Open waits for the read even without a lock: credentials of another account may be the reason for a missing
	// table.
	err := <-read
	if err == nil {
		err = lockErr
	}
	if err == nil {
		err = s.agree(ctx)
	}
	if err == nil {
		return s, nil
	}
	if lockErr == nil {
		err = errors.Join(err, s.lock.Release(context.WithoutCancel(ctx), 0))
	}
	s.end()
	return nil, err
}

// get returns the state, nil when there is none.
func (s *Session) get(ctx context.Context) (*state.Snapshot, error) {
	s.damaged = nil
	snapshot, err := s.store.Get(ctx)
	var corrupt *state.CorruptError
	switch {
	case errors.Is(err, state.ErrNotFound):
		return nil, nil
	case s.options.Replace && errors.As(err, &corrupt):
		s.damaged = corrupt
		return nil, nil
	}
	return snapshot, err
}

// OldError says that the state is older than the one that the last run left.
type OldError struct{ Serial, Left int64 }

func (e *OldError) Error() string {
	return fmt.Sprintf("the state has serial %d, the last run left serial %d", e.Serial, e.Left)
}

// agree makes state and lock fit: the state is not older than the lock remembers, is the expected one, and was written
// under a lower fence than ours.
func (s *Session) agree(ctx context.Context) error {
	var err error
	if s.lock.Waited() {
		if s.base, err = s.get(ctx); err != nil {
			return err
		}
	}
	if s.Serial() < s.lock.LastSerial() { // read before the former holder's last write
		if s.base, err = s.get(ctx); err != nil {
			return err
		}
		if s.Serial() < s.lock.LastSerial() && !s.options.Replace {
			d := diag.New(diag.Conflict, "State is older than it was",
				fmt.Sprintf("%s has serial %d, but the last run left serial %d: somebody restored an old state, or "+
					"removed it.", s.options.Key, s.Serial(), s.lock.LastSerial()),
				"Restore the newest version: deployer state restore")
			d.Cause = &OldError{s.Serial(), s.lock.LastSerial()}
			return d
		}
		s.floor = s.lock.LastSerial()
	}
	return s.accept(ctx)
}

// checkPlace is CheckPlace of the state. It skips a state of another stack: deploy reports that, which is worse.
func (s *Session) checkPlace() error {
	if of, err := s.base.Envelope.Place(); err == nil &&
		(state.Key{Stack: of.Stack, Environment: of.Environment}) != s.options.Key {
		return nil
	}
	return CheckPlace(s.base.Envelope, s.options.Account, s.options.Region)
}

func (s *Session) accept(ctx context.Context) error {
	if s.base == nil {
		if s.lineage == "" {
			s.lineage = s.options.Lineage
		}
		if s.lineage == "" {
			s.lineage = s.options.NewID()
		}
		return nil
	}
	e := s.base.Envelope
	if wanted := s.options.Lineage; wanted != "" && wanted != e.Lineage {
		return diag.New(diag.Conflict, "State was replaced",
			fmt.Sprintf("%s has the lineage %s, not %s: another run created it again.", s.options.Key, e.Lineage,
				wanted),
			"Plan again.")
	}
	s.lineage = e.Lineage
	if err := s.checkPlace(); err != nil {
		return err
	}
	if e.Fence >= s.lock.Fence() {
		return s.lock.RaiseFence(ctx, e.Fence)
	}
	return nil
}

// Outrank makes the next write a successor of e, which is about to replace the state: of its lineage, with a higher
// serial and no lower fence. The caller decides whether e may replace it.
func (s *Session) Outrank(ctx context.Context, e *state.Envelope) error {
	s.lineage, s.floor = e.Lineage, max(s.floor, e.Serial)
	if e.Fence >= s.lock.Fence() {
		return s.lock.RaiseFence(ctx, e.Fence)
	}
	return nil
}

// DamagedLineage is the lineage of an unreadable state (with Options.Replace), if the lineage can be read; else "".
func (s *Session) DamagedLineage() string {
	if s.damaged == nil {
		return ""
	}
	return s.damaged.Lineage()
}

// Serial of the state, 0 when there is none.
func (s *Session) Serial() int64 {
	if s.base == nil {
		return 0
	}
	return s.base.Envelope.Serial
}

// State is the current state: as it was read, or as this run last wrote it. Nil when there is none yet.
func (s *Session) State() *state.Envelope {
	if s.base == nil {
		return nil
	}
	return s.base.Envelope
}

// Lineage is the lineage of the state; for a first deployment the one that it will get.
func (s *Session) Lineage() string { return s.lineage }

// Who is the person or job behind the run.
func (s *Session) Who() string { return s.options.Owner.Who }

// Lock is the lock of the run. Everything that changes AWS uses its context and its guard.
func (s *Session) Lock() *lock.Lock { return s.lock }

// MustClaim reports whether a former run was interrupted: claim the state with its intents and resolve them before
// planning.
func (s *Session) MustClaim() bool {
	return s.lock.TookOver() || s.base != nil && len(s.base.Envelope.Intents) > 0
}

package backend

import (
	"context"
	"errors"
	"fmt"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/state"
)

// Read returns the state; it is an error when there is none.
func (b *Backend) Read(ctx context.Context, key state.Key) (*state.Stored, error) {
	s, err := b.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return nil, b.Nothing(ctx, key)
	}
	return s, nil
}

// Nothing is the error of a command that needs a state but finds none: the stack was never deployed, or its state is
// missing or elsewhere.
func (b *Backend) Nothing(ctx context.Context, key state.Key) error {
	if _, err := b.LeftBehind(ctx, key); err != nil { // without access to AWS, the history alone decides
		return err
	}
	d := diag.New(diag.Invalid, "Nothing deployed", fmt.Sprintf("There is no state of %s in %s.", key, b.Location()),
		"Deploy it first: deployer apply --stack "+key.Stack+" -e "+key.Environment)
	d.Cause = &NothingError{key}
	return d
}

// NothingError says that a stack has no state in an environment.
type NothingError struct{ Key state.Key }

func (e *NothingError) Error() string { return e.Key.String() + " has no state" }

// Get gets the state; nil when there is none.
func (b *Backend) Get(ctx context.Context, key state.Key) (*state.Stored, error) {
	snapshot, err := b.Store(key).Get(ctx)
	if errors.Is(err, state.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, b.Healing(ctx, key, err)
	}
	s, err := state.Load(key, snapshot.Envelope)
	if err != nil {
		return nil, b.Healing(ctx, key, err)
	}
	s.Snapshot = snapshot
	return s, nil
}

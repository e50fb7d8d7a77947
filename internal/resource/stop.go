package resource

import (
	"context"
)

// Stoppable is a Behaviour whose objects AWS may be changing at present, in a way that can be stopped: the rollout of a
// service. Typed is one; the field Stopping says whether a type can do that.
type Stoppable interface {
	// Underway says which change of an object is in progress: "in progress for 2m". Empty: none. It only
	// reads.
	Underway(ctx context.Context, o Observed) (string, error)
	// Stop orders AWS to end the change at once and to go back to what was before. It does not wait for that. If
	// nothing is in progress any more, it returns no error.
	Stop(ctx context.Context, o Observed) error
}

// Stopping is what a typed resource type needs to be Stoppable.
type Stopping[P, O any] struct {
	Underway func(ctx context.Context, w Watched[P, O]) (string, error) // implements Stoppable.Underway
	Stop     func(ctx context.Context, w Watched[P, O]) error           // implements Stoppable.Stop
}

// Underway implements Stoppable.
func (t *Typed[P, O]) Underway(ctx context.Context, o Observed) (string, error) {
	if t.Stopping.Underway == nil {
		return "", nil
	}
	w, err := t.watched(o)
	if err != nil {
		return "", err
	}
	return t.Stopping.Underway(ctx, w)
}

// Stop implements Stoppable.
func (t *Typed[P, O]) Stop(ctx context.Context, o Observed) error {
	if t.Stopping.Stop == nil {
		return nil
	}
	w, err := t.watched(o)
	if err != nil {
		return err
	}
	return t.Stopping.Stop(ctx, w)
}

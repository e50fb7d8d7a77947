package resource

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/company/deployer/internal/value"
)

// Create implements Behaviour.
func (t *Typed[P, O]) Create(ctx context.Context, req Request) (State, error) {
	ctx = expecting(ctx, &t.Def, true)
	c, err := t.call(req)
	if err != nil {
		return State{}, err
	}
	if t.finds() && (t.Def.FindFirst || req.Adopt) {
		id, tags, err := t.find(ctx, c)
		if err == nil {
			return t.adopt(ctx, c, id, tags)
		}
		if !errors.Is(err, ErrNotFound) {
			return State{}, err
		}
	}
	id, out, err := t.CreateObject(ctx, c)
	if errors.Is(err, ErrExists) && t.finds() {
		foundID, tags, findErr := t.find(ctx, c)
		if errors.Is(findErr, ErrNotFound) {
			if id, out, err = t.createAfter(ctx, c, foundID, findErr); !errors.Is(err, ErrExists) {
				return t.begun(ctx, c, id, out, err)
			}
			foundID, tags, findErr = t.find(ctx, c) // the answer to the create was lost
		}
		if findErr != nil {
			return State{}, errors.Join(err, findErr)
		}
		return t.adopt(ctx, c, foundID, tags)
	}
	return t.begun(ctx, c, id, out, err)
}

// createAfter creates an object after the former one that had its name. A read says of that one that it is gone, or
// that AWS is deleting it.
func (t *Typed[P, O]) createAfter(
	ctx context.Context, c Call[P, O], former string, read error,
) (id string, out O, err error) {
	if errors.Is(read, ErrDeleting) && t.AwaitGone != nil {
		c.Progress("waiting until AWS has deleted the former " + former)
		leaving := c
		leaving.ID = former
		if err := t.AwaitGone(ctx, leaving); err != nil {
			return "", out, err
		}
	}
	return t.CreateObject(ctx, c)
}

// begun records an object that AWS has begun to make, and waits until it is usable.
func (t *Typed[P, O]) begun(ctx context.Context, c Call[P, O], id string, out O, err error) (State, error) {
	if err == nil && t.AwaitReady != nil && c.Started != nil {
		state := State{ID: id, Inputs: value.Encode(c.Props), Outputs: value.Encode(out)}
		if err := c.Started(state); err != nil {
			return State{}, &PartialError{State: state, Err: err}
		}
	}
	return t.ready(ctx, c, id, out, err)
}

// ready waits until an object is usable after a create or update without an error.
func (t *Typed[P, O]) ready(ctx context.Context, c Call[P, O], id string, out O, err error) (State, error) {
	if err == nil && t.AwaitReady != nil {
		c.ID, c.Out = id, out
		if out, err = t.AwaitReady(ctx, c); err != nil {
			err = &Unfinished[P, O]{ID: id, Props: c.Props, Out: c.Out, Err: err}
		}
	}
	return t.result(id, c.Props, out, err)
}

// adopt takes over an object that an earlier, interrupted run made, and brings it to what is wanted now.
func (t *Typed[P, O]) adopt(ctx context.Context, c Call[P, O], id string, tags map[string]string) (State, error) {
	known := c.InState != nil && c.InState(id)
	nameless, err := t.nameless(ctx, c, id, tags)
	if err != nil {
		return State{}, err
	}
	if known || !t.mine(c, tags) && !nameless {
		return State{}, &OwnedError{Type: t.Def.Type, Name: id, Tags: tags}
	}
	c.Progress("adopting " + id + ", which exists already")
	c.ID = id
	actual, out, err := t.ReadObject(ctx, c)
	if err != nil {
		return State{}, err
	}
	state, err := t.converge(ctx, c, actual, out, nameless)
	state.Adopted = true
	return state, err
}

// nameless calls Untagged for an object without tags.
func (t *Typed[P, O]) nameless(ctx context.Context, c Call[P, O], id string, tags map[string]string) (bool, error) {
	if len(tags) > 0 || !c.Adopt || !t.Taggable || t.Untagged == nil {
		return false, nil
	}
	return t.Untagged(ctx, c, id)
}

// mine reports whether an object of the wanted name with those tags was made by a run of this stack.
func (t *Typed[P, O]) mine(c Call[P, O], tags map[string]string) bool {
	return c.Owns(tags) || !t.Taggable
}

// converge updates what differs. An object without our tags is always updated, which restores the tags.
func (t *Typed[P, O]) converge(ctx context.Context, c Call[P, O], actual P, out O, untagged bool) (State, error) {
	diff := Compare(&t.Def, value.Encode(actual), c.Inputs)
	if len(t.Def.Fixed(diff.Replace)) > 0 {
		return State{}, fmt.Errorf("%s exists and belongs to the stack, but AWS cannot change its %s to the desired "+
			"value without a replacement: delete it, then apply again", c.ID, strings.Join(diff.Replace, ", "))
	}
	if len(diff.Changes) == 0 && !untagged || t.UpdateObject == nil {
		return t.ready(ctx, c, c.ID, out, nil)
	}
	c.Old, c.Out = actual, out
	out, err := t.UpdateObject(ctx, c)
	return t.ready(ctx, c, c.ID, out, err)
}

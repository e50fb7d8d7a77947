package resource

import (
	"context"
	"errors"
	"strings"

	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/value"
)

// Read implements Behaviour.
func (t *Typed[P, O]) Read(ctx context.Context, req Request) (State, bool, error) {
	c, err := t.call(req)
	if err != nil {
		return State{}, false, err
	}
	c.Seen = &Seen{}
	props, out, err := t.ReadObject(ctx, c)
	if errors.Is(err, ErrNotFound) {
		return State{ID: req.ID, Deleting: errors.Is(err, ErrDeleting)}, false, nil
	}
	if err != nil {
		return State{}, false, err
	}
	return State{
		ID: req.ID, Inputs: value.Encode(props), Outputs: value.Encode(out),
		Repair: untagged(c.Seen.Tags, req), Note: c.Seen.Note, Unread: c.Seen.Unread,
	}, true, nil
}

// untagged names our tags that an object has lost; "": none, or nobody looked.
func untagged(object map[string]string, req Request) string {
	ours := req.Tags
	if object == nil || ours[TagStack] == "" {
		return ""
	}
	var lost []string
	for _, key := range []string{TagStack, TagEnvironment, TagComponent, TagLineage} {
		if ours[key] != "" && object[key] != ours[key] &&
			!(key == TagComponent && req.Before != "" && object[key] == req.Before) {
			lost = append(lost, key)
		}
	}
	if lost == nil {
		return ""
	}
	return repairing + strings.Join(lost, ", ")
}

// repairing is the beginning of every State.Repair.
const repairing = "its tags were changed outside of deployer: "

// IsRepair reports whether a text is a State.Repair, and not the error of a failed rollout.
func IsRepair(text string) bool { return strings.HasPrefix(text, repairing) }

// Obstacles implements Obstructed.
func (t *Typed[P, O]) Obstacles(ctx context.Context, req Request, stack Neighbours) ([]plan.Obstacle, error) {
	if t.InTheWay == nil {
		return nil, nil
	}
	c, err := t.call(req)
	if err != nil {
		return nil, err
	}
	found, err := t.InTheWay(ctx, c, stack)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	return found, err
}

// Additions implements Host.
func (t *Typed[P, O]) Additions(ctx context.Context, req Request, stack Neighbours) ([]Addition, error) {
	if t.Added == nil {
		return nil, nil
	}
	c, err := t.call(req)
	if err != nil {
		return nil, err
	}
	found, err := t.Added(ctx, c, stack)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	return found, err
}

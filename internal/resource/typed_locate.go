package resource

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/company/deployer/internal/value"
)

// Locate implements Locator.
func (t *Typed[P, O]) Locate(ctx context.Context, req Request) (State, bool, error) {
	c := Call[P, O]{Request: req}
	value.Decode(req.Inputs, &c.Props) // missing values were not known when the run was interrupted
	c.Old = c.Props
	ids, err := t.candidates(ctx, c)
	if err != nil {
		return State{}, false, err
	}
	for _, id := range ids {
		c.ID = id
		props, out, err := t.ReadObject(ctx, c)
		if errors.Is(err, ErrNotFound) {
			continue // AWS still lists it
		}
		if err != nil {
			return State{}, false, err
		}
		return State{ID: id, Inputs: value.Encode(props), Outputs: value.Encode(out)}, true, nil
	}
	return State{}, false, nil
}

// candidates are the objects that runs of this stack made for the resource and that are not in the state.
func (t *Typed[P, O]) candidates(ctx context.Context, c Call[P, O]) (ids []string, err error) {
	if !t.finds() || !t.findable(c.Inputs) {
		if t.Marked == nil {
			return nil, errors.ErrUnsupported
		}
		all, err := t.Marked(ctx, c)
		for _, found := range all {
			if c.Marks(found.ID, found.Tags) {
				ids = append(ids, found.ID)
			}
		}
		return ids, err
	}
	id, tags, err := t.find(ctx, c)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	nameless, err := t.nameless(ctx, c, id, tags)
	if err != nil {
		return nil, err
	}
	if !t.mine(c, tags) && !nameless || c.InState != nil && c.InState(id) {
		return nil, nil
	}
	return []string{id}, nil
}

// finds reports whether the type can find objects by their names.
func (t *Typed[P, O]) finds() bool { return t.Find != nil || t.Named != "" }

// find calls Find, or reads the object whose id is the wanted name.
func (t *Typed[P, O]) find(ctx context.Context, c Call[P, O]) (id string, tags map[string]string, err error) {
	if t.Find != nil {
		return t.Find(ctx, c)
	}
	c.ID = c.Inputs.Get(t.Named).Str()
	c.Old, c.Seen = c.Props, &Seen{}
	_, _, err = t.ReadObject(ctx, c)
	return c.ID, c.Seen.Tags, err
}

// findable reports whether Find can find the object with those properties.
func (t *Typed[P, O]) findable(inputs value.Value) bool {
	if inputs.IsNull() {
		return true
	}
	known := func(name string) bool { return !inputs.Get(name).IsNull() && inputs.Get(name).Known() }
	for _, names := range t.Def.FoundBy {
		if !slices.ContainsFunc(strings.Split(names, "|"), known) {
			return false
		}
	}
	return t.Def.HashedName == "" || known(t.Def.HashedName) && inputs.Get(t.Def.HashedName).Str() != ""
}

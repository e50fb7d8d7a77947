package resource

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/value"
)

// Typed is a Behaviour written with the type's own properties P and outputs O (structs that value.Encode takes). It
// adds what all types share: hashed names, decoding, adoption, and deletes and updates that may be repeated.
type Typed[P, O any] struct {
	Def Definition

	// CheckProps completes and checks properties; unknown ones are unset Of fields or hold Unknown. Optional.
	CheckProps func(*P) []value.Problem
	// CreateObject makes the object. If the name is taken, it returns ErrExists (wrapped), for a half-made object a
	// *Unfinished error. With AwaitReady it returns as soon as AWS has given the id, and does not wait.
	CreateObject func(ctx context.Context, c Call[P, O]) (id string, out O, err error)
	// ReadObject returns the object's real properties and its outputs. Properties that AWS does not return are copied
	// from c.Old. ErrNotFound (wrapped) if the object is gone.
	ReadObject func(ctx context.Context, c Call[P, O]) (P, O, error)
	// UpdateObject changes the object in place, from c.Old to c.Props. Optional for types whose properties are all in
	// ReplaceOn.
	UpdateObject func(ctx context.Context, c Call[P, O]) (O, error)
	// AwaitReady waits until the object is usable, at its own pace (see call.Wait), and returns its outputs. It is
	// called after CreateObject and after UpdateObject: for an object that is ready it costs one read. The id is
	// recorded before, so a killed run loses nothing: the next run waits again. After an error the object stays
	// recorded, as after *Unfinished. Optional.
	AwaitReady func(ctx context.Context, c Call[P, O]) (O, error)
	// DeleteObject deletes the object and waits until it is gone; ErrNotFound counts as done.
	DeleteObject func(ctx context.Context, c Call[P, O]) error
	// InTheWay returns what prevents the delete of the object: see Obstructed. Optional.
	InTheWay func(ctx context.Context, c Call[P, O], stack Neighbours) ([]plan.Obstacle, error)
	// Added lists what others added to the object: see Host. Optional.
	Added func(ctx context.Context, c Call[P, O], stack Neighbours) ([]Addition, error)
	// Ahead asks before a run what AWS would refuse of it: see Foreseer. New objects have a zero Old. Optional.
	Ahead func(ctx context.Context, planned []Call[P, O], stack Neighbours, f *Foresight)
	// Find looks for an object of the wanted name. It returns id and tags, ErrNotFound (wrapped) if there is none. It
	// is called only if HashedName and Def.FoundBy are known. Optional: if AWS chooses the names of a type, there is
	// nothing to find.
	Find func(ctx context.Context, c Call[P, O]) (id string, tags map[string]string, err error)
	// Marked lists objects of the type, at least all that were made for the resource; Typed selects by Request.Marks.
	// It asks the type's own service, with a filter by tag if the service has one: the tag index learns of new objects
	// too late. It is called instead of Find if an interrupted run did not know what Find needs, such as the id of a
	// VPC
	// that the same run made. Optional: for taggable types with FoundBy, or with a HashedName that depends on such ids.
	Marked func(ctx context.Context, c Call[P, O]) ([]Found, error)
	// Taggable is false for types that cannot carry tags: only their deterministic name says that an object is ours.
	// Objects of other types have our tags from their create call on: an untagged object is somebody else's, whatever a
	// dead run intended.
	Taggable bool
	// Untagged reports whether an object of the wanted name without any tags may be ours: a run may have made it and
	// died before it could tag it. It is called only if a run intended that create. Optional: for types that AWS cannot
	// tag everywhere in the create call.
	Untagged func(ctx context.Context, c Call[P, O], id string) (bool, error)
	// Observe is what the type can tell status, logs and metrics about its objects. Optional.
	Observe Observing[P, O]
	// Stopping ends a change that AWS is making to an object. Optional.
	Stopping Stopping[P, O]

	complete sync.Once // of Def
}

// Call is one operation as a typed resource type sees it.
type Call[P, O any] struct {
	Request
	Props P // desired
	Old   P // recorded, zero for a create
	Out   O // recorded outputs, zero for a create
}

// Unfinished is returned by CreateObject and UpdateObject if the object exists but is not as wanted: a failed rollout.
// Props and Out are the object's real ones. Out is zero if it could not be read; then the next update reads it first.
type Unfinished[P, O any] struct {
	ID    string
	Props P
	Out   O
	Err   error
}

func (u *Unfinished[P, O]) Error() string { return u.Err.Error() }
func (u *Unfinished[P, O]) Unwrap() error { return u.Err }

// Definition implements Behaviour.
func (t *Typed[P, O]) Definition() *Definition {
	t.complete.Do(func() {
		t.Def.Properties = func() value.Shape { return value.ShapeOf(reflect.TypeFor[P]()) }
		t.Def.Outputs = value.Fields[O]()
		for _, name := range value.Fields[P]() {
			if !slices.Contains(t.Def.Outputs, name) && !slices.Contains(t.Def.WriteOnly, name) {
				t.Def.Outputs = append(t.Def.Outputs, name)
			}
		}
	})
	return &t.Def
}

// Check implements Behaviour.
func (t *Typed[P, O]) Check(inputs value.Value) (value.Value, []value.Problem) {
	var props P
	problems := value.Decode(inputs, &props)
	if len(problems) > 0 {
		return inputs, problems
	}
	if t.CheckProps != nil {
		problems = t.CheckProps(&props)
	}
	checked := value.Encode(props)
	if t.Def.HashedName != "" {
		checked = checked.With(t.Def.HashedName, t.hashedName(checked))
	}
	return checked, problems
}

// hashedName is the name that Check makes from the prefix; Unknown while one of the hashed properties is Unknown.
func (t *Typed[P, O]) hashedName(props value.Value) value.Value {
	prefix := props.Get(t.Def.HashedName)
	if !prefix.Known() {
		return value.NewUnknown()
	}
	var texts []string
	for _, name := range t.Def.ReplaceOn {
		if name == t.Def.HashedName {
			continue
		}
		v := props.Get(name)
		if !v.Known() {
			return value.NewUnknown()
		}
		if before, later := t.Def.HashedLater[name]; later && value.Equal(v, before) {
			continue
		}
		texts = append(texts, name+"="+v.String())
	}
	name := Rename(t.Def.NameLimit, prefix.Str(), texts...)
	for t.Def.NamePlain && strings.Contains(name, "--") {
		name = strings.ReplaceAll(name, "--", "-")
	}
	return value.NewString(name)
}

func (t *Typed[P, O]) call(req Request) (Call[P, O], error) {
	c := Call[P, O]{Request: req}
	if req.Tags != nil { // set for calls that make or change objects; others only read
		c.Tags = maps.Clone(req.Tags)
		c.Tags[TagResource] = req.Resource
	}
	var problems []value.Problem
	if !req.Inputs.IsNull() {
		problems = append(problems, value.Decode(req.Inputs, &c.Props)...)
	}
	if !req.Old.Inputs.IsNull() {
		problems = append(problems, value.Decode(req.Old.Inputs, &c.Old)...)
	}
	if !req.Old.Outputs.IsNull() {
		problems = append(problems, value.Decode(req.Old.Outputs, &c.Out)...)
	}
	if len(problems) > 0 {
		return c, fmt.Errorf("%s: stored or resolved properties do not fit the type %s: %w", req.Resource, t.Def.Type,
			problems[0])
	}
	return c, nil
}

// Create implements Behaviour.
func (t *Typed[P, O]) Create(ctx context.Context, req Request) (State, error) {
	ctx = expecting(ctx, &t.Def, true)
	c, err := t.call(req)
	if err != nil {
		return State{}, err
	}
	if t.Find != nil && (t.Def.FindFirst || req.Adopt) {
		id, tags, err := t.Find(ctx, c)
		if err == nil {
			return t.adopt(ctx, c, id, tags)
		}
		if !errors.Is(err, ErrNotFound) {
			return State{}, err
		}
	}
	id, out, err := t.CreateObject(ctx, c)
	if errors.Is(err, ErrExists) && t.Find != nil {
		foundID, tags, findErr := t.Find(ctx, c)
		if findErr != nil {
			return State{}, errors.Join(err, findErr)
		}
		return t.adopt(ctx, c, foundID, tags)
	}
	if err == nil && t.AwaitReady != nil && c.Started != nil {
		if err := c.Started(State{ID: id, Inputs: value.Encode(c.Props), Outputs: value.Encode(out)}); err != nil {
			return State{}, &PartialError{State: State{
				ID: id, Inputs: value.Encode(c.Props),
				Outputs: value.Encode(out),
			}, Err: err}
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
	c.Progress("adopting " + id + ", which is there already")
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
	if t.Find == nil || !t.findable(c.Inputs) {
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
	id, tags, err := t.Find(ctx, c)
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

// converge updates what differs. An object without our tags is always updated, which restores the tags.
func (t *Typed[P, O]) converge(ctx context.Context, c Call[P, O], actual P, out O, untagged bool) (State, error) {
	diff := Compare(&t.Def, value.Encode(actual), c.Inputs)
	if len(t.Def.Fixed(diff.Replace)) > 0 {
		return State{}, fmt.Errorf("%s exists and is ours, but cannot become what is wanted without a replacement "+
			"(%s differ): delete it, then apply again",
			c.ID, strings.Join(diff.Replace, ", "))
	}
	if len(diff.Changes) == 0 && !untagged || t.UpdateObject == nil {
		return t.ready(ctx, c, c.ID, out, nil)
	}
	c.Old, c.Out = actual, out
	out, err := t.UpdateObject(ctx, c)
	return t.ready(ctx, c, c.ID, out, err)
}

// Read implements Behaviour.
func (t *Typed[P, O]) Read(ctx context.Context, req Request) (State, bool, error) {
	c, err := t.call(req)
	if err != nil {
		return State{}, false, err
	}
	c.Seen = &Seen{}
	props, out, err := t.ReadObject(ctx, c)
	if errors.Is(err, ErrNotFound) {
		return State{}, false, nil
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

// Update implements Behaviour.
func (t *Typed[P, O]) Update(ctx context.Context, req Request) (State, error) {
	ctx = expecting(ctx, &t.Def, false)
	c, err := t.call(req)
	if err != nil {
		return State{}, err
	}
	if t.UpdateObject == nil {
		if len(Compare(&t.Def, req.Old.Inputs, req.Inputs).Changes) == 0 {
			return t.ready(ctx, c, req.ID, c.Out, nil) // asked for only because a run was interrupted
		}
		return State{}, fmt.Errorf("a %s cannot be changed in place", t.Def.Type)
	}
	if len(req.Old.Outputs.Entries()) == 0 && len(value.Fields[O]()) > 0 { // the run that made it could not read them
		if _, c.Out, err = t.ReadObject(ctx, c); err != nil {
			return State{}, err
		}
	}
	out, err := t.UpdateObject(ctx, c)
	return t.ready(ctx, c, req.ID, out, err)
}

// Delete implements Behaviour.
func (t *Typed[P, O]) Delete(ctx context.Context, req Request) error {
	c, err := t.call(req)
	if err != nil {
		return err
	}
	err = t.DeleteObject(ctx, c)
	var op *OpError
	if errors.As(err, &op) && op.Denied() {
		// A policy with a condition on the stack's tags also refuses an object that is gone: it has no tags.
		if _, _, readErr := t.ReadObject(ctx, c); errors.Is(readErr, ErrNotFound) {
			return nil
		}
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	return nil
}

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

func (t *Typed[P, O]) result(id string, props P, out O, err error) (State, error) {
	var partial *Unfinished[P, O]
	if errors.As(err, &partial) {
		var unread O
		state := State{ID: partial.ID, Inputs: value.Encode(partial.Props), Outputs: value.Encode(partial.Out)}
		if value.Equal(state.Outputs, value.Encode(unread)) {
			state.Outputs = value.NullValue
		}
		return state, &PartialError{State: state, Err: partial.Err}
	}
	if err != nil {
		return State{}, err
	}
	return State{ID: id, Inputs: value.Encode(props), Outputs: value.Encode(out)}, nil
}

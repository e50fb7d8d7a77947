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
	// from c.Old. ErrNotFound (wrapped) if the object is gone, ErrDeleting while AWS deletes it.
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
	// AwaitGone waits until an object is gone of which ReadObject says ErrDeleting: see call.AwaitGone. A create calls
	// it while that object still has the wanted name. For types with ErrDeleting whose objects have names.
	AwaitGone func(ctx context.Context, c Call[P, O]) error
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
	// Named is the property that is the id of an object. ReadObject finds objects of such a type, so it needs no Find.
	Named string
	// Marked lists objects of the type, at least all that were made for the resource; Typed selects by Request.Marks.
	// It asks the type's own service, with a filter by tag if the service has one: the tag index learns of new objects
	// too late. It is called instead of Find if an interrupted run did not know what Find needs, such as the id of a
	// VPC that the same run made. Optional: for taggable types with FoundBy, or with a HashedName that depends on such
	// ids.
	Marked func(ctx context.Context, c Call[P, O]) ([]Found, error)
	// Taggable is false for types that cannot carry tags: only their deterministic name says that an object is ours.
	// Objects of other types have our tags from their create call on: an untagged object is somebody else's, whatever a
	// interrupted run intended.
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

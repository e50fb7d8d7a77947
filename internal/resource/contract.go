package resource

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/value"
)

// Definition is what a resource type declares of itself: pure data, used alike by plan, apply, documentation and the
// IAM policy generator.
type Definition struct {
	Type    string // "<service>/<kind>"; a contract, part of the URN and of the state
	Version int    // of the stored properties; raise it with an Upgrade

	// ReplaceOn lists top-level properties whose change AWS cannot make in place, whatever the values are.
	ReplaceOn []string
	// Replaces returns the properties that AWS cannot change in place from old to desired, where that depends on the
	// values: a database whose storage shrinks. Optional, beside ReplaceOn. Such a change does not change a hashed
	// name, so the old object goes first.
	Replaces func(old, desired value.Value) []string
	// DeleteBeforeReplace: the old object goes first, because both cannot exist at once. Without it the type must have
	// a HashedName (or a name that AWS generates), so that both can.
	DeleteBeforeReplace bool
	// Beside lists those of ReplaceOn that make the new object another one for AWS, in another parent for instance:
	// when one of them changes, the new object is made first in spite of DeleteBeforeReplace, and what uses the old one
	// can move over.
	Beside []string
	// HashedName names the property that Check fills with a readable prefix and a hash of the ReplaceOn properties. The
	// property is given as the prefix, in which PartSeparators are for the hash and shown as dashes. Empty: the name is
	// taken as it is.
	HashedName string
	// HashedLater has the properties that came to ReplaceOn after the type was released, with the value that all
	// objects have which were made before. With that value a property is no part of the hash, so that a new property
	// renames nothing.
	HashedLater map[string]value.Value
	// NameLimit is the most characters AWS takes for HashedName.
	NameLimit int
	// CreateOnly lists top-level properties that are set at creation and left alone afterwards.
	CreateOnly []string
	// WriteOnly lists top-level texts that AWS takes and never shows, such as the password of a database. State, plan
	// and log get a salted hash, by which a change is seen; the calls that make and change an object get the text. A
	// read leaves them as c.Old has them. Nothing can refer to them.
	WriteOnly []string
	// ChangesOnUpdate lists outputs that an update in place changes, such as the arn of a task definition: a plan shows
	// what refers to them as changed too. All other outputs are taken to outlive an update.
	ChangesOnUpdate []string
	// Labels lists top-level properties that only describe the object, such as its tags: where nothing else changes, an
	// update leaves ChangesOnUpdate as they are.
	Labels []string
	// Outputs is what a reference to a resource of the type may name: its outputs, then its properties. Typed fills it
	// in.
	Outputs []string
	// Properties returns what the type takes, for schema and reference. Typed fills it in.
	Properties func() value.Shape
	// Consequence says what a change means to those who use the resource; nil: in place. See Causes.
	Consequence func(Change) plan.Consequence
	// DataLoss: deleting or replacing it destroys data that nobody can bring back. It stands for a Deleting that always
	// says so.
	DataLoss bool
	// Deleting says what a delete of an object with those properties does beside deleting. Optional.
	Deleting func(old value.Value) Deleting
	// FindFirst: AWS's create call answers an existing object as if it had made it, so look before creating.
	FindFirst bool
	// NotYet are the answers to its creates and updates that mean that AWS needs more time. Such calls are repeated.
	NotYet []NotYet
	// Permissions are what its calls need in IAM, on the objects of one stack in one environment.
	Permissions func(Scope) []Statement
	// Upgrade turns stored properties of an older Version into those of the next; pure. Nil with Version 1.
	Upgrade func(from int, inputs, outputs value.Value) (value.Value, value.Value)
}

// Change is what is to become of one object.
type Change struct {
	Changed      []string // top-level properties that differ
	Old, Desired value.Value
}

// Causes is a Consequence that a change of one of those properties has. Any other change is in place.
func Causes(consequence plan.Consequence, properties ...string) func(Change) plan.Consequence {
	return func(c Change) plan.Consequence {
		if slices.ContainsFunc(c.Changed, func(name string) bool { return slices.Contains(properties, name) }) {
			return consequence
		}
		return plan.InPlace
	}
}

// Meaning is Consequence where a type has it.
func (d *Definition) Meaning(c Change) plan.Consequence {
	if d.Consequence == nil {
		return plan.InPlace
	}
	return d.Consequence(c)
}

// Deleting is what a delete does beside deleting.
type Deleting struct {
	// Loses: data is destroyed that nobody can bring back.
	Loses bool
	// Lifts: AWS refuses the delete, because the object's own deletion protection is on. The object counts as
	// protected, and a delete that was allowed lifts the protection first.
	Lifts bool
	// Keeps is what the delete leaves behind on purpose, for the plan: "the final snapshot x".
	Keeps string
}

// OnDelete is Deleting, or what stands for it.
func (d *Definition) OnDelete(old value.Value) Deleting {
	if d.Deleting == nil || old.IsNull() {
		return Deleting{Loses: d.DataLoss}
	}
	return d.Deleting(old)
}

// DeletesFirst says whether a replacement because of those properties deletes the old object before it makes the new
// one.
func (d *Definition) DeletesFirst(replace []string, old, desired value.Value) bool {
	if d.HashedName != "" && len(replace) > 0 && value.Equal(old.Get(d.HashedName), desired.Get(d.HashedName)) {
		return true // what forces the replacement is not in the hash, so both would have the same name
	}
	return d.DeleteBeforeReplace && !slices.ContainsFunc(replace,
		func(name string) bool { return slices.Contains(d.Beside, name) })
}

// State is one AWS object as we know it.
type State struct {
	ID      string      // what AWS calls it: an ARN, a URL, a name
	Inputs  value.Value // the properties that it has, in the shape of the desired ones
	Adopted bool        // by Create: it was there already
	// what AWS added: arn, dnsName; outputs win over inputs when a reference names one. Null: nobody has read them yet
	Outputs value.Value

	// Repair is what a read has found that an update puts right although no property differs: our tags were taken away.
	Repair string
	// Note is what a read has found that a person should know of, and that is no difference.
	Note string
}

// Request is one operation on one object.
type Request struct {
	Resource string            // ID of the resource: "web/api:service"
	Type     string            //
	ID       string            // of the AWS object; "" for Create
	Old      State             // what the state says; zero for Create
	Inputs   value.Value       // desired properties, checked and known; Null for Read and Delete
	Tags     map[string]string // what every object of ours is tagged with, users' tags included
	Former   []string          // lineages of states whose place ours has taken: what their runs have made is ours, too
	// the address that the component had before it was renamed; "": none. What is tagged with that is ours, too
	Before string
	// a run that was interrupted was about to change the object, and nobody has read it since
	Begun   bool
	Token   string // for APIs that take a client token: the same for a repetition of the same intent
	Adopt   bool   // an earlier run intended exactly this create: look for its object first
	InState func(id string) bool
	// the resources of the same type that the state has beside this one, as they were before the run
	Others   func() []Other
	Progress func(line string) // something a waiting person should see; never nil
	// of Create: the object exists from now on and has to become ready; nil: nobody records that
	Started func(State) error
	Seen    *Seen // of a read that wants to know more than properties; nil: it does not
}

// Seen is what a read comes across beside the properties of an object.
type Seen struct {
	Tags map[string]string // all that the object carries; nil: nobody looked
	Note string            // State.Note
}

// Marks reports whether an object with those tags is one that a run has made of just this resource, and that is not in
// the state.
func (r Request) Marks(id string, tags map[string]string) bool {
	resource := tags[TagResource] == r.Resource || r.Before != "" &&
		tags[TagResource] == r.Before+strings.TrimPrefix(r.Resource, ComponentOf(r.Resource))
	return resource && r.Owns(tags) && (r.InState == nil || !r.InState(id))
}

// Owns reports whether an object with those tags was made by a run of this stack for this component: on the state that
// it has, or on one whose place that took; under the component's address, or the one that it had before.
func (r Request) Owns(tags map[string]string) bool {
	if Ours(tags, r.Tags) {
		return true
	}
	former := maps.Clone(r.Tags)
	if slices.Contains(r.Former, tags[TagLineage]) {
		former[TagLineage] = tags[TagLineage]
	}
	if r.Before != "" && tags[TagComponent] == r.Before {
		former[TagComponent] = r.Before
	}
	return Ours(tags, former)
}

// Behaviour is what one resource type can do. Every method that calls AWS honours the context, is safe to repeat after
// a lost answer, and returns errors as *OpError, *PartialError or wrapped ErrNotFound.
type Behaviour interface {
	Definition() *Definition
	// Check completes and verifies desired properties. Pure; inputs may hold Unknown, but no Deferred.
	Check(inputs value.Value) (value.Value, []value.Problem)
	// Create makes the object and returns when it is usable. Where that takes long it tells req.Started as soon as the
	// object exists, so that the state has its id whatever becomes of the run. An object of that name with our tags
	// that is not in the state is adopted; somebody else's is an *OwnedError.
	Create(ctx context.Context, req Request) (State, error)
	// Read returns the object as it is, Inputs included; found is false when it is gone.
	Read(ctx context.Context, req Request) (state State, found bool, err error)
	// Update changes the object in place from req.Old to req.Inputs and returns when that is effective.
	Update(ctx context.Context, req Request) (State, error)
	// Delete removes the object and returns when it is gone. An object that is gone already is no error.
	Delete(ctx context.Context, req Request) error
}

// Locator is a Behaviour that can look for the object that desired properties describe, without making it: how a run
// that was interrupted while creating is cleared up. req.Inputs may lack what was not known yet.
type Locator interface {
	// Locate returns the object as it is; found is false when there is none, or none of ours. errors.ErrUnsupported: it
	// cannot tell.
	Locate(ctx context.Context, req Request) (state State, found bool, err error)
}

// Other is another resource of the same type that the state has.
type Other struct {
	Resource string // its ID
	State    State
	Going    bool // the run deletes it
	// Wanted are the properties that the run gives it, as far as they are known when planning; null where it goes or is
	// left alone.
	Wanted value.Value
}

// Activator is a Behaviour whose objects become active only when everything that the run makes or changes is done, and
// before the run deletes anything. Create and Update then return State.Inputs as the object is until then, and Activate
// is called at the end. Where the run fails or dies before, the state has these inputs and the next plan shows the rest
// as a change.
type Activator interface {
	// Activate brings the object from req.Old to req.Inputs. It is safe to repeat.
	Activate(ctx context.Context, req Request) (State, error)
	// Overtakes says for a plan what the object takes from others when it takes its place: "takes example.com over from
	// web/old when its targets are healthy". Empty: nothing. Pure; inputs may hold Unknown.
	Overtakes(inputs, old value.Value, others []Other) string
}

// Obstructed is a Behaviour whose objects AWS may refuse to delete.
type Obstructed interface {
	// Obstacles returns what stands in the way of deleting the object, as it is now: what is foreign, for the stack's
	// own goes first. It only reads. Nothing is in the way of an object that is gone. Nothing is returned that AWS
	// might not refuse after all: nobody could go on then.
	Obstacles(ctx context.Context, req Request, stack Neighbours) ([]plan.Obstacle, error)
}

// Neighbours are the AWS ids of the objects of a stack.
type Neighbours struct {
	Ours  []string // of everything in the state
	Going []string // of what the run deletes
}

// Has reports whether an object is one of the stack's.
func (n Neighbours) Has(id string) bool { return slices.Contains(n.Ours, id) }

// Lookup reads data that resources need but nobody here manages: a default VPC, the account. It answers a Map.
type Lookup struct {
	Type string
	// Permissions are what reading needs in IAM; Props of the scope are those that are asked with. Nil: nothing.
	Permissions func(Scope) []Statement
	Outputs     []string // the keys of the Map, for those who check references
	Read        func(ctx context.Context, props value.Value) (value.Value, error)
}

// PartialError says that the object exists but did not become what was wanted: a rollout that failed. State holds what
// is actually there. It is recorded, reported and retried by the next run.
type PartialError struct {
	State State
	Err   error
}

func (e *PartialError) Error() string { return e.Err.Error() }
func (e *PartialError) Unwrap() error { return e.Err }

// OwnedError says that an object of the wanted name belongs to somebody else.
type OwnedError struct {
	Type, Name string
	Tags       map[string]string // of the object
}

func (e *OwnedError) Error() string {
	if s := e.Tags[TagStack]; s != "" {
		return fmt.Sprintf("the name %s is taken by a %s of stack %s, environment %s, component %s (lineage %s)",
			e.Name, e.Type, s, e.Tags[TagEnvironment], e.Tags[TagComponent], e.Tags[TagLineage])
	}
	return fmt.Sprintf("the name %s is taken by a %s that deployer did not make", e.Name, e.Type)
}

// Errors that behaviours return wrapped, so that the road can tell them apart.
var (
	// ErrExists is what a typed create returns when AWS says that the name is taken; Typed then looks whose it is.
	ErrExists = errors.New("an object of this name exists")
	// ErrNotFound is what a typed read or update returns when AWS says that the object is gone.
	ErrNotFound = errors.New("no such object")
)

// OpError is a failed AWS call.
type OpError struct {
	Operation string // "ecs:UpdateService"
	Code      string // AWS's error code
	RequestID string
	Message   string
	Next      string // what to do about it, where that is known
	Err       error
}

func (e *OpError) Error() string {
	s := e.Operation + ": "
	if e.Code != "" {
		s += e.Code + ": "
	}
	return s + e.Message
}
func (e *OpError) Unwrap() error { return e.Err }

// Denied reports whether the credentials in use may not make the call.
func (e *OpError) Denied() bool {
	return strings.Contains(e.Code, "AccessDenied") || strings.Contains(e.Code, "Unauthorized") ||
		e.Code == "AuthorizationError"
}

// WaitError says that nobody waits any more for what AWS has been told to do, because the run ends; Err is why it does.
type WaitError struct {
	What string // "load balancer x becomes active"
	Err  error
}

func (e *WaitError) Error() string { return "no longer waited for: " + e.What }
func (e *WaitError) Unwrap() error { return e.Err }

// The tags that say whose an object is.
const (
	TagStack       = "deployer:stack"
	TagEnvironment = "deployer:environment"
	TagComponent   = "deployer:component"
	TagLineage     = "deployer:lineage"
	// TagResource is the ID of the resource: it tells apart what no name does, and says what an object is for.
	TagResource = "deployer:resource"
)

// Ours reports whether an object with those tags is the one that our tags describe.
func Ours(object, ours map[string]string) bool {
	for _, key := range []string{TagStack, TagEnvironment, TagComponent, TagLineage} {
		if ours[key] == "" || object[key] != ours[key] {
			return false
		}
	}
	return true
}

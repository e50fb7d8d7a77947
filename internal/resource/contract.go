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

// Definition is what a resource type declares of itself. It is pure data: plan, apply, documentation and the IAM policy
// generator use the same Definition.
type Definition struct {
	Type    string // "<service>/<kind>"; a contract, part of the URN and of the state
	Version int    // of the stored properties; raise it with an Upgrade

	// ReplaceOn lists top-level properties that AWS cannot change in place, whatever their values are.
	ReplaceOn []string
	// Replaces returns the properties that AWS cannot change in place from old to desired, where that depends on the
	// values: a database's storage cannot shrink. Optional, in addition to ReplaceOn. Such a change does not change a
	// hashed name, so the old object is deleted first.
	Replaces func(old, desired value.Value) []string
	// DeleteBeforeReplace: the old object is deleted first, because both cannot exist at once. A type without it must
	// have a HashedName or a name that AWS generates, so that both objects can exist.
	DeleteBeforeReplace bool
	// Beside reports whether old and new object can exist at once, for instance because the new object has another
	// parent. Then the new object is made first, in spite of DeleteBeforeReplace, so that users of the old object can
	// move to the new one. desired may hold Unknown. Nil: never. See AnyOf.
	Beside func(old, desired value.Value) bool
	// Instead says why Replaces asks for a replacement of what AWS could change in place, as the end of a sentence.
	// Empty: AWS cannot change it.
	Instead string
	// HashedName is the property that Check fills with a readable prefix and a hash of the ReplaceOn properties. The
	// given value is the prefix. A PartSeparator in it counts in the hash and becomes a dash in the name. Empty: the
	// name is used as given.
	HashedName string
	// HashedLater lists properties that were added to ReplaceOn after the type was released, each with the value that
	// older objects have. A property with that value is not part of the hash, so a new property renames nothing.
	HashedLater map[string]value.Value
	// NameLimit is how many characters AWS allows for HashedName.
	NameLimit int
	// NamePlain: AWS refuses two hyphens in a row in HashedName, so the name has one. The hash tells apart what then
	// looks the same.
	NamePlain bool
	// CreateOnly lists top-level properties that are set at creation and never changed afterwards.
	CreateOnly []string
	// WriteOnly lists top-level texts that AWS takes and never returns, such as the password of a database. State, plan
	// and log hold a salted hash, which shows a change. Calls that create or update an object get the text. A read
	// copies these properties from c.Old. No reference can name them.
	WriteOnly []string
	// ChangesOnUpdate lists outputs that an update in place changes, such as the arn of a task definition. A plan also
	// shows a change of every resource that refers to them. All other outputs stay the same in an update.
	ChangesOnUpdate []string
	// Labels lists top-level properties that only describe the object, such as its tags. An update of nothing but
	// Labels does not change the outputs in ChangesOnUpdate.
	Labels []string
	// Outputs is what a reference to a resource of the type may name: outputs first, then properties. Typed fills it
	// in.
	Outputs []string
	// Properties returns the properties of the type, for schema and reference. Typed fills it in.
	Properties func() value.Shape
	// Refuses returns what no change in place can reach and no replacement should: the storage of a database that
	// shrinks. Such a plan is refused, with the problems. It is not asked about a change that replaces the object.
	// Optional.
	Refuses func(old, desired value.Value) []value.Problem
	// Remark says what a change in place needs or means beyond its consequence, as a clause: "max_connections waits for
	// a reboot". The plan shows it. Empty: nothing. Optional.
	Remark func(Change) string
	// Consequence says what a change means to users of the resource; nil: in place. See Causes.
	Consequence func(Change) plan.Consequence
	// Lasts says how long users notice a restart or a downtime, by what AWS documents: "1 to 2 minutes". Empty: not
	// known. Optional.
	Lasts func(Change) string
	// DataLoss: a delete or a replacement destroys data that nobody can restore. It is short for a Deleting that always
	// returns Loses.
	DataLoss bool
	// Deleting says what else happens when an object with those properties is deleted. Optional.
	Deleting func(old value.Value) Deleting
	// FoundBy lists the top-level properties, in addition to HashedName, by which Typed.Find finds the object: ids of
	// parents, which a plan may not know. "a|b" is one of them. See Typed.Marked.
	FoundBy []string
	// FindFirst: AWS's create call answers an existing object as if it were new, so look for one first.
	FindFirst bool
	// NotYet are answers to creates and updates by which AWS asks for more time. Such calls are repeated.
	NotYet []NotYet
	// Permissions are what the type's calls need in IAM, on the objects of one stack in one environment.
	Permissions func(Scope) []Statement
	// Upgrade turns stored properties of an older Version into those of the next; pure. Nil for Version 1.
	Upgrade func(from int, inputs, outputs value.Value) (value.Value, value.Value)
}

// Change is the planned change of one object.
type Change struct {
	Changed      []string // top-level properties that differ
	Old, Desired value.Value
}

// Causes returns a Consequence: a change of one of those properties has it, any other change is in place.
func Causes(consequence plan.Consequence, properties ...string) func(Change) plan.Consequence {
	return func(c Change) plan.Consequence {
		if slices.ContainsFunc(c.Changed, func(name string) bool { return slices.Contains(properties, name) }) {
			return consequence
		}
		return plan.InPlace
	}
}

// Meaning calls Consequence if the type has one.
func (d *Definition) Meaning(c Change) plan.Consequence {
	if d.Consequence == nil {
		return plan.InPlace
	}
	return d.Consequence(c)
}

// Duration calls Lasts if the type has it and a change has such a consequence.
func (d *Definition) Duration(consequence plan.Consequence, c Change) string {
	if d.Lasts == nil || consequence != plan.Restart && consequence != plan.Downtime {
		return ""
	}
	return d.Lasts(c)
}

// Always returns a Lasts that is the same for all changes.
func Always(text string) func(Change) string { return func(Change) string { return text } }

// Refused calls Refuses if the type has one and the change is in place.
func (d *Definition) Refused(old, desired value.Value) []value.Problem {
	if d.Refuses == nil || old.IsNull() || len(Compare(d, old, desired).Replace) > 0 {
		return nil
	}
	problems := d.Refuses(old, desired)
	for i := range problems {
		problems[i].Kind = Impossible
	}
	return problems
}

// Deleting is what else happens in a delete.
type Deleting struct {
	// Loses: the delete destroys data that nobody can restore.
	Loses bool
	// Lifts: AWS refuses the delete, because the object's own deletion protection is on. The object counts as
	// protected. An allowed delete first switches the protection off.
	Lifts bool
	// Keeps names what the delete keeps on purpose, for the plan: "the final snapshot x".
	Keeps string
}

// OnDelete calls Deleting, or uses DataLoss if the type has no Deleting.
func (d *Definition) OnDelete(old value.Value) Deleting {
	if d.Deleting == nil || old.IsNull() {
		return Deleting{Loses: d.DataLoss}
	}
	return d.Deleting(old)
}

// DeletesFirst reports whether a replacement because of those properties deletes the old object before it makes the new
// one.
func (d *Definition) DeletesFirst(replace []string, old, desired value.Value) bool {
	if d.HashedName != "" && len(replace) > 0 && value.Equal(old.Get(d.HashedName), desired.Get(d.HashedName)) {
		return true // replace has a property that is not in the hash, so both objects would have the same name
	}
	return d.DeleteBeforeReplace && (d.Beside == nil || !d.Beside(old, desired))
}

// Fixed returns those of the properties that force a replacement which AWS cannot change in place.
func (d *Definition) Fixed(replace []string) []string {
	if d.Instead == "" {
		return replace
	}
	return slices.DeleteFunc(slices.Clone(replace), func(name string) bool {
		return !slices.Contains(d.ReplaceOn, name)
	})
}

// AnyOf returns a Beside: old and new object can exist at once when one of those properties differs.
func AnyOf(properties ...string) func(old, desired value.Value) bool {
	return func(old, desired value.Value) bool {
		return slices.ContainsFunc(properties, func(name string) bool {
			return !value.Equal(old.Get(name), desired.Get(name))
		})
	}
}

// State is one AWS object as we know it.
type State struct {
	ID      string      // its id in AWS: an ARN, a URL, a name
	Inputs  value.Value // its properties, in the shape of the desired ones
	Adopted bool        // by Create: the object existed already
	// what AWS added: arn, dnsName. A reference names an output before an input. Null: nobody has read the outputs yet
	Outputs value.Value

	// Repair is what a read found and an update corrects although no property differs: our tags were removed.
	Repair string
	// Note is a fact from a read that a person should know, and that is no difference.
	Note string
	// Unread are the properties that a read copied from the state, because AWS does not return them: top-level names,
	// each with the reason. Nobody knows whether they are as recorded.
	Unread map[string]string
}

// Request is one operation on one object.
type Request struct {
	Resource string            // ID of the resource: "web/api:service"
	Type     string            //
	ID       string            // of the AWS object; "" for Create
	Old      State             // what the state says; zero for Create
	Inputs   value.Value       // desired properties, checked and known; Null for Read and Delete
	Tags     map[string]string // the tags of every object of ours, users' tags included
	Former   []string          // lineages of states that our state replaced: objects with such a tag are ours, too
	// the component's address before it was renamed; "": never renamed. Objects tagged with that address are ours, too
	Before string
	// an interrupted run was about to change the object, and nobody has read the object since
	Begun   bool
	Token   string // for APIs that take a client token: equal for every repetition of the same intent
	Adopt   bool   // an earlier run intended exactly this create: look for its object first
	InState func(id string) bool
	// the other objects of the same type in the state, as they were before the run; with the old object of a resource
	// that is being replaced
	Others func() []Other
	// Displace changes another object of the same type to make room for this one, and records the properties that the
	// change sets. id is the object's ID in AWS. do is the change. Without a record a later run that wants the object
	// as the state has it would take it for unchanged. Nil: nobody records it.
	Displace func(id string, set value.Value, do func() error) error
	Progress func(line string) // tells a waiting person about progress; never nil
	// of Create: the object exists now, but is not ready yet; nil: nobody records that
	Started func(State) error
	Seen    *Seen // of a read that wants to know more than properties; else nil
}

// Seen is what a read found in addition to the object's properties.
type Seen struct {
	Tags map[string]string // all tags of the object; nil: nobody looked
	Note string            // State.Note
	// Unread is State.Unread. See Request.Unread.
	Unread map[string]string
}

// Unread notes that a read copies properties from the state, and why: AWS does not return them.
func (r Request) Unread(why string, properties ...string) {
	if r.Seen == nil {
		return
	}
	if r.Seen.Unread == nil {
		r.Seen.Unread = map[string]string{}
	}
	for _, name := range properties {
		r.Seen.Unread[name] = why
	}
}

// Marks reports whether an object with those tags was made by a run for exactly this resource, and is not in the state.
func (r Request) Marks(id string, tags map[string]string) bool {
	return slices.Contains(r.Markings(), tags[TagResource]) && r.Owns(tags) && (r.InState == nil || !r.InState(id))
}

// Markings are the values of TagResource that the objects of the resource may have.
func (r Request) Markings() []string {
	if r.Before == "" {
		return []string{r.Resource}
	}
	return []string{r.Resource, r.Before + strings.TrimPrefix(r.Resource, ComponentOf(r.Resource))}
}

// Owns reports whether an object with those tags was made by a run of this stack for this component. The run may have
// used this state or one that this state replaced, and the component's present address or its former one.
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

// Behaviour is what one resource type can do. Every method that calls AWS obeys the context, may be repeated after a
// lost answer, and returns errors as *OpError, *PartialError or wrapped ErrNotFound.
type Behaviour interface {
	Definition() *Definition
	// Check completes and verifies desired properties. Pure; inputs may hold Unknown, but no Deferred.
	Check(inputs value.Value) (value.Value, []value.Problem)
	// Create makes the object and returns when it is usable. If that takes long, Create calls req.Started as soon as
	// the object exists, so that the state has the id even if the run dies. An object of that name with our tags that
	// is not in the state is adopted. An object of somebody else is an *OwnedError.
	Create(ctx context.Context, req Request) (State, error)
	// Read returns the object as it is, with Inputs; found is false when it is gone.
	Read(ctx context.Context, req Request) (state State, found bool, err error)
	// Update changes the object in place from req.Old to req.Inputs and returns when the change is effective.
	Update(ctx context.Context, req Request) (State, error)
	// Delete deletes the object and returns when it is gone. If it is gone already, Delete returns no error.
	Delete(ctx context.Context, req Request) error
}

// Locator is a Behaviour that can look for the object that desired properties describe, without making it. It is used
// after a run was interrupted during a create. req.Inputs may lack values that were unknown then.
type Locator interface {
	// Locate returns the object as it is; found is false when there is none, or none of ours. errors.ErrUnsupported:
	// the type cannot tell.
	Locate(ctx context.Context, req Request) (state State, found bool, err error)
}

// Found is an object that AWS lists.
type Found struct {
	ID   string
	Tags map[string]string
}

// Other is another object of the same type in the state.
type Other struct {
	Resource string // the ID of its resource
	State    State
	Going    bool // the run deletes it: its resource is removed or replaced
}

// Activator is a Behaviour whose objects become active only after the run has made and changed everything else, and
// before it deletes anything. Create and Update return State.Inputs as the object is until then. Activate is called at
// the end. If the run fails or dies before, the state keeps these inputs and the next plan shows the rest as a change.
type Activator interface {
	// Activate changes the object from req.Old to req.Inputs. It may be repeated.
	Activate(ctx context.Context, req Request) (State, error)
	// Turn orders the objects of a type: they become active one after the other, the least Turn first. Pure.
	Turn(inputs value.Value) int
	// Overtakes says for a plan what the object takes over from other objects: "takes example.com over from web/old
	// when its targets are healthy". Empty: nothing. Pure; inputs may hold Unknown.
	Overtakes(inputs, old value.Value, others []Other) string
}

// Obstructed is a Behaviour whose objects AWS may refuse to delete.
type Obstructed interface {
	// Obstacles returns what prevents the delete of the object at present: only foreign objects, because the stack's
	// own are deleted first. It only reads. An object that is gone has no obstacles. Return only what AWS surely
	// refuses: a false obstacle would block the run for ever.
	Obstacles(ctx context.Context, req Request, stack Neighbours) ([]plan.Obstacle, error)
}

// Host is a Behaviour whose objects others can add something to that is an object of its own: a rule of a listener, a
// policy of a role.
type Host interface {
	// Additions lists what was added to the object and is not in the state of the stack. It only reads. AWS's own
	// objects are no additions: a default rule, what an AWS service keeps there itself. Nil: the type has nothing of
	// that sort.
	Additions(ctx context.Context, req Request, stack Neighbours) ([]Addition, error)
}

// Addition is an object in AWS that belongs to an object of the stack, and that deployer did not make.
type Addition struct {
	ID     string // of the object in AWS
	What   string // what it is: "the inline policy debug"
	Remove string // the command of the AWS CLI that removes it
}

// Neighbours are the AWS ids of the objects of a stack.
type Neighbours struct {
	Ours  []string // everything in the state
	Going []string // what the run deletes
	// Replaced are the properties whose change makes the run replace the asked object; nil: it only deletes it, after
	// everything that used it was changed.
	Replaced []string
}

// Has reports whether an object belongs to the stack.
func (n Neighbours) Has(id string) bool { return slices.Contains(n.Ours, id) }

// Lookup reads data that resources need but nobody here manages: a default VPC, the account. It returns a Map.
type Lookup struct {
	Type string
	// Permissions are what the lookup needs in IAM; Props of the scope are the lookup's properties. Nil: nothing.
	Permissions func(Scope) []Statement
	Outputs     []string // the keys of the Map, to check references
	Read        func(ctx context.Context, props value.Value) (value.Value, error)
}

// PartialError says that the object exists but is not as wanted: a rollout that failed. State holds the real object. It
// is recorded, reported and retried by the next run.
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
	Next       string            // what to do about it; "": the usual
}

func (e *OwnedError) Error() string {
	if s := e.Tags[TagStack]; s != "" {
		return fmt.Sprintf("the name %s is taken by a %s of stack %s, environment %s, component %s (lineage %s)",
			e.Name, e.Type, s, e.Tags[TagEnvironment], e.Tags[TagComponent], e.Tags[TagLineage])
	}
	return fmt.Sprintf("the name %s is taken by a %s that deployer did not make", e.Name, e.Type)
}

// Errors that behaviours return wrapped, so that callers can tell them apart.
var (
	// ErrExists: AWS answered to a typed create that the name is taken. Typed then checks whose the object is.
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
	Next      string // what to do about the error, if that is known
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

// WaitError says that the run ends and nobody waits any longer for AWS to finish. Err is why the run ends.
type WaitError struct {
	What string // "load balancer x becomes active"
	Err  error
}

func (e *WaitError) Error() string { return "no longer waited for: " + e.What }
func (e *WaitError) Unwrap() error { return e.Err }

// The tags that say who owns an object.
const (
	TagStack       = "deployer:stack"
	TagEnvironment = "deployer:environment"
	TagComponent   = "deployer:component"
	TagLineage     = "deployer:lineage"
	// TagResource is the ID of the resource. It tells apart objects without distinct names, and says what each is for.
	TagResource = "deployer:resource"
)

// Ours reports whether an object with those tags is the object that our tags describe.
func Ours(object, ours map[string]string) bool {
	for _, key := range []string{TagStack, TagEnvironment, TagComponent, TagLineage} {
		if ours[key] == "" || object[key] != ours[key] {
			return false
		}
	}
	return true
}

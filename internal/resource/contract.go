package resource

import (
	"context"
	"slices"

	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/value"
)

// Behaviour is what one resource type can do. Every method that calls AWS obeys the context, may be repeated after a
// lost answer, and returns errors as *OpError, *PartialError or wrapped ErrNotFound.
type Behaviour interface {
	Definition() *Definition
	// Check completes and verifies desired properties. Pure; inputs may hold Unknown, but no Deferred.
	Check(inputs value.Value) (value.Value, []value.Problem)
	// Create makes the object and returns when it is usable. If that takes long, Create calls req.Started as soon as
	// the object exists, so that the state has the id even if the run is interrupted. An object of that name with our
	// tags that is not in the state is adopted. An object of somebody else is an *OwnedError.
	Create(ctx context.Context, req Request) (State, error)
	// Read returns the object as it is, with Inputs; found is false when it is gone, or on its way (State.Deleting).
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
// the end. If the run fails or is interrupted before, the state keeps these inputs and the next plan shows the rest as
// a change.
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

// Package resourcetest is the conformance suite of resource types: what resource.Behaviour promises, tried on a live
// (or emulated) AWS.
//
// In: a Case per resource type. Out: failures of the test that runs it. It speaks to AWS only through the Behaviour and
// the hooks of the case, and must not know the SDK.
package resourcetest

import (
	"context"
	"testing"

	"github.com/company/deployer/internal/resource"
)

// Case is one resource type and everything that the suite cannot guess. Properties are typed structs or value.Values;
// what they refer to (a role, a VPC) must exist already.
type Case struct {
	Behaviour resource.Behaviour

	// Props are the properties that the object is made with.
	Props any
	// Update differs from Props in what can change in place, users' tags included; nil for types that are only ever
	// replaced.
	Update any
	// Replace differs from Props in what forces a replacement; nil for types without such a property.
	Replace any

	// Tags are those of Request.Tags; nil takes Tags("conformance").
	Tags map[string]string

	// Upsert is for types whose create overwrites what is there (an inline policy, an attachment): a foreign or
	// recorded object of the same name cannot be told apart and is no error.
	Upsert bool
	// Generated is for types whose name or id AWS makes up at every create: creating twice gives two objects.
	Generated bool
	// Marked is for types whose ids AWS makes up, and whose objects are known by the tag deployer:resource. A create
	// makes another object, unless an interrupted run intended the create.
	Marked bool

	// Distinct says that whatever forces a replacement also makes the new object another one for AWS (a new name,
	// another parent), so that it can be made before the old one goes. Without it such types need DeleteBeforeReplace
	// or HashedName.
	Distinct bool

	// Foreign makes an object of the name that Props give, but not tagged as ours, and returns what removes it again.
	// Props are checked (names have their hash). Optional.
	Foreign func(ctx context.Context, t *testing.T, checked resource.State) (remove func())
	// Gone removes the object behind the behaviour's back. Optional: without it the behaviour's own Delete does.
	Gone func(ctx context.Context, t *testing.T, state resource.State)
	// BeginDelete lets AWS begin to delete the object, which takes a while. For types with Typed.AwaitGone.
	BeginDelete func(ctx context.Context, t *testing.T, id string)
	// Obstruct puts something foreign in the way of deleting the object, and returns what removes it again, and its id
	// where it would be nothing foreign if the stack had an object of that id. Optional.
	Obstruct func(ctx context.Context, t *testing.T, state resource.State) (id string, remove func())
	// Extend adds something foreign to the object that is an object of its own, such as a rule, and returns its id and
	// what removes it again. Optional: for types whose Typed.Added lists such objects.
	Extend func(ctx context.Context, t *testing.T, state resource.State) (id string, remove func())
	// LoseAnswer arms a fault: the next call that changes anything takes effect, but its answer never arrives.
	// Optional.
	LoseAnswer func(t *testing.T)
	// Actions returns the IAM actions of all calls made so far. Optional: all of them must be in
	// Definition.Permissions, and the other way round, but for those that Permissions give a reason for, and Unused.
	Actions func() []string
	// Unused are declared actions that the type needs in situations which the suite does not bring about, each with
	// that situation.
	Unused map[string]string
	// Ready waits or fakes until the object of that state is usable, where the emulator does not do so itself.
	// Optional.
	Ready func(ctx context.Context, t *testing.T, state resource.State)
}

// Tags returns the ownership tags of a component of a made-up stack.
func Tags(component string) map[string]string {
	return map[string]string{
		resource.TagStack:       "suite",
		resource.TagEnvironment: "test",
		resource.TagComponent:   component,
		resource.TagLineage:     "11111111-2222-3333-4444-555555555555",
	}
}

package resource

import (
	"slices"

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
	// Forms are top-level texts in which one thing may have several names, such as the id and the ARN of a KMS key. The
	// functions report whether two names surely mean the same. Another form of the same is no change: the object keeps
	// the one that it was made with, and so its HashedName. See AsRecorded.
	Forms map[string]func(a, b string) bool
	// Stays are top-level properties of which an object keeps the recorded value where the function says so, because it
	// cannot follow and need not: a cache stays in its zones when its network has a further one. Such a desired value
	// is no change. desired may hold Unknown. See AsRecorded.
	Stays map[string]func(recorded, desired value.Value) bool
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

// AsRecorded returns desired properties in the Forms that the object has, and with the recorded values of what Stays.
// Those that mean something else stay as desired.
func (d *Definition) AsRecorded(old, desired value.Value) value.Value {
	for name, same := range d.Forms {
		was, wanted := old.Get(name), desired.Get(name)
		if was.Kind() == value.String && wanted.Kind() == value.String && same(was.Str(), wanted.Str()) {
			desired = desired.With(name, was)
		}
	}
	for name, stays := range d.Stays {
		if was := old.Get(name); !was.IsNull() && stays(was, desired.Get(name)) {
			desired = desired.With(name, was)
		}
	}
	return desired
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

package resource

import (
	"maps"
	"slices"
	"strings"

	"github.com/company/deployer/internal/value"
)

// State is one AWS object as we know it.
type State struct {
	ID      string      // its id in AWS: an ARN, a URL, a name
	Inputs  value.Value // its properties, in the shape of the desired ones
	Adopted bool        // by Create: the object existed already
	// what AWS added: arn, dnsName. A reference names an output before an input. Null: nobody has read the outputs yet
	Outputs value.Value

	// Deleting: a read found no usable object, because AWS is still deleting it.
	Deleting bool
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
	// of Foresee: the desired properties of the resource whose output a property refers to, by the name of the property
	Uses map[string]value.Value
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

// OwnTags are the tags that name an object's owner: stack, environment and component, and the lineage of the state.
func OwnTags(stack, environment, component, lineage string) map[string]string {
	return map[string]string{TagStack: stack, TagEnvironment: environment, TagComponent: component, TagLineage: lineage}
}

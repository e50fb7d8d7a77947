package resource

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/company/deployer/internal/plan"
)

// Object is one object of the state, as a survey asks AWS about it.
type Object struct {
	Resource string // the ID of the resource: "web/api:service"
	Type     string
	State           // as recorded
	Begun    bool   // Request.Begun
	Before   string // the address that its tags still say, where it is known; "": that of Survey.Renamed or its own
}

// Presence is what a survey has found about an object.
type Presence string

// What a survey can find.
const (
	There   Presence = "there"
	Missing Presence = "missing"
	Differs Presence = "differs"
	Unasked Presence = "not asked"
)

// Finding is what a survey says of one object.
type Finding struct {
	Resource string
	Type     string
	Presence Presence
	Compared bool   // its properties were read, too. Otherwise Presence There says only that it exists.
	Why      string // what differs, or why AWS was not asked
	// something that a person should know of, and that is no difference: a rollout that somebody else has started
	Note string
}

// Index is AWS's own list of the objects that carry our tags. It is asked without the state, so that the question can
// go out beside the read of the state. It may lag behind: what it does not list may be there all the same.
type Index interface {
	// Has returns which of the ARNs the index lists.
	Has(ctx context.Context, arns []string) (map[string]bool, error)
	// First returns what the index answers at once: all objects, or as many as fit into one answer.
	First(ctx context.Context) ([]Tagged, error)
}

// Tagged is one object as an index knows it.
type Tagged struct {
	ARN  string
	Tags map[string]string
}

// Indexing is what a catalog knows of an index.
type Indexing struct {
	// Begin starts to ask for all objects with those tags. It does not wait for the answer.
	Begin func(ctx context.Context, tags map[string]string) Index
	// ARNs names the objects of the types for which the index is asked instead of AWS's service itself.
	ARNs map[string]func(State) string
	// Together lists the types of which many objects are read in one call. Those of the others cost a call each.
	Together []string
}

// Indexed sets the index that surveys use. Without one there are no surveys.
func (c *Catalog) Indexed(with Indexing) *Catalog {
	c.indexing = &with
	return c
}

// Survey asks AWS about many objects at once: whether they are there and, where that costs no more, whether they are as
// recorded. It only finds suspects. What it says is missing has to be read by its type before anybody acts on that.
type Survey struct {
	// Renamed returns the address that objects of a component may be tagged with since before it was renamed; "": none.
	// Nil: nothing was renamed.
	Renamed func(component string) string

	catalog *Catalog
	index   Index
}

// Survey begins a survey. tags are those that all objects of the stack in the environment carry. Nil: the catalog has
// no index.
func (c *Catalog) Survey(ctx context.Context, tags map[string]string) *Survey {
	if c.indexing == nil {
		return nil
	}
	return &Survey{catalog: c, index: c.indexing.Begin(ctx, tags)}
}

// First returns what the index knows at once of the stack in the environment, whatever a state says.
func (s *Survey) First(ctx context.Context) ([]Tagged, error) { return s.index.First(ctx) }

// readers is how many single reads a survey makes side by side.
const readers = 32

// alone is the most objects that a survey reads with a call each. A plan has to stay fast, and AWS throttles who asks
// too much.
const alone = 200

// tooMany is why the objects of a type are not asked about.
const tooMany = "AWS tells of each by a call of its own, and they are too many for a plan; --refresh and status ask"

// Look asks about objects, all side by side, and answers in their order. tags are what the objects of a component
// carry.
//
// The index answers for the types that it knows; the other objects are read, and compared with what is recorded. Types
// of which there is too much to be read are left out as a whole, and said so.
func (s *Survey) Look(ctx context.Context, objects []Object, tags func(component string) map[string]string) []Finding {
	out := make([]Finding, len(objects))
	for i, o := range objects {
		out[i] = Finding{Resource: o.Resource, Type: o.Type}
	}
	left := s.leftOut(objects)
	var all sync.WaitGroup
	arns := map[string][]int{} // to indexes of objects
	limit := make(chan struct{}, readers)
	for i, o := range objects {
		if arn := s.catalog.indexing.ARNs[o.Type]; arn != nil {
			arns[arn(o.State)] = append(arns[arn(o.State)], i)
			continue
		}
		if left[o.Type] {
			out[i].Presence, out[i].Why = Unasked, tooMany
			continue
		}
		all.Go(func() {
			limit <- struct{}{}
			defer func() { <-limit }()
			s.read(ctx, o, tags(ComponentOf(o.Resource)), &out[i])
		})
	}
	if len(arns) > 0 {
		all.Go(func() {
			var names []string
			for arn := range arns {
				names = append(names, arn)
			}
			slices.Sort(names)
			has, err := s.index.Has(ctx, names)
			for arn, at := range arns {
				for _, i := range at {
					switch {
					case arn == "":
						out[i].Presence, out[i].Why = Unasked, "its ARN is not in the state"
					case err != nil:
						out[i].Presence, out[i].Why = Unasked, Unanswered(err)
					case has[arn]:
						out[i].Presence = There
					default:
						out[i].Presence, out[i].Why = Missing, "the tag index does not list it"
					}
				}
			}
		})
	}
	all.Wait()
	return out
}

// leftOut returns the types whose objects are not read. Those with few objects come first.
func (s *Survey) leftOut(objects []Object) map[string]bool {
	count := map[string]int{}
	for _, o := range objects {
		if s.catalog.indexing.ARNs[o.Type] == nil && !slices.Contains(s.catalog.indexing.Together, o.Type) {
			count[o.Type]++
		}
	}
	types := slices.SortedFunc(maps.Keys(count), func(a, b string) int {
		return cmp.Or(cmp.Compare(count[a], count[b]), cmp.Compare(a, b))
	})
	out := map[string]bool{}
	reads := 0
	for _, t := range types {
		reads += count[t]
		out[t] = reads > alone
	}
	return out
}

// read asks the type of an object itself.
func (s *Survey) read(ctx context.Context, o Object, tags map[string]string, out *Finding) {
	behaviour, err := s.catalog.Behaviour(o.Type)
	if err != nil {
		out.Presence, out.Why = Unasked, err.Error()
		return
	}
	req := Request{
		Resource: o.Resource, Type: o.Type, ID: o.ID, Old: o.State, Tags: tags, Begun: o.Begun,
		Progress: func(string) {},
	}
	if req.Before = o.Before; req.Before == "" && s.Renamed != nil {
		req.Before = s.Renamed(ComponentOf(o.Resource))
	}
	is, found, err := behaviour.Read(ctx, req)
	switch {
	case err != nil:
		out.Presence, out.Why = Unasked, Unanswered(err)
		return
	case !found:
		out.Presence = Missing
		return
	}
	out.Presence, out.Compared, out.Note = There, true, is.Note
	if diff := Compare(behaviour.Definition(), o.Inputs, is.Inputs); len(diff.Changes) > 0 {
		out.Presence, out.Why = Differs, "change in "+strings.Join(diff.Changed(), ", ")
	} else if is.Repair != "" {
		out.Presence, out.Why = Differs, is.Repair
	}
}

// Unanswered says in short why a question has no answer.
func Unanswered(err error) string {
	var op *OpError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	case !errors.As(err, &op):
		return err.Error()
	case op.Denied():
		return op.Operation + " is not allowed"
	case op.Code == "":
		return op.Operation + " failed"
	}
	return op.Operation + " failed: " + op.Code
}

// Sum counts findings for a plan.
func Sum(findings []Finding) *plan.Survey {
	out := &plan.Survey{Objects: len(findings)}
	why := map[string]int{}
	for _, f := range findings {
		switch f.Presence {
		case There:
			out.There++
		case Missing:
			out.Missing = append(out.Missing, f.Resource)
		case Differs:
			out.Differing = append(out.Differing, f.Resource)
		default:
			i, known := why[f.Why]
			if !known {
				i = len(out.Unasked)
				why[f.Why] = i
				out.Unasked = append(out.Unasked, plan.Unasked{Why: f.Why})
			}
			out.Unasked[i].Resources = append(out.Unasked[i].Resources, f.Resource)
		}
		if f.Compared && f.Presence != Missing { // what is not there has no properties
			out.Compared++
		}
		if f.Note != "" {
			out.Notes = append(out.Notes, f.Resource+": "+f.Note)
		}
	}
	return out
}

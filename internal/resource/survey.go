package resource

import (
	"cmp"
	"context"
	"errors"
	"fmt"
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
	Before   string // the address in its tags, if it is known; "": that of Survey.Renamed, or its own
}

// Presence is a survey's answer to whether an object exists.
type Presence string

// The answers of a survey.
const (
	There   Presence = "there"
	Missing Presence = "missing"
	Differs Presence = "differs"
	Unasked Presence = "not asked"
)

// Finding is a survey's result for one object.
type Finding struct {
	Resource string
	Type     string
	Presence Presence
	Compared bool   // its properties were read, too. Otherwise Presence There says only that it exists.
	Why      string // what differs, or why AWS was not asked
	// a fact that a person should know, and that is no difference: somebody else started a rollout
	Note string
}

// Index is AWS's own list of the objects with our tags. It is asked without the state, so that both can be read at the
// same time. It may lag behind: an object that it does not list may still exist.
type Index interface {
	// Has returns which of the ARNs are in the index.
	Has(ctx context.Context, arns []string) (map[string]bool, error)
	// First returns the index's first answer: all objects, or as many as fit into one answer.
	First(ctx context.Context) ([]Tagged, error)
}

// Tagged is one object of an index.
type Tagged struct {
	ARN  string
	Tags map[string]string
}

// Indexing tells a catalog how to use an index.
type Indexing struct {
	// Begin starts to ask for all objects with those tags. It does not wait for the answer.
	Begin func(ctx context.Context, tags map[string]string) Index
	// ARNs returns the ARNs of objects, by type. For these types the index is asked instead of AWS's service.
	ARNs map[string]func(State) string
	// Together lists the types of which one call reads many objects. Each object of another type costs a call.
	Together []string
}

// Indexed sets the index for surveys. Without an index there are no surveys.
func (c *Catalog) Indexed(with Indexing) *Catalog {
	c.indexing = &with
	return c
}

// Survey asks AWS about many objects at once: whether they exist and, where that costs no extra call, whether they are
// as recorded. Its results are suspicions: before anybody acts on a missing object, the object's type has to read it.
type Survey struct {
	// Renamed returns the former address of a renamed component, which its objects may still have in their tags; "":
	// none. Nil: nothing was renamed.
	Renamed func(component string) string

	catalog *Catalog
	index   Index
}

// Survey starts a survey. tags are the tags of all objects of the stack in the environment. Nil: the catalog has no
// index.
func (c *Catalog) Survey(ctx context.Context, tags map[string]string) *Survey {
	if c.indexing == nil {
		return nil
	}
	return &Survey{catalog: c, index: c.indexing.Begin(ctx, tags)}
}

// First returns the index's first answer about the stack in the environment. It needs no state.
func (s *Survey) First(ctx context.Context) ([]Tagged, error) { return s.index.First(ctx) }

// readers is how many single reads a survey makes at once.
const readers = 32

// alone is the maximum number of objects that a survey reads with one call each. A plan has to stay fast, and AWS
// throttles too many calls.
const alone = 200

// tooMany is why a survey skips the objects of a type.
var tooMany = fmt.Sprintf("a plan reads at most %d objects that cost one call each; --refresh and status read all",
	alone)

// Look asks about all objects at once and returns findings in their order. tags returns the tags of a component's
// objects.
//
// The index answers for the types that it knows. Other objects are read and compared with what is recorded. If a type
// has too many objects to read, all of them are skipped, and the finding says so.
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

// leftOut returns the types whose objects are not read. Types with few objects are read first.
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

// read makes the object's type read it.
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
		if f.Compared && f.Presence != Missing { // a missing object has no properties
			out.Compared++
		}
		if f.Note != "" {
			out.Notes = append(out.Notes, f.Resource+": "+f.Note)
		}
	}
	return out
}

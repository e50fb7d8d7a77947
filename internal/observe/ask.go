package observe

import (
	"context"
	"iter"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/value"
)

// examination is what is known of a stack: the state, and AWS's answers.
type examination struct {
	stored  *Deployed
	alive   bool              // the run that the state calls in progress is alive
	intents map[string]bool   // IDs of resources that an unfinished run has intents for
	answers map[string]answer // by resource ID
}

// answer is what AWS says of one object.
type answer struct {
	there   bool
	differs string                // the properties that differ from the deployed ones, as text
	err     error                 // why AWS could not be asked
	seen    *resource.Observation // of a type whose observer has something to say
}

// asking is how many objects of a service are asked about at a time. AWS limits the calls of each service apart.
const asking = 64

// byService runs questions side by side, and no more than asking of one service at a time.
type byService struct {
	all  errgroup.Group
	some map[string]chan struct{}
}

// Go asks a question about an object of a type, such as sqs/queue.
func (s *byService) Go(typ string, ask func() error) {
	service, _, _ := strings.Cut(typ, "/")
	if s.some[service] == nil {
		s.some[service] = make(chan struct{}, asking)
	}
	slots := s.some[service]
	s.all.Go(func() error {
		slots <- struct{}{}
		defer func() { <-slots }()
		return ask()
	})
}

// ask asks AWS about everything that should exist, in parallel: the observers of the types, and a read of each object.
// It fails only when the context ends.
func (e *examination) ask(ctx context.Context, catalog *resource.Catalog, components []state.Component) error {
	chosen := map[string]bool{}
	for _, c := range components {
		chosen[c.Address] = true
	}
	var members []engine.StoredResource
	var stack []resource.Object
	byType := map[string][]int{} // of members
	for _, res := range e.stored.Resources {
		if res.Deleting || res.Replacing {
			continue
		}
		stack = append(stack, object(res))
		if chosen[res.Component] {
			byType[res.Type] = append(byType[res.Type], len(members))
			members = append(members, res)
		}
	}
	p, lineage := e.stored.Payload, e.stored.Snapshot.Envelope.Lineage
	answers, seen := make([]answer, len(members)), make([]*resource.Observation, len(members))
	all := byService{some: map[string]chan struct{}{}}
	for typ, some := range byType {
		behaviour, err := catalog.Behaviour(typ)
		if err != nil {
			continue // the reads say so
		}
		observer, ok := behaviour.(resource.Observer)
		if !ok {
			continue
		}
		all.Go(typ, func() error {
			objects := make([]resource.Observed, len(some))
			for i, at := range some {
				objects[i] = resource.Observed{
					Object: object(members[at]), Failures: failures(members[at]), Stack: stack,
				}
			}
			for i, o := range observer.Health(ctx, objects) {
				seen[some[i]] = &o
			}
			return ctx.Err()
		})
	}
	for i, res := range members {
		all.Go(res.Type, func() error {
			answers[i] = read(ctx, catalog, res, resource.OwnTags(p.Stack, p.Environment, res.Component, lineage))
			return ctx.Err()
		})
	}
	if err := all.all.Wait(); err != nil {
		return err
	}
	for i, o := range seen {
		if o != nil {
			answers[i].there, answers[i].err, answers[i].seen = !o.Gone && o.Err == nil, o.Err, o
		}
	}
	for i, res := range members {
		e.answers[res.ID] = answers[i]
	}
	return nil
}

// object is a resource of the state as its type knows it.
func object(res engine.StoredResource) resource.Object {
	return resource.Object{
		Resource: res.ID, Type: res.Type, Before: res.MovedFrom,
		State: resource.State{ID: res.AWSID, Inputs: res.Inputs, Outputs: res.Outputs},
	}
}

// present are the objects of a state without those that a run is deleting or replacing.
func present(stored *Deployed) []resource.Object {
	var out []resource.Object
	for _, res := range stored.Resources {
		if !res.Deleting && !res.Replacing {
			out = append(out, object(res))
		}
	}
	return out
}

// observers yields the objects of a component, each with the observer of its type.
func observers(
	catalog *resource.Catalog, stack []resource.Object, address string,
) iter.Seq2[resource.Observer, resource.Observed] {
	return func(yield func(resource.Observer, resource.Observed) bool) {
		for _, o := range stack {
			if resource.ComponentOf(o.Resource) != address {
				continue
			}
			behaviour, _ := catalog.Behaviour(o.Type) // unknown: a newer deployer made it, and status says so
			observer, ok := behaviour.(resource.Observer)
			if ok && !yield(observer, resource.Observed{Object: o, Stack: stack}) {
				return
			}
		}
	}
}

// read asks AWS about one object, and compares it with what was deployed.
func read(ctx context.Context, catalog *resource.Catalog, res engine.StoredResource, tags map[string]string) answer {
	behaviour, err := catalog.Behaviour(res.Type)
	if err != nil {
		return answer{err: err}
	}
	is, there, err := behaviour.Read(ctx, resource.Request{
		Resource: res.ID, Type: res.Type, ID: res.AWSID, Inputs: value.NullValue, Tags: tags, Before: res.MovedFrom,
		Old: resource.State{ID: res.AWSID, Inputs: res.Inputs, Outputs: res.Outputs}, Progress: func(string) {},
	})
	a := answer{there: there, err: err}
	if there && err == nil {
		a.differs = strings.Join(resource.Compare(behaviour.Definition(), res.Inputs, is.Inputs).Changed(), ", ")
		if a.differs == "" && is.Repair != "" {
			a.differs = "tags"
		}
	}
	return a
}

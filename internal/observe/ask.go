package observe

import (
	"context"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"

	"golang.org/x/sync/errgroup"

	"github.com/company/deployer/internal/aws/rollout"
	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/resource/ecs"
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
	differs string          // the properties that differ from the deployed ones, as text
	err     error           // why AWS could not be asked
	service *rollout.Status // of an ECS service
}

// asking is how many objects are asked about at a time.
const asking = 64

// ask asks AWS about everything that should exist, in parallel. It fails only when the context ends.
func (e *examination) ask(
	ctx context.Context, catalog *resource.Catalog, cfg sdk.Config, components []state.Component,
) error {
	chosen := map[string]bool{}
	for _, c := range components {
		chosen[c.Address] = true
	}
	var members []engine.StoredResource
	var services []int // of members
	var refs []rollout.Ref
	for _, res := range e.stored.Resources {
		if !chosen[res.Component] || res.Deleting || res.Replacing {
			continue
		}
		if res.Type == ecs.ServiceType {
			services = append(services, len(members))
			refs = append(refs, rollout.Ref{
				Cluster: res.Inputs.Get("cluster").Str(),
				Service: res.Inputs.Get("name").Str(),
			})
		}
		members = append(members, res)
	}
	p, lineage := e.stored.Payload, e.stored.Snapshot.Envelope.Lineage
	answers := make([]answer, len(members))
	var all errgroup.Group
	all.SetLimit(asking)
	var found []rollout.Status
	all.Go(func() error {
		found = rollout.New(cfg).Status(ctx, refs...)
		return ctx.Err()
	})
	for i, res := range members {
		all.Go(func() error {
			answers[i] = read(ctx, catalog, res, resource.OwnTags(p.Stack, p.Environment, res.Component, lineage))
			return ctx.Err()
		})
	}
	if err := all.Wait(); err != nil {
		return err
	}
	for i, at := range services {
		answers[at].there, answers[at].err, answers[at].service = found[i].Found, nil, &found[i]
		if !found[i].Found {
			answers[at].err = found[i].Err
		}
	}
	for i, res := range members {
		e.answers[res.ID] = answers[i]
	}
	return nil
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

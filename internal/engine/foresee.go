package engine

import (
	"context"
	"sync"
	"time"

	pkgresource "github.com/pulumi/pulumi/pkg/v3/resource"
	sdk "github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

// foresight is how long AWS may take for its answers. A plan without them is better than none.
const foresight = 30 * time.Second

// foresee asks AWS, all types side by side, what it would refuse of the creations and changes of a plan.
func (c *collector) foresee(ctx context.Context) ([]resource.Refusal, []error) {
	ctx, cancel := context.WithTimeout(ctx, foresight)
	defer cancel()
	var stack resource.Neighbours
	for _, s := range c.run.state.all {
		if s.id != "" && s.state.ID != "" {
			stack.Ours = append(stack.Ours, string(s.state.ID))
		}
	}
	desired := map[sdk.URN]*pkgresource.State{}
	for _, s := range c.changes {
		if s.new != nil {
			desired[s.urn] = s.new
		}
	}
	planned, askers := map[string][]resource.Request{}, map[string]resource.Foreseer{}
	for _, s := range c.changes {
		if s.new == nil || s.action != plan.Create && s.action != plan.Replace && s.action != plan.Update {
			continue
		}
		inputs, was := fromProperties(s.new.Inputs), value.NullValue
		if s.old != nil && !s.leftover {
			was = s.old.inputs
		}
		call, behaviour, err := c.run.request(s.urn, s.action, "", inputs, was, value.NullValue)
		foreseer, ok := behaviour.(resource.Foreseer)
		if err != nil || !ok {
			continue // the plan says what is wrong
		}
		call.Inputs, call.Uses = inputs, c.uses(s.new, desired)
		if s.action == plan.Replace {
			def := c.run.definition(call.Type)
			if def.DeletesFirst(resource.Compare(def, was, inputs).Replace, was, inputs) {
				call.ID = string(s.old.state.ID)
			}
			call.Old = resource.State{}
		}
		if s.action == plan.Update {
			call.ID = string(s.old.state.ID)
		}
		planned[call.Type] = append(planned[call.Type], call)
		askers[call.Type] = foreseer
	}
	var f resource.Foresight
	for typ, requests := range planned {
		f.Ask(func() error {
			askers[typ].Foresee(ctx, requests, stack, &f)
			return nil
		})
	}
	return f.Wait()
}

// uses returns the desired properties of the resources whose outputs a resource uses, by its property. A resource that
// only passes on what it has in a property of the same name is skipped: an association of a subnet, for the subnet.
func (c *collector) uses(of *pkgresource.State, desired map[sdk.URN]*pkgresource.State) map[string]value.Value {
	out := map[string]value.Value{}
	for property := range of.PropertyDependencies {
		at := of
		for range 8 {
			urns := at.PropertyDependencies[property]
			if len(urns) == 0 {
				break
			}
			next := desired[urns[0]]
			if stored := c.run.state.live[urns[0]]; next == nil && stored != nil {
				next = stored.state
			}
			if next == nil {
				break
			}
			at = next
		}
		if at != of {
			out[string(property)] = fromProperties(at.Inputs)
		}
	}
	return out
}

// beforehand asks AWS at the same time what it would refuse to delete, and what it would refuse to make.
func (r *run) beforehand(ctx context.Context, p *Preview) (err error) {
	var both sync.WaitGroup
	if !r.o.Offline {
		both.Go(func() { p.Refusals, p.Unforeseen = r.plan.foresee(ctx) })
	}
	p.Unasked, err = r.plan.obstruct(ctx)
	both.Wait()
	return err
}

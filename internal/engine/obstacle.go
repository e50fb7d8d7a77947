package engine

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

// ObstructedError names everything that AWS would refuse to delete. Nothing was touched.
type ObstructedError struct{ Obstructions []Obstruction }

// Obstruction says why AWS would refuse to delete the object of one resource.
type Obstruction struct {
	Resource string // its ID
	Type     string
	plan.Obstacle
}

func (e *ObstructedError) Error() string {
	texts := make([]string, len(e.Obstructions))
	for i, o := range e.Obstructions {
		texts[i] = o.Resource + " cannot be deleted: " + o.What
	}
	return strings.Join(texts, "; ")
}

// lookers is how many objects are asked about at once.
const lookers = 16

// obstruct asks AWS, in parallel, whether it would refuse the deletes of a plan, so that no run begins that cannot end.
// If the credentials may not ask about an object, the run goes on as if nobody had asked. unasked names those
// resources.
func (c *collector) obstruct(ctx context.Context) (unasked []StepError, err error) {
	var stack resource.Neighbours
	for _, s := range c.run.state.all {
		if s.id != "" && s.state.ID != "" {
			stack.Ours = append(stack.Ours, string(s.state.ID))
		}
	}
	var going []*stored
	replaced := map[*stored][]string{}
	for _, change := range c.changes {
		if s := change.old; s != nil && !s.waiting && (change.action == plan.Delete || change.action == plan.Replace) {
			going, stack.Going = append(going, s), append(stack.Going, string(s.state.ID))
			if change.action == plan.Replace && change.new != nil {
				desired := fromProperties(change.new.Inputs)
				replaced[s] = resource.Compare(c.run.definition(s.typ), s.inputs, desired).Replace
			}
		}
	}
	c.obstacles = map[*stored][]plan.Obstacle{}
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(lookers)
	for _, s := range going {
		group.Go(func() error {
			stack := stack
			stack.Replaced = replaced[s]
			found, err := c.run.inTheWay(ctx, s, stack)
			mu.Lock()
			defer mu.Unlock()
			var op *resource.OpError
			switch {
			case errors.As(err, &op) && op.Denied():
				unasked = append(unasked, StepError{Resource: s.id, Type: s.typ, Err: err})
			case err != nil:
				return &StepError{Resource: s.id, Type: s.typ, Action: plan.NoOp, Err: err}
			case len(found) > 0:
				c.obstacles[s] = found
			}
			return nil
		})
	}
	err = group.Wait()
	slices.SortFunc(unasked, func(a, b StepError) int { return strings.Compare(a.Resource, b.Resource) })
	return unasked, err
}

func (r *run) inTheWay(ctx context.Context, s *stored, stack resource.Neighbours) (found []plan.Obstacle, err error) {
	defer recovered(&err)
	call, behaviour, err := r.request(s.state.URN, plan.Delete, string(s.state.ID), value.NullValue, s.inputs,
		fromProperties(s.state.Outputs))
	if err != nil {
		return nil, err
	}
	obstructed, ok := behaviour.(resource.Obstructed)
	if !ok {
		return nil, nil
	}
	return obstructed.Obstacles(ctx, call, stack)
}

func obstructedError(p *plan.Plan) error {
	var out []Obstruction
	for _, c := range p.Components {
		for _, change := range c.Changes {
			for _, o := range change.Obstacles {
				out = append(out, Obstruction{change.Resource, change.Type, o})
			}
		}
	}
	if len(out) == 0 {
		return nil
	}
	return &ObstructedError{out}
}

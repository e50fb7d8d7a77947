package deploy

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/state"
)

// Rollout is a change that AWS is making to an object, and that can be stopped.
type Rollout struct {
	Resource string
	What     string // "in progress for 2m"
}

// stopRollouts stops what AWS is rolling out at present, before the lock is taken: the run that has begun it may hold
// the lock until the rollout has failed. It changes no state. AWS goes back by itself; the run that holds the lock sees
// a failed rollout, saves that, and releases the lock. What could not be asked or stopped is a warning, because the
// rollback itself replaces such a rollout later.
func stopRollouts(
	ctx context.Context, b *backend.Backend, now *state.Stored, where backend.Place, req Request,
) (diag.List, error) {
	resources, err := engine.Resources(now.Payload.Engine)
	if err != nil {
		return nil, err
	}
	types := b.World.Types(where.Reading())
	found := make([]*stoppable, len(resources))
	var all errgroup.Group
	all.SetLimit(abreast)
	for i, r := range resources {
		behaviour, err := types.Behaviour(r.Type)
		able, ok := behaviour.(resource.Stoppable)
		if err != nil || !ok || r.Deleting || r.Replacing {
			continue
		}
		s := &stoppable{
			id: r.ID, able: able,
			object: resource.Observed{Object: resource.Object{
				Resource: r.ID, Type: r.Type,
				State: resource.State{ID: r.AWSID, Inputs: r.Inputs, Outputs: r.Outputs},
			}},
		}
		found[i] = s
		all.Go(func() error {
			s.what, s.err = able.Underway(ctx, s.object)
			return ctx.Err()
		})
	}
	if err := all.Wait(); err != nil {
		return nil, err
	}
	var out diag.List
	var rollouts []Rollout
	var stop []*stoppable
	for _, s := range found {
		switch {
		case s == nil:
		case s.err != nil:
			out.Add(unstopped(s, "Rollouts were not looked for"))
		case s.what != "":
			stop, rollouts = append(stop, s), append(rollouts, Rollout{s.id, s.what})
		}
	}
	if len(stop) == 0 {
		return out, nil
	}
	if req.StopRollouts != nil {
		if ok, err := req.StopRollouts(ctx, rollouts); err != nil || !ok {
			return nil, err
		}
	}
	for _, s := range stop {
		all.Go(func() error {
			s.err = s.able.Stop(ctx, s.object)
			return ctx.Err()
		})
	}
	if err := all.Wait(); err != nil {
		return nil, err
	}
	for _, s := range stop {
		if s.err != nil {
			out.Add(unstopped(s, "Rollout was not stopped"))
			continue
		}
		req.Progress(plan.Event{Kind: plan.Phase, Text: "Stopped the rollout of " + s.id + " (" + s.what +
			"): AWS goes back to what ran before"})
	}
	return out, nil
}

type stoppable struct {
	id     string
	able   resource.Stoppable
	object resource.Observed
	what   string
	err    error
}

// unstopped is the warning about a rollout that goes on.
func unstopped(s *stoppable, summary string) *diag.Diagnostic {
	d := slices.Clone(problems(s.err))[0]
	w := diag.New(diag.Failed, summary,
		fmt.Sprintf("%s: %s", s.id, strings.TrimSpace(d.Summary+". "+d.Detail)),
		"The rollback goes on. It replaces a rollout that is still in progress when it reaches the service.")
	w.Severity, w.Operation, w.RequestID, w.Cause = diag.Warning, d.Operation, d.RequestID, s.err
	return w.For(resource.ComponentOf(s.id))
}

package engine

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"

	"github.com/pulumi/pulumi/pkg/v3/resource/deploy"

	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

// Preview is what an apply would do.
type Preview struct {
	Plan    *plan.Plan
	Lookups map[string]value.Value            // the answers of lookups by resource ID; Options.Frozen of the apply
	Outputs map[string]map[string]value.Value // of each component, as far as they are known
	// Intents are the creations of the plan, one JSON document each. The caller stores them before an apply begins. If
	// the apply is interrupted, the next run gets them as Options.Intents, and no object is left behind. They hold no
	// secrets.
	Intents []json.RawMessage
	// Unnamed are the IDs of creations whose names are made from outputs of the same run: Options.Unnamed of the apply.
	// No intent of the plan can lead to them.
	Unnamed []string
	// Recovered says that the plan starts from what an interrupted run left. Its resources were read again.
	Recovered bool
	// Found are the IDs of Options.Forgotten that AWS still has: Options.Adopt of the apply.
	Found []string
	// Unwanted are the IDs of resources that are not to be made: see resource.Resource.Only.
	Unwanted map[string]bool
	// Unasked are the objects whose deletion the credentials may not ask about.
	Unasked []StepError
	// Refusals are what AWS would refuse to make or to change. Unforeseen are the questions about that without an
	// answer.
	Refusals   []resource.Refusal
	Unforeseen []error
	// Wanted are the desired properties of each resource of the plan that changes, by its ID.
	Wanted map[string]value.Value
}

// PreviewApply plans the changes that make AWS match the graph, starting from the state. It changes nothing and writes
// nothing.
//
// With a *ProtectedError or an *ObstructedError (joined if both) it still returns the preview, to be shown. All
// problems with properties are found at once: *ProblemError and *ResolveError, joined, and with them a *RefusedError.
func PreviewApply(ctx context.Context, graph *resource.Graph, state []byte, o Options) (*Preview, error) {
	start, err := recoverState(ctx, graph, state, o)
	if err != nil {
		return nil, err
	}
	r, err := newRun(previewing, graph, start.state, o)
	if err != nil {
		return nil, err
	}
	r.absent = start.absent
	return r.preview(ctx, start.recovered, true)
}

// PreviewPending plans against what the state says, whatever AWS has: it only asks AWS for the answers of lookups. It
// leaves alone what an interrupted run began. Like PreviewApply it returns the preview beside a *ProtectedError.
func PreviewPending(ctx context.Context, graph *resource.Graph, state []byte, o Options) (*Preview, error) {
	o.Intents, o.Uncertain, o.Forgotten = nil, nil, nil
	r, err := newRun(previewing, graph, state, o)
	if err != nil {
		return nil, err
	}
	return r.preview(ctx, false, false)
}

// PreviewDestroy plans the deletion of everything, or of what is targeted. It needs no graph.
func PreviewDestroy(ctx context.Context, state []byte, o Options) (*Preview, error) {
	return PreviewApply(ctx, nil, state, o)
}

// preview asks the engine for a plan. asking: it also asks AWS whether it would refuse the deletes.
func (r *run) preview(ctx context.Context, recovered, asking bool) (*Preview, error) {
	source, err := r.newSource(ctx)
	if err != nil {
		return nil, err
	}
	defer source.Close()
	r.plan = newCollector(r)
	if err := r.execute(ctx, &deploy.Options{DryRun: true, Parallel: 1}, source); err != nil {
		return nil, r.also(ctx, err, asking)
	}
	p := &Preview{Recovered: recovered}
	if asking {
		if err := r.beforehand(ctx, p); err != nil {
			return nil, err
		}
		r.plan.remember(ctx)
		if ctx.Err() != nil {
			return nil, &StoppedError{Cause: context.Cause(ctx)}
		}
	}
	p.Plan, p.Lookups, p.Outputs, p.Unwanted, p.Wanted = r.plan.plan(), r.lookups, r.outputs, r.unwanted, r.plan.wanted
	p.Found = slices.Sorted(maps.Keys(r.plan.found))
	p.Intents, p.Unnamed = r.plan.intents()
	return p, errors.Join(protectedError(p.Plan), obstructedError(p.Plan))
}

// also adds to the problems of a plan what AWS would refuse of the rest.
func (r *run) also(ctx context.Context, err error, asking bool) error {
	var unfit *ProblemError
	var resolve *ResolveError
	var stopped *StoppedError
	if !asking || r.o.Offline || errors.As(err, &stopped) || !errors.As(err, &unfit) && !errors.As(err, &resolve) {
		return err
	}
	if refusals, _ := r.plan.foresee(ctx); len(refusals) > 0 && ctx.Err() == nil {
		return errors.Join(err, &RefusedError{Refusals: refusals})
	}
	return err
}

func protectedError(p *plan.Plan) error {
	var ids []string
	emptied := false
	for _, c := range p.Components {
		for _, change := range c.Changes {
			if change.Protected {
				ids = append(ids, change.Resource)
				emptied = emptied || change.Action == plan.Update
			}
		}
	}
	if len(ids) == 0 {
		return nil
	}
	slices.Sort(ids)
	return &ProtectedError{Resources: slices.Compact(ids), Emptied: emptied}
}

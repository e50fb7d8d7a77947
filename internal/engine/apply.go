package engine

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/pulumi/pulumi/pkg/v3/resource/deploy"

	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

// Result is what an apply or a destroy has done.
type Result struct {
	State   []byte                            // what exists now, what is left from before included
	Changed bool                              // State differs from the state that was given
	Outputs map[string]map[string]value.Value // of each component, sensitive ones included
	Notes   map[string][]string               // of each component; see plan.Component
	// by resource ID: what was really done, whatever was planned; NoOp: nothing was needed
	Did     map[string]plan.Action
	Failed  []Failure // sorted by resource
	Skipped []Skip    // resources that the run did not reach, sorted
	Ran     bool      // the steps were begun; else nothing was done
	// Looked has the IDs of resources that AWS has answered about, so State is right about them. Asked are those of
	// Options.Intents and Options.Uncertain, and of unfinished steps of the given state. About all others nothing new
	// is known. Nil: AWS was not asked.
	Looked map[string]bool
}

// Failure is a step that did not come to its end: it failed or was stopped.
type Failure struct {
	Resource string
	Type     string
	Action   plan.Action
	Err      error
	Recorded bool // the object exists and the state has it as it is; the next run tries again
	// Stopped: nothing was refused. The run ended before AWS was done, and AWS may go on.
	Stopped bool
}

// Skip is a resource that the run did not reach, and why.
type Skip struct {
	Resource string
	Because  string // ID of the resource whose failure is the reason; "" when no step failed
	Reason   string // why, the end of a sentence
}

// Apply makes AWS match the graph. It returns a result also with an error. The caller must always save the result's
// State.
//
// After a failure, or when the context ends, no new step starts, and steps in flight are finished. Errors:
// *ProtectedError (nothing was touched), *StepError, *ProblemError, *ResolveError, *StoppedError, those of Guard and
// Journal; several are joined.
func Apply(ctx context.Context, graph *resource.Graph, state []byte, o Options) (*Result, error) {
	unchanged := &Result{State: state}
	found, err := recoverState(ctx, graph, state, o)
	if err != nil {
		return unchanged, err
	}
	start := found.state
	r, err := newRun(applying, graph, start, o)
	if err != nil {
		return unchanged, err
	}
	r.needing = found.needing
	if !bytes.Equal(start, state) {
		r.ledger.given = append([]byte{}, state...)
	}
	if err := r.refuseProtected(ctx, graph, start); err != nil {
		return unchanged, err
	}
	result, err := r.apply(ctx, start)
	if result.State == nil {
		return unchanged, err
	}
	result.Changed, result.Looked = !bytes.Equal(result.State, state), found.looked
	return result, err
}

// Destroy deletes all resources, or the targeted ones, in the reverse order of creation. It needs only the state.
func Destroy(ctx context.Context, state []byte, o Options) (*Result, error) {
	return Apply(ctx, nil, state, o)
}

// refuseProtected finds all protected resources that the run would delete or replace, before anything is touched. It
// only looks if the state has protected resources.
func (r *run) refuseProtected(ctx context.Context, graph *resource.Graph, state []byte) error {
	for _, s := range r.state.all {
		if s.id != "" && (r.guarded[s.id] || r.spared(s)) && !r.keep(s.id) {
			p, err := newRun(previewing, graph, state, r.o)
			if err != nil {
				return err
			}
			_, err = p.preview(ctx, false, false)
			return err
		}
	}
	return nil
}

func (r *run) apply(ctx context.Context, start []byte) (*Result, error) {
	if r.destroysAll() && r.state.seeded {
		return &Result{State: start, Outputs: map[string]map[string]value.Value{}}, nil
	}
	source, err := r.newSource(ctx)
	if err != nil {
		return &Result{}, err
	}
	defer source.Close()
	var from deploy.Source = source
	if r.destroysAll() {
		from = deploy.NewNullSource(source.Project())
	}
	runErr := r.execute(ctx, &deploy.Options{Parallel: r.o.parallelism()}, from)
	if runErr == nil {
		r.dropCreations(source)
	}
	state, err := r.ledger.checkpoint()
	if err != nil {
		return &Result{}, joined([]error{runErr, err})
	}
	r.mu.Lock()
	result := &Result{
		State: state, Outputs: r.outputs, Notes: r.notes, Did: maps.Clone(r.did), Failed: slices.Clone(r.failed),
		Ran: true,
	}
	r.mu.Unlock()
	if result.Outputs == nil {
		result.Outputs, result.Notes = source.componentOutputs(), source.notes()
	}
	slices.SortFunc(result.Failed, func(a, b Failure) int { return cmp.Compare(a.Resource, b.Resource) })
	if runErr != nil {
		result.Skipped = r.skipped(source, runErr)
		for _, s := range result.Skipped {
			r.tell(plan.Event{Kind: plan.Skipped, Resource: s.Resource, Text: s.Reason})
		}
	}
	return result, runErr
}

// dropCreations forgets interrupted creations of resources that are now as they should be.
func (r *run) dropCreations(s *source) {
	for i, op := range r.state.creating {
		rec, err := decodeRecord(op.Resource)
		if err != nil {
			continue
		}
		id := rec.URN.Name()
		if r.unwanted[id] || s.byID[id] != nil && s.urns[id] == rec.URN {
			r.ledger.forget(-1 - int64(i))
		}
	}
}

// destroysAll reports whether nothing stays. Then the stack and the provider are deleted too.
func (r *run) destroysAll() bool {
	return len(r.graph.Components) == 0 && len(r.graph.Resources) == 0 && len(r.o.Targets) == 0
}

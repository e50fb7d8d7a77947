package deploy

import (
	"context"
	"errors"
	"maps"
	"sync"

	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/deploy/recovery"
	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/state/session"
)

// execute asks the engine to carry the plan out (steps 8 to 10).
func (u *run) execute(held *session.Session, payload *state.Payload) (*engine.Result, error) {
	ctx, stop := context.WithCancelCause(held.Lock().Context())
	defer stop(nil)
	saver := newSaver(ctx, u.back.Patience(ctx, 0), held, *payload, recovery.IntentsOf(held.State()), u.back.World.Now,
		stop)
	journal := newJournal(u.back, held, u.Engine)
	defer func() {
		journal.close()
		if w := noJournal(u.back, journal); w != nil {
			u.late.Add(w)
		}
	}()
	o := u.options()
	o.Catalog = u.back.World.Types(u.where.Writing(held.Lock().Guard))
	o.Targets, o.Guard, o.Frozen = u.targets, held.Lock().Guard, u.lookups
	o.Hard = u.back.Patience(ctx, backend.AbortAfter)
	tell, silence := u.announcing(ctx)
	defer silence()
	o.Events, o.Dirty, o.Journal = u.planned(tell), saver.dirty, journal.append
	o.Unnamed, o.Save = u.unnamed, saver.now
	u.began = held.Lock().Now()
	result, err := engine.Apply(ctx, u.graph, u.Engine, o)
	if err == nil && len(o.Intents) > 0 {
		// An object of an interrupted run may have appeared only now, or may be one that nobody wants any more. The
		// journal starts again from here: saves include this pass, too.
		first := journal
		if journal = newJournal(u.back, held, result.State); journal.givenUp != nil {
			err = first.giveUp(journal.givenUp)
		}
		first.close()
		if err != nil {
			return result, errors.Join(err, saver.stop())
		}
		o.Journal, o.Surplus = journal.append, true
		var again *engine.Result
		if again, err = engine.Apply(ctx, u.graph, result.State, o); again.Outputs == nil {
			again.Outputs, again.Notes = result.Outputs, result.Notes
		}
		if again.Looked == nil {
			again.Looked = map[string]bool{}
		}
		maps.Copy(again.Looked, result.Looked) // an object without an answer now had one in the pass before
		again.Did = both(result.Did, again.Did)
		result = again
	}
	return result, errors.Join(err, saver.stop())
}

// both returns what two passes have done.
func both(first, second map[string]plan.Action) map[string]plan.Action {
	out := maps.Clone(first)
	if out == nil {
		return second
	}
	for id, action := range second {
		if action != plan.NoOp || out[id] == "" {
			out[id] = action
		}
	}
	return out
}

// outcome returns the result of the plan's execution.
func outcome(p *plan.Plan, result *engine.Result) *plan.Outcome {
	failed, skipped := map[string]engine.Failure{}, map[string]engine.Skip{}
	for _, f := range result.Failed {
		failed[f.Resource] = f
	}
	for _, s := range result.Skipped {
		skipped[s.Resource] = s
	}
	out := &plan.Outcome{}
	for _, c := range p.Components {
		for _, ch := range c.Changes {
			step := plan.Step{Resource: ch.Resource, Action: ch.Action}
			skip, missed := skipped[ch.Resource]
			failure, ended := failed[ch.Resource]
			switch {
			case ended && failure.Stopped:
				out.Stopped = append(out.Stopped, step)
			case ended:
				out.Failed = append(out.Failed, step)
			case missed || !result.Ran:
				step.Reason, step.Because = skip.Reason, skip.Because
				if !missed {
					step.Reason = "the run was stopped before"
				}
				out.NotStarted = append(out.NotStarted, step)
			default:
				if did := result.Did[ch.Resource]; did != "" {
					step.Action = did
				}
				out.Done = append(out.Done, step)
			}
		}
	}
	return out
}

// announcing passes on events, one at a time, and reports the end of the context. After the function silence, the run
// reports nothing.
func (u *run) announcing(ctx context.Context) (tell func(plan.Event), silence func()) {
	var one sync.Mutex
	over := false
	tell = func(e plan.Event) {
		one.Lock()
		defer one.Unlock()
		if !over {
			u.req.Progress(e)
		}
	}
	stop := context.AfterFunc(ctx, func() {
		tell(plan.Event{
			Kind: plan.Phase,
			Text: "Stopping: calls in progress get a few seconds, then the state is saved",
		})
	})
	return tell, func() {
		stop()
		one.Lock()
		defer one.Unlock()
		over = true
	}
}

// planned passes on events of resources that the plan changes: that an unchanged one was not reached, or needed
// nothing, is not worth an event.
func (u *run) planned(progress func(plan.Event)) func(plan.Event) {
	changing := map[string]bool{}
	for _, c := range u.plan.Components {
		for _, ch := range c.Changes {
			changing[ch.Resource] = true
		}
	}
	ended := map[string]bool{}
	return func(e plan.Event) {
		needless := e.Kind == plan.Done && e.Action == plan.NoOp
		if (e.Kind == plan.Skipped || needless) && !changing[e.Resource] || needless && ended[e.Resource] {
			return
		}
		ended[e.Resource] = ended[e.Resource] || e.Kind == plan.Done || e.Kind == plan.FailedAt ||
			e.Kind == plan.Stopped
		progress(e)
	}
}

// status is how the run ended.
func (u *run) status(err error) state.Status {
	var stopped *engine.StoppedError
	switch {
	case errors.As(err, &stopped):
		return state.Interrupted
	case err != nil:
		return state.Failed
	case u.stack == nil && len(u.req.Targets) == 0:
		return state.Destroyed
	case u.remedy && u.Stored != nil && u.Stored.Payload.Status != state.InProgress:
		return u.Stored.Payload.Status // it puts back objects, and does not complete a run that failed
	}
	return state.Succeeded
}

package engine

import (
	"errors"
	"slices"

	pkgresource "github.com/pulumi/pulumi/pkg/v3/resource"
	"github.com/pulumi/pulumi/pkg/v3/resource/deploy"
	"github.com/pulumi/pulumi/pkg/v3/resource/plugin"
	sdk "github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/property"

	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
)

// steps is called before and after every step of the engine. It asks the guard, keeps the ledger and tells the user. In
// a preview it collects the plan.
type steps struct{ run *run }

var _ deploy.Events = (*steps)(nil)

// OnResourceStepPre implements deploy.Events.
func (e *steps) OnResourceStepPre(step deploy.Step) (any, error) {
	r := e.run
	if r.mode == previewing {
		if r.plan != nil && r.isOurs(step.URN()) {
			r.plan.see(step)
		}
		return nil, nil
	}
	var op string
	var action plan.Action
	about := step.New()
	switch step.Op() {
	case deploy.OpCreate, deploy.OpCreateReplacement:
		op, action = opCreating, plan.Create
	case deploy.OpUpdate:
		op, action = opUpdating, plan.Update
	case deploy.OpDelete, deploy.OpDeleteReplaced:
		op, action, about = opDeleting, plan.Delete, step.Old()
	default:
		return nil, nil
	}
	if !r.isOurs(step.URN()) || op == opDeleting && r.isKept(step.URN(), about.ID) {
		return nil, nil
	}
	if r.o.Guard != nil {
		if err := r.o.Guard(); err != nil {
			r.fail(err)
			return nil, err
		}
	}
	rec := recordOf(about)
	rec.Protect = r.protect[step.URN().Name()]
	n, err := r.ledger.begin(op, rec)
	if err != nil {
		r.fail(err)
		return nil, err
	}
	if op == opCreating && r.o.Save != nil && slices.Contains(r.o.Unnamed, step.URN().Name()) {
		if err := r.o.Save(r.ledger.checkpoint); err != nil {
			r.fail(err)
			return nil, err
		}
	}
	if op == opCreating {
		r.mu.Lock()
		r.begun[step.URN()] = creation{n, step.Old(), step.New()}
		r.mu.Unlock()
	}
	typ, _ := typeOf(step.Type())
	r.tell(plan.Event{Kind: plan.Started, Resource: step.URN().Name(), Type: typ, Action: action})
	return begun{n, action}, nil
}

type begun struct {
	step   int64
	action plan.Action
}

// OnResourceStepPost implements deploy.Events.
func (e *steps) OnResourceStepPost(payload any, step deploy.Step, status sdk.Status, err error) error {
	r := e.run
	if r.mode == previewing {
		return nil
	}
	b, _ := payload.(begun)
	partial := err != nil && status == sdk.StatusPartialFailure
	if err != nil && !partial {
		if r.uncertain(step) {
			return r.ended(b, step, err, nil)
		}
		return r.ended(b, step, err, r.finish(b.step, nil))
	}
	urn, old, new := step.URN(), step.Old(), step.New()
	switch step.Op() {
	case deploy.OpSame:
		return r.ended(b, step, err, r.recordSame(old, new))
	case deploy.OpCreate, deploy.OpCreateReplacement, deploy.OpUpdate:
		r.correctInputs(urn, new)
		writes := []write{{at: new, record: r.recordFor(new)}}
		var drops []*pkgresource.State
		switch {
		case step.Op() == deploy.OpUpdate:
			writes[0].at, writes[0].also = old, new
		case old != nil && old.PendingReplacement:
			drops = append(drops, old)
		case old != nil && old.Delete:
			writes = append(writes, write{at: old, record: r.recordFor(old)})
		}
		drops = append(drops, r.keepOld(new)...)
		return r.ended(b, step, err, r.finish(b.step, writes, drops...))
	case deploy.OpDelete, deploy.OpDeleteReplaced:
		if old.PendingReplacement {
			return r.ended(b, step, err, r.finish(b.step, []write{{at: old, record: r.recordFor(old)}}))
		}
		return r.ended(b, step, err, r.finish(b.step, nil, old))
	case deploy.OpRemovePendingReplace:
		return r.ended(b, step, err, r.finish(0, nil, old))
	case deploy.OpRefresh:
		return r.refreshed(old, new)
	}
	return nil
}

// ended tells how a step ended and notes its failure.
func (r *run) ended(b begun, step deploy.Step, failure, recording error) error {
	if recording != nil {
		r.fail(recording)
	}
	urn := step.URN()
	if step.Op() == deploy.OpSame {
		b.action = r.sameAction(step)
	}
	if b.action == "" && failure == nil || !r.isOurs(urn) {
		return recording
	}
	typ, _ := typeOf(step.Type())
	event := plan.Event{Kind: plan.Done, Resource: urn.Name(), Type: typ, Action: b.action}
	if failure == nil {
		event.Action = r.note(step, b.action)
	} else {
		r.mu.Lock()
		if cause := r.causes[urn]; cause != nil {
			failure = cause
		}
		stepErr := &StepError{Resource: urn.Name(), Type: typ, Action: b.action, Err: failure}
		r.failures = append(r.failures, stepErr)
		stopped := r.stopped(failure)
		r.failed = append(r.failed, Failure{
			Resource: urn.Name(), Type: typ, Action: b.action, Err: failure,
			Recorded: isPartial(failure), Stopped: stopped,
		})
		r.mu.Unlock()
		event.Kind, event.Text = endKind(stopped), clean(failure.Error())
	}
	r.tell(event)
	return recording
}

// stopped reports whether a step ended because nobody waits for it any longer.
func (r *run) stopped(failure error) bool {
	return r.o.hard().Err() != nil && resource.Stopped(failure)
}

// endKind is the event of a step that did not come to its end.
func endKind(stopped bool) plan.EventKind {
	if stopped {
		return plan.Stopped
	}
	return plan.FailedAt
}

// sameAction returns the action of a step that leaves the object alone. The step may still record a changed protection.
func (r *run) sameAction(step deploy.Step) plan.Action {
	s, id := r.state.live[step.URN()], step.URN().Name()
	if s != nil && !r.keep(id) && s.protected != r.protect[id] {
		return plan.Update
	}
	return plan.NoOp
}

// note remembers what was done with a resource. Each resource counts once: the delete of a replaced object is part of
// the replacement. note returns what the step has really done.
func (r *run) note(step deploy.Step, action plan.Action) plan.Action {
	r.mu.Lock()
	defer r.mu.Unlock()
	id := step.URN().Name()
	before, counts := r.did[id], action
	changed := before != "" && before != plan.NoOp
	switch {
	case action == plan.Create && r.adopted[step.URN()]:
		action, counts = plan.Adopt, plan.Adopt
	case step.Op() == deploy.OpCreateReplacement:
		counts = plan.Replace
	// after the replacement was made, or before that
	case step.Op() == deploy.OpDeleteReplaced && (changed || !step.Old().Delete):
		return action
	case action == plan.NoOp && changed:
		return action
	}
	r.did[id] = counts
	return action
}

// instance is one object of a resource.
type instance struct {
	urn sdk.URN
	id  sdk.ID
}

// keepOld returns records of an object that has just become a resource again: they say that it waits for its deletion.
// This run does not delete the object, although the engine was told to.
func (r *run) keepOld(made *pkgresource.State) []*pkgresource.State {
	var records []*pkgresource.State
	for _, s := range r.state.all {
		if s.deleting && s.state.URN == made.URN && s.state.ID == made.ID {
			records = append(records, s.state)
		}
	}
	if len(records) > 0 {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.kept[instance{made.URN, made.ID}] = true
	}
	return records
}

func (r *run) isKept(urn sdk.URN, id sdk.ID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.kept[instance{urn, id}]
}

// uncertain reports whether a failed step may still have changed something. Such a step stays pending, as if the
// process had died: the next run looks for an object that was to be created, and reads again one that was to be updated
// or deleted.
func (r *run) uncertain(step deploy.Step) bool {
	switch step.Op() {
	case deploy.OpCreate, deploy.OpCreateReplacement, deploy.OpUpdate, deploy.OpDelete, deploy.OpDeleteReplaced:
	default:
		return false
	}
	return !r.changedNothing(step.URN())
}

// changedNothing reports whether the last calls for a resource are sure to have changed nothing.
func (r *run) changedNothing(urn sdk.URN) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.effects[urn].None()
}

func isPartial(err error) bool {
	var partial *resource.PartialError
	return errors.As(err, &partial)
}

// finish writes to the ledger and calls Options.Dirty with a checkpoint.
func (r *run) finish(step int64, writes []write, drops ...*pkgresource.State) error {
	if step == 0 && len(writes) == 0 && len(drops) == 0 {
		return nil
	}
	if err := r.ledger.end(step, writes, drops...); err != nil {
		return err
	}
	if r.o.Dirty != nil && r.mode == applying {
		r.o.Dirty(r.ledger.checkpoint)
	}
	return nil
}

// correctInputs sets the inputs in the state to what the object really has, if that differs from what was asked for.
func (r *run) correctInputs(urn sdk.URN, s *pkgresource.State) {
	r.mu.Lock()
	inputs, ok := r.actual[urn]
	delete(r.actual, urn)
	r.mu.Unlock()
	if ok {
		s.Lock.Lock()
		s.Inputs = properties(inputs)
		s.Lock.Unlock()
	}
}

// recordSame records a resource with an unchanged object if something else in its record has changed.
func (r *run) recordSame(old, new *pkgresource.State) error {
	id := new.URN.Name()
	s := r.state.live[new.URN]
	rec := r.recordFor(new)
	if s == nil || r.keep(id) {
		r.ledger.same(old, new)
		return nil
	}
	if !s.upgraded && rec.Protect == s.protected && new.Inputs.DeepEquals(old.Inputs) &&
		slices.Equal(new.Dependencies, old.Dependencies) &&
		sameDependencies(new.PropertyDependencies, old.PropertyDependencies) &&
		len(old.InitErrors) == len(new.InitErrors) {
		r.ledger.same(old, new)
		return nil
	}
	return r.finish(0, []write{{at: old, also: new, record: rec}})
}

func sameDependencies(a, b map[sdk.PropertyKey][]sdk.URN) bool {
	if len(a) != len(b) {
		return false
	}
	for key, urns := range a {
		if !slices.Equal(urns, b[key]) {
			return false
		}
	}
	return true
}

// recordFor is recordOf with the protection that the state should have.
func (r *run) recordFor(s *pkgresource.State) *record {
	s.Lock.Lock()
	defer s.Lock.Unlock()
	rec := recordOf(s)
	if r.isOurs(s.URN) {
		rec.Protect = r.protect[s.URN.Name()]
		if s.Delete {
			// an unfinished replacement must not lift the protection of the old object
			rec.Protect = r.wasProtected(s)
		}
	}
	return rec
}

// wasProtected reports whether the state protected an object before this run.
func (r *run) wasProtected(s *pkgresource.State) bool {
	for _, known := range r.state.all {
		if known.state == s {
			return known.protected
		}
	}
	return s.Protect
}

// OnResourceOutputs implements deploy.Events: only the stack registers outputs.
func (e *steps) OnResourceOutputs(step deploy.Step) error {
	r := e.run
	if r.mode == previewing {
		return nil
	}
	old := r.state.root.state
	if step.New() == nil || old.Outputs.DeepEquals(step.New().Outputs) {
		return nil
	}
	return r.finish(0, []write{{at: step.New(), record: r.recordFor(step.New())}})
}

// OnSnapshotWrite implements deploy.Events; it is for states that lack providers, and ours never do.
func (e *steps) OnSnapshotWrite(*deploy.Snapshot) error { return nil }

// OnRebuiltBaseState implements deploy.Events; the ledger needs no rebuilding.
func (e *steps) OnRebuiltBaseState() error { return nil }

// The rest of deploy.Events is about policy packs, which we do not have.

func (e *steps) OnPolicyViolation(sdk.URN, plugin.AnalyzeDiagnostic)                         {}
func (e *steps) OnPolicyRemediation(sdk.URN, plugin.Remediation, property.Map, property.Map) {}
func (e *steps) OnPolicyAnalyzeSummary(plugin.PolicySummary)                                 {}
func (e *steps) OnPolicyRemediateSummary(plugin.PolicySummary)                               {}
func (e *steps) OnPolicyAnalyzeStackSummary(plugin.PolicySummary)                            {}

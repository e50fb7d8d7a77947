package engine

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	pkgresource "github.com/pulumi/pulumi/pkg/v3/resource"
	sdk "github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

// activation is an object that becomes active when everything else is made: see resource.Activator.
type activation struct {
	state  *pkgresource.State
	wanted value.Value
}

// others returns the other objects of a type in the state, sorted. id is the object that is not another one; "": it
// does not exist yet.
func (r *run) others(urn sdk.URN, id sdk.ID) []resource.Other {
	var out []resource.Other
	for _, s := range r.state.all {
		if s.state.Type != urn.Type() || s.state.ID == id || s.waiting || r.isKept(s.state.URN, s.state.ID) {
			continue
		}
		out = append(out, resource.Other{
			Resource: s.id, Going: r.going(s),
			State: resource.State{ID: string(s.state.ID), Inputs: s.inputs, Outputs: fromProperties(s.state.Outputs)},
		})
	}
	slices.SortStableFunc(out, func(a, b resource.Other) int { return strings.Compare(a.Resource, b.Resource) })
	return out
}

// rivals are others without the old object of the resource itself.
func (r *run) rivals(urn sdk.URN, id sdk.ID) []resource.Other {
	return slices.DeleteFunc(r.others(urn, id), func(o resource.Other) bool { return o.Resource == urn.Name() })
}

// going reports whether the run deletes an object: nobody wants its resource, or the resource is replaced.
func (r *run) going(s *stored) bool {
	if r.keep(s.id) {
		return false
	}
	r.mu.Lock()
	unwanted := r.unwanted[s.id]
	r.mu.Unlock()
	res := r.graph.Resource(s.id)
	if s.deleting || unwanted || res == nil {
		return true
	}
	desired := fromProperties(r.wants(s.state.URN).update)
	if desired.IsNull() { // its turn is still to come
		desired = r.guess(res)
	}
	return !desired.IsNull() && len(resource.Compare(r.definition(s.typ), s.inputs, desired).Replace) > 0
}

// guess returns the properties of a resource as far as they are known before its turn; null: nothing is known.
func (r *run) guess(res *resource.Resource) value.Value {
	behaviour, err := r.o.Catalog.Behaviour(res.Type)
	if err != nil || r.lookup == nil {
		return value.NullValue
	}
	props, err := value.Resolve(res.Props, value.Env{Template: r.template, Lookup: func(ref value.Reference) (
		value.Value, error,
	) {
		if v, err := r.lookup(ref); err == nil {
			return v, nil
		}
		return value.NewUnknown(), nil
	}})
	if err != nil {
		return value.NullValue
	}
	checked, _, err := r.check(behaviour, props)
	if err != nil {
		return value.NullValue
	}
	return checked
}

// activator returns the behaviour of a type, if its objects become active at the end.
func (r *run) activator(typ string) (resource.Activator, bool) {
	b, err := r.o.Catalog.Behaviour(typ)
	if err != nil {
		return nil, false
	}
	s, ok := b.(resource.Activator)
	return s, ok
}

// activate activates every object that waits for it. It runs when all desired resources exist, before anything is
// deleted. Each activation is recorded at once. If a run is interrupted before that, the state still has the old inputs
// of the object, and the next run activates the object again.
func (s *source) activate() error {
	s.mu.Lock()
	all := slices.Clone(s.activations)
	s.mu.Unlock()
	turn := func(a activation) int {
		typ, _ := typeOf(a.state.Type)
		activator, _ := s.run.activator(typ)
		return activator.Turn(a.wanted)
	}
	slices.SortFunc(all, func(a, b activation) int {
		return cmp.Or(strings.Compare(string(a.state.Type), string(b.state.Type)), cmp.Compare(turn(a), turn(b)),
			strings.Compare(string(a.state.URN), string(b.state.URN)))
	})
	for _, p := range all {
		if err := s.ctx.Err(); err != nil {
			return err
		}
		if err := s.run.activateOne(p); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) activateOne(p activation) (err error) {
	urn, is := p.state.URN, fromProperties(p.state.Inputs)
	call, behaviour, err := r.request(urn, plan.Update, string(p.state.ID), p.wanted, is,
		fromProperties(p.state.Outputs))
	if err != nil {
		return err
	}
	call.Inputs = p.wanted
	call.Displace = func(id string, set value.Value, do func() error) error { return r.displace(urn, id, set, do) }
	defer func() {
		if err != nil {
			failure := &StepError{Resource: call.Resource, Type: call.Type, Action: plan.Update, Err: err}
			r.fail(failure)
			stopped := r.stopped(err)
			r.mu.Lock()
			r.failed = append(r.failed, Failure{
				Resource: call.Resource, Type: call.Type, Action: plan.Update, Err: err,
				Recorded: true, Stopped: stopped,
			})
			r.mu.Unlock()
			r.tell(plan.Event{
				Kind: endKind(stopped), Resource: call.Resource, Type: call.Type, Action: plan.Update,
				Text: clean(err.Error()),
			})
		}
	}()
	// An activation is an update of its own. Where its answer is lost, or the run is interrupted, it stays pending: the
	// next run reads the object before it compares anything, also when that run wants what the state says.
	step, err := r.ledger.begin(opUpdating, r.recordFor(p.state))
	if err != nil {
		return err
	}
	defer recovered(&err)
	state, err := behaviour.(resource.Activator).Activate(r.calling(urn, call), call)
	if err != nil {
		if r.changedNothing(urn) {
			err = errors.Join(err, r.finish(step, nil))
		}
		return err
	}
	p.state.Lock.Lock()
	p.state.Inputs = properties(state.Inputs)
	p.state.Lock.Unlock()
	return r.finish(step, []write{{at: p.state, record: r.recordFor(p.state)}})
}

// displace is resource.Request.Displace. A change that failed stays pending: the next run reads the object.
func (r *run) displace(urn sdk.URN, id string, set value.Value, do func() error) error {
	states, rec := r.ledger.object(string(urn.Type()), id)
	if rec == nil {
		return do()
	}
	step, err := r.ledger.begin(opUpdating, rec.encodable())
	if err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	for name, v := range set.Entries() {
		rec.inputs = rec.inputs.With(name, v)
	}
	for _, s := range states { // later steps write records of them
		s.Lock.Lock()
		s.Inputs = properties(rec.inputs)
		s.Lock.Unlock()
	}
	return r.finish(step, []write{{at: states[0], record: rec.encodable()}})
}

package engine

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"

	pkgresource "github.com/pulumi/pulumi/pkg/v3/resource"
	sdk "github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"golang.org/x/sync/errgroup"

	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

// interrupted is why a resource that was found after a crash is looked at again by the next update.
const interrupted = "the run that created it was interrupted"

// recoverState finds out what an interrupted run left, so that a plan starts from what exists. It looks by name and
// tags for objects to be created, and takes them into the state. It reads again objects to be updated or deleted. An
// object that is wanted but not found stays pending; its creation adopts it if it appears later. An object that is
// neither found nor wanted is forgotten.
func recoverState(ctx context.Context, graph *resource.Graph, state []byte, o Options) (*recovery, error) {
	state, err := withIntents(state, o.Intents)
	if err != nil {
		return nil, err
	}
	pending, err := Pending(state)
	if err != nil || len(pending) == 0 && len(o.Uncertain) == 0 {
		return &recovery{state: state, looked: map[string]bool{}}, err
	}
	uncertain := slices.Clone(o.Uncertain)
	for _, p := range pending {
		if p.Action != plan.Create {
			uncertain = append(uncertain, p.Resource)
		}
	}
	looked, wanted := map[string]bool{}, map[string]bool{}
	if graph != nil {
		for _, res := range graph.Resources {
			wanted[res.ID()] = true
		}
	}
	if len(uncertain) > 0 {
		reading := o
		reading.Targets, reading.Unwanted = uncertain, map[string]bool{}
		for _, id := range uncertain {
			reading.Unwanted[id] = !wanted[id]
		}
		found, err := Refresh(ctx, state, reading)
		if err != nil {
			return nil, err
		}
		state = found.State
		for _, id := range uncertain {
			looked[id] = true
		}
	}
	r, err := newRun(refreshing, graph, state, o)
	if err != nil {
		return nil, err
	}
	r.ledger.journal = nil
	absent, err := r.locateAll(ctx, looked)
	if err != nil {
		return nil, err
	}
	state, err = r.ledger.checkpoint()
	return &recovery{state: state, recovered: true, absent: absent, looked: looked, needing: r.needing}, err
}

// recovery is what recoverState has found.
type recovery struct {
	state     []byte
	recovered bool               // there was something to recover
	absent    map[string]bool    // by resource ID: wanted, looked for, and not there
	looked    map[string]bool    // by resource ID: AWS answered about every object that it may be
	needing   map[string][]doubt // by resource ID: what needs it
}

// doubt is an interrupted creation of what nobody wants, if AWS did not answer whether there is an object.
type doubt struct {
	*record
	parents error // why nothing is known about a parent, without which it cannot be looked for
}

// locateAll looks for objects that interrupted runs were about to create. It notes in looked whether AWS has answered
// about them.
func (r *run) locateAll(ctx context.Context, looked map[string]bool) (absent map[string]bool, err error) {
	wanted := map[sdk.URN]bool{}
	for _, res := range r.graph.Resources {
		if !res.Data {
			wanted[r.names.resource(res.ID(), res.Type)] = true
		}
	}
	absent = map[string]bool{}
	firsts, err := firstObjects(r.o.Intents)
	if err != nil {
		return nil, err
	}
	family, err := r.familyOf()
	if err != nil {
		return nil, err
	}
	taken, unsure := map[sdk.URN]bool{}, map[string]error{}
	for _, name := range family.names {
		looked[name] = true
	}
	for _, i := range family.order() {
		op := r.state.creating[i]
		rec, err := decodeRecord(op.Resource)
		if err != nil {
			return nil, err
		}
		family.complete(r, rec, i, unsure)
		// If the resource has an object by now, only a replacement may still be wanted.
		leftover := !wanted[rec.URN] || r.state.live[rec.URN] != nil && (r.o.Surplus || firsts[string(op.Resource)])
		state, found, err := r.locate(ctx, rec)
		switch {
		case ctx.Err() != nil:
			return nil, &StoppedError{Cause: context.Cause(ctx)}
		case err != nil && family.orphaned(i, unsure) != nil: // its parent may be there, and so may it
			parents := family.orphaned(i, unsure)
			unsure[rec.URN.Name()], looked[rec.URN.Name()] = parents, false
			r.doubts(rec, leftover, parents)
		case err != nil && (!leftover || !errors.Is(err, errors.ErrUnsupported)):
			unsure[rec.URN.Name()] = err // a creation adopts it, and until then it stays pending
			looked[rec.URN.Name()] = looked[rec.URN.Name()] && errors.Is(err, errors.ErrUnsupported)
			r.doubts(rec, leftover, nil)
		case found:
			if err := r.takeIn(rec, state, taken[rec.URN] || wanted[rec.URN] && leftover); err != nil {
				return nil, err
			}
			taken[rec.URN] = true
			family.found(rec.URN.Name(), state)
		case leftover:
			r.ledger.forget(-1 - int64(i))
		default:
			absent[rec.URN.Name()] = true
		}
	}
	maps.DeleteFunc(absent, func(id string, _ bool) bool { return unsure[id] != nil })
	return absent, nil
}

// doubts notes what an object needs that AWS did not answer about, if nobody wants it.
func (r *run) doubts(rec *record, leftover bool, parents error) {
	if !leftover {
		return
	}
	for _, urn := range rec.Dependencies {
		r.needing[urn.Name()] = append(r.needing[urn.Name()], doubt{rec, parents})
	}
}

// stillNeeded looks again for the objects that may need this one. AWS would refuse the delete for as long as one of
// them is there. Error: *NeededError.
func (r *run) stillNeeded(ctx context.Context, id string) error {
	for _, d := range r.needing[id] {
		found, err := false, d.parents
		if err == nil {
			_, found, err = r.locate(ctx, d.record)
		}
		if err != nil || found {
			return &NeededError{By: d.URN.Name(), Err: err}
		}
	}
	return nil
}

// family are the creations that interrupted runs did not finish, with those by whose outputs they are found: a route
// has no tags, and the plan did not know the id of its route table.
type family struct {
	names   []string                     // the resource IDs of the creations
	parents []map[string]value.Reference // of each creation, by property
	located map[string]resource.State    // by resource ID, as far as they were looked for
}

func (r *run) familyOf() (*family, error) {
	parents, err := parentsOf(r.o.Intents)
	if err != nil {
		return nil, err
	}
	f := &family{located: map[string]resource.State{}}
	for _, op := range r.state.creating {
		var h head
		if err := json.Unmarshal(op.Resource, &h); err != nil {
			return nil, err
		}
		f.names = append(f.names, h.URN.Name())
		f.parents = append(f.parents, parents[string(op.Resource)])
	}
	return f, nil
}

// order puts parents before those that are found by them. Otherwise, and above all for the creations of one resource,
// it keeps the order.
func (f *family) order() []int {
	open := map[string]int{}
	var rest, out []int
	for i, name := range f.names {
		open[name]++
		rest = append(rest, i)
	}
	for len(rest) > 0 {
		var later []int
		behind := map[string]bool{}
		for _, i := range rest {
			waits := behind[f.names[i]]
			for _, ref := range f.parents[i] {
				waits = waits || ref.Target != f.names[i] && open[ref.Target] > 0
			}
			if waits {
				behind[f.names[i]] = true
				later = append(later, i)
				continue
			}
			open[f.names[i]]--
			out = append(out, i)
		}
		if len(later) == len(rest) { // they wait for each other
			return append(out, later...)
		}
		rest = later
	}
	return out
}

func (f *family) found(name string, state resource.State) {
	if _, already := f.located[name]; !already {
		f.located[name] = state
	}
}

// complete fills in what the plan did not know of the i-th creation and a parent says that exists: one that was found
// now, or one in the state. An earlier run may have taken the parent in and then died or failed. If AWS did not answer
// about the creation of a parent, nobody knows which of its objects is meant.
func (f *family) complete(r *run, rec *record, i int, unsure map[string]error) {
	for property, ref := range f.parents[i] {
		if !rec.inputs.Get(property).IsNull() || unsure[ref.Target] != nil {
			continue
		}
		var v value.Value
		if state, there := f.located[ref.Target]; there {
			v = answer{inputs: state.Inputs, outputs: properties(state.Outputs)}.get(ref.Output)
		} else if parent := r.parent(ref.Target); parent != nil {
			v = answer{inputs: parent.inputs, outputs: parent.state.Outputs}.get(ref.Output)
		}
		if v.Kind() == value.String {
			rec.inputs = rec.inputs.With(property, v)
		}
	}
}

// orphaned returns why AWS did not answer about a parent of the i-th creation; nil if it answered about all.
func (f *family) orphaned(i int, unsure map[string]error) error {
	for _, ref := range f.parents[i] {
		if err := unsure[ref.Target]; err != nil {
			return err
		}
	}
	return nil
}

// parent returns the resource of that ID in the state; nil if there is none.
func (r *run) parent(id string) *stored {
	for urn, s := range r.state.live {
		if urn.Name() == id {
			return s
		}
	}
	return nil
}

// locate looks for the object that an interrupted creation may have made.
func (r *run) locate(ctx context.Context, rec *record) (state resource.State, found bool, err error) {
	defer recovered(&err)
	call, behaviour, err := r.request(rec.URN, plan.Create, "", rec.inputs, value.NullValue, value.NullValue)
	if err != nil {
		return state, false, err
	}
	locator, ok := behaviour.(resource.Locator)
	if !ok {
		return state, false, errors.ErrUnsupported
	}
	call.Inputs, call.Adopt = rec.inputs, true
	return locator.Locate(ctx, call)
}

// remember looks for objects that a plan would create, but AWS may still have, because somebody removed them from the
// state. Without an answer the plan stays a creation; the apply finds out.
func (c *collector) remember(ctx context.Context) {
	c.found = map[string]bool{}
	there := make([]bool, len(c.changes))
	var group errgroup.Group
	group.SetLimit(lookers)
	for i, s := range c.changes {
		if s.action != plan.Create || s.leftover || !slices.Contains(c.run.o.Forgotten, s.urn.Name()) {
			continue
		}
		rec, err := decodeRecord(recordOf(s.new).encode()) // without what is not known yet
		if err != nil {
			continue
		}
		group.Go(func() error {
			_, found, err := c.run.locate(ctx, rec)
			there[i] = found && err == nil
			return nil
		})
	}
	_ = group.Wait() // no look returns an error
	for i, found := range there {
		if found {
			c.changes[i].action = plan.Adopt
			c.found[c.changes[i].urn.Name()] = true
		}
	}
}

// takeIn adds a found object to the state. The object that it replaces, if any, then waits for its deletion, or is
// forgotten if already deleted. leftover: a newer object of the same resource was found before, so this one only waits
// for its deletion.
func (r *run) takeIn(rec *record, found resource.State, leftover bool) error {
	s := rec.state()
	s.ID, s.InitErrors = sdk.ID(found.ID), []string{interrupted}
	s.Inputs = properties(found.Inputs)
	typ, _ := typeOf(rec.Type)
	s.Outputs = versioned(properties(found.Outputs), r.definition(typ))
	if leftover {
		s.Delete = true
		return r.ledger.end(0, []write{{at: s, record: r.recordFor(s)}})
	}
	writes := []write{{at: s, record: recordOf(s)}}
	var drops []*pkgresource.State
	if old := r.state.live[rec.URN]; old != nil {
		if old.state.PendingReplacement {
			drops = append(drops, old.state)
		} else {
			old.state.Delete = true
			writes = append(writes, write{at: old.state, record: r.recordFor(old.state)})
		}
	}
	return r.ledger.end(0, writes, drops...)
}

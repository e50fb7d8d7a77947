package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/pulumi/pulumi/pkg/v3/resource/plugin"
	sdk "github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

// provider lets the engine use the catalog's behaviours. A panic in one of them fails its step and nothing else.
type provider struct {
	plugin.UnimplementedProvider
	run *run
}

var _ plugin.Provider = (*provider)(nil)

// Close implements plugin.Provider.
func (p *provider) Close() error { return nil }

// SignalCancellation implements plugin.Provider: calls in flight are finished.
func (p *provider) SignalCancellation(context.Context) error { return nil }

// CheckConfig implements plugin.Provider. The provider has no configuration: the behaviours hold their clients.
func (p *provider) CheckConfig(_ context.Context, req plugin.CheckConfigRequest) (plugin.CheckConfigResponse, error) {
	return plugin.CheckConfigResponse{Properties: req.News}, nil
}

// DiffConfig implements plugin.Provider.
func (p *provider) DiffConfig(context.Context, plugin.DiffConfigRequest) (plugin.DiffConfigResponse, error) {
	return plugin.DiffResult{Changes: plugin.DiffNone}, nil
}

// Configure implements plugin.Provider.
func (p *provider) Configure(context.Context, plugin.ConfigureRequest) (plugin.ConfigureResponse, error) {
	return plugin.ConfigureResponse{}, nil
}

// Check returns the inputs that the source has resolved and checked. The goal itself has none, so that they are not
// converted three times.
func (p *provider) Check(_ context.Context, req plugin.CheckRequest) (plugin.CheckResponse, error) {
	w := p.run.wants(req.URN)
	if req.Olds != nil {
		return plugin.CheckResponse{Properties: w.update}, nil
	}
	return plugin.CheckResponse{Properties: w.inputs}, nil
}

// Diff is resource.Compare on checked inputs, in preview and apply. NewInputs may hold unknowns in an apply, too: the
// engine then asks about the effect of replacing another resource.
func (p *provider) Diff(_ context.Context, req plugin.DiffRequest) (_ plugin.DiffResult, err error) {
	defer recovered(&err)
	id := req.URN.Name()
	old := p.run.state.live[req.URN]
	// The old object of an interrupted replacement is already deleted. The engine must not delete it again: the new
	// object may have the same name.
	gone := old != nil && old.waiting
	if p.run.keep(id) || req.OldInputs.DeepEquals(req.NewInputs) {
		return plugin.DiffResult{Changes: plugin.DiffNone, DeleteBeforeReplace: gone}, nil
	}
	typ, _ := typeOf(req.URN.Type())
	def := p.run.definition(typ)
	was, desired := fromProperties(req.OldInputs), fromProperties(req.NewInputs)
	diff := resource.Compare(def, was, desired)
	if len(diff.Changes) == 0 {
		return plugin.DiffResult{Changes: plugin.DiffNone, DeleteBeforeReplace: gone}, nil
	}
	result := plugin.DiffResult{
		Changes:             plugin.DiffSome,
		DeleteBeforeReplace: def.DeletesFirst(diff.Replace, was, desired) || gone,
	}
	for _, name := range diff.Changed() {
		result.ChangedKeys = append(result.ChangedKeys, sdk.PropertyKey(name))
	}
	for _, name := range diff.Replace {
		result.ReplaceKeys = append(result.ReplaceKeys, sdk.PropertyKey(name))
	}
	destroys := len(diff.Replace) > 0 ||
		def.Meaning(resource.Change{Changed: diff.Changed(), Old: was, Desired: desired}) == plan.DataLoss
	if destroys && p.run.mode == applying && p.run.guarded[id] {
		err := &ProtectedError{Resources: []string{id}, Emptied: len(diff.Replace) == 0}
		p.run.fail(err)
		return plugin.DiffResult{}, err
	}
	return result, nil
}

// Create implements plugin.Provider.
func (p *provider) Create(_ context.Context, req plugin.CreateRequest) (resp plugin.CreateResponse, err error) {
	if req.Preview {
		return plugin.CreateResponse{Properties: sdk.PropertyMap{}}, nil
	}
	defer p.run.explain(req.URN, &err)
	defer recovered(&err)
	inputs := fromProperties(req.Properties)
	call, behaviour, err := p.run.request(req.URN, plan.Create, "", inputs, value.NullValue, value.NullValue)
	if err != nil {
		return plugin.CreateResponse{}, err
	}
	call.Inputs, call.Adopt = inputs, p.run.adopt[call.Resource]
	call.InState = func(other string) bool { return p.run.ledger.ownsElsewhere(string(req.URN.Type()), other, req.URN) }
	p.run.unseal(req.URN, &call)
	call.Started = func(state resource.State) error { return p.run.started(req.URN, behaviour, state) }
	state, err := behaviour.Create(p.run.calling(req.URN, call), call)
	if state.Adopted {
		p.run.mu.Lock()
		p.run.adopted[req.URN] = true
		p.run.mu.Unlock()
	}
	outputs, status, err := p.run.outcome(req.URN, behaviour, value.NullValue, state, err)
	if err == nil && state.ID == "" {
		err = errors.New("it was created, but has no id")
	}
	if partial := (*resource.PartialError)(nil); errors.As(err, &partial) {
		state = partial.State
	}
	return plugin.CreateResponse{ID: sdk.ID(state.ID), Properties: outputs, Status: status}, err
}

// Update implements plugin.Provider. In a preview, outputs stay as they are, except those that the definition marks as
// changing.
func (p *provider) Update(_ context.Context, req plugin.UpdateRequest) (resp plugin.UpdateResponse, err error) {
	typ, _ := typeOf(req.URN.Type())
	if req.Preview {
		outputs, def := req.OldOutputs.Copy(), p.run.definition(typ)
		changing := def.ChangesOnUpdate
		if p.run.onlyLabels(req) {
			changing = nil
		}
		if old := p.run.state.live[req.URN]; old != nil && len(old.state.InitErrors) > 0 &&
			len(fromProperties(outputs).Entries()) == 0 {
			changing = def.Outputs // the run that made it could not read them
		}
		for _, name := range changing {
			if _, wanted := req.NewInputs[sdk.PropertyKey(name)]; !wanted {
				outputs[sdk.PropertyKey(name)] = toProperty(value.NewUnknown())
			}
		}
		return plugin.UpdateResponse{Properties: outputs}, nil
	}
	defer p.run.explain(req.URN, &err)
	defer recovered(&err)
	inputs := fromProperties(req.NewInputs)
	call, behaviour, err := p.run.request(req.URN, plan.Update, string(req.ID), inputs, fromProperties(req.OldInputs),
		fromProperties(req.OldOutputs))
	if err != nil {
		return plugin.UpdateResponse{}, err
	}
	call.Inputs = inputs
	p.run.unseal(req.URN, &call)
	state, err := behaviour.Update(p.run.calling(req.URN, call), call)
	outputs, status, err := p.run.outcome(req.URN, behaviour, fromProperties(req.OldInputs), state, err)
	return plugin.UpdateResponse{Properties: outputs, Status: status}, err
}

// onlyLabels reports whether an update changes only the object's labels, or the address in its tags. After a failed or
// stopped run that is not known: false.
func (r *run) onlyLabels(req plugin.UpdateRequest) bool {
	old := r.state.live[req.URN]
	if old == nil || len(old.state.InitErrors) > 0 && !wasMoved(old.state) {
		return false
	}
	typ, _ := typeOf(req.URN.Type())
	def := r.definition(typ)
	for _, name := range resource.Compare(def, fromProperties(req.OldInputs), fromProperties(req.NewInputs)).Changed() {
		if !slices.Contains(def.Labels, name) {
			return false
		}
	}
	return true
}

// Delete implements plugin.Provider.
func (p *provider) Delete(_ context.Context, req plugin.DeleteRequest) (_ plugin.DeleteResponse, err error) {
	if p.run.isKept(req.URN, req.ID) {
		return plugin.DeleteResponse{}, nil
	}
	defer p.run.explain(req.URN, &err)
	defer recovered(&err)
	call, behaviour, err := p.run.request(req.URN, plan.Delete, string(req.ID), value.NullValue,
		fromProperties(req.Inputs), fromProperties(req.Outputs))
	if err != nil {
		return plugin.DeleteResponse{}, err
	}
	if err := p.run.stillNeeded(p.run.reading, call.Resource); err != nil {
		return plugin.DeleteResponse{}, err
	}
	return plugin.DeleteResponse{}, behaviour.Delete(p.run.calling(req.URN, call), call)
}

// Read implements plugin.Provider, for refresh.
func (p *provider) Read(ctx context.Context, req plugin.ReadRequest) (resp plugin.ReadResponse, err error) {
	defer p.run.explain(req.URN, &err)
	defer recovered(&err)
	inputs, outputs := fromProperties(req.Inputs), fromProperties(req.State)
	if len(req.Inputs) == 0 && len(req.State) == 0 {
		inputs, outputs = value.NullValue, value.NullValue // pulumi import: nothing is recorded
	}
	call, behaviour, err := p.run.request(req.URN, plan.NoOp, string(req.ID), value.NullValue, inputs, outputs)
	if err != nil {
		return plugin.ReadResponse{}, err
	}
	state, found, err := behaviour.Read(p.run.reading, call)
	if err == nil && !found && p.run.o.SecondLook > 0 {
		if err = pause(p.run.reading, p.run.o.SecondLook); err == nil {
			state, found, err = behaviour.Read(p.run.reading, call)
		}
	}
	if err == nil && !found && state.Deleting && p.run.deletes(req.URN, req.ID) {
		unchanged := plugin.ReadResult{ID: req.ID, Inputs: req.Inputs, Outputs: req.State}
		return plugin.ReadResponse{ReadResult: unchanged}, nil
	}
	if err != nil || !found {
		return plugin.ReadResponse{}, err
	}
	if state.ID == "" {
		state.ID = string(req.ID)
	}
	if state.Repair != "" {
		p.run.needsRepair(req.URN, req.ID, state.Repair)
	}
	p.run.saw(req.URN.Name(), state)
	read := plugin.ReadResult{
		ID:      sdk.ID(state.ID),
		Outputs: versioned(properties(state.Outputs), behaviour.Definition()),
	}
	if !state.Inputs.IsNull() {
		read.Inputs = properties(state.Inputs)
	}
	return plugin.ReadResponse{ReadResult: read}, nil
}

// deletes reports whether nobody wants an object any more: its resource is unwanted, or has another object by now.
func (r *run) deletes(urn sdk.URN, id sdk.ID) bool {
	s := r.state.live[urn]
	return r.o.Unwanted[urn.Name()] || s == nil || s.state.ID != id
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func recovered(err *error) {
	if cause := recover(); cause != nil {
		*err = fmt.Errorf("a defect of deployer, please report it: %v\n%s", cause, debug.Stack())
	}
}

package engine

import (
	"context"
	"fmt"
	"strings"

	pkgresource "github.com/pulumi/pulumi/pkg/v3/resource"
	sdk "github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

// answer is what references to one resource resolve to.
type answer struct {
	inputs  value.Value
	outputs sdk.PropertyMap
	unknown bool        // nothing of it is known
	absent  bool        // it is not wanted: see resource.Resource.Only
	made    bool        // a preview would create it: outputs are those of the replaced object, if any
	was     value.Value // inputs of the object that a preview would change, Null otherwise
}

// get returns an output, or an input where there is no such output.
func (a answer) get(name string) value.Value {
	if a.unknown {
		return value.NewUnknown()
	}
	if a.absent {
		return value.NullValue
	}
	input, isInput := a.inputs.Entries()[name]
	output, isOutput := a.outputs[sdk.PropertyKey(name)]
	switch {
	case a.made && isInput && !isOutput:
		return input
	case a.made:
		return value.NewUnknown()
	case isOutput && isInput && !a.was.IsNull() && !value.Equal(a.was.Entries()[name], input):
		return input // the output repeats it
	case isOutput:
		return fromProperty(output)
	}
	return input
}

// answerOf returns the answer of a resource that the engine has finished.
func (r *run) answerOf(s *pkgresource.State, checked value.Value, old *stored) answer {
	a := answer{inputs: checked, outputs: s.Outputs}
	switch {
	case r.mode != previewing:
		a.inputs = fromProperties(s.Inputs)
	case s.ID == "":
		a.made, a.outputs = true, nil
		if old != nil {
			a.outputs = old.state.Outputs
		}
	case old != nil:
		a.was = old.inputs
	}
	return a
}

// env resolves references with the resources that are done so far.
func (s *source) env() value.Env {
	return value.Env{Lookup: s.lookup, Template: s.run.template}
}

func (s *source) resolve(v value.Value) (value.Value, error) { return value.Resolve(v, s.env()) }

func (s *source) lookup(ref value.Reference) (value.Value, error) {
	if !ref.IsResource() {
		c := s.run.graph.Component(ref.Target)
		if c == nil {
			return value.NullValue, fmt.Errorf("refers to %s, but there is no such component", ref)
		}
		return c.Outputs[ref.Output], nil
	}
	s.mu.Lock()
	a, ok := s.answers[ref.Target]
	s.mu.Unlock()
	if !ok {
		return value.NullValue, fmt.Errorf("refers to %s, which does not exist", ref)
	}
	return a.get(ref.Output), nil
}

func (r *run) template(source string, vars map[string]value.Value) (value.Value, error) {
	if r.o.Template == nil {
		return value.NullValue, fmt.Errorf("nothing can evaluate the template %q", source)
	}
	return r.o.Template(source, vars)
}

// checked resolves the properties of a resource, lets its type complete and verify them, and refuses what a state must
// not hold.
func (r *run) checked(res *resource.Resource, resolve func(value.Value) (value.Value, error)) (value.Value, error) {
	props, err := resolve(res.Props)
	if err != nil {
		return value.NullValue, &ResolveError{Resource: res.ID(), Err: err}
	}
	behaviour, err := r.o.Catalog.Behaviour(res.Type)
	if err != nil {
		return value.NullValue, &ResolveError{Resource: res.ID(), Err: err}
	}
	if old := r.old(res); old != nil {
		props = behaviour.Definition().AsRecorded(old.inputs, props)
	}
	stored := props
	for _, name := range behaviour.Definition().WriteOnly {
		stored = stored.With(name, value.NullValue)
		if v := props.Get(name); v.IsSensitive() && v.Kind() == value.String {
			props = props.With(name, value.NewString(v.Str())) // it will not be stored
		}
	}
	if path := sensitiveAt(stored); path != nil {
		return value.NullValue, &ProblemError{Resource: res.ID(), Type: res.Type, Problems: []value.Problem{{
			Kind: value.BadValue, Path: path, Message: "holds a sensitive value, which would be stored in the state; " +
				"give it as a secret instead",
		}}}
	}
	checked, problems, err := r.check(behaviour, props)
	if err != nil {
		return value.NullValue, &ResolveError{Resource: res.ID(), Err: err}
	}
	if len(problems) > 0 {
		r.seal(res, props)
		for i := range problems {
			problems[i].Message = r.redact(r.names.resource(res.ID(), res.Type), problems[i].Message)
		}
		return value.NullValue, &ProblemError{Resource: res.ID(), Type: res.Type, Problems: problems}
	}
	if r.mode != previewing && !known(checked) {
		return value.NullValue, &ResolveError{
			Resource: res.ID(),
			Err:      fmt.Errorf("a property is still unknown: a defect of deployer, please report it"),
		}
	}
	return r.seal(res, checked), nil
}

// refused returns the problems of a change that AWS cannot make.
func (r *run) refused(res *resource.Resource, old, checked value.Value) error {
	if problems := r.definition(res.Type).Refused(old, checked); len(problems) > 0 {
		return &ProblemError{Resource: res.ID(), Type: res.Type, Problems: problems}
	}
	return nil
}

func (r *run) check(
	b resource.Behaviour, props value.Value,
) (checked value.Value, problems []value.Problem, err error) {
	defer recovered(&err)
	checked, problems = b.Check(props)
	return checked, problems, nil
}

// wantedFor keeps the existing object's values for properties that are set only at creation.
func (r *run) wantedFor(res *resource.Resource, checked value.Value, old *stored) wanted {
	if old != nil && !old.upgraded && value.Equal(old.inputs, checked) {
		return wanted{inputs: old.state.Inputs, update: old.state.Inputs}
	}
	w := wanted{inputs: properties(checked)}
	w.update = w.inputs
	if def := r.definition(res.Type); old != nil && len(def.CreateOnly) > 0 {
		w.update = w.inputs.Copy()
		for _, name := range def.CreateOnly {
			if was, has := old.state.Inputs[sdk.PropertyKey(name)]; has {
				w.update[sdk.PropertyKey(name)] = was
			} else {
				delete(w.update, sdk.PropertyKey(name))
			}
		}
	}
	return w
}

func (r *run) want(urn sdk.URN, w wanted) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wanted[urn] = w
}

// lookUp reads data, or takes what a plan recorded. Where the plan did not know the question yet, it recorded Unknown.
func (r *run) lookUp(ctx context.Context, data *resource.Resource, props value.Value) (found value.Value, err error) {
	defer recovered(&err)
	frozen, ok := r.o.Frozen[data.ID()]
	switch {
	case r.o.Frozen != nil && !ok:
		return value.NullValue, fmt.Errorf("the saved plan has no answer for it: make a new plan")
	case ok && frozen.Known():
		r.answered(data, frozen) // the next run takes this run's answers
		return frozen, nil
	}
	if found, err = r.o.Catalog.Read(ctx, data.Type, props); err != nil {
		return value.NullValue, err
	}
	r.answered(data, found)
	return found, nil
}

func (r *run) answered(data *resource.Resource, found value.Value) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lookups[data.ID()] = found
}

// componentOutputs computes the outputs of each component. Outputs that need an untargeted resource keep their value
// from the state.
func (s *source) componentOutputs() map[string]map[string]value.Value {
	before := s.run.state.outputs()
	all := map[string]map[string]value.Value{}
	if len(s.run.o.Targets) > 0 {
		for address, was := range before {
			all[address] = was
		}
	}
	for _, c := range s.run.graph.Components {
		out := make(map[string]value.Value, len(c.Outputs))
		for name, v := range c.Outputs {
			resolved, err := s.resolve(v)
			if err != nil {
				was, has := before[c.Address][name]
				if !has {
					continue
				}
				resolved = was
			}
			if !resolved.IsNull() {
				out[name] = resolved
			}
		}
		delete(all, c.Address)
		if len(out) > 0 {
			all[c.Address] = out
		}
	}
	return all
}

// notes returns the notes of components that hold, as sentences.
func (s *source) notes() map[string][]string {
	all := map[string][]string{}
	for _, c := range s.run.graph.Components {
		for _, note := range c.Notes {
			if when, err := s.resolve(note.When); err != nil || !value.Equal(when, value.NewBool(true)) {
				continue // a note about something that is not in the run
			}
			var text strings.Builder
			for _, part := range note.Text {
				part, err := s.resolve(part)
				if err != nil || !part.Known() {
					part = value.NewString(value.KnownAfterApply)
				}
				word, _ := part.Text()
				text.WriteString(word)
			}
			all[c.Address] = append(all[c.Address], text.String())
		}
	}
	return all
}

// stackOutputs is componentOutputs as the state keeps it: without sensitive values.
func (s *source) stackOutputs() sdk.PropertyMap {
	all := s.componentOutputs()
	notes := s.notes()
	s.run.mu.Lock()
	s.run.outputs, s.run.notes = all, notes
	s.run.mu.Unlock()
	stack := sdk.PropertyMap{}
	for address, out := range all {
		kept := sdk.PropertyMap{}
		for name, v := range out {
			if sensitiveAt(v) == nil {
				kept[sdk.PropertyKey(name)] = toProperty(v)
			}
		}
		if len(kept) > 0 {
			stack[sdk.PropertyKey(address)] = sdk.PropertyValue{V: kept}
		}
	}
	return stack
}

// outputs returns the outputs of components that the state keeps.
func (l *loaded) outputs() map[string]map[string]value.Value {
	all := map[string]map[string]value.Value{}
	for address, out := range fromProperties(l.root.state.Outputs).Entries() {
		all[address] = out.Entries()
	}
	return all
}

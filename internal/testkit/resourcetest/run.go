package resourcetest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

// Run tries every promise of resource.Behaviour on one type. The steps build on each other: after a failed one the rest
// is left out. What the suite made is deleted at the end, also after a failure.
func Run(t *testing.T, c Case) {
	t.Helper()
	if c.Tags == nil {
		c.Tags = Tags("conformance")
	}
	s := &suite{Case: c, ctx: t.Context(), def: c.Behaviour.Definition()}
	t.Cleanup(func() { s.cleanUp(t) })
	for _, step := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"definition is complete", s.definition},
		{"check is idempotent and takes unknowns", s.check},
		{"create refuses a foreign object", s.foreign},
		{"create, also when the answer is lost", s.create},
		{"read finds no difference", s.readNoDiff},
		{"locate finds what an interrupted run made", s.locate},
		{"create again adopts what is not in the state", s.adopt},
		{"create again refuses what is in the state", s.refuseRecorded},
		{"adoption converges to what is wanted now", s.adoptChanged},
		{"update in place", s.update},
		{"what stands in the way of deleting it", s.obstacles},
		{"what others added to it", s.additions},
		{"replacement is decided by the diff", s.replace},
		{"a cancelled context stops", s.cancelled},
		{"an object that AWS is still deleting", s.deleting},
		{"an object that is gone", s.gone},
		{"delete, twice", s.delete},
		{"calls need the declared IAM actions and no other", s.actions},
	} {
		if !t.Run(step.name, step.run) {
			return
		}
	}
}

type suite struct {
	Case
	ctx   context.Context
	def   *resource.Definition
	want  value.Value    // checked Props
	state resource.State // of the object as the suite recorded it last; zero when there is none
	spare []resource.State
}

// request is what the engine would send for the recorded object.
func (s *suite) request() resource.Request {
	return resource.Request{
		Resource: "suite/conformance:object", Type: s.def.Type, ID: s.state.ID, Old: s.state, Tags: s.Tags,
		Token: "0123456789abcdef0123456789abcdef", InState: func(string) bool { return false },
		Progress: func(string) {},
	}
}

func (s *suite) createRequest(inputs value.Value) resource.Request {
	req := s.request()
	req.ID, req.Old, req.Inputs = "", resource.State{}, inputs
	return req
}

// again is the create that an interrupted run intended, too.
func (s *suite) again(inputs value.Value) resource.Request {
	req := s.createRequest(inputs)
	req.Adopt = s.Marked
	return req
}

func (s *suite) checked(t *testing.T, props any) value.Value {
	t.Helper()
	out, problems := s.Behaviour.Check(encode(props))
	if len(problems) > 0 {
		t.Fatalf("Check refuses the properties of the case: %v", problems)
	}
	return out
}

func encode(props any) value.Value {
	if v, ok := props.(value.Value); ok {
		return v
	}
	return value.Encode(props)
}

func (s *suite) ready(t *testing.T, state resource.State) {
	if s.Ready != nil {
		s.Ready(s.ctx, t, state)
	}
}

// verify reads the object and compares it with the wanted inputs and the recorded outputs.
func (s *suite) verify(t *testing.T, want value.Value) {
	t.Helper()
	read, found, err := s.Behaviour.Read(s.ctx, s.request())
	if err != nil {
		t.Fatalf("Read: %v", err)
	}
	if !found {
		t.Fatalf("Read does not find %s", s.state.ID)
	}
	if read.ID != s.state.ID {
		t.Errorf("Read returns id %q, created was %q", read.ID, s.state.ID)
	}
	if d := resource.Compare(s.def, read.Inputs, want); len(d.Changes) > 0 {
		t.Errorf("what Read returns differs from what was asked for: %v", describe(d))
	}
	if diff := cmp.Diff(s.state.Outputs.Interface(), read.Outputs.Interface()); diff != "" {
		t.Errorf("outputs of Read differ from the recorded ones (-recorded +read):\n%s", diff)
	}
}

func describe(d resource.Diff) []string {
	var out []string
	for _, c := range d.Changes {
		out = append(out, strings.Join(c.Path, ".")+": "+c.Old.String()+" => "+c.New.String())
	}
	return out
}

func (s *suite) owned(t *testing.T, err error, what string) {
	t.Helper()
	var owned *resource.OwnedError
	if !errors.As(err, &owned) {
		t.Fatalf("%s: want an *OwnedError, got: %v", what, err)
	}
	if owned.Name == "" || owned.Type != s.def.Type {
		t.Errorf("%s: the error does not say what is taken: %+v", what, owned)
	}
}

// cleanUp deletes what is still there, in a context that outlives the test's.
func (s *suite) cleanUp(t *testing.T) {
	ctx := context.WithoutCancel(s.ctx)
	for _, state := range append(slices.Clone(s.spare), s.state) {
		if state.ID == "" {
			continue
		}
		req := s.request()
		req.ID, req.Old = state.ID, state
		if err := s.Behaviour.Delete(ctx, req); err != nil {
			t.Logf("cleaning up %s: %v", state.ID, err)
		}
	}
}

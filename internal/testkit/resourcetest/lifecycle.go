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

func (s *suite) foreign(t *testing.T) {
	if s.Foreign == nil {
		t.Skip("the case has no Foreign")
	}
	remove := s.Foreign(s.ctx, t, resource.State{Inputs: s.want})
	defer remove()
	_, err := s.Behaviour.Create(s.ctx, s.createRequest(s.want))
	s.owned(t, err, "Create over a foreign object")
}

func (s *suite) create(t *testing.T) {
	if s.LoseAnswer != nil {
		s.LoseAnswer(t)
	}
	state, err := s.Behaviour.Create(s.ctx, s.createRequest(s.want))
	if err != nil {
		t.Fatalf("Create: %v", err)
	}
	s.state = state
	if state.ID == "" {
		t.Error("Create returns no id")
	}
	if diff := cmp.Diff(s.want.Interface(), state.Inputs.Interface()); diff != "" {
		t.Errorf("recorded inputs differ from the checked ones (-checked +recorded):\n%s", diff)
	}
	s.ready(t, state)
}

func (s *suite) readNoDiff(t *testing.T) {
	s.verify(t, s.want)
	// What Read returned is what the next Read starts from.
	read, _, err := s.Behaviour.Read(s.ctx, s.request())
	if err != nil {
		t.Fatalf("Read: %v", err)
	}
	s.state = read
	s.verify(t, s.want)
}

// locate looks for the object the way the clean-up after an interrupted run does.
func (s *suite) locate(t *testing.T) {
	locator, ok := s.Behaviour.(resource.Locator)
	if !ok {
		t.Skip("the type is no Locator")
	}
	req := s.createRequest(s.want)
	state, found, err := locator.Locate(s.ctx, req)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("the type cannot tell: a create that repeats must do no harm")
	}
	if err != nil || !found {
		t.Fatalf("Locate: found %v, error %v", found, err)
	}
	if state.ID != s.state.ID {
		t.Errorf("Locate finds %s, made was %s", state.ID, s.state.ID)
	}
	// It may know less than the record of a create, but never something that would have the next run replace the
	// object.
	if d := resource.Compare(s.def, state.Inputs, s.want); len(d.Replace) > 0 {
		t.Errorf("what Locate returns would be replaced: %v", describe(d))
	}
	req.InState = func(id string) bool { return id == s.state.ID }
	if _, found, err = locator.Locate(s.ctx, req); found || err != nil {
		t.Errorf("Locate of an object that is in the state: found %v, error %v", found, err)
	}
}

func (s *suite) adopt(t *testing.T) {
	if s.Generated {
		t.Skip("nothing to find: AWS makes the name up")
	}
	state, err := s.Behaviour.Create(s.ctx, s.again(s.want))
	if err != nil {
		t.Fatalf("Create of what an interrupted run made: %v", err)
	}
	if state.ID != s.state.ID {
		t.Errorf("Create made %s instead of adopting %s", state.ID, s.state.ID)
	}
	s.state = state
	s.verify(t, s.want)
}

func (s *suite) refuseRecorded(t *testing.T) {
	if s.Upsert || s.Generated || s.Marked {
		t.Skip("the type has no name of its own that could be taken")
	}
	req := s.createRequest(s.want)
	req.InState = func(id string) bool { return id == s.state.ID }
	_, err := s.Behaviour.Create(s.ctx, req)
	s.owned(t, err, "Create of an object that is in the state already")
	s.verify(t, s.want)
}

func (s *suite) adoptChanged(t *testing.T) {
	if s.Update == nil || s.Generated {
		t.Skip("nothing can change in place")
	}
	want := s.checked(t, s.Update)
	state, err := s.Behaviour.Create(s.ctx, s.again(want))
	if err != nil {
		t.Fatalf("Create of what an interrupted run made differently: %v", err)
	}
	if state.ID != s.state.ID {
		t.Errorf("Create made %s instead of adopting %s", state.ID, s.state.ID)
	}
	s.state = state
	s.verify(t, want)
	s.change(t, s.want)
}

func (s *suite) update(t *testing.T) {
	if s.Update == nil {
		t.Skip("nothing can change in place")
	}
	want := s.checked(t, s.Update)
	d := resource.Compare(s.def, s.state.Inputs, want)
	if len(d.Changes) == 0 || len(d.Replace) > 0 {
		t.Fatalf("the Update of the case is no change in place: %v, replace %v", describe(d), d.Replace)
	}
	old := s.state
	s.change(t, want)
	// The answer of the update was lost: the same again, from the same old state.
	updated := s.state
	s.state = old
	s.change(t, want)
	if s.state.ID != updated.ID {
		t.Errorf("the repeated Update returns id %q, before %q", s.state.ID, updated.ID)
	}
	s.change(t, s.want)
}

// change updates the recorded object in place and verifies the result.
func (s *suite) change(t *testing.T, want value.Value) {
	t.Helper()
	req := s.request()
	req.Inputs = want
	state, err := s.Behaviour.Update(s.ctx, req)
	if err != nil {
		t.Fatalf("Update: %v", err)
	}
	if state.ID != s.state.ID {
		t.Errorf("Update in place changes the id from %q to %q", s.state.ID, state.ID)
	}
	s.state = state
	s.ready(t, state)
	s.verify(t, want)
}

func (s *suite) obstacles(t *testing.T) {
	obstructed, ok := s.Behaviour.(resource.Obstructed)
	if !ok {
		t.Skip("AWS refuses no delete of the type")
	}
	look := func(when string, want int, ours ...string) {
		t.Helper()
		found, err := obstructed.Obstacles(s.ctx, s.request(), resource.Neighbours{Ours: append(ours, s.state.ID)})
		if err != nil {
			t.Fatalf("Obstacles: %v", err)
		}
		if len(found) != want {
			t.Errorf("%s stands in the way: %+v", when, found)
		}
		for _, o := range found {
			if o.What == "" || o.Next == "" || strings.HasSuffix(o.What, ".") {
				t.Errorf("an obstacle that says too little: %+v", o)
			}
		}
	}
	look("in no case", 0)
	if s.Obstruct == nil {
		return
	}
	id, remove := s.Obstruct(s.ctx, t, s.state)
	look("something foreign", 1)
	if id != "" {
		look("something of the stack's", 0, id)
	}
	remove()
	look("what was removed", 0)
}

func (s *suite) additions(t *testing.T) {
	host, ok := s.Behaviour.(resource.Host)
	if !ok {
		t.Skip("nothing can be added to the type")
	}
	look := func(when string, want int, ours ...string) {
		t.Helper()
		found, err := host.Additions(s.ctx, s.request(), resource.Neighbours{Ours: append(ours, s.state.ID)})
		if err != nil {
			t.Fatalf("Additions: %v", err)
		}
		if len(found) != want {
			t.Errorf("%s was added: %+v", when, found)
		}
		for _, a := range found {
			if a.ID == "" || a.What == "" || !strings.HasPrefix(a.Remove, "aws ") || strings.HasSuffix(a.What, ".") {
				t.Errorf("an addition that says too little: %+v", a)
			}
		}
	}
	look("nothing", 0)
	if s.Extend == nil {
		return
	}
	id, remove := s.Extend(s.ctx, t, s.state)
	look("something foreign", 1)
	if id != s.state.ID {
		look("something of the stack's", 0, id)
	}
	remove()
	look("what was removed", 0)
}

func (s *suite) replace(t *testing.T) {
	if s.Replace == nil {
		t.Skip("nothing forces a replacement")
	}
	want := s.checked(t, s.Replace)
	d := resource.Compare(s.def, s.state.Inputs, want)
	if len(d.Replace) == 0 {
		t.Fatalf("the Replace of the case forces no replacement: %v", describe(d))
	}
	if s.def.DeletesFirst(d.Replace, s.state.Inputs, want) {
		return
	}
	req := s.createRequest(want)
	req.Token = "another-intent-" + req.Token[:16]
	req.InState = func(id string) bool { return id == s.state.ID }
	state, err := s.Behaviour.Create(s.ctx, req)
	if err != nil {
		t.Fatalf("Create of the replacement beside what it replaces: %v", err)
	}
	s.spare = append(s.spare, state)
	if state.ID == s.state.ID {
		t.Fatalf("the replacement is what it replaces: %s", state.ID)
	}
	del := s.request()
	del.ID, del.Old = state.ID, state
	if err := s.Behaviour.Delete(s.ctx, del); err != nil {
		t.Fatalf("Delete: %v", err)
	}
	s.verify(t, s.want)
}

func (s *suite) cancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	if _, _, err := s.Behaviour.Read(ctx, s.request()); err == nil {
		t.Error("Read succeeds in a cancelled context")
	}
	if err := s.Behaviour.Delete(ctx, s.request()); err == nil {
		t.Error("Delete succeeds in a cancelled context")
	}
	s.verify(t, s.want)
}

// deleting creates the object while AWS still deletes the one before it.
func (s *suite) deleting(t *testing.T) {
	if s.BeginDelete == nil {
		t.Skip("objects are gone at once, or have no names")
	}
	s.BeginDelete(s.ctx, t, s.state.ID)
	state, found, err := s.Behaviour.Read(s.ctx, s.request())
	if err != nil || found || !state.Deleting {
		t.Errorf("Read of an object that AWS is deleting: found %v, deleting %v, error %v", found, state.Deleting, err)
	}
	if state, err = s.Behaviour.Create(s.ctx, s.createRequest(s.want)); err != nil {
		t.Fatalf("Create while AWS deletes the object before it: %v", err)
	}
	if state.Adopted {
		t.Error("Create adopts the object that AWS is deleting")
	}
	s.state = state
	s.ready(t, state)
	s.verify(t, s.want)
}

// gone takes the object away, then makes a new one for the steps after it.
func (s *suite) gone(t *testing.T) {
	if s.Gone != nil {
		s.Gone(s.ctx, t, s.state)
	} else if err := s.Behaviour.Delete(s.ctx, s.request()); err != nil {
		t.Fatalf("Delete: %v", err)
	}
	s.absent(t)
	if s.Update != nil && !s.Upsert {
		req := s.request()
		req.Inputs = s.checked(t, s.Update)
		if _, err := s.Behaviour.Update(s.ctx, req); err == nil {
			t.Error("Update of an object that is gone succeeds")
		}
		s.absent(t)
	}
	if err := s.Behaviour.Delete(s.ctx, s.request()); err != nil {
		t.Errorf("Delete of an object that is gone: %v", err)
	}
	state, err := s.Behaviour.Create(s.ctx, s.createRequest(s.want))
	if err != nil {
		t.Fatalf("Create after the object was gone: %v", err)
	}
	s.state = state
	s.ready(t, state)
	s.verify(t, s.want)
}

func (s *suite) absent(t *testing.T) {
	t.Helper()
	_, found, err := s.Behaviour.Read(s.ctx, s.request())
	if err != nil && !errors.Is(err, resource.ErrNotFound) {
		t.Fatalf("Read of an object that is gone: %v", err)
	}
	if found || err != nil {
		t.Errorf("Read of an object that is gone: found %v, error %v", found, err)
	}
	if obstructed, ok := s.Behaviour.(resource.Obstructed); ok {
		if found, err := obstructed.Obstacles(s.ctx, s.request(), resource.Neighbours{}); err != nil || len(found) > 0 {
			t.Errorf("Obstacles of an object that is gone: %v, error %v", found, err)
		}
	}
	if locator, ok := s.Behaviour.(resource.Locator); ok {
		_, found, err := locator.Locate(s.ctx, s.createRequest(s.want))
		if found || err != nil && !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("Locate of an object that is gone: found %v, error %v", found, err)
		}
	}
}

func (s *suite) delete(t *testing.T) {
	if err := s.Behaviour.Delete(s.ctx, s.request()); err != nil {
		t.Fatalf("Delete: %v", err)
	}
	s.absent(t)
	if err := s.Behaviour.Delete(s.ctx, s.request()); err != nil {
		t.Errorf("Delete a second time: %v", err)
	}
}

func (s *suite) actions(t *testing.T) {
	if s.Actions == nil {
		t.Skip("the case does not record calls")
	}
	used, declared := s.Actions(), s.def.Actions()
	for _, action := range used {
		if !slices.Contains(declared, action) {
			t.Errorf("the behaviour needs %s, which the definition does not declare", action)
		}
	}
	for _, statement := range s.def.Permissions(resource.Scope{Account: "*", Region: "*"}) {
		for _, action := range statement.Actions {
			if statement.Why == "" && !slices.Contains(used, action) && !s.unused(action) {
				t.Errorf("the definition declares %s, which no call of the suite needs, without a reason", action)
			}
		}
	}
}

func (s *suite) unused(action string) bool { return s.Unused[action] != "" }

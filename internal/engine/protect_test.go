package engine

import (
	"errors"
	"strings"
	"testing"

	"github.com/company/deployer/internal/resource"
)

func TestProtection(t *testing.T) {
	c := newCloud()
	o := c.options()
	g := func(zone string, protect bool, drop bool) *resource.Graph {
		db, x := res("a/db:db", single, "name", "db", "zone", zone), res("a/x:x", thing, "zone", zone)
		db.Protect, x.Protect = protect, protect
		all := []*resource.Resource{res("a/z:z", thing, "zone", "1")}
		if !drop {
			all = append(all, db, x)
		}
		return graph(t, all...)
	}
	state := apply(t, g("1", true, false), nil, o).State
	c.calls()

	for what, desired := range map[string]*resource.Graph{
		"replace": g("2", true, false), "replace and unprotect at once": g("2", false, false),
		"removed": g("1", true, true), "destroy": nil,
	} {
		p, err := PreviewApply(t.Context(), desired, state, o)
		var refused *ProtectedError
		if !errors.As(err, &refused) || strings.Join(refused.Resources, " ") != "a/db:db a/x:x" || p == nil {
			t.Errorf("%s: preview: %v", what, err)
		} else if !strings.Contains(render(p.Plan), "protected") {
			t.Errorf("%s: the plan shows no protection:\n%s", what, render(p.Plan))
		}
		result, err := Apply(t.Context(), desired, state, o)
		if !errors.As(err, &refused) || string(result.State) != string(state) {
			t.Errorf("%s: apply: %v", what, err)
		}
	}
	want(t, "calls of refused runs", c.calls(), "")

	o.AllowDelete = func(id string) bool { return id == "a/db:db" }
	_, err := Apply(t.Context(), g("2", true, false), state, o)
	want(t, "one of two allowed", err.Error(), "protected: a/x:x would be deleted or replaced")

	o.AllowDelete = func(string) bool { return true }
	replaced := apply(t, g("2", true, false), state, o).State
	want(t, "calls", c.calls(), "delete a/db:db, create a/db:db, create a/x:x, delete a/x:x")
	stored, _ := Resources(replaced)
	for _, s := range stored {
		if s.Protect != (s.ID != "a/z:z") {
			t.Errorf("after an allowed replacement protection of %s is %v", s.ID, s.Protect)
		}
	}
	o.AllowDelete = nil
	// Switched off in the manifests: one apply records it, the next may delete.
	want(t, "plan", planned(t, g("2", false, false), replaced, o),
		"update a/db:db (its protection is switched off)\nupdate a/x:x (its protection is switched off)")
	off := apply(t, g("2", false, false), replaced, o)
	want(t, "calls", c.calls(), "")
	if !off.Changed {
		t.Error("switching protection off is not recorded")
	}
	want(t, "state", ids(t, apply(t, g("2", false, true), off.State, o).State), "a/z:z")
}

// An object that AWS itself protects is protected even if the manifests do not say so, also if the same run would lift
// that protection. A plan says that the protection is lifted.
func TestWhatAWSProtectsIsProtected(t *testing.T) {
	c := newCloud()
	o := c.options()
	g := func(zone string, shield, there bool) *resource.Graph {
		all := []*resource.Resource{res("a/z:z", thing, "zone", "1")}
		if there {
			all = append(all, res("a/x:x", thing, "zone", zone, "shield", shield))
		}
		return graph(t, all...)
	}
	state := apply(t, g("1", true, true), nil, o).State
	c.calls()
	for what, desired := range map[string]*resource.Graph{
		"replace":                  g("2", true, true),
		"replace and lift at once": g("2", false, true), "removed": g("1", true, false), "destroy": nil,
	} {
		p, err := PreviewApply(t.Context(), desired, state, o)
		var refused *ProtectedError
		if !errors.As(err, &refused) || strings.Join(refused.Resources, " ") != "a/x:x" {
			t.Fatalf("%s: preview: %v", what, err)
		}
		if strings.Count(render(p.Plan), "its deletion protection in AWS is lifted first") != 1 {
			t.Errorf("%s: the plan does not say what is lifted:\n%s", what, render(p.Plan))
		}
		if _, err = Apply(t.Context(), desired, state, o); !errors.As(err, &refused) {
			t.Errorf("%s: apply: %v", what, err)
		}
	}
	want(t, "calls of refused runs", c.calls(), "")
	lifted := apply(t, g("1", false, true), state, o).State
	want(t, "calls", c.calls(), "update a/x:x")
	want(t, "plan", planned(t, g("1", false, false), lifted, o), "delete a/x:x (removed from the manifests)")
	o.AllowDelete = func(id string) bool { return id == "a/x:x" }
	apply(t, nil, state, o)
	if calls := c.calls(); !strings.Contains(calls, "delete a/x:x") {
		t.Errorf("calls: %s", calls)
	}
}

// A replacement was allowed, and the run died before it deleted the old object. The next run may not delete it, unless
// that is allowed again.
func TestProtectionOutlivesAnAllowedReplacement(t *testing.T) {
	c := newCloud()
	o := c.options()
	g := func(zone string) *resource.Graph {
		x := res("a/x:x", hashed, "name", "x"+zone, "zone", zone)
		x.Protect = true
		return graph(t, x)
	}
	state := apply(t, g("1"), nil, o).State
	allowed := o
	allowed.AllowDelete = func(string) bool { return true }
	c.fail["delete a/x:x"] = errors.New("died")
	result, err := Apply(t.Context(), g("2"), state, allowed)
	if err == nil {
		t.Fatal("nothing failed")
	}
	delete(c.fail, "delete a/x:x")
	c.calls()

	// The new object is known from the state, or only from the intents of that run.
	preview, err := PreviewApply(t.Context(), g("2"), state, allowed)
	if err != nil {
		t.Fatal(err)
	}
	intended := o
	intended.Intents = preview.Intents
	for what, next := range map[string]struct {
		state []byte
		o     Options
	}{"recorded": {result.State, o}, "intended": {state, intended}} {
		for wish, desired := range map[string]*resource.Graph{"the same": g("2"), "nothing": nil} {
			p, err := PreviewApply(t.Context(), desired, next.state, next.o)
			var refused *ProtectedError
			if !errors.As(err, &refused) || !strings.Contains(render(p.Plan), "protected") {
				t.Errorf("%s, %s: preview: %v", what, wish, err)
			}
			if _, err := Apply(t.Context(), desired, next.state, next.o); !errors.As(err, &refused) {
				t.Errorf("%s, %s: apply: %v", what, wish, err)
			}
		}
	}
	want(t, "calls of refused runs", c.calls(), "")
	first, err := PreviewApply(t.Context(), g("1"), nil, o)
	if err != nil {
		t.Fatal(err)
	}
	lost := o
	lost.Intents = first.Intents
	var refused *ProtectedError
	if _, err := Apply(t.Context(), nil, nil, lost); !errors.As(err, &refused) {
		t.Errorf("what only an intent tells of is not protected: %v", err)
	}
	apply(t, g("2"), result.State, allowed)
	want(t, "calls of an allowed run", c.calls(), "delete a/x:x")
}

// Whether a change replaces or destroys data may depend on the values. That holds for an update, too.
func TestWhatAChangeDoesDependsOnOldAndNew(t *testing.T) {
	c := newCloud()
	o := c.options()
	g := func(size int, format string) *resource.Graph {
		db := res("a/db:db", single, "name", "db", "size", size, "format", format)
		db.Protect = true
		return graph(t, db)
	}
	state := apply(t, g(10, "old"), nil, o).State
	want(t, "it grows", planned(t, g(20, "old"), state, o), "update a/db:db (change in size) [in place]")
	for what, desired := range map[string]*resource.Graph{
		"it shrinks":         g(5, "old"),
		"its format changes": g(10, "new"),
	} {
		p, err := PreviewApply(t.Context(), desired, state, o)
		var refused *ProtectedError
		if !errors.As(err, &refused) || !strings.Contains(render(p.Plan), "data loss") {
			t.Errorf("%s: preview: %v\n%s", what, err, render(p.Plan))
		}
		if _, err = Apply(t.Context(), desired, state, o); !errors.As(err, &refused) {
			t.Errorf("%s: apply: %v", what, err)
		}
	}
	c.calls()
	o.AllowDelete = func(string) bool { return true }
	state = apply(t, g(5, "old"), state, o).State
	want(t, "calls", c.calls(), "delete a/db:db, create a/db:db")
	apply(t, g(5, "new"), state, o)
	want(t, "calls", c.calls(), "update a/db:db")
}

func TestAPlanSaysWhatADeleteKeeps(t *testing.T) {
	c := newCloud()
	o := c.options()
	state := apply(t, graph(t, res("a/x:x", thing, "snapshot", "the final snapshot x-1")), nil, o).State
	want(t, "plan", planned(t, graph(t, res("a/z:z", thing)), state, o),
		"delete a/x:x (removed from the manifests; keeps the final snapshot x-1)\ncreate a/z:z (new)")
}

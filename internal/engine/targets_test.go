package engine

import (
	"errors"
	"strings"
	"testing"

	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

func TestTargets(t *testing.T) {
	c := newCloud()
	o := c.options()
	g := func(v string) *resource.Graph {
		return graph(t, res("a/a:a", thing, "v", v), res("a/b:b", thing, "v", v, "a", value.Output("a/a:a", "arn")),
			res("a/c:c", thing, "v", v))
	}
	o.Targets = []string{"a/a:a"}
	state := apply(t, g("1"), nil, o).State
	want(t, "new ones", c.calls(), "create a/a:a")
	o.Targets = nil
	state = apply(t, g("1"), state, o).State
	c.calls()

	o.Targets = []string{"a/a:a"}
	want(t, "plan", planned(t, g("2"), state, o), "update a/a:a (change in v) [rolling]")
	state = apply(t, g("2"), state, o).State
	want(t, "calls", c.calls(), "update a/a:a")
	o.Targets = []string{"a/b:b"} // its dependency is not targeted, and stays
	state = apply(t, g("3"), state, o).State
	want(t, "calls", c.calls(), "update a/b:b")

	// A targeted resource that is not desired is deleted, others that are not desired stay.
	o.Targets = []string{"a/c:c"}
	state = apply(t, graph(t), state, o).State
	want(t, "calls", c.calls(), "delete a/c:c")
	want(t, "state", ids(t, state), "a/a:a a/b:b")
	result, err := Destroy(t.Context(), state,
		Options{Stack: o.Stack, Environment: o.Environment, Catalog: o.Catalog, Targets: []string{"a/b:b"}})
	if err != nil {
		t.Fatal(err)
	}
	want(t, "state", ids(t, result.State), "a/a:a")

	o.Targets = []string{"a/b:b"}
	if _, err := PreviewApply(t.Context(), g("1"), nil, o); err == nil ||
		!strings.Contains(err.Error(), "a/b:b needs a/a:a, which does not exist yet and is not targeted") {
		t.Errorf("targets that are not closed: %v", err)
	}
}

func TestTargetsLeaveUnfinishedBusiness(t *testing.T) {
	c := newCloud()
	o := c.options()
	g := func(zone string) *resource.Graph {
		return graph(t, res("a/a:a", thing, "zone", zone), res("a/b:b", thing, "zone", "x"))
	}
	state := apply(t, g("1"), nil, o).State
	c.fail["delete a/a:a"] = errors.New("in use")
	result, err := Apply(t.Context(), g("2"), state, o)
	if err == nil {
		t.Fatal("no error")
	}
	want(t, "state", ids(t, result.State), "a/a:a a/a:a a/b:b")
	delete(c.fail, "delete a/a:a")
	c.calls()
	o.Targets = []string{"a/b:b"}
	state = apply(t, g("2"), result.State, o).State
	want(t, "calls", c.calls(), "")
	o.Targets = nil
	want(t, "plan", planned(t, g("2"), state, o), "delete a/a:a (its replacement was interrupted)")
	state = apply(t, g("2"), state, o).State
	want(t, "calls", c.calls(), "delete a/a:a")
	want(t, "state", ids(t, state), "a/a:a a/b:b")
}

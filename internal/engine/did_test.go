package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

func did(r *Result) string {
	var out []string
	for _, id := range slices.Sorted(maps.Keys(r.Did)) {
		out = append(out, fmt.Sprint(r.Did[id], " ", id))
	}
	return strings.Join(out, ", ")
}

// Each resource counts once, with what was really done. A replacement is neither a create nor a delete. An object that
// already exists is adopted. An unchanged object needs nothing, even if the plan expected a change.
func TestDid(t *testing.T) {
	c := newCloud()
	o := c.options()
	var ends []string
	o.Events = func(e plan.Event) {
		if e.Kind == plan.Done {
			ends = append(ends, fmt.Sprint(e.Action, " ", e.Resource))
		}
	}
	g := func(zone, size string) *resource.Graph {
		return graph(t, res("a/beside:x", thing, "zone", zone), res("a/first:x", single, "name", "first", "zone", zone),
			res("a/same:x", thing),
			res("a/update:x", thing, "size", size),
			res("a/follows:x", thing, "name", value.Output("a/update:x", "arn")))
	}
	result := apply(t, g("1", "1"), nil, o)
	want(t, "first", did(result), "create a/beside:x, create a/first:x, create a/follows:x, create a/same:x, "+
		"create a/update:x")
	state := result.State
	ends = nil
	result = apply(t, g("2", "2"), state, o)
	want(t, "changed", did(result), "replace a/beside:x, replace a/first:x, no-op a/follows:x, no-op a/same:x, "+
		"update a/update:x")
	slices.Sort(ends)
	want(t, "ends", strings.Join(ends, ", "),
		"create a/beside:x, create a/first:x, delete a/beside:x, delete a/first:x, no-op a/follows:x, no-op "+
			"a/same:x, update a/update:x")

	forgotten, err := Forget(result.State, func(id string) bool { return id == "a/first:x" })
	if err != nil {
		t.Fatal(err)
	}
	protected := g("2", "2")
	protected.Resource("a/same:x").Protect = true
	want(t, "found, and protected from now on", did(apply(t, protected, forgotten, o)),
		"no-op a/beside:x, adopt a/first:x, no-op a/follows:x, update a/same:x, no-op a/update:x")
	want(t, "destroyed", did(apply(t, nil, state, o)),
		"delete a/beside:x, delete a/first:x, delete a/follows:x, delete a/same:x, delete a/update:x")
}

// A resource that was removed from the state is planned as adopted if AWS still has it, and as created if not.
func TestForgottenIsLookedFor(t *testing.T) {
	c := newCloud()
	o := c.options()
	g := graph(t, res("a/there:x", single, "name", "there"), res("a/gone:x", single, "name", "gone"),
		res("a/stays:x", single, "name", "stays"),
		res("a/unknown:x", single, "name", value.Output("a/gone:x", "arn")))
	state := apply(t, g, nil, o).State
	state, err := Forget(state, func(id string) bool { return id != "a/stays:x" })
	if err != nil {
		t.Fatal(err)
	}
	delete(c.objects, single+" gone")
	want(t, "nobody knows", planned(t, g, state, o),
		"create a/gone:x (new)\ncreate a/there:x (new)\ncreate a/unknown:x (new)")
	o.Forgotten = []string{"a/there:x", "a/gone:x", "a/unknown:x", "a/stays:x"}
	want(t, "known", planned(t, g, state, o),
		"create a/gone:x (new)\nadopt a/there:x (it exists in AWS and was removed from the state)\ncreate "+
			"a/unknown:x (new)")
	p, err := PreviewApply(t.Context(), g, state, o)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "found", strings.Join(p.Found, " "), "a/there:x")
}

// A change that was under way when the run was stopped has not failed.
func TestStoppedIsNotFailed(t *testing.T) {
	c := newCloud()
	o := c.options()
	state := apply(t, chain(t, "a", "v1"), nil, o).State
	hard, cancel := context.WithCancel(t.Context())
	o.Hard = hard
	c.partial["web/api:service"], c.unawaited = true, true
	c.before = func(_ context.Context, action, id string) error {
		if action+id == "updateweb/api:service" {
			cancel()
		}
		return nil
	}
	result, err := Apply(t.Context(), chain(t, "a", "v2"), state, o)
	if err == nil {
		t.Fatal("it did not fail")
	}
	o.Hard, c.before, c.partial = nil, nil, map[string]bool{}
	want(t, "plan", planned(t, chain(t, "a", "v2"), result.State, o),
		"update web/api:service (change in image; a change was in progress when the last run was stopped) [rolling]")
	want(t, "plan of the old image", planned(t, chain(t, "a", "v1"), result.State, o),
		"update web/api:service (a change was in progress when the last run was stopped) [rolling]")
}

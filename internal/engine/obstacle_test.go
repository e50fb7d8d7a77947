package engine

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

// All objects that cannot be deleted are found at once, before anything is touched, for deletes and replacements. No
// other object is asked about.
func TestObstacles(t *testing.T) {
	c := newCloud()
	o := c.options()
	g := func(zone string, there bool) *resource.Graph {
		all := []*resource.Resource{res("a/z:z", single, "name", "z")}
		if there {
			all = append(all, res("a/x:x", single, "name", "x", "zone", zone),
				res("a/y:y", single, "name", "y", "zone", zone))
		}
		return graph(t, all...)
	}
	state := apply(t, g("1", true), nil, o).State
	c.calls()
	c.inTheWay = map[string]string{"x": "something is in x", "y": "something is in y"}
	want(t, "nothing goes", planned(t, g("1", true), state, o), "")
	for what, desired := range map[string]*resource.Graph{
		"replaced": g("2", true), "removed": g("1", false),
		"destroy": nil,
	} {
		p, err := PreviewApply(t.Context(), desired, state, o)
		if forced := strings.Join(c.forced, " "); forced != map[string]string{"replaced": "zone"}[what] {
			t.Errorf("%s: replaced because of %q", what, forced)
		}
		var refused *ObstructedError
		if !errors.As(err, &refused) || len(refused.Obstructions) != 2 {
			t.Fatalf("%s: %v", what, err)
		}
		for i, id := range []string{"x", "y"} {
			if got := refused.Obstructions[i]; got.Resource != "a/"+id+":"+id || got.Type != single ||
				got.What != "something is in "+id || got.Next != "take it away" {
				t.Errorf("%s: %+v", what, got)
			}
		}
		shown := 0
		for _, component := range p.Plan.Components {
			for _, change := range component.Changes {
				shown += len(change.Obstacles)
			}
		}
		if shown != 2 {
			t.Errorf("%s: the plan shows %d obstacles", what, shown)
		}
	}
	o.Targets = []string{"a/x:x"}
	_, err := PreviewApply(t.Context(), g("2", true), state, o)
	want(t, "one is targeted", err.Error(), "a/x:x cannot be deleted: something is in x")
	o.Targets = nil

	db := graph(t, res("a/x:x", single, "name", "x"))
	db.Resources[0].Protect = true
	protected := apply(t, db, nil, newCloud().options()).State
	_, err = PreviewApply(t.Context(), nil, protected, o)
	var guarded *ProtectedError
	var refused *ObstructedError
	if !errors.As(err, &guarded) || !errors.As(err, &refused) {
		t.Errorf("not both are told: %v", err)
	}
	want(t, "calls", c.calls(), "")

	c.inTheWay = nil
	want(t, "state", ids(t, apply(t, nil, state, o).State), "")
}

// A run that may not ask says so and goes on. Any other failure to ask stops it before anything is touched.
func TestObstaclesThatMayNotBeAsked(t *testing.T) {
	c := newCloud()
	o := c.options()
	state := apply(t, graph(t, res("a/x:x", thing), res("a/y:y", thing)), nil, o).State
	failure := error(&resource.OpError{Operation: "fake:Look", Code: "AccessDenied", Message: "no"})
	c.before = func(_ context.Context, action, id string) error {
		if action == "ask" && id == "a/x:x" {
			return failure
		}
		return nil
	}
	p, err := PreviewApply(t.Context(), nil, state, o)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Unasked) != 1 || p.Unasked[0].Resource != "a/x:x" || !strings.Contains(p.Unasked[0].Error(), "fake:Look") {
		t.Errorf("unasked: %v", p.Unasked)
	}
	failure = errors.New("no answer")
	var step *StepError
	if _, err = PreviewApply(t.Context(), nil, state, o); !errors.As(err, &step) || step.Resource != "a/x:x" {
		t.Errorf("got %v", err)
	}
}

// A question before a run knows what a new object uses, whether that exists or is new, too.
func TestForesightKnowsWhatIsUsed(t *testing.T) {
	c := newCloud()
	o := c.options()
	used := func(g *resource.Graph, state []byte) string {
		clear(c.uses)
		planned(t, g, state, o)
		var out []string
		for what, props := range c.uses {
			out = append(out, what+" "+props.Get("zone").Str())
		}
		slices.Sort(out)
		return strings.Join(out, "; ")
	}
	want(t, "all new", used(chain(t, "z", "v1"), nil), "web/api:service db a; web/db:instance network z")
	state := apply(t, chain(t, "z", "v1"), nil, o).State
	want(t, "nothing changes", used(chain(t, "z", "v1"), state), "")
	want(t, "one changes", used(chain(t, "z", "v2"), state), "web/api:service db a")
	passed := graph(t, append(chain(t, "z", "v1").Resources,
		res("web/job:task", thing, "db", value.Output("web/api:service", "arn")))...)
	want(t, "passed on", used(passed, state), "web/job:task db a")
}

// What AWS would refuse is told together with what cannot be computed, and nobody waits for long for AWS's answers.
func TestForesightBesideOtherProblems(t *testing.T) {
	c := newCloud()
	c.endless, c.refused = true, map[string]string{"a/x:x": "the quota is used up"}
	kinds := c.kinds()
	for _, k := range kinds {
		k.check = func(in value.Value) []value.Problem {
			if in.Get("size").Kind() != value.String {
				return nil
			}
			return []value.Problem{{Kind: value.WrongType, Path: []string{"size"}, Message: "must be a number"}}
		}
	}
	o := c.options()
	o.Catalog = c.catalog(kinds...)
	g := graph(t, res("a/x:x", thing), res("b/y:y", thing, "size", "large"))
	_, err := PreviewApply(t.Context(), g, nil, o)
	var unfit *ProblemError
	var refused *RefusedError
	if !errors.As(err, &unfit) || !errors.As(err, &refused) {
		t.Fatalf("got %v", err)
	}
	want(t, "refused", refused.Error(), "a/x:x: the quota is used up")
	if c.endless {
		t.Error("a question may take any time")
	}
	o.Offline = true
	if _, err = PreviewApply(t.Context(), g, nil, o); !errors.As(err, &unfit) || errors.As(err, new(*RefusedError)) {
		t.Errorf("offline: %v", err)
	}
}

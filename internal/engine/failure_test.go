package engine

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

func TestFailureMidway(t *testing.T) {
	c := newCloud()
	o := c.options()
	var events []plan.Event
	o.Events = func(e plan.Event) { events = append(events, e) }
	c.fail["create web/db:instance"] = &resource.OpError{
		Operation: "rds:CreateDBInstance", Code: "Quota",
		Message: "too many", RequestID: "r1",
	}
	result, err := Apply(t.Context(), chain(t, "a", "v1"), nil, o)
	var step *StepError
	var op *resource.OpError
	if !errors.As(err, &step) || !errors.As(err, &op) || op.RequestID != "r1" {
		t.Fatalf("got %v", err)
	}
	want(t, "error", err.Error(), "web/db:instance: cannot create fake/single: rds:CreateDBInstance: Quota: too many")
	want(t, "state", ids(t, result.State), "infra/net:vpc")
	want(t, "failed", fmt.Sprint(result.Failed[0].Resource, result.Failed[0].Action, result.Failed[0].Recorded),
		"web/db:instancecreatefalse")
	want(t, "skipped", skips(result), "web/api:service (web/db:instance, which it needs, failed)")
	if pending, _ := Pending(result.State); len(pending) != 0 {
		t.Errorf("pending: %v", pending)
	}
	var told []string
	for _, e := range events {
		told = append(told, fmt.Sprint(e.Kind, " ", e.Resource))
	}
	want(t, "events", strings.Join(told, ", "), "started infra/net:vpc, done infra/net:vpc, started web/db:instance, "+
		"failed web/db:instance, skipped web/api:service")

	delete(c.fail, "create web/db:instance")
	c.calls()
	apply(t, chain(t, "a", "v1"), result.State, o)
	want(t, "calls of the second run", c.calls(), "create web/db:instance, create web/api:service")
}

func skips(r *Result) string {
	var out []string
	for _, s := range r.Skipped {
		out = append(out, s.Resource+" ("+s.Reason+")")
	}
	return strings.Join(out, " ")
}

// A step that was not started is told with the true reason: its dependency, a resource that needs it, or a stopped run.
func TestWhyAStepWasNotStarted(t *testing.T) {
	refused := &resource.OpError{Operation: "x:Create", Code: "Quota", Message: "too many"}
	c := newCloud()
	o := c.options()
	o.Parallelism = 1
	g := chain(t, "a", "v1")
	c.fail["create infra/net:vpc"] = refused
	result, _ := Apply(t.Context(), g, nil, o)
	want(t, "all need it", skips(result), "web/api:service (infra/net:vpc, which it needs, failed) web/db:instance "+
		"(infra/net:vpc, which it needs, failed)")
	if !result.Ran {
		t.Error("it ran")
	}

	delete(c.fail, "create infra/net:vpc")
	state := apply(t, g, nil, o).State
	c.fail["delete web/db:instance"] = refused
	result, _ = Destroy(t.Context(), state, o)
	want(t, "what it needs must stay", skips(result), "infra/net:vpc (web/db:instance, which needs it, failed)")

	c = newCloud()
	o = c.options()
	pair := graph(t, res("web/a:one", thing, "image", "v1"), res("web/b:two", thing, "image", "v1"))
	state = apply(t, pair, nil, o).State
	c.fail["update web/a:one"] = refused
	result, _ = Apply(t.Context(), graph(t, res("web/a:one", thing, "image", "v2")), state, o)
	want(t, "no relation", skips(result), "web/b:two (the run stopped after the failure of web/a:one)")
}

func TestFailedRolloutIsRetried(t *testing.T) {
	c := newCloud()
	o := c.options()
	state := apply(t, chain(t, "a", "v1"), nil, o).State
	c.partial["web/api:service"] = true
	result, err := Apply(t.Context(), chain(t, "a", "v2"), state, o)
	var partial *resource.PartialError
	if !errors.As(err, &partial) || !result.Failed[0].Recorded {
		t.Fatalf("got %v", err)
	}
	stored, _ := Resources(result.State)
	want(t, "recorded", stored[2].Inputs.Get("image").Str()+": "+strings.Join(stored[2].InitErrors, ""),
		"v1: the rollout failed: tasks stop")
	want(t, "plan", planned(t, chain(t, "a", "v2"), result.State, o),
		"update web/api:service (change in image, and the last rollout failed) [rolling]")
	want(t, "plan of the old image", planned(t, chain(t, "a", "v1"), result.State, o),
		"update web/api:service (the last rollout failed) [rolling]")
	delete(c.partial, "web/api:service")
	state = apply(t, chain(t, "a", "v2"), result.State, o).State
	want(t, "plan", planned(t, chain(t, "a", "v2"), state, o), "")

	// A creation that fails halfway is recorded too.
	c.partial["web/new:service"] = true
	g := graph(t, append(chain(t, "a", "v2").Resources, res("web/new:service", thing, "image", "v1"))...)
	result, err = Apply(t.Context(), g, state, o)
	if err == nil {
		t.Fatal("no error")
	}
	delete(c.partial, "web/new:service")
	c.calls()
	apply(t, g, result.State, o)
	want(t, "calls", c.calls(), "update web/new:service")
}

func TestOutputsThatNobodyHasReadAreUnknown(t *testing.T) {
	c := newCloud()
	o := c.options()
	c.partial["web/db:instance"], c.unread["web/db:instance"] = true, true
	result, err := Apply(t.Context(), chain(t, "a", "v1"), nil, o)
	if err == nil {
		t.Fatal("no error")
	}
	clear(c.partial)
	clear(c.unread)
	preview, err := PreviewApply(t.Context(), chain(t, "a", "v1"), result.State, o)
	if err != nil {
		t.Fatal(err)
	}
	refers := "nothing"
	for _, ch := range preview.Plan.Components[1].Changes {
		for _, p := range ch.Properties {
			if slices.Equal(p.Path, []string{"db"}) {
				refers = p.New.String()
			}
		}
	}
	want(t, "what refers to them", refers, value.KnownAfterApply)
	state := apply(t, chain(t, "a", "v1"), result.State, o).State
	resources, _ := Resources(state)
	want(t, "in the end", resources[2].Inputs.Get("db").Str(), "arn:fake/single:db:0")
	want(t, "plan", planned(t, chain(t, "a", "v1"), state, o), "")
}

func TestTokens(t *testing.T) {
	c := newCloud()
	o := c.options()
	boom := errors.New("lost answer")
	g := graph(t, res("a/a:a", thing, "zone", "1"))
	c.fail["create a/a:a"] = boom
	for range 2 {
		if _, err := Apply(t.Context(), g, nil, o); !errors.Is(err, boom) {
			t.Fatal(err)
		}
	}
	if c.tokens[0] == "" || c.tokens[0] != c.tokens[1] {
		t.Errorf("the same intent has the tokens %v", c.tokens)
	}
	if _, err := Apply(t.Context(), graph(t, res("a/a:a", thing, "zone", "2")), nil, o); !errors.Is(err, boom) ||
		c.tokens[2] == c.tokens[0] {
		t.Errorf("another intent has the same token %v", c.tokens)
	}
	o.Token = func(string) string { return "T2" }
	if _, err := Apply(t.Context(), g, nil, o); !errors.Is(err, boom) || c.tokens[3] == c.tokens[0] {
		t.Errorf("another lineage has the same token %v", c.tokens)
	}
}

func TestUpgrade(t *testing.T) {
	c := newCloud()
	o := c.options()
	state := apply(t, graph(t, res("a/a:a", thing, "colour", "red")), nil, o).State
	kinds := c.kinds()
	kinds[0].def.Version = 2
	kinds[0].def.Upgrade = func(from int, in, out value.Value) (value.Value, value.Value) {
		return in.With("color", in.Get("colour")).With("colour", value.NullValue), out
	}
	newer := o
	newer.Catalog = c.catalog(kinds...)
	g := graph(t, res("a/a:a", thing, "color", "red"))
	want(t, "plan", planned(t, g, state, newer), "")
	upgraded := apply(t, g, state, newer)
	if !upgraded.Changed {
		t.Error("the upgrade is not recorded")
	}
	stored, _ := Resources(upgraded.State)
	want(t, "inputs", stored[0].Inputs.String(), `{color: "red"}`)
	if !stored[0].Outputs.Get(versionKey).IsNull() {
		t.Error("the version is visible")
	}
	if apply(t, g, upgraded.State, newer).Changed {
		t.Error("upgraded twice")
	}
	if _, err := PreviewApply(t.Context(), g, upgraded.State, o); err == nil ||
		!strings.Contains(err.Error(), "update deployer") {
		t.Errorf("an older deployer: %v", err)
	}
	if _, err := PreviewApply(t.Context(), g, state,
		Options{Stack: "other", Environment: "dev", Catalog: o.Catalog}); err == nil {
		t.Error("a state of another stack was taken")
	}
}

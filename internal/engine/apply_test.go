package engine

import (
	"errors"
	"strings"
	"testing"

	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

// chain is a network, a database in it and a service that uses both.
func chain(t testing.TB, zone, image string) *resource.Graph {
	return graph(t,
		res("infra/net:vpc", thing, "zone", zone),
		res("web/db:instance", single, "name", "db", "zone", "a", "size", 1, "network",
			value.Output("infra/net:vpc", "arn")),
		res("web/api:service", thing, "image", image, "db", value.Output("web/db:instance", "arn")),
	)
}

func TestCreateThenNothing(t *testing.T) {
	c := newCloud()
	o := c.options()
	g := chain(t, "a", "v1")
	want(t, "plan", planned(t, g, nil, o), "create infra/net:vpc (new)\ncreate web/api:service (new)\ncreate "+
		"web/db:instance (new)")
	want(t, "calls of a preview", c.calls(), "")

	first := apply(t, g, nil, o)
	want(t, "calls", c.calls(), "create infra/net:vpc, create web/db:instance, create web/api:service")
	if !first.Changed {
		t.Error("Changed is false")
	}
	want(t, "plan", planned(t, g, first.State, o), "")
	second := apply(t, g, first.State, o)
	want(t, "calls", c.calls(), "")
	if second.Changed || string(second.State) != string(first.State) {
		t.Errorf("an apply without changes has changed the state:\n%s\n%s", first.State, second.State)
	}
	stored, err := Resources(first.State)
	if err != nil || len(stored) != 3 {
		t.Fatal(stored, err)
	}
	last := stored[2]
	want(t, "id", last.ID+" "+last.Type+" "+strings.Join(last.Dependencies, " "),
		"web/api:service fake/thing web/db:instance")
	want(t, "input", last.Inputs.Get("db").Str(), "arn:fake/single:db:1")
}

func TestUpdate(t *testing.T) {
	c := newCloud()
	o := c.options()
	state := apply(t, chain(t, "a", "v1"), nil, o).State
	c.calls()
	want(t, "plan", planned(t, chain(t, "a", "v2"), state, o), "update web/api:service (change in image) [rolling]")
	state = apply(t, chain(t, "a", "v2"), state, o).State
	want(t, "calls", c.calls(), "update web/api:service")
	want(t, "plan", planned(t, chain(t, "a", "v2"), state, o), "")
}

func TestReplaceSideBySide(t *testing.T) {
	c := newCloud()
	o := c.options()
	g := func(zone string) *resource.Graph {
		return graph(t,
			res("a/net:vpc", thing, "zone", zone),
			res("a/net:subnet", thing, "parent", value.Output("a/net:vpc", "arn")),
			res("a/api:service", thing, "subnet", value.Output("a/net:subnet", "arn")))
	}
	state := apply(t, g("a"), nil, o).State
	c.calls()
	want(t, "plan", planned(t, g("b"), state, o), strings.Join([]string{
		"update a/api:service (change in subnet) [rolling]",
		"replace a/net:vpc (zone cannot change in place) [replacement]",
		"replace a/net:subnet (parent comes from a/net:vpc, which is replaced) [replacement]",
	}, "\n"))
	state = apply(t, g("b"), state, o).State
	want(t, "calls", c.calls(), "create a/net:vpc, create a/net:subnet, update a/api:service, delete a/net:subnet, "+
		"delete a/net:vpc")
	want(t, "plan", planned(t, g("b"), state, o), "")
	if len(c.objects) != 3 {
		t.Errorf("objects left: %v", c.objects)
	}
}

func TestAnotherFormOfTheSame(t *testing.T) {
	c := newCloud()
	o := c.options()
	kinds := c.kinds()
	for _, k := range kinds {
		if k.def.Type == single {
			k.def.Forms = map[string]func(a, b string) bool{"zone": strings.EqualFold}
		}
	}
	o.Catalog = c.catalog(kinds...)
	g := func(zone string) *resource.Graph {
		return graph(t, res("a/db:main", single, "name", "db", "zone", zone))
	}
	state := apply(t, g("a"), nil, o).State
	c.calls()
	want(t, "plan", planned(t, g("A"), state, o), "")
	if after := apply(t, g("A"), state, o); after.Changed {
		t.Error("another form is a change")
	}
	want(t, "calls", c.calls(), "")
	want(t, "plan", planned(t, g("b"), state, o), "replace a/db:main (zone cannot change in place) [data loss]")
}

// An object that stays where it is keeps what is recorded, so that it does not leave what it never had.
func TestWhatStays(t *testing.T) {
	c := newCloud()
	o := c.options()
	kinds := c.kinds()
	for _, k := range kinds {
		if k.def.Type == single {
			k.def.Stays = map[string]func(recorded, desired value.Value) bool{
				"zone": func(recorded, desired value.Value) bool {
					return strings.Contains(desired.Str(), recorded.Str())
				},
			}
		}
	}
	o.Catalog = c.catalog(kinds...)
	g := func(zone string) *resource.Graph {
		return graph(t, res("a/db:main", single, "name", "db", "zone", zone))
	}
	state := apply(t, g("a"), nil, o).State
	for _, zone := range []string{"a b", "a"} {
		want(t, "plan", planned(t, g(zone), state, o), "")
		state = apply(t, g(zone), state, o).State
	}
	want(t, "plan", planned(t, g("b"), state, o), "replace a/db:main (zone cannot change in place) [data loss]")
}

func TestReplaceOneAfterTheOther(t *testing.T) {
	c := newCloud()
	o := c.options()
	g := func(zone string) *resource.Graph {
		return graph(t,
			res("a/db:main", single, "name", "db", "zone", zone),
			res("a/db:replica", single, "name", "replica", "parent", value.Output("a/db:main", "arn")),
			res("a/api:service", thing, "db", value.Output("a/db:replica", "arn")))
	}
	state := apply(t, g("a"), nil, o).State
	c.calls()
	want(t, "plan", planned(t, g("b"), state, o), strings.Join([]string{
		"update a/api:service (change in db) [rolling]",
		"replace a/db:main (zone cannot change in place) [data loss]",
		"replace a/db:replica (parent comes from a/db:main, which is replaced) [data loss]",
	}, "\n"))
	state = apply(t, g("b"), state, o).State
	want(t, "calls", c.calls(), "delete a/db:replica, delete a/db:main, create a/db:main, create a/db:replica")
	want(t, "plan", planned(t, g("b"), state, o), "")
}

func TestReplaceByWhatForcesIt(t *testing.T) {
	c := newCloud()
	o := c.options()
	g := func(parent, zone string) *resource.Graph {
		return graph(t,
			res("a/dns:namespace", thing, "zone", parent),
			res("a/api:name", member, "zone", zone, "parent", value.Output("a/dns:namespace", "arn")),
			res("a/api:service", thing, "name", value.Output("a/api:name", "arn")))
	}
	state := apply(t, g("a", "a"), nil, o).State
	c.calls()
	want(t, "plan", planned(t, g("b", "a"), state, o), strings.Join([]string{
		"replace a/api:name (parent comes from a/dns:namespace, which is replaced) [replacement]",
		"update a/api:service (change in name) [rolling]",
		"replace a/dns:namespace (zone cannot change in place) [replacement]",
	}, "\n"))
	state = apply(t, g("b", "a"), state, o).State
	want(t, "another parent", c.calls(), "create a/dns:namespace, create a/api:name, update a/api:service, delete "+
		"a/api:name, delete a/dns:namespace")
	want(t, "plan", planned(t, g("b", "b"), state, o),
		"replace a/api:name (zone cannot change in place) [downtime]\nupdate a/api:service (change in name) [rolling]")
	state = apply(t, g("b", "b"), state, o).State
	want(t, "another zone", c.calls(), "delete a/api:name, create a/api:name, update a/api:service")
	want(t, "plan", planned(t, g("b", "b"), state, o), "")
}

func TestDeleteInReverse(t *testing.T) {
	c := newCloud()
	o := c.options()
	state := apply(t, chain(t, "a", "v1"), nil, o).State
	c.calls()
	g := graph(t, res("infra/net:vpc", thing, "zone", "a"))
	want(t, "plan", planned(t, g, state, o), "delete web/api:service (removed from the manifests)\ndelete "+
		"web/db:instance (removed from the manifests) [data loss]")
	state = apply(t, g, state, o).State
	want(t, "calls", c.calls(), "delete web/api:service, delete web/db:instance")
	want(t, "state", ids(t, state), "infra/net:vpc")

	preview, err := PreviewDestroy(t.Context(), state, o)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "plan", render(preview.Plan), "delete infra/net:vpc (the stack is destroyed)")
	result, err := Destroy(t.Context(), state, o)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "calls", c.calls(), "delete infra/net:vpc")
	if strings.Contains(string(result.State), "urn:") {
		t.Errorf("something is left: %s", result.State)
	}
	again, err := Destroy(t.Context(), result.State, o)
	if err != nil || again.Changed {
		t.Errorf("destroying nothing: %v, changed %v", err, again.Changed)
	}
}

func TestUnknownsAndOutputs(t *testing.T) {
	c := newCloud()
	o := c.options()
	desired := func(image string) *resource.Graph {
		g := &resource.Graph{
			Components: []resource.Component{{Address: "web/api"}, {Address: "web/job"}},
			Resources: []*resource.Resource{
				res("web/api:task", revision, "image", image),
				res("web/api:service", thing, "task", value.Output("web/api:task", "arn")),
				res("web/job:schedule", thing, "target", value.NewDeferred(value.Expression{
					Op: value.OpTemplate, Source: "see ${x}", Names: []string{"x"},
					Args: []value.Value{value.Output("web/api", "service")},
				})),
			},
		}
		g.Components[0].Outputs = map[string]value.Value{
			"service": value.Concat("service ", value.Output("web/api:service", "arn")),
			"image":   value.Output("web/api:task", "image"),
			"secret":  value.Output("web/api:task", "arn").Sensitive(),
		}
		if err := g.Sort(); err != nil {
			t.Fatal(err)
		}
		return g
	}
	preview, err := PreviewApply(t.Context(), desired("v1"), nil, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, ch := range preview.Plan.Components[1].Changes {
		want(t, "unknown", ch.Properties[0].New.String(), value.KnownAfterApply)
	}
	want(t, "known output", preview.Outputs["web/api"]["image"].String(), `"v1"`)
	want(t, "unknown output", preview.Outputs["web/api"]["service"].String(), value.KnownAfterApply)

	first := apply(t, desired("v1"), nil, o)
	want(t, "output", first.Outputs["web/api"]["service"].Str(), "service arn:fake/thing:id-2:1")
	if !first.Outputs["web/api"]["secret"].IsSensitive() {
		t.Error("the sensitive output has lost its mark")
	}
	stored, err := StackOutputs(first.State)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "stored outputs", value.NewMap(stored["web/api"]).String(),
		`{image: "v1", service: "service arn:fake/thing:id-2:1"}`)
	resources, _ := Resources(first.State)
	for _, r := range resources {
		if r.ID == "web/job:schedule" {
			want(t, "template", r.Inputs.Get("target").Str(), "see service arn:fake/thing:id-2:1")
			want(t, "dependency through the output", strings.Join(r.Dependencies, " "), "web/api:service")
		}
	}

	// An update of the task makes a new revision: the plan must show that the service changes too.
	want(t, "plan", planned(t, desired("v2"), first.State, o),
		"update web/api:task (change in image) [in place]\nupdate web/api:service (change in task) [rolling]")
	c.calls()
	apply(t, desired("v2"), first.State, o)
	want(t, "calls", c.calls(), "update web/api:task, update web/api:service")
}

func TestLookups(t *testing.T) {
	c := newCloud()
	o := c.options()
	data := res("infra/net:vpc", "fake/vpc", "region", "eu")
	data.Data = true
	g := graph(t, data, res("a/x:x", thing, "zone", value.Output("infra/net:vpc", "id")),
		res("a/y:y", thing, "vpc", value.Output("infra/net:vpc", "id")))
	preview, err := PreviewApply(t.Context(), g, nil, o)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "answers", preview.Lookups["infra/net:vpc"].String(), `{id: "vpc-of-eu"}`)
	if c.lookups != 1 {
		t.Errorf("asked %d times", c.lookups)
	}
	o.Frozen = map[string]value.Value{"infra/net:vpc": m("id", "vpc-frozen")}
	result := apply(t, g, nil, o)
	if c.lookups != 1 {
		t.Error("a frozen lookup was asked again")
	}
	stored, _ := Resources(result.State)
	want(t, "input", stored[0].Inputs.Get("zone").Str(), "vpc-frozen")
	want(t, "state", ids(t, result.State), "a/x:x a/y:y")
	o.Frozen = map[string]value.Value{}
	if _, err := PreviewApply(t.Context(), g, nil, o); err == nil || !strings.Contains(err.Error(), "make a new plan") {
		t.Errorf("a lookup that the plan lacks: %v", err)
	}
}

func TestCreateOnly(t *testing.T) {
	c := newCloud()
	o := c.options()
	g := func(zone string, initial int) *resource.Graph {
		return graph(t, res("a/a:a", thing, "zone", zone, "initial", initial))
	}
	state := apply(t, g("a", 1), nil, o).State
	second := apply(t, g("a", 2), state, o)
	if second.Changed {
		t.Error("a property that counts at creation only has changed the state")
	}
	state = apply(t, g("b", 2), state, o).State
	stored, _ := Resources(state)
	want(t, "after the replacement", stored[0].Inputs.String(), `{initial: 2, zone: "b"}`)
}

func TestCycleIsRefused(t *testing.T) {
	c := newCloud()
	g := &resource.Graph{
		Components: []resource.Component{{Address: "a/a"}},
		Resources: []*resource.Resource{
			res("a/a:x", thing, "p", value.Output("a/a:y", "arn")),
			res("a/a:y", thing, "p", value.Output("a/a:x", "arn")),
		},
	}
	_, err := PreviewApply(t.Context(), g, nil, c.options())
	var cycle *resource.CycleError
	if !errors.As(err, &cycle) || len(cycle.Path) != 3 {
		t.Fatalf("got %v", err)
	}
}

func TestProblemsAreFoundAtOnce(t *testing.T) {
	c := newCloud()
	o := c.options()
	kinds := c.kinds()
	kinds[0].check = func(v value.Value) []value.Problem {
		if v.Get("bad").Bool() {
			return []value.Problem{{Kind: value.BadValue, Path: []string{"bad"}, Message: "must not be true"}}
		}
		return nil
	}
	o.Catalog = c.catalog(kinds...)
	g := graph(t, res("a/a:x", thing, "bad", true), res("a/a:y", thing, "p", value.Output("a/a:x", "arn"), "bad", true),
		res("a/a:z", thing, "password", value.NewString("canary").Sensitive()))
	_, err := PreviewApply(t.Context(), g, nil, o)
	want(t, "error", err.Error(), "a/a:x: bad: must not be true\na/a:z: password: holds a sensitive value, which "+
		"would be stored in the state; give it as a secret instead\na/a:y: bad: must not be true")
	if _, err = Apply(t.Context(), g, nil, o); err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("got %v", err)
	}
	want(t, "calls", c.calls(), "")
}

func TestTypeChange(t *testing.T) {
	c := newCloud()
	o := c.options()
	state := apply(t, graph(t, res("a/a:a", thing, "zone", "a")), nil, o).State
	c.calls()
	g := graph(t, res("a/a:a", single, "name", "a", "zone", "a"))
	want(t, "plan", planned(t, g, state, o), "create a/a:a (new)\ndelete a/a:a (removed from the manifests)")
	state = apply(t, g, state, o).State
	want(t, "calls", c.calls(), "create a/a:a, delete a/a:a")
	want(t, "plan", planned(t, g, state, o), "")
}

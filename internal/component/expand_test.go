package component

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

type storeSpec struct {
	Common
	Link value.Of[string] `json:"link,omitempty"`
	Mode string           `json:"mode,omitempty" enum:"fast,slow"`
}

type appSpec struct {
	Common
	Using
	Env   map[string]value.Of[string] `json:"env,omitempty"`
	Ports int                         `json:"ports,omitempty"`
}

type sharedSpec struct{ Common }

// object is the typed resource of these tests.
type object struct {
	Name  string            `json:"name"`
	Link  value.Value       `json:"link,omitempty"`
	Inner map[string]string `json:"inner,omitempty"`
	Tags  map[string]string `json:"tags,omitempty"`
}

func testRegistry() *Registry {
	return NewRegistry(
		Define(Definition[storeSpec]{
			Name: "Store", Group: "components.deployer.io/v1", Outputs: []string{"arn", "reader"},
			Verbs: []string{"read", "write"},
			Check: func(_ Instance, s *storeSpec) []value.Problem {
				if s.Mode == "slow" {
					return []value.Problem{Invalid([]string{"mode"}, "is too slow")}
				}
				return nil
			},
			Grant: func(i Instance, _ *storeSpec, verb string) Grant {
				return Grant{
					Statements: []Statement{
						{Actions: []string{"store:" + verb}, Resources: []value.Value{value.Output(i.Address, "arn")}},
					},
				}
			},
			Protected: func(Instance, *storeSpec) bool { return true },
			Expand: func(i Instance, s *storeSpec, _ Context) (Expansion, []value.Problem) {
				r := i.Resource("object", "test/object",
					object{Name: i.Name, Link: s.Link.Value(), Inner: map[string]string{"a": "1", "b": "2"}})
				return Expansion{
					Resources: []*resource.Resource{r, i.Data("zone", "test/zone", struct{}{})},
					Outputs:   map[string]value.Value{"arn": r.Output("arn")},
				}, nil
			},
		}),
		Define(Definition[appSpec]{
			Name: "App", Group: "components.deployer.io/v1", Outputs: []string{"url"}, Verbs: []string{"connect"},
			Demands: func(_ Instance, s *appSpec) []Demand { return []Demand{{Address: "infra/hub", Data: s.Ports}} },
			Grant:   func(Instance, *appSpec, string) Grant { return Grant{} },
			Expand: func(i Instance, s *appSpec, c Context) (Expansion, []value.Problem) {
				var uses []string
				for _, g := range c.Granted {
					uses = append(uses, g.Address+"="+g.Verb)
				}
				seen := 0
				for _, d := range c.Demands {
					seen += d.Data.(int)
				}
				r := i.Resource("task", "test/object",
					object{
						Name: strings.Join(uses, ","), Link: value.Encode(s.Env),
						Inner: map[string]string{"seen": value.NewInt(seen).String()},
					})
				return Expansion{
					Resources: []*resource.Resource{r},
					Outputs:   map[string]value.Value{"url": r.Output("url")},
				}, nil
			},
		}),
		Define(Definition[sharedSpec]{
			Name: "Hub", Outputs: []string{"id"}, Synthetic: "infra/hub",
			Demands: func(Instance, *sharedSpec) []Demand { return []Demand{{Address: "infra/net"}} },
			Expand: func(i Instance, _ *sharedSpec, c Context) (Expansion, []value.Problem) {
				var from []string
				for _, d := range c.Demands {
					from = append(from, d.From)
				}
				r := i.Resource("hub", "test/object",
					object{Name: strings.Join(from, ","), Link: value.Output("infra/net", "id")})
				return Expansion{
					Resources: []*resource.Resource{r},
					Outputs:   map[string]value.Value{"id": r.Output("id")},
				}, nil
			},
		}),
		Define(Definition[sharedSpec]{
			Name: "Net", Group: "infra.deployer.io/v1", Outputs: []string{"id"}, Synthetic: "infra/net",
			Expand: func(i Instance, _ *sharedSpec, _ Context) (Expansion, []value.Problem) {
				return Expansion{
					Resources: []*resource.Resource{i.Data("net", "test/net", struct{}{})},
					Outputs:   map[string]value.Value{"id": value.Output("infra/net:net", "id")},
				}, nil
			},
		}),
	)
}

func instance(address, kind string, spec map[string]any) Instance {
	v, err := value.From(spec)
	if err != nil {
		panic(err)
	}
	service, name, _ := strings.Cut(address, "/")
	return Instance{
		Address: address, Service: service, Name: name, Kind: kind, Stack: "shop", Environment: "dev",
		Account: "123456789012", Region: "eu-west-1", Tags: map[string]string{"team": "a"}, Spec: v,
	}
}

func ref(target, output string) value.Value { return value.Output(target, output) }

type m = map[string]any

func TestExpandMakesSharedComponentsByNeed(t *testing.T) {
	graph, problems := Expand(testRegistry(), []Instance{
		instance("web/b", "App", m{"ports": 2}), instance("web/a", "App", m{"ports": 3}),
	})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	var addresses, order []string
	for _, c := range graph.Components {
		addresses = append(addresses, c.Address)
		if c.Synthetic != strings.HasPrefix(c.Address, "infra/") {
			t.Errorf("%s: Synthetic is %v", c.Address, c.Synthetic)
		}
	}
	for _, r := range graph.Resources {
		order = append(order, r.ID())
	}
	if want := []string{"infra/hub", "infra/net", "web/a", "web/b"}; !slices.Equal(addresses, want) {
		t.Errorf("components %v, want %v", addresses, want)
	}
	if want := []string{"infra/net:net", "infra/hub:hub", "web/a:task", "web/b:task"}; !slices.Equal(order, want) {
		t.Errorf("order %v, want %v", order, want)
	}
	if got := graph.Resource("infra/hub:hub").Props.Get("name").Str(); got != "web/a,web/b" {
		t.Errorf("the hub was told of %q", got)
	}
	for _, id := range []string{"web/a:task", "web/b:task"} {
		if got := graph.Resource(id).Props.Get("inner", "seen").Str(); got != "5" {
			t.Errorf("%s saw demands of %s, want those of both", id, got)
		}
	}
}

func TestExpandPrefersDeclaredOverSynthetic(t *testing.T) {
	graph, problems := Expand(testRegistry(), []Instance{
		instance("infra/net", "Net", nil),
		instance("web/a", "App", nil),
	})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if graph.Component("infra/net").Synthetic {
		t.Error("a Net with a manifest is not synthetic")
	}
	_, problems = Expand(testRegistry(), []Instance{instance("infra/main", "Net", nil)})
	if len(problems) != 1 || !strings.Contains(problems[0].Message, `name it "net"`) {
		t.Errorf("a Net of another name: %v", problems)
	}
}

func TestExpandMakesSharedComponentForReference(t *testing.T) {
	graph, problems := Expand(testRegistry(),
		[]Instance{instance("data/store", "Store", m{"link": ref("infra/net", "id")})})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if graph.Component("infra/net") == nil {
		t.Error("no infra/net although a spec refers to it")
	}
}

func TestExpandGrantsAndTagsAndProtects(t *testing.T) {
	graph, problems := Expand(testRegistry(), []Instance{
		instance("data/store", "Store", m{"tags": m{"team": "b", "cost": 7.0}}),
		instance("data/open", "Store", m{"protect": false}),
		instance("web/a", "App",
			m{"protect": true, "uses": m{"data/store": []any{"write", "read", "write"}, "web/b": []any{"connect"}}}),
		instance("web/b", "App", m{"uses": m{"web/a": []any{"connect"}}}),
	})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if got, want := graph.Resource("web/a:task").Props.Get("name").Str(),
		"data/store=read,data/store=write,web/b=connect"; got != want {
		t.Errorf("granted %q, want %q", got, want)
	}
	if got, want := graph.Resource("data/store:object").Props.Get("tags").String(),
		`{cost: "7", team: "b"}`; got != want {
		t.Errorf("tags %s, want %s", got, want)
	}
	for id, want := range map[string]bool{
		"data/store:object": true, "data/store:zone": false,
		"data/open:object": false, "web/a:task": true, "web/b:task": false,
	} {
		if got := graph.Resource(id).Protect; got != want {
			t.Errorf("%s: Protect %v, want %v", id, got, want)
		}
	}
}

func TestExpandOverrides(t *testing.T) {
	graph, problems := Expand(testRegistry(), []Instance{instance("data/store", "Store", m{"overrides": m{
		"object": m{"name": "other", "inner": m{"a": nil, "c": "3"}, "link": nil},
	}})})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if got, want := graph.Resource("data/store:object").Props.String(),
		`{inner: {b: "2", c: "3"}, name: "other", tags: {team: "a"}}`; got != want {
		t.Errorf("properties %s, want %s", got, want)
	}
}

func TestOverridesMergeListsByName(t *testing.T) {
	list := func(items ...m) value.Value {
		var out []value.Value
		for _, item := range items {
			entries := map[string]value.Value{}
			for k, v := range item {
				entries[k] = value.NewString(v.(string))
			}
			out = append(out, value.NewMap(entries))
		}
		return value.NewList(out...)
	}
	base := list(m{"name": "api", "image": "x"}, m{"name": "proxy", "image": "y"})
	for want, patch := range map[string]value.Value{
		`[{image: "x", name: "api"}, {image: "y", name: "proxy", user: "1"}, {name: "new"}]`: list(
			m{"name": "proxy", "user": "1"}, m{"name": "new"}),
		`[{name: "a"}, {name: "a"}]`: list(m{"name": "a"}, m{"name": "a"}),
		`[{user: "1"}]`:              list(m{"user": "1"}),
		`[]`:                         list(),
	} {
		if got := mergePatch(base, patch).String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestExpandDependsOn(t *testing.T) {
	graph, problems := Expand(testRegistry(), []Instance{
		instance("a/first", "Store", m{"dependsOn": []any{"z/last"}}), instance("z/last", "Store", nil),
	})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if got := graph.Resources[len(graph.Resources)-2].ID(); got != "a/first:object" {
		t.Errorf("a/first:object is not behind z/last, but %s is", got)
	}
}

// tagged has n tags of its own and as many of its stack.
func tagged(address string, n int) Instance {
	own, stack := m{"last": "x"}, map[string]string{}
	for k := range n {
		own[fmt.Sprint("own", k)], stack[fmt.Sprint("stack", k)] = "x", "x"
	}
	i := instance(address, "Store", m{"tags": own})
	i.Tags = stack
	return i
}

// cased has a tag that differs from a tag of its stack in case only.
func cased() Instance {
	i := instance("a/x", "Store", m{"tags": m{"TEAM": "x", "cost": "y"}})
	i.Tags = map[string]string{"team": "x", "cost": "x"}
	return i
}

func TestExpandFindsProblems(t *testing.T) {
	for name, c := range map[string]struct {
		instances []Instance
		want      string // address: path: part of the message
		allowed   string
	}{
		"unknown kind": {[]Instance{instance("a/x", "Stor", nil)}, `a/x: "Stor" is not a kind`, "Store"},
		"twice": {
			[]Instance{instance("a/x", "Store", nil), instance("a/x", "Store", nil)},
			"a/x: two components", "",
		},
		"type": {
			[]Instance{instance("a/x", "App", m{"ports": "many"})},
			"a/x: ports: must be a number",
			"",
		},
		"check": {[]Instance{instance("a/x", "Store", m{"mode": "slow"})}, "a/x: mode: is too slow", ""},
		"uses nobody": {[]Instance{
			instance("a/x", "App", m{"uses": m{"a/stoer": []any{"read"}}}),
			instance("a/store", "Store", nil),
		}, `a/x: uses.a/stoer: there is no component "a/stoer"`, "a/store"},
		"uses itself": {
			[]Instance{instance("a/x", "App", m{"uses": m{"a/x": []any{"connect"}}})},
			"a/x: uses.a/x: a component cannot use itself", "",
		},
		"uses for nothing": {[]Instance{
			instance("a/x", "App", m{"uses": m{"a/s": []any{}}}),
			instance("a/s", "Store", nil),
		}, "a/x: uses.a/s: name one or more of the verbs", "read"},
		"unknown verb": {
			[]Instance{
				instance("a/x", "App", m{"uses": m{"a/s": []any{"read", "rite"}}}),
				instance("a/s", "Store", nil),
			},
			`a/x: uses.a/s.1: a Store has no verb "rite"; its verbs are read, write`,
			"write",
		},
		"nothing to use": {
			[]Instance{
				instance("a/x", "App", m{"uses": m{"infra/net": []any{"connect"}}}),
				instance("infra/net", "Net", nil),
			},
			"a/x: uses.infra/net: infra/net is a Net, which has no verbs",
			"",
		},
		"unknown target": {
			[]Instance{instance("a/x", "Store", m{"link": ref("a/nobody", "arn")})},
			`a/x: link: there is no component "a/nobody"`, "a/x",
		},
		"unknown output": {[]Instance{
			instance("a/x", "Store", m{"link": ref("a/y", "arm")}),
			instance("a/y", "Store", nil),
		}, `a/x: link: a/y (Store) has no output "arm"; it has arn, reader`, "arn"},
		"output not given": {
			[]Instance{
				instance("a/x", "Store", m{"link": ref("a/y", "reader")}),
				instance("a/y", "Store", nil),
			},
			`a/x: link: a/y has no output "reader" with this configuration; it has arn`, "arn",
		},
		"refers to itself": {
			[]Instance{instance("a/x", "Store", m{"link": ref("a/x", "arn")})},
			"a/x: link: a component cannot refer to its own output", "",
		},
		"depends on nobody": {
			[]Instance{instance("a/x", "Store", m{"dependsOn": []any{"a/y"}})},
			`a/x: dependsOn.0: there is no component "a/y"`, "a/x",
		},
		"depends on itself": {
			[]Instance{instance("a/x", "Store", m{"dependsOn": []any{"a/x"}})},
			"a/x: dependsOn.0: a component cannot depend on itself", "",
		},
		"overrides nobody": {
			[]Instance{instance("a/x", "Store", m{"overrides": m{"objekt": m{}}})},
			`a/x: overrides.objekt: this component creates no resource named "objekt"; it creates object`, "object",
		},
		"overrides by text": {
			[]Instance{instance("a/x", "Store", m{"overrides": m{"object": "x"}})},
			"a/x: overrides.object: must be a map", "",
		},
		"reserved tag": {
			[]Instance{instance("a/x", "Store", m{"tags": m{"Deployer:stack": "x"}})},
			"a/x: tags.Deployer:stack: keys that begin with", "",
		},
		"long tag": {
			[]Instance{instance("a/x", "Store", m{"tags": m{"k": strings.Repeat("x", 257)}})},
			"a/x: tags.k: \"" + strings.Repeat("x", 60) + "…\" is not the value of a tag", "",
		},
		"odd tag": {
			[]Instance{instance("a/x", "Store", m{"tags": m{"owner": "Team (Core)"}})},
			"a/x: tags.owner: \"Team (Core)\" is not the value of a tag: at most 256 letters, digits, spaces and", "",
		},
		"tag of other case": {
			[]Instance{instance("a/x", "Store", m{"tags": m{"Cost": "x", "cost": "y"}})},
			`a/x: tags.cost: the key differs only in case from "Cost"`, "",
		},
		"tag of the stack": {[]Instance{cased()}, `a/x: tags.TEAM: the key differs only in case from "team"`, ""},
		"many tags": {
			[]Instance{tagged("a/x", 23)},
			"a/x: tags: AWS allows at most 45 tags besides deployer's own. Together with the tags of the stack", "",
		},
		"sensitive": {
			[]Instance{instance("a/x", "App", m{"env": m{"KEY": value.NewString("s3cret").Sensitive()}})},
			"a/x: env.KEY: uses a sensitive value", "",
		},
		"sensitive template": {
			[]Instance{
				instance("a/x", "App",
					m{"env": m{"KEY": value.Concat(ref("a/y", "arn"), value.NewString("s3cret").Sensitive())}}),
				instance("a/y", "Store", nil),
			}, "a/x: env.KEY: uses a sensitive value", "",
		},
		"cycle of three": {[]Instance{
			instance("a/x", "Store", m{"link": ref("a/y", "arn")}),
			instance("a/y", "Store", m{"link": ref("a/z", "arn")}),
			instance("a/z", "Store", m{"link": ref("a/x", "arn")}),
		}, "a/x: link: the components need each other: a/x -> a/y -> a/z -> a/x (a/x:object -> a/y:object -> " +
			"a/z:object -> a/x:object)", ""},
		"cycle by dependsOn": {[]Instance{
			instance("a/x", "Store", m{"dependsOn": []any{"a/y"}}),
			instance("a/y", "Store", m{"link": ref("a/x", "arn")}),
		}, "a/x: dependsOn.0: the components need each other: a/x -> a/y -> a/x", ""},
	} {
		t.Run(name, func(t *testing.T) {
			graph, problems := Expand(testRegistry(), c.instances)
			if graph != nil || len(problems) != 1 {
				t.Fatalf("want exactly one problem and no graph, got %v", problems)
			}
			if got := problems[0].Error(); !strings.HasPrefix(got, c.want) {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if c.allowed != "" && !slices.Contains(problems[0].Allowed, c.allowed) {
				t.Errorf("allowed %v lacks %q", problems[0].Allowed, c.allowed)
			}
			if strings.Contains(problems[0].Error(), "s3cret") {
				t.Error("the message shows the secret")
			}
		})
	}
}

func TestExpandReportsAllProblemsAtOnce(t *testing.T) {
	_, problems := Expand(testRegistry(), []Instance{
		instance("a/z", "Store", m{"mode": "slow", "dependsOn": []any{"a/q"}}),
		instance("a/b", "App", m{"uses": m{"a/z": []any{"rad"}}}),
		instance("a/c", "Nope", nil),
	})
	var addresses []string
	for _, p := range problems {
		addresses = append(addresses, p.Address)
	}
	if want := []string{"a/b", "a/c", "a/z", "a/z"}; !slices.Equal(addresses, want) {
		t.Errorf("problems of %v, want of %v: %v", addresses, want, problems)
	}
}

func TestExpandReportsBesideTheProblemsOfOthers(t *testing.T) {
	_, problems := Expand(testRegistry(), []Instance{
		instance("a/x", "Store", m{"overrides": m{"objekt": m{}}}),
		instance("a/y", "Store", m{"link": ref("a/x", "reader")}),
		instance("a/z", "Store", m{"mode": "slow"}),
		instance("a/v", "Store", m{"mode": "slow", "tags": m{"owner": "a;b"}, "nonsense": 1}),
		instance("a/w", "Store", m{"link": ref("a/z", "reader")}), // the outputs of a broken component are not known
	})
	var got []string
	for _, p := range problems {
		got = append(got, p.Address+" "+strings.Join(p.Path, "."))
	}
	if want := []string{
		"a/v nonsense", "a/v tags.owner", "a/v mode", "a/x overrides.objekt", "a/y link",
		"a/z mode",
	}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q: %v", got, want, problems)
	}
}

func TestTwoComponentsMayUseEachOther(t *testing.T) {
	_, problems := Expand(testRegistry(), []Instance{
		instance("a/x", "App", m{"uses": m{"a/y": []any{"connect"}}}),
		instance("a/y", "App", m{"uses": m{"a/x": []any{"connect"}}}),
	})
	if len(problems) > 0 {
		t.Error(problems)
	}
}

func TestStatementsRendersPolicy(t *testing.T) {
	doc := value.JSON(Statements(Statement{
		Sid: "Read", Actions: []string{"s3:GetObject"}, Resources: []value.Value{value.NewString("arn:x")},
		Conditions: map[string]map[string]value.Value{"StringEquals": {"aws:SourceAccount": value.NewString("1")}},
	}))
	want := `{"Statement":[{"Action":["s3:GetObject"],"Condition":{"StringEquals":{"aws:SourceAccount":"1"}},"Effect":"Allow","Resource":["arn:x"],"Sid":"Read"}],"Version":"2012-10-17"}`
	if doc.Str() != want {
		t.Errorf("got  %s\nwant %s", doc.Str(), want)
	}
}

// Package componenttest is for the tests of kinds: it reads small stacks written as YAML, expands them, and prints
// graphs and problems as texts that golden files hold.
//
// In: YAML as users write it, with full addresses. Out: texts. It must not be linked into the program.
package componenttest

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/value"
)

type stack struct {
	Production bool                `yaml:"production"`
	Components map[string]declared `yaml:"components"` // by address
}

type declared struct {
	Kind string `yaml:"kind"`
	Spec any    `yaml:"spec"`
}

// Instances reads a stack: `production` and `components`, by address, each with kind and spec. References are written
// ${user-service/database.endpoint}.
func Instances(t testing.TB, text string) []component.Instance {
	t.Helper()
	var s stack
	if err := yaml.UnmarshalWithOptions([]byte(text), &s, yaml.Strict()); err != nil {
		t.Fatalf("the test's stack: %s", err)
	}
	var out []component.Instance
	for _, address := range slices.Sorted(maps.Keys(s.Components)) {
		c := s.Components[address]
		service, name, _ := strings.Cut(address, "/")
		out = append(out, component.Instance{
			Address: address, Service: service, Name: name, Kind: c.Kind,
			Stack: "shop", Environment: "dev", Production: s.Production, Account: "123456789012", Region: "eu-west-1",
			Tags: map[string]string{"team": "shop"}, Spec: toValue(t, c.Spec),
		})
	}
	return out
}

var reference = regexp.MustCompile(`\$\{([a-z0-9-]+/[a-z0-9-]+)\.([A-Za-z0-9]+)\}`)

func toValue(t testing.TB, data any) value.Value {
	t.Helper()
	switch d := data.(type) {
	case map[string]any:
		m := map[string]value.Value{}
		for key, item := range d {
			m[key] = toValue(t, item)
		}
		return value.NewMap(m)
	case []any:
		items := make([]value.Value, len(d))
		for i, item := range d {
			items[i] = toValue(t, item)
		}
		return value.NewList(items...)
	case string:
		return expression(d)
	}
	v, err := value.From(data)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// expression makes what the manifests' compiler makes: a reference of a text that is one, a template of one that holds
// some.
func expression(text string) value.Value {
	found := reference.FindAllStringSubmatch(text, -1)
	if len(found) == 0 {
		return value.NewString(text)
	}
	if found[0][0] == text {
		return value.Output(found[0][1], found[0][2])
	}
	e := value.Expression{Op: value.OpTemplate, Source: text}
	for i, m := range found {
		name := fmt.Sprintf("ref-%d", i)
		e.Source = strings.Replace(e.Source, m[0], "${"+name+"}", 1)
		e.Names, e.Args = append(e.Names, name), append(e.Args, value.Output(m[1], m[2]))
	}
	return value.NewDeferred(e)
}

// Problems expands a stack and returns what is wrong with it, one line per problem: "address: path: message".
func Problems(t testing.TB, reg *component.Registry, text string) []string {
	t.Helper()
	_, problems := component.Expand(reg, Instances(t, text))
	out := make([]string, len(problems))
	for i, p := range problems {
		out[i] = p.Error()
	}
	return out
}

// CheckSpecs runs a table of specs of one kind, each YAML below spec, against the beginning of the one problem that it
// has: "path: message". An empty text wants no problem.
func CheckSpecs(t *testing.T, reg *component.Registry, kind string, table map[string][2]string) {
	t.Helper()
	for name, row := range table {
		t.Run(name, func(t *testing.T) {
			text := "components:\n  web/it:\n    kind: " + kind + "\n    spec:\n" + indent(row[0], "      ")
			text += "  web/jobs: {kind: SQS}\n  web/files: {kind: S3}\n"
			got := Problems(t, reg, text)
			switch {
			case row[1] == "" && len(got) > 0:
				t.Errorf("unexpected: %s", strings.Join(got, "\n"))
			case row[1] == "":
			case len(got) != 1:
				t.Errorf("want one problem, got %d: %s", len(got), strings.Join(got, "\n"))
			case !strings.HasPrefix(got[0], "web/it: "+row[1]):
				t.Errorf("got  %s\nwant web/it: %s", got[0], row[1])
			}
		})
	}
}

func indent(text, by string) string {
	var b strings.Builder
	for line := range strings.Lines(strings.TrimLeft(text, "\n")) {
		b.WriteString(by + strings.TrimRight(line, "\n") + "\n")
	}
	return b.String()
}

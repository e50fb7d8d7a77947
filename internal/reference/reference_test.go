package reference

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/aws/catalog"
	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/component/kinds"
	"github.com/company/deployer/internal/config"
	"github.com/company/deployer/internal/manifest"
	"github.com/company/deployer/internal/schema"
	"github.com/company/deployer/internal/testkit/page"
	"github.com/company/deployer/internal/value"
)

var _ = flag.Bool("update", false, "write the pages")

const folder = "../../docs/reference"

// The order of the kinds in the index.
var order = []string{"MicroService", "Worker", "RDS", "SQS", "S3", "ElastiCache", "Network", "Ingress", "Cluster"}

func TestIndex(t *testing.T) {
	reg := kinds.Registry()
	require.ElementsMatch(t, order, reg.Names(), "a new kind has its place in the index")
	var b strings.Builder
	b.WriteString(page.Note + "# Reference\n\n")
	b.WriteString(page.Paragraph("What the code says of itself: every field, default, output, verb, permission, " +
		"command and flag. " +
		"How things fit together is told in [manifests](../manifests.md), [configuration](../configuration.md), " +
		"[commands](../commands.md) and [permissions](../permissions.md)."))
	for _, name := range order {
		kind, _ := reg.Kind(name)
		b.WriteString(page.Item("[%s](kinds/%s.md): %s", name, name, kind.Doc))
	}
	b.WriteString("\n")
	b.WriteString(page.Item("[Documents](documents.md): what every document has; Stack, Environment, Service, " +
		"Defaults; the fields of every kind"))
	b.WriteString(page.Item("[Resources](resources.md): the properties that `overrides` can change"))
	b.WriteString(page.Item("[Configuration](configuration.md): every setting, with its variable"))
	b.WriteString(page.Item("[Commands](commands.md): every command and flag"))
	b.WriteString(page.Item("[Permissions](permissions.md): the IAM actions of every resource type"))
	b.WriteString(page.Item("[Schemas](schema): the JSON Schemas that `deployer schema` prints"))
	page.Compare(t, filepath.Join(folder, "README.md"), b.String())
}

// samples are specs in which all settings are on that decide what a verb grants.
var samples = map[string]map[string]any{
	"S3":           {"versioning": true},
	"SQS":          {"deadLetter": map[string]any{"maxReceives": 5}},
	"MicroService": {"image": "a:1", "ports": []any{map[string]any{"name": "http", "port": 80}}},
}

func TestKinds(t *testing.T) {
	reg := kinds.Registry()
	for _, name := range reg.Names() {
		kind, _ := reg.Kind(name)
		page.Compare(t, filepath.Join(folder, "kinds", name+".md"), kindPage(t, kind))
	}
	pages, err := os.ReadDir(filepath.Join(folder, "kinds"))
	require.NoError(t, err)
	require.Len(t, pages, len(reg.Names()), "a page for each kind, and no other")
}

func kindPage(t *testing.T, kind *component.Kind) string {
	t.Helper()
	require.Len(t, kind.Words, len(kind.Outputs)+len(kind.Verbs), "%s has words for each output and verb", kind.Name)
	var b strings.Builder
	b.WriteString(page.Note + "# " + kind.Name + "\n\n")
	b.WriteString(page.Paragraph("%s `apiVersion: %s`. An example is in [manifests](../../manifests.md#%s).", kind.Doc,
		kind.Group, strings.ToLower(kind.Name)))
	b.WriteString("## Fields of `spec`\n\n")
	b.WriteString(fields(t, value.ShapeOf(reflect.TypeOf(kind.NewSpec())), "", component.Common{}))
	b.WriteString("\n" + page.Paragraph("And those of [every kind](../documents.md#fields-of-every-kind)."))
	b.WriteString("## Outputs\n\n")
	for _, output := range kind.Outputs {
		b.WriteString(page.Item("`%s`: %s", output, words(t, kind, output)))
	}
	if len(kind.Verbs) > 0 {
		b.WriteString("\n## Verbs\n\n" + page.Paragraph("What `uses` of a MicroService or Worker may ask of it, and "+
			"the IAM actions that its task role then gets."))
	}
	for _, verb := range kind.Verbs {
		spec, err := value.From(samples[kind.Name])
		require.NoError(t, err)
		grant := kind.Grant(component.Instance{
			Address: "service/name", Service: "service", Name: "name",
			Kind: kind.Name, Spec: spec,
		}, verb)
		var actions []string
		for _, s := range grant.Statements {
			for _, action := range s.Actions {
				if action = "`" + action + "`"; !slices.Contains(actions, action) {
					actions = append(actions, action)
				}
			}
		}
		b.WriteString(page.Item("`%s`: %s %s", verb, words(t, kind, verb), strings.Join(actions, " ")))
	}
	if len(kind.Resources) == 0 {
		b.WriteString("\n" + page.Paragraph("It makes nothing in AWS."))
		return strings.TrimSuffix(b.String(), "\n")
	}
	b.WriteString("\n## Resources\n\n" + page.Paragraph("What it makes in AWS, by the names that `plan` shows and "+
		"`overrides` takes; `*` stands for the rest of a name."))
	for _, g := range kind.Resources {
		when := ""
		if g.When != "" {
			when = ", " + g.When
		}
		b.WriteString(page.Item("`%s`: [%s](../resources.md#%s)%s", g.Name, g.Type, anchor(g.Type), when))
	}
	return b.String()
}

func words(t *testing.T, kind *component.Kind, name string) string {
	t.Helper()
	require.True(t, strings.HasSuffix(kind.Words[name], "."), "%s: the words for %s are no sentence", kind.Name, name)
	return kind.Words[name]
}

func anchor(typ string) string { return strings.ReplaceAll(typ, "/", "") }

func TestDocuments(t *testing.T) {
	var b strings.Builder
	b.WriteString(page.Note + "# Documents\n\n")
	b.WriteString(page.Paragraph("See [manifests](../manifests.md#documents) for how they lie in the repository."))
	b.WriteString("## Every document\n\n" + fields(t, manifest.Header(), "", nil) + "\n")
	b.WriteString(page.Paragraph("Names of stacks, environments, services and components match `%s`. "+
		"Reserved are `%s`.", manifest.NamePattern(), strings.Join(manifest.Reserved(), "` `")))
	for _, d := range manifest.Documents() {
		fmt.Fprintf(&b, "## %s\n\n%s", d.Kind, page.Paragraph("%s `apiVersion: %s`.", d.Doc, d.Group))
		if list := fields(t, d.Spec, "", nil); list != "" {
			b.WriteString(page.Paragraph("Fields of `spec`:") + list + "\n")
		}
	}
	b.WriteString("## Variables\n\n" + page.Paragraph("An entry of `spec.variables` is a value, or a map:") +
		fields(t, manifest.VariableShape(), "", nil))
	b.WriteString("\n## Fields of every kind\n\n" + page.Paragraph("Of the `spec` of every component:") +
		fields(t, value.ShapeOf(reflect.TypeFor[component.Common]()), "", nil))
	page.Compare(t, filepath.Join(folder, "documents.md"), b.String())
}

func TestConfiguration(t *testing.T) {
	var b strings.Builder
	b.WriteString(page.Note + "# Settings\n\n")
	b.WriteString(page.Paragraph("Of configuration files, each with its environment variable. See " +
		"[configuration](../configuration.md) for where files lie and which counts."))
	leaves(value.ShapeOf(reflect.TypeFor[config.Settings]()), nil, func(path []string, f *value.Field) {
		b.WriteString(page.Item("`%s`, `%s` (%s): %s", strings.Join(path, "."), config.Variable(path), traits(f),
			f.Doc))
	})
	page.Compare(t, filepath.Join(folder, "configuration.md"), b.String())
}

func leaves(s value.Shape, path []string, visit func([]string, *value.Field)) {
	for i := range s.Fields {
		f := &s.Fields[i]
		at := append(slices.Clone(path), f.Name)
		if inner := f.Shape(); len(inner.Fields) > 0 {
			leaves(inner, at, visit)
		} else {
			visit(at, f)
		}
	}
}

func TestResources(t *testing.T) {
	var b strings.Builder
	b.WriteString(page.Note + "# Resources\n\n")
	b.WriteString(page.Paragraph("The properties of the AWS resources that kinds make: what `overrides` can change. " +
		"They are those of this version of deployer, so an override may need a change with a new one."))
	types, used := catalog.New(aws.Config{}), map[string]bool{}
	reg := kinds.Registry()
	for _, name := range reg.Names() {
		kind, _ := reg.Kind(name)
		for _, g := range kind.Resources {
			used[g.Type] = true
			_, known := types.Properties(g.Type)
			require.True(t, known, "%s makes %s, which is no resource type", name, g.Type)
		}
	}
	for _, d := range types.Definitions() {
		if !used[d.Type] {
			continue
		}
		fmt.Fprintf(&b, "## %s\n\n", d.Type)
		b.WriteString(fields(t, d.Properties(), "", nil) + "\n")
		if list := code(d.ReplaceOn); list != "" {
			b.WriteString(page.Paragraph("A change of %s makes another object.", list))
		}
		if list := code(d.CreateOnly); list != "" {
			b.WriteString(page.Paragraph("At creation only: %s.", list))
		}
	}
	page.Compare(t, filepath.Join(folder, "resources.md"), strings.TrimSuffix(b.String(), "\n"))
}

func code(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return "`" + strings.Join(names, "` `") + "`"
}

func TestSchemas(t *testing.T) {
	files := schema.All(kinds.Registry(), catalog.New(aws.Config{}))
	for _, name := range []string{schema.Manifest, schema.Overlay, schema.Configuration} {
		page.Compare(t, filepath.Join(folder, "schema", name), string(files[name]))
	}
}

// fields is a list of the fields of a map and of all maps below it, except the fields that the struct without has.
func fields(t *testing.T, s value.Shape, prefix string, without any) string {
	t.Helper()
	var skip []string
	if without != nil {
		for _, f := range value.ShapeOf(reflect.TypeOf(without)).Fields {
			skip = append(skip, f.Name)
		}
	}
	var b strings.Builder
	for i := range s.Fields {
		f := &s.Fields[i]
		if slices.Contains(skip, f.Name) {
			continue
		}
		path := prefix + f.Name
		require.True(t, strings.HasSuffix(f.Doc, "."), "%s: its doc is no sentence: %q", path, f.Doc)
		doc := strings.TrimSpace(f.Doc + " " + example(f))
		if doc != "" {
			doc = ": " + doc
		}
		b.WriteString(page.Item("`%s` (%s)%s", path, traits(f), doc))
		inner := f.Shape()
		switch {
		case len(inner.Fields) > 0:
			b.WriteString(fields(t, inner, path+".", nil) + choices(inner, path))
		case inner.Items != nil && len(inner.Items.Fields) > 0:
			below := path + "[]"
			if inner.Kind == value.Map {
				below = path + ".*"
			}
			b.WriteString(fields(t, *inner.Items, below+".", nil) + choices(*inner.Items, below))
		}
	}
	return b.String()
}

func choices(s value.Shape, path string) string {
	var b strings.Builder
	for _, a := range s.AnyOf {
		b.WriteString(page.Item("Of `%s`, one at least of %s must be given: %s.", path, strings.Join(a.Keys, ", "),
			a.Why))
	}
	return b.String()
}

func example(f *value.Field) string {
	if f.Example == "" {
		return ""
	}
	return "Example: `" + f.Example + "`."
}

// traits are the type of a field, its rules and its default.
func traits(f *value.Field) string {
	shape := f.Shape()
	out := []string{kind(f, shape)}
	if f.Required {
		out = append(out, "required")
	}
	of := ""
	switch {
	case shape.Kind == value.List:
		of = " items"
	case shape.Kind == value.Map:
		of = " entries"
	case shape.Kind == value.String && !shape.Duration:
		of = " characters"
	}
	if limits := f.Range(); limits != "" {
		if of != "" && strings.HasSuffix(limits, " 1") {
			of = strings.NewReplacer("items", "item", "entries", "entry", "characters", "character").Replace(of)
		}
		out = append(out, limits+of)
	}
	if f.Step != "" {
		out = append(out, "a multiple of "+f.Step)
	}
	if len(f.Enum) > 0 {
		out = append(out, "one of "+code(f.Enum))
	}
	if f.Form != "" {
		each := ""
		if shape.Kind == value.List || shape.Kind == value.Map {
			each = "each "
		}
		out = append(out, each+f.Form)
	}
	if f.KeyForm != "" {
		out = append(out, "each key "+f.KeyForm)
	}
	for _, key := range f.Unique {
		if key == "" {
			out = append(out, "none twice")
		} else {
			out = append(out, "no `"+key+"` twice")
		}
	}
	if len(f.Needs) > 0 {
		out = append(out, "needs "+strings.Join(f.Needs, " or "))
	}
	if len(f.Without) > 0 {
		out = append(out, "not together with "+strings.Join(f.Without, ", "))
	}
	switch {
	case f.Default != "":
		out = append(out, "default `"+f.Default+"`")
	case f.Unset != "":
		out = append(out, "default: "+f.Unset)
	case f.IsFlag() && !f.Required:
		out = append(out, "default `false`")
	}
	return strings.Join(out, "; ")
}

func kind(f *value.Field, s value.Shape) string {
	switch s.Kind {
	case value.Bool:
		return "true or false"
	case value.Number:
		if s.Whole {
			return "whole number"
		}
		return "number"
	case value.String:
		if s.Duration {
			return "duration"
		}
		return "text"
	case value.List:
		return "list of " + plural(kind(f, *s.Items))
	case value.Map:
		if s.Items != nil {
			return "map of " + plural(kind(f, *s.Items))
		}
		return "map"
	}
	return "any value"
}

func plural(noun string) string {
	switch {
	case strings.HasPrefix(noun, "list of "):
		return "lists of " + strings.TrimPrefix(noun, "list of ")
	case strings.HasPrefix(noun, "map of "):
		return "maps of " + strings.TrimPrefix(noun, "map of ")
	case noun == "true or false":
		return noun
	}
	return noun + "s"
}

package schema_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/rogpeppe/go-internal/txtar"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/company/deployer/internal/aws/catalog"
	"github.com/company/deployer/internal/component/kinds"
	"github.com/company/deployer/internal/config"
	"github.com/company/deployer/internal/manifest"
	"github.com/company/deployer/internal/schema"
	"github.com/company/deployer/internal/value"
)

// compiled are the schemas of All, ready to validate.
func compiled(t *testing.T) map[string]*jsonschema.Schema {
	t.Helper()
	schemas, err := compile()
	require.NoError(t, err)
	for name, s := range schemas {
		require.Equal(t, 7, s.DraftVersion, name)
	}
	return schemas
}

var compile = sync.OnceValues(func() (map[string]*jsonschema.Schema, error) {
	out := map[string]*jsonschema.Schema{}
	for name, text := range schema.All(kinds.Registry(), catalog.New(aws.Config{})) {
		data, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			return nil, err
		}
		c := jsonschema.NewCompiler()
		if err := c.AddResource("https://deployer/"+name, data); err != nil {
			return nil, err
		}
		if out[name], err = c.Compile("https://deployer/" + name); err != nil {
			return nil, err
		}
	}
	return out, nil
})

func tree(t *testing.T, text string) value.Value {
	t.Helper()
	read, problems := manifest.ReadPlain("test.yaml", []byte(text))
	require.Empty(t, problems, text)
	return read.Tree
}

const expression = "${"

// judged is a spec as its decoder sees it: expressions are unknown.
func judged(v value.Value) value.Value {
	switch v.Kind() {
	case value.String:
		if strings.Contains(v.Str(), expression) {
			return value.NewUnknown()
		}
	case value.List:
		items := make([]value.Value, len(v.Items()))
		for i, item := range v.Items() {
			items[i] = judged(item)
		}
		return value.NewList(items...)
	case value.Map:
		entries := map[string]value.Value{}
		for _, key := range v.Keys() {
			entries[key] = judged(v.Entries()[key])
		}
		return value.NewMap(entries)
	}
	return v
}

// decoded are the decoder's problems with a tree, without those of expressions.
func decoded(v value.Value, into any) []value.Problem {
	return slices.DeleteFunc(value.Decode(judged(v), into), func(p value.Problem) bool {
		return p.Kind == value.NotKnown
	})
}

// expressible reports whether a schema can express a problem: a schema compares no durations and no items of lists, and
// its patterns do not bind numbers.
func expressible(p value.Problem) bool {
	return p.Kind != value.BadValue || !strings.Contains(p.Message, "twice") &&
		!strings.Contains(p.Message, "multiple of") && !spans.MatchString(p.Message) && !numbers.MatchString(p.Message)
}

var numbers = regexp.MustCompile(`^"-?[0-9.e+]+" is not `)

var spans = regexp.MustCompile(`must be (from|at least|at most) [0-9]+[a-z]`)

// agree checks that schema and decoder agree on a document.
func agree(t require.TestingT, s *jsonschema.Schema, document value.Value, problems []value.Problem) {
	err := s.Validate(document.Interface())
	if len(problems) == 0 {
		require.NoError(t, err, "the decoder takes %s", document)
	} else if slices.ContainsFunc(problems, expressible) {
		require.Error(t, err, "the decoder refuses %s: %v", document, problems)
	}
}

// TestManifestsOfTheRepository: all documents of examples, docs, tests and kinds, the invalid ones too.
func TestManifestsOfTheRepository(t *testing.T) {
	schemas, reg := compiled(t), kinds.Registry()
	seen := 0
	for name, text := range manifests(t) {
		read, problems := manifest.ReadPlain(name, []byte(text))
		kind, known := reg.Kind(read.Tree.Get("kind").Str())
		if len(problems) > 0 || !known || kind.Group != read.Tree.Get("apiVersion").Str() {
			continue
		}
		spec := read.Tree.Get("spec")
		if spec.IsNull() {
			spec = value.NewMap(nil)
		}
		found := decoded(spec.With("overrides", value.NullValue), kind.NewSpec())
		document := read.Tree.With("spec", spec.With("overrides", value.NullValue)).With("metadata",
			value.NewMap(map[string]value.Value{"name": value.NewString("x")}))
		if spec.Kind() != value.Map {
			continue
		}
		agree(t, schemas[schema.Manifest], document, found)
		agree(t, schemas[kind.Name+".json"], document, found)
		missing := func(p value.Problem) bool {
			return p.Kind == value.MissingKey || strings.Contains(p.Message, "needs ") ||
				strings.Contains(p.Message, "together")
		}
		agree(t, schemas[schema.Overlay], document, slices.DeleteFunc(found, missing))
		seen++
	}
	require.Greater(t, seen, 100)
}

// TestExamplesFitTheSchema: users copy the examples, so they must be valid in an editor, as a whole.
func TestExamplesFitTheSchema(t *testing.T) {
	schemas := compiled(t)
	seen := 0
	for name, text := range manifests(t) {
		if !strings.Contains(name, "examples/") && !strings.Contains(name, "docs/manifests.md") {
			continue
		}
		of := schemas[schema.Manifest]
		if strings.Contains(name, "environments/") || strings.Contains(text, "/environments/") {
			of = schemas[schema.Overlay]
		}
		require.NoError(t, of.Validate(tree(t, text).Interface()), name)
		seen++
	}
	require.Greater(t, seen, 20)
}

var blocks = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// manifests are the documents of the repository's manifests, by file and number.
func manifests(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	add := func(name, text string) {
		for i, document := range strings.Split("\n"+text, "\n---\n") {
			if strings.Contains(document, "apiVersion:") {
				out[fmt.Sprintf("%s#%d", name, i)] = document
			}
		}
	}
	for _, root := range []string{"examples", "docs", "e2e/testdata", "internal/manifest/testdata"} {
		require.NoError(t, filepath.WalkDir("../../"+root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			data, err := os.ReadFile(path)
			switch filepath.Ext(path) {
			case ".yaml":
				add(path, string(data))
			case ".md":
				for i, block := range blocks.FindAllStringSubmatch(string(data), -1) {
					add(path+":"+strconv.Itoa(i), block[1])
				}
			case ".txtar":
				for _, f := range txtar.Parse(data).Files {
					if filepath.Ext(f.Name) == ".yaml" {
						add(path+":"+f.Name, string(f.Data))
					}
				}
			}
			return err
		}))
	}
	return out
}

// TestSchemaSaysWhatTheDecoderSays: both agree on valid and invalid trees that are generated from the rules.
func TestSchemaSaysWhatTheDecoderSays(t *testing.T) {
	schemas, reg := compiled(t), kinds.Registry()
	for _, name := range reg.Names() {
		kind, _ := reg.Kind(name)
		shape := value.ShapeOf(reflect.TypeOf(kind.NewSpec()))
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				spec := anything(t, &value.Field{}, shape, true)
				document := value.NewMap(map[string]value.Value{
					"apiVersion": value.NewString(kind.Group), "kind": value.NewString(name),
					"metadata": value.NewMap(map[string]value.Value{"name": value.NewString("x")}), "spec": spec,
				})
				agree(t, schemas[name+".json"], document, decoded(spec, kind.NewSpec()))
			})
		})
	}
	t.Run("configuration", func(t *testing.T) {
		shape := value.ShapeOf(reflect.TypeFor[config.Settings]())
		rapid.Check(t, func(t *rapid.T) {
			settings := anything(t, &value.Field{}, shape, true)
			agree(t, schemas[schema.Configuration], settings, decoded(settings, &config.Settings{}))
		})
	})
}

// anything is a value for a field: mostly a valid one.
func anything(t *rapid.T, f *value.Field, s value.Shape, root bool) value.Value {
	if !root {
		switch rapid.IntRange(0, 40).Draw(t, "odd") {
		case 0:
			return value.NewString("${X}")
		case 1:
			return value.NewString("certainly nothing")
		case 2:
			return value.NewBool(true)
		case 3:
			return value.NewNumber(1.5)
		case 4:
			return value.NewList(value.NewString("a"))
		case 5:
			return value.NewMap(map[string]value.Value{"a": value.NewString("b")})
		}
	}
	if len(f.Enum) > 0 && s.Kind != value.List {
		text := rapid.SampledFrom(f.Enum).Draw(t, "enum")
		if n, err := strconv.Atoi(text); s.Kind == value.Number && err == nil {
			return value.NewInt(n)
		}
		return value.NewString(text)
	}
	switch s.Kind {
	case value.Bool:
		return value.NewBool(rapid.Bool().Draw(t, "bool"))
	case value.Number:
		least, _ := strconv.Atoi(f.Min)
		most, err := strconv.Atoi(f.Max)
		if err != nil {
			most = 1 << 20
		}
		return value.NewInt(rapid.SampledFrom([]int{least - 1, least, (least + most) / 2, most, most + 1}).Draw(t,
			"number"))
	case value.String:
		if s.Duration {
			return value.NewString(rapid.SampledFrom([]string{
				"0", "0s", "5s", "15m", "90s", "1h30m", "7d", "1d12h",
				"-1s", "7", "", "d", "soon",
			}).Draw(t, "duration"))
		}
		if f.Pattern != "" {
			return value.NewString(rapid.StringMatching(strings.TrimPrefix(f.Pattern,
				"^$|")).Filter(func(s string) bool { return !strings.Contains(s, expression) }).Draw(t, "text"))
		}
		return value.NewString(rapid.SampledFrom([]string{
			"", "a", "api.example.com", "/x",
			strings.Repeat("x", 300),
		}).Draw(t, "text"))
	case value.List:
		items := make([]value.Value, rapid.IntRange(0, 3).Draw(t, "items"))
		for i := range items {
			items[i] = anything(t, f.Item(), *s.Items, false)
			if items[i].String() == value.NewString("${X}").String() {
				// The same expression twice is the same value twice, which a schema sees and the decoder cannot.
				items[i] = value.NewString("${X" + strconv.Itoa(i) + "}")
			}
		}
		return value.NewList(items...)
	case value.Map:
		entries := map[string]value.Value{}
		if s.Items != nil {
			for range rapid.IntRange(0, 2).Draw(t, "entries") {
				entries[rapid.SampledFrom([]string{"A", "b_1", "1c", "a b", "ü", "a;b", ""}).Draw(t,
					"key")] = anything(t, f.Item(), *s.Items, false)
			}
			return value.NewMap(entries)
		}
		for i := range s.Fields {
			of := &s.Fields[i]
			switch {
			case of.Name == "overrides":
			case rapid.IntRange(0, 3).Draw(t, "given") > 0 &&
				!of.Required, rapid.IntRange(0, 60).Draw(t, "missing") == 0:
				if rapid.IntRange(0, 9).Draw(t, "null") == 0 {
					entries[of.Name] = value.NullValue
				}
			default:
				entries[of.Name] = anything(t, of, of.Shape(), false)
			}
		}
		if rapid.IntRange(0, 60).Draw(t, "unknown") == 0 {
			entries["unknown"] = value.NewBool(true)
		}
		return value.NewMap(entries)
	}
	return value.NewString("x")
}

// TestWhatOnlyDocumentsHave: headers, the kinds that are not deployed, overrides.
func TestWhatOnlyDocumentsHave(t *testing.T) {
	schemas := compiled(t)
	const core, infra, components = "core.deployer.io/v1", "infra.deployer.io/v1", "components.deployer.io/v1"
	document := func(group, kind, spec string) string {
		return "apiVersion: " + group + "\nkind: " + kind + "\nmetadata: {name: shop}\nspec: " + spec + "\n"
	}
	for text, fits := range map[string]bool{
		document(core, "Stack", "{provider: {name: aws, region: eu-west-1, account: 123456789012}, "+
			"tags: {a: 1}}"): true,
		document(core, "Stack",
			"{provider: {account: \"${ACCOUNT}\"}}"): true,
		document(core, "Stack",
			"{provider: {account: \"12\"}}"): false,
		document(core, "Stack",
			"{provider: {region: mars}}"): false,
		document(core, "Stack", "{variables: {A: 1, B: x, C: {default: 1, pattern: a, sensitive: true, "+
			"description: b}, D: }}"): true,
		document(core, "Stack",
			"{variables: {A: {sensitive: \"${B}\"}}}"): false,
		document(core, "Stack",
			"{variables: {1A: x}}"): false,
		document(core, "Stack",
			"{variables: {A: [x]}}"): false,
		document(core, "Stack", "{backend: {type: s3, bucket: \"${BUCKET}\"}, locks: {table: ttt, ttl: "+
			"\"${TTL}\"}}"): true,
		document(core, "Stack",
			"{backend: {type: gcs}}"): false,
		document(core, "Stack",
			"{locks: {heartbeat: 1}}"): false,
		document(core, "Stack",
			"{production: true}"): false,
		document(core, "Environment",
			"{production: true, approval: required}"): true,
		document(core, "Environment",
			"{production: \"${P}\"}"): false,
		document(core, "Environment",
			"{approval: maybe}"): false,
		document(core, "Service",
			"{tags: {a: b}}"): true,
		document(core, "Service",
			"{tags: {\"a;\": b}}"): false,
		document(core, "Service",
			"{uses: {}}"): false,
		document(core, "Service",
			""): true,
		document(infra, "Defaults",
			"{SQS: {deadLetter: {}}, MicroService: {cpu: 256}}"): true,
		document(infra, "Defaults",
			"{SQS: {retention: 7}}"): false,
		document(infra, "Defaults",
			"{DynamoDB: {}}"): false,
		document(components, "SQS",
			"{}"): true,
		document(components, "SQS",
			""): true,
		document(components, "MicroService",
			""): false,
		document(core, "SQS",
			"{}"): false,
		document(components, "Sqs",
			"{}"): false,
		strings.Replace(document(components, "SQS", "{}"), "shop", "Shop",
			1): false,
		strings.Replace(document(components, "SQS", "{}"), "shop", "ingress",
			1): false,
		strings.Replace(document(components, "SQS", "{}"), "{name: shop}", "{}",
			1): false,
		document(components, "SQS", "{}") +
			"extra: 1\n": false,
		document(components, "SQS",
			"{overrides: {queue: {delay: 5, tags: null}, dead-letter-queue: {}}}"): true,
		document(components, "SQS",
			"{overrides: {queue: {dilay: 5}}}"): false,
		document(components, "SQS",
			"{overrides: {queue: {delay: soon}}}"): false,
		document(components, "SQS",
			"{overrides: {kew: {}}}"): false,
		document(components, "Worker", "{image: \"a:1\", overrides: {schedule-night: {max: 3}, service: {subnets: "+
			"[\"${X}\"]}}}"): true,
		document(components, "Worker",
			"{image: \"a:1\", scaling: {queue: q, backlogPerTask: 5}}"): true,
		document(components, "Worker",
			"{image: \"a:1\", scaling: {backlogPerTask: 5}}"): false,
		document(components, "Worker",
			"{image: \"a:1\", scaling: {schedule: [{name: a, cron: x}]}}"): false,
		document(components, "Worker", "{image: \"a:1\", scaling: {min: \"${MIN}\", schedule: [{name: a, cron: "+
			"x, max: 3}]}}"): true,
		document(infra, "Network",
			"{vpc: {id: vpc-01234567, default: true}}"): false,
		document(infra, "Network",
			"{vpc: {id: vpc-01234567, default: false}, subnets: \"${S}\"}"): true,
		document(components, "Worker",
			"{image: \"a:1\", overrides: {schedule-night: {mox: 3}}}"): false,
	} {
		err := schemas[schema.Manifest].Validate(tree(t, text).Interface())
		require.Equal(t, fits, err == nil, "%s\n%v", text, err)
	}
	for text, fits := range map[string]bool{
		document(components, "MicroService", "{cpu: 256, ports: [{name: http}]}"): true,
		document(components, "MicroService", "{cpu: 257}"):                        false,
		document(core, "Environment", "{}"):                                       true,
		document(core, "Stack", "{}"):                                             false,
	} {
		err := schemas[schema.Overlay].Validate(tree(t, text).Interface())
		require.Equal(t, fits, err == nil, "overlay %s\n%v", text, err)
	}
}

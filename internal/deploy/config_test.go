package deploy

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/manifest"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/testkit/componenttest"
	"github.com/company/deployer/internal/value"
)

// configurations are stacks with every kind: the examples, the stack of the contract tests, and the test data of the
// kinds.
func configurations(t *testing.T) map[string]*manifest.Stack {
	t.Helper()
	out := map[string]*manifest.Stack{}
	for _, folder := range []string{"../../examples/user-platform", "../../e2e/contract/stack"} {
		root := t.TempDir()
		require.NoError(t, os.MkdirAll(filepath.Join(root, "stacks", "it"), 0o755))
		require.NoError(t, os.CopyFS(filepath.Join(root, "stacks", "it"), os.DirFS(folder)))
		fill(t, root)
		name := nameOfStack(t, root)
		require.NoError(t, os.Rename(filepath.Join(root, "stacks", "it"), filepath.Join(root, "stacks", name)))
		environments, err := manifest.Environments(root, name)
		require.NoError(t, err)
		for _, environment := range environments {
			bundle, found := manifest.Load(root, name)
			require.NoError(t, found.Err())
			req := Request{
				Key:       state.Key{Stack: name, Environment: environment},
				Variables: map[string]string{"VERSION": "1.10.0"},
			}
			stack, graph, found := desire(backend.World{Root: root}, bundle, req,
				backend.Place{Account: "123456789012", Region: "eu-west-1"}, false)
			require.NoError(t, found.Err())
			require.NotNil(t, graph)
			out[name+"/"+environment] = stack
		}
	}
	files, err := filepath.Glob("../component/*/testdata/*.yaml")
	require.NoError(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		stack := &manifest.Stack{Name: "shop", Environment: "dev"}
		stack.Account, stack.Region = "123456789012", "eu-west-1"
		for _, in := range componenttest.Instances(t, string(text)) {
			stack.Components = append(stack.Components, manifest.Component{Instance: in})
		}
		out[file] = stack
	}
	return out
}

// fill gives the contract stack the ARNs that its tests fill in.
func fill(t *testing.T, root string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		text := regexp.MustCompile(`\b(SECRET|SHORT)_ARN\b`).ReplaceAllString(string(raw),
			"arn:aws:secretsmanager:eu-west-1:123456789012:secret:a-AbCdEf")
		return os.WriteFile(path, []byte(text), 0o600)
	}))
}

// nameOfStack is the name that the stack.yaml in stacks/it gives.
func nameOfStack(t *testing.T, root string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, "stacks", "it", "stack.yaml"))
	require.NoError(t, err)
	_, rest, _ := strings.Cut(string(raw), "name: ")
	return strings.FieldsFunc(rest, func(r rune) bool { return strings.ContainsRune(" }\n,", r) })[0]
}

// stored is what a rollback reads of a configuration that a state keeps.
func stored(t require.TestingT, stack *manifest.Stack) *manifest.Stack {
	envelope := &state.Envelope{}
	require.NoError(t, envelope.SetPayload(&state.Payload{Deployment: 1, Config: encoded(freeze(stack))}))
	payload, err := envelope.Decode()
	require.NoError(t, err)
	components, err := melted(payload)
	require.NoError(t, err)
	in := stack.Components[0]
	return thaw(state.Key{Stack: stack.Name, Environment: stack.Environment}, in.Account, in.Region, components,
		variables(stack), "v1")
}

// TestConfigRoundTrip: what a state keeps of a configuration makes the same resources again, for every kind.
func TestConfigRoundTrip(t *testing.T) {
	kinds := map[string]bool{}
	for name, stack := range configurations(t) {
		again := stored(t, stack)
		require.JSONEq(t, string(encoded(freeze(stack))), string(encoded(freeze(again))), name)
		require.Equal(t, variables(stack), variables(again), name)
		for _, c := range stack.Components {
			kinds[c.Kind] = true
			is := again.Component(c.Address)
			require.NotNil(t, is, name)
			require.True(t, value.Equal(c.Spec, is.Spec), "%s %s: %s is %s", name, c.Address, c.Spec, is.Spec)
		}
		wanted, problems := component.Expand(registry(), stack.Instances())
		graph, more := component.Expand(registry(), again.Instances())
		require.Equal(t, problems, more, name)
		require.NotNil(t, wanted, name)
		require.Equal(t, componenttest.Print(wanted), componenttest.Print(graph), name)
	}
	for _, name := range registry().Documented() {
		require.True(t, kinds[name], "no configuration here has a %s", name)
	}
}

// TestConfigRoundTripOfAnyValue: whatever a field holds, it is the same after a state has kept it.
func TestConfigRoundTripOfAnyValue(t *testing.T) {
	all := configurations(t)
	names := slices.Sorted(maps.Keys(all))
	rapid.Check(t, func(r *rapid.T) {
		stack := all[rapid.SampledFrom(names).Draw(r, "stack")]
		changed := *stack
		changed.Components = slices.Clone(stack.Components)
		at := rapid.IntRange(0, len(changed.Components)-1).Draw(r, "component")
		c := &changed.Components[at]
		var paths [][]string
		c.Spec.Walk(func(path []string, _ value.Value) { paths = append(paths, slices.Clone(path)) })
		path := []string{rapid.StringN(1, 10, -1).Draw(r, "field")}
		if len(paths) > 0 && rapid.Bool().Draw(r, "existing") {
			path = rapid.SampledFrom(paths).Draw(r, "path")
		}
		c.Spec = with(c.Spec, path, anyValue(3).Draw(r, "value"))
		again := stored(r, &changed)
		is := again.Component(c.Address)
		require.True(r, value.Equal(c.Spec, is.Spec), "%s is %s", c.Spec, is.Spec)
		one, err := json.Marshal(c.Spec)
		require.NoError(r, err)
		other, err := json.Marshal(is.Spec) // with the sources of numbers, which Equal does not compare
		require.NoError(r, err)
		require.Equal(r, string(one), string(other))
		require.True(r, alike(freeze(&changed)[at], freeze(again)[at]))
	})
}

func anyValue(depth int) *rapid.Generator[value.Value] {
	text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
		"", "1.10", "007", "true", "null", "$expression", "${VERSION}", "$${x}", "%{if}", "a\x00b", "\u2028", "<&>",
		"repo/app:1@sha256:0", `{"$unknown": true}`,
	}))
	scalars := []*rapid.Generator[value.Value]{
		rapid.Map(text, value.NewString), rapid.Map(text, value.NewLoose),
		rapid.Map(rapid.Float64Range(-1e15, 1e15), value.NewNumber),
		rapid.Map(rapid.Int64Range(-1<<53, 1<<53), func(n int64) value.Value {
			return value.NewNumber(float64(n)).
				WithSource(rapid.SampledFrom([]string{"1.10", "0x1F", "1_000"}).Example())
		}),
		rapid.Map(rapid.Bool(), value.NewBool), rapid.Just(value.NullValue),
		rapid.Just(value.Output("web/db", "endpoint")),
	}
	if depth == 0 {
		return rapid.OneOf(scalars...)
	}
	nested := anyValue(depth - 1)
	keys := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
		"$expression", "$unknown", "$loose", "$value", "$source", "$$", "name",
	}))
	return rapid.OneOf(append(scalars,
		rapid.Map(rapid.SliceOfN(nested, 0, 4), func(items []value.Value) value.Value {
			return value.NewList(items...)
		}),
		rapid.Map(rapid.MapOfN(keys, nested, 0, 4), value.NewMap),
	)...)
}

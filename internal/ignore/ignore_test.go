package ignore_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/ignore"
)

func repository(t *testing.T, text string) string {
	t.Helper()
	root := t.TempDir()
	if text != "" {
		path := filepath.Join(root, filepath.FromSlash(ignore.Name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	return root
}

func TestRules(t *testing.T) {
	rules, err := ignore.Read(repository(t, `version: v1
ignore:
  - {stack: shop, resource: web/jobs}
  - stack: shop
    environment: production
    resource: "web/api:service"
    property: deployment
    reason: tuned
  - {stack: shop, resource: "web/api:group", object: sgr-1}
  - {stack: shop, resource: "web/api:log-group", deleted: true}
`))
	require.NoError(t, err)
	d := func(resource string, path ...string) ignore.Difference {
		return ignore.Difference{Stack: "shop", Environment: "production", Resource: resource, Property: path}
	}
	other := d("web/api:service", "deployment", "max")
	other.Environment = "dev"
	made, gone := d("web/api:group"), d("web/api:log-group")
	made.Object, gone.Deleted = "sgr-1", true
	foreign := made
	foreign.Object = "sgr-2"
	elsewhere := d("web/jobs:queue", "name")
	elsewhere.Stack = "other"
	for want, all := range map[string][]ignore.Difference{
		ignore.Name + ":3": {d("web/jobs:queue", "name"), d("web/jobs:policy")},
		ignore.Name + ":4": {d("web/api:service", "deployment"), d("web/api:service", "deployment", "max")},
		ignore.Name + ":9": {made}, ignore.Name + ":10": {gone},
		"": {
			d("web/jobs-2:queue", "name"), d("web/api:service", "deploymentId"), d("web/api:service"), other, foreign,
			d("web/api:log-group", "name"), elsewhere,
		},
	} {
		for _, one := range all {
			if r := rules.For(one); want == "" {
				require.Nil(t, r, "%+v", one)
			} else {
				require.NotNil(t, r, "%+v", one)
				require.Equal(t, want, r.Place(), "%+v", one)
			}
		}
	}
	none, err := ignore.Read(t.TempDir())
	require.NoError(t, err)
	require.Empty(t, none)
}

func TestMistakesHaveAPlace(t *testing.T) {
	for text, place := range map[string]string{
		"version: v1\nignore:\n  - {stack: a, resource: b, proprety: c}\n":              ":3:29",
		"version: v2\nignore: []\n":                                                     ":1:1",
		"version: v1\nignore:\n  - {stack: a}\n":                                        ":3:5",
		"version: v1\nignore:\n  - stack: a\n    resource: b\n    deleted: maybe\n":     ":5:5",
		"version: v1\nignore:\n  - {stack: a, resource: b, object: c, deleted: true}\n": ":3:5",
		"version: v1\nignore: 7\n":                                                      ":2:1",
		"version: v1\nignore:\n\t- x\n":                                                 ":3:",
	} {
		_, err := ignore.Read(repository(t, text))
		var found diag.List
		if one := (*diag.Diagnostic)(nil); !errors.As(err, &found) && errors.As(err, &one) {
			found = diag.List{one}
		}
		require.NotEmpty(t, found, text)
		require.Equal(t, diag.Invalid, found[0].Code)
		require.NotNil(t, found[0].Position, "%s: %v", text, found[0])
		if !strings.HasPrefix(found[0].Position.String(), ignore.Name+place) {
			t.Errorf("%s: %s", text, found[0].Position)
		}
	}
}

func TestAddingRulesKeepsTheFile(t *testing.T) {
	rules := []ignore.Rule{
		{
			Stack: "shop", Environment: "no", Resource: "web/api:service", Property: "a.b",
			Reason: "it's \"so\": # really",
		},
		{Stack: "shop", Resource: "web/api:group", Object: "arn:aws:iam::1:policy/x"},
		{Stack: "shop", Resource: "web/api:group", Deleted: true},
	}
	const comment = "version: v1\n# ours\nignore:\n  - {stack: shop, resource: web/old} # of May"
	for _, text := range []string{"", comment} {
		root := repository(t, text)
		added, err := ignore.Add(root, append(rules, rules[0]))
		require.NoError(t, err)
		require.Len(t, added, 3)
		after, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(ignore.Name)))
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(string(after), text))
		read, err := ignore.Read(root)
		require.NoError(t, err)
		read = read[len(read)-3:]
		for i, r := range read {
			require.Equal(t, rules[i].Reason, r.Reason)
			require.Equal(t, []any{
				rules[i].Stack, rules[i].Environment, rules[i].Resource, rules[i].Property,
				rules[i].Object, rules[i].Deleted,
			},
				[]any{r.Stack, r.Environment, r.Resource, r.Property, r.Object, r.Deleted})
		}
		added, err = ignore.Add(root, rules) // again
		require.NoError(t, err)
		require.Empty(t, added)
	}
	// nothing can be added below a list in brackets: the file stays, and the error has the lines
	const brackets = "version: v1\nignore: [{stack: shop, resource: web/old}]\n"
	root := repository(t, brackets)
	_, err := ignore.Add(root, rules)
	var d *diag.Diagnostic
	require.ErrorAs(t, err, &d)
	require.Contains(t, strings.Join(d.Lines, "\n"), `property: "a.b"`)
	after, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(ignore.Name)))
	require.NoError(t, err)
	require.Equal(t, brackets, string(after))
}

package catalog_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/company/deployer/internal/aws/catalog"
	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/component/kinds"
	"github.com/company/deployer/internal/expr"
	"github.com/company/deployer/internal/manifest"
	"github.com/company/deployer/internal/value"
)

// unreached are types that no example can use, with the reason.
var unreached = map[string]string{
	"sts/caller": "every run reads it, whatever the stack has",
}

// Everything that the product can make or look up is in an example or in the contract stack. AWS's own models check the
// life cycle of those only, so nothing checks a type that is in none of them.
func TestEveryTypeIsInAnExample(t *testing.T) {
	used := map[string]bool{}
	for name, folder := range map[string]string{
		"user-platform": "../../../examples/user-platform", "contract": "../../../e2e/contract/stack",
	} {
		for _, environment := range []string{"dev", "production", "shared"} {
			if _, err := os.Stat(filepath.Join(folder, "environments", environment+".yaml")); err != nil {
				continue
			}
			for _, typ := range typesOf(t, name, folder, environment) {
				used[typ] = true
			}
		}
	}
	c := catalog.New(aws.Config{})
	var all []string
	for _, d := range c.Definitions() {
		all = append(all, d.Type)
	}
	for _, l := range c.Lookups() {
		all = append(all, l.Type)
	}
	for _, typ := range all {
		switch reason := unreached[typ]; {
		case used[typ] && reason != "":
			t.Errorf("%s is used by an example: it needs no reason why not", typ)
		case !used[typ] && reason == "":
			t.Errorf("%s is in no example: use it in examples/ or in e2e/contract/stack", typ)
		}
		delete(used, typ)
	}
	for typ := range used {
		t.Errorf("an example uses %s, which is not in the catalog", typ)
	}
}

type compiler struct{ inner *expr.Compiler }

func (c compiler) Compile(text string, lookup func([]string) (value.Value, int, error)) (value.Value, []error) {
	return c.inner.Compile(text, lookup)
}

// typesOf returns the types of resources and lookups of a stack in an environment.
func typesOf(t *testing.T, name, folder, environment string) []string {
	t.Helper()
	root := t.TempDir()
	to := filepath.Join(root, "stacks", name)
	if err := os.CopyFS(to, os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	if name == "contract" { // there, a test inserts the secret that it has made
		file := filepath.Join(to, "services", "all", "api.yaml")
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		const arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:password"
		text = bytes.Replace(text, []byte("SECRET_ARN"), []byte(arn+"-AbCdEf"), 1)
		text = bytes.Replace(text, []byte("SHORT_ARN"), []byte(arn), 1)
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	bundle, found := manifest.Load(root, name)
	if len(found) > 0 {
		t.Fatal(found)
	}
	stack, found := bundle.Resolve(manifest.Options{
		Environment: environment, Variables: map[string]string{"VERSION": "1.0.0"}, Strict: true,
		Account:  "123456789012",
		Registry: kinds.Registry(), Git: func() map[string]string { return nil },
		Compile: func() manifest.Compiler { return compiler{expr.NewCompiler()} },
	})
	if len(found) > 0 {
		t.Fatalf("%s, %s: %v", name, environment, found)
	}
	graph, problems := component.Expand(kinds.Registry(), stack.Instances())
	if len(problems) > 0 {
		t.Fatalf("%s, %s: %v", name, environment, problems)
	}
	var types []string
	for _, r := range graph.Resources {
		types = append(types, r.Type)
	}
	return types
}

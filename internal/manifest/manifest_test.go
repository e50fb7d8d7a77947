package manifest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/value"
)

func TestLayout(t *testing.T) {
	root := t.TempDir()
	write(t, root, "stacks/shop/stack.yaml", stackYAML)
	write(t, root, "stacks/shop/environments/production.yaml", "")
	write(t, root, "stacks/shop/environments/dev.yml", "")
	write(t, root, "stacks/shop/environments/staging/deep/a.yaml", "")
	write(t, root, "stacks/shop/environments/empty/notes.txt", "")
	write(t, root, "stacks/shop/environments/.x/a.yaml", "")
	write(t, root, "stacks/blog/stack.yaml", stackYAML)
	write(t, root, "stacks/README.md", "")
	for _, folder := range []string{".", "stacks", "stacks/shop/environments/staging"} {
		found, err := FindRoot(filepath.Join(root, folder))
		if err != nil || found != root {
			t.Errorf("%s: %s, %v", folder, found, err)
		}
	}
	if _, err := FindRoot(t.TempDir()); err == nil {
		t.Error("found a root where there is none")
	}
	for folder, want := range map[string]string{
		".": "", "stacks": "", "stacks/shop": "shop",
		"stacks/shop/environments/staging": "shop", "..": "",
	} {
		if got := StackAt(root, filepath.Join(root, folder)); got != want {
			t.Errorf("%s: stack %q, want %q", folder, got, want)
		}
	}
	if stacks, err := Stacks(root); err != nil || strings.Join(stacks, " ") != "blog shop" {
		t.Errorf("stacks %v, %v", stacks, err)
	}
	if names, err := Environments(root, "shop"); err != nil || strings.Join(names, " ") != "dev production staging" {
		t.Errorf("environments %v, %v", names, err)
	}
	if names, err := Environments(root, "blog"); err != nil || len(names) != 0 {
		t.Errorf("environments %v, %v", names, err)
	}
	b, found := Load(root, "shop")
	if len(found) > 0 || strings.Join(b.Environments(), " ") != "dev production staging" {
		t.Errorf("a bundle has %v, %v", b.Environments(), found)
	}
	for environment, want := range map[string]string{"": "No environment", "prod": "No such environment"} {
		if s, found := b.Resolve(options(environment)); s != nil || len(found) != 1 || found[0].Summary != want ||
			!strings.Contains(found[0].Next, "dev, production, staging") {
			t.Errorf("%q: %v", environment, found)
		}
	}
	if err := os.Symlink("/dev/null", filepath.Join(root, "stacks/shop/environments/broken.yaml")); err != nil {
		t.Fatal(err)
	}
	b, _ = Load(root, "shop")
	if s, found := b.Resolve(options("broken")); s == nil {
		t.Errorf("an environment that cannot be read is not an unknown one: %v", found)
	}
}

func TestNames(t *testing.T) {
	for name, fine := range map[string]bool{
		"a": true, "user-platform": true, "a1": true, strings.Repeat("a", 31): true, strings.Repeat("a", 32): false,
		"": false, "1a": false, "-a": false, "A": false, "a_b": false, "a/b": false, "a b": false, "ä": false,
		"a\x1b[31m": false, "a\n": false,
		"stack": false, "environment": false, "service": false, "git": false, "infra": false, "self": false,
		"var": false, "ingress": false, "cluster": false,
	} {
		detail, next := CheckName(name)
		if (detail == "") != fine || fine != (next == "") {
			t.Errorf("%q: %q %q", name, detail, next)
		}
		if strings.ContainsAny(detail+next, "\x1b\n") {
			t.Errorf("%q is shown raw", name)
		}
	}
	for name, want := range map[string]string{"My App": "my-app", "API_v2": "api-v2", "3scale": "", "git": ""} {
		if got := legal(name); got != want && name != "3scale" {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

// one assembles a stack of these files.
func one(t *testing.T, files map[string]string) (*Bundle, diag.List) {
	t.Helper()
	root := t.TempDir()
	if files["stack.yaml"] == "" {
		write(t, root, "stacks/shop/stack.yaml", stackYAML)
	}
	for name, data := range files {
		write(t, root, "stacks/shop/"+name, data)
	}
	return Load(root, "shop")
}

func TestSettings(t *testing.T) {
	b, found := one(t, map[string]string{
		"stack.yaml": stackYAML + "spec:\n  provider: {region: us-east-1, account: 012345678901}\n  " +
			"backend:\n    bucket: ${BUCKET}\n  locks: {ttl: 600}\n",
		"environments/prod.yaml": "apiVersion: core.deployer.io/v1\nkind: Environment\nmetadata: {name: " +
			"prod}\nspec: {provider: {region: eu-west-1}}\n",
		"services/web/broken.yaml": "a: [",
		"environments/computed.yaml": "apiVersion: core.deployer.io/v1\nkind: Environment\nmetadata: {name: " +
			"computed}\nspec: {provider: {region: \"${REGION}\"}}\n",
	})
	if !found.HasErrors() {
		t.Fatal("the broken file must be reported")
	}
	s := b.Settings("prod")
	if s.Backend.Get("bucket").Str() != "${BUCKET}" || s.Locks.Get("ttl").Number() != 600 {
		t.Errorf("backend %s, locks %s", s.Backend, s.Locks)
	}
	if s.Provider != (Provider{Region: "eu-west-1", Account: "012345678901"}) {
		t.Errorf("provider %+v", s.Provider)
	}
	if b.Settings("computed").Provider.Region != "us-east-1" || b.Settings("nowhere").Provider.Region != "us-east-1" {
		t.Error("what the environment does not say, the stack does")
	}
	if p := s.Position("backend", "bucket"); p == nil || p.String() != "stacks/shop/stack.yaml:7:13" {
		t.Errorf("bucket at %v", p)
	}
	if p := s.Position("backend", "region"); p != nil {
		t.Errorf("the region is nowhere, not at %v", p)
	}
	empty, _ := one(t, map[string]string{"stack.yaml": "# nothing\n"})
	if s := empty.Settings(""); !s.Backend.IsNull() || s.Position("backend") != nil {
		t.Error("a stack without a document has no settings")
	}
}

func TestLocateAndDiagnose(t *testing.T) {
	b, _ := one(t, map[string]string{
		"services/web/a.yaml": "apiVersion: components.deployer.io/v1\nkind: MicroService\nmetadata: {name: " +
			"api}\nspec:\n  image: ${api.url}\n  uses: {db: [connect]}\n---\n" +
			"apiVersion: components.deployer.io/v1\nkind: RDS\nmetadata: {name: db}\nspec: {engine: postgres}\n",
	})
	s, found := b.Resolve(options(""))
	if len(found) > 0 {
		t.Fatal(found)
	}
	for want, path := range map[string][]string{
		"stacks/shop/services/web/a.yaml:4:1":  nil,
		"stacks/shop/services/web/a.yaml:5:10": {"image", "deeper", "than", "there"},
		"stacks/shop/services/web/a.yaml:6:15": {"uses", "web/db", "0"},
	} {
		if p := s.Locate("web/api", path...); p == nil || p.String() != want {
			t.Errorf("%v at %v, want %s", path, p, want)
		}
	}
	if s.Locate("web/nothing") != nil || s.Component("web/nothing") != nil {
		t.Error("there is no such component")
	}
	list := s.Diagnose("web/api", []value.Problem{
		{Kind: component.Cycle, Message: "they need each other"},
		component.Invalid([]string{"image"}, "cannot work"),
		{Kind: component.UnknownComponent, Path: []string{"uses", "web/db"}, Message: "there is no component"},
	})
	if len(list) != 3 || list[0].Summary != "Cycle" || list[0].Detail != "They need each other." ||
		list[0].Position.Line != 4 {
		t.Errorf("%v", list)
	}
	if list[1].Summary != "Invalid value" || list[1].Detail != "spec.image: cannot work." ||
		list[1].Component != "web/api" || list[1].Excerpt == nil {
		t.Errorf("%#v", list[1])
	}
	if list[2].Summary != "Unknown component" || list[2].Position.Column != 10 {
		t.Errorf("%#v", list[2])
	}
	if list := s.Diagnose("web/nothing", []value.Problem{{Kind: value.BadValue, Message: "x"}}); len(list) != 1 ||
		list[0].Position != nil {
		t.Errorf("%v", list)
	}
	if len(s.Instances()) != 2 || s.Instances()[0].Address != "web/api" {
		t.Error("instances")
	}
}

// TestVariablePrecedence: flag, file, environment, Environment, Stack.
func TestVariablePrecedence(t *testing.T) {
	b, found := one(t, map[string]string{
		"stack.yaml": stackYAML + "spec: {variables: {A: stack, B: stack, C: stack, D: stack, E: " +
			"{default: stack, description: text}}}\n",
		"environments/dev.yaml": "apiVersion: core.deployer.io/v1\nkind: Environment\nmetadata: {name: dev}\nspec: " +
			"{variables: {A: env, B: env, C: env, D: env}}\n",
	})
	if len(found) > 0 {
		t.Fatal(found)
	}
	o := options("dev")
	o.Env = map[string]string{
		"DEPLOYER_VAR_A": "process", "DEPLOYER_VAR_B": "process", "DEPLOYER_VAR_C": "process",
		"DEPLOYER_VAR_1": "no name", "OTHER": "x",
	}
	o.VarFiles = []VarFile{
		{Name: "one.env", Data: []byte("A=one\nB=one\n")},
		{Name: "two.json", Data: []byte(`{"B": "two", "A": "two"}`)},
	}
	o.Variables = map[string]string{"A": "flag"}
	s, found := b.Resolve(o)
	if len(found) != 1 || found.HasErrors() || !strings.Contains(found[0].Detail, "DEPLOYER_VAR_1") {
		// no variable can have the name 1
		t.Fatal(found)
	}
	want := []struct{ name, value, origin string }{
		{"A", "flag", "--var"},
		{"B", "two", "--var-file two.json"},
		{"C", "process", "DEPLOYER_VAR_C"},
		{"D", "env", "stacks/shop/environments/dev.yaml:4:47"},
		{"E", "stack", "stacks/shop/stack.yaml:4:73"},
	}
	for i, w := range want {
		if v := s.Variables[i]; v.Name != w.name || v.Value.Str() != w.value || v.Origin != w.origin {
			t.Errorf("got %s = %s from %s, want %+v", v.Name, v.Value, v.Origin, w)
		}
	}
	if s.Variables[4].Description != "text" {
		t.Error("the description is lost")
	}
}

// TestSecretsAreNotShown: the default of a sensitive variable is in no diagnostic, even one of a line next to it.
func TestSecretsAreNotShown(t *testing.T) {
	b, found := one(t, map[string]string{
		"stack.yaml": stackYAML + "spec:\n  variables:\n    TOKEN:\n      sensitive: true\n      default: " +
			"canary-1\n      patern: x\n    BLOCK:\n      sensitive: true\n      default: |\n        canary-2\n      " +
			"  canary-2\n      pattern: '['\n  tgs: {}\n",
		"environments/dev.yaml": "apiVersion: core.deployer.io/v1\nkind: Environment\nmetadata: {name: dev}\nspec:\n " +
			" variables:\n    TOKEN: canary-3\n    bad-name: x\n  production: maybe\n",
		"services/web/a.yaml": "apiVersion: components.deployer.io/v1\nkind: MicroService\nmetadata: {name: " +
			"api}\nspec: {image: \"${upper(TOKEN)}\", cpu: \"${tonumber(TOKEN)}\", environment: {A: " +
			"\"${api.url}${BLOCK}\", B: \"${jsondecode(TOKEN)}\"}}\n",
	})
	o := options("dev")
	o.VarFiles = []VarFile{
		{Name: "x", Data: []byte("BLOCK=canary-4\ncanary-4\n")},
		{Name: "y.yaml", Data: []byte("BLOCK: canary-5\n- canary-5\n")},
	}
	s, more := b.Resolve(o)
	found.Add(more...)
	found.Add(s.Validate(kinds())...)
	var text strings.Builder
	for _, d := range found {
		render(&text, d)
	}
	dump(&text, s)
	if strings.Contains(strings.ToLower(text.String()), "canary") {
		t.Errorf("a secret shows:\n%s", text.String())
	}
	if len(found) < 8 {
		t.Errorf("only %d problems found:\n%s", len(found), text.String())
	}
}

// TestNoFieldTakesASensitiveVariable: neither its value nor a value computed from it, and the error says what to do.
func TestNoFieldTakesASensitiveVariable(t *testing.T) {
	for text, refused := range map[string]bool{
		"${TOKEN}":                             true,
		"${TOKEN == 'canary' ? 'a' : 'b'}":     true, // it is only the condition
		"${length(TOKEN) > 3 ? 'a' : 'b'}":     true,
		"${PLAIN == 'x' ? 'a' : TOKEN}":        true, // not even where the other branch is chosen
		"${PLAIN == 'x' ? TOKEN : 'a'}":        true,
		"${PLAIN}":                             false,
		"${api.url}${TOKEN == 'x' ? '' : '/'}": true,
	} {
		for _, field := range []string{"image: ", "cpu: ", "environment: {A: ", "secrets: {A: ", "command: ["} {
			end := map[bool]string{true: "}"}[strings.Contains(field, "{")] +
				map[bool]string{true: "]"}[strings.Contains(field, "[")]
			b, found := one(t, map[string]string{
				"stack.yaml": stackYAML + "spec:\n  variables:\n    TOKEN: {sensitive: true, default: canary}\n   " +
					" PLAIN: x\n",
				"services/web/a.yaml": "apiVersion: components.deployer.io/v1\nkind: MicroService\nmetadata: {name: " +
					"api}\nspec:\n  " +
					field + "'" + strings.ReplaceAll(text, "'", "\"") + "'" + end + "\n",
			})
			_, more := b.Resolve(options(""))
			found.Add(more...)
			var stored diag.List
			for _, d := range found {
				if d.Summary == "Sensitive value would be stored" {
					stored.Add(d)
				}
			}
			if refused != (len(stored) == 1) {
				t.Errorf("%s%s: refused should be %t:\n%v", field, text, refused, found)
			}
			for _, d := range stored {
				if !strings.Contains(d.Next, "secrets: {NAME: ssm:/path}") ||
					!strings.Contains(d.Detail, "No field accepts") {
					t.Errorf("the error does not say what to do: %v", d)
				}
			}
		}
	}
}

// TestLimitsOfProblems: the list is capped and says so.
func TestLimitsOfProblems(t *testing.T) {
	var p problems
	for i := range 3 * maxProblems {
		p.invalid(span{file: &file{name: "x"}, line: i + 1}, "Wrong", "detail", "")
		p.invalid(span{file: &file{name: "x"}, line: i + 1}, "Wrong", "detail", "")
	}
	if len(p.list) != maxProblems+1 || p.list[maxProblems].Summary != "Too many problems" {
		t.Errorf("%d problems", len(p.list))
	}
}

// TestMissingReferencesAreNotInventedForBrokenFiles: what seems missing may be in a file that cannot be read.
func TestMissingReferencesAreNotInventedForBrokenFiles(t *testing.T) {
	b, found := one(t, map[string]string{
		"services/web/a.yaml": "apiVersion: components.deployer.io/v1\nkind: MicroService\nmetadata: {name: " +
			"api}\nspec: {image: \"${db.endpoint}\", uses: {db: [connect]}, dependsOn: [db]}\n",
		"services/web/b.yaml": "kind: [",
		"environments/dev.yaml": "apiVersion: components.deployer.io/v1\nkind: RDS\nmetadata: {name: db, " +
			"service: web}\n",
	})
	_, more := b.Resolve(options("dev"))
	if len(found) != 1 || len(more) != 0 {
		t.Errorf("%v\n%v", found, more)
	}
}

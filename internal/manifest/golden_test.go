package manifest

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/value"
)

var update = flag.Bool("update", false, "write what came out into the golden files")

// TestGolden runs every testdata/*.txtar: a repository, the options in the comment (env, var, lenient, …), and the
// expected result.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no test cases", err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			root := t.TempDir()
			want, wanted := "", -1
			for i, f := range archive.Files {
				if f.Name == "want" {
					want, wanted = string(f.Data), i
					continue
				}
				write(t, root, f.Name, string(f.Data))
			}
			got := run(root, string(archive.Comment))
			if *update {
				if wanted < 0 {
					archive.Files = append(archive.Files, txtar.File{Name: "want"})
					wanted = len(archive.Files) - 1
				}
				archive.Files[wanted].Data = []byte(got)
				if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func write(t testing.TB, root, name, data string) {
	t.Helper()
	full := filepath.Join(root, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(data), 0o644); err != nil {
		t.Fatal(err)
	}
}

// run does what validate does and renders it as text.
func run(root, comment string) string {
	o := options("")
	o.Variables, o.Env = map[string]string{}, map[string]string{}
	for _, line := range strings.Split(comment, "\n") {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		key, text, _ := strings.Cut(rest, "=")
		switch word {
		case "env":
			o.Environment = rest
		case "var":
			o.Variables[key] = text
		case "environ":
			o.Env[key] = text
		case "varfile":
			data, _ := os.ReadFile(filepath.Join(root, rest))
			o.VarFiles = append(o.VarFiles, VarFile{Name: rest, Data: data})
		case "lenient":
			o.Strict = false
		case "nogit":
			o.Git = nil
		}
	}
	bundle, found := Load(root, "shop")
	var stack *Stack
	if bundle != nil {
		var more diag.List
		stack, more = bundle.Resolve(o)
		found.Add(more...)
		if stack != nil {
			found.Add(stack.Validate(o.Registry)...)
		}
	}
	var b strings.Builder
	for _, d := range found.Sort() {
		render(&b, d)
	}
	if stack != nil && !found.HasErrors() {
		dump(&b, stack)
	}
	return b.String()
}

// render follows the example in section 4 of the users' contract.
func render(b *strings.Builder, d *diag.Diagnostic) {
	fmt.Fprintf(b, "%s: %s\n", strings.ToUpper(string(d.Severity[:1]))+string(d.Severity[1:]), d.Summary)
	if d.Position != nil {
		fmt.Fprintf(b, "  %s\n", d.Position)
	}
	if d.Excerpt != nil {
		for i, line := range d.Excerpt.Lines {
			fmt.Fprintf(b, "    %d | %s\n", d.Excerpt.FirstLine+i, line)
		}
		width := len(fmt.Sprint(d.Excerpt.FirstLine + len(d.Excerpt.Lines) - 1))
		fmt.Fprintf(b, "    %s | %s%s\n", strings.Repeat(" ", width), strings.Repeat(" ", d.Position.Column-1),
			strings.Repeat("^", max(d.Position.Length, 1)))
	}
	if d.Detail != "" {
		fmt.Fprintf(b, "  %s\n", d.Detail)
	}
	for _, line := range d.Lines {
		fmt.Fprintf(b, "    %s\n", line)
	}
	if d.Next != "" {
		fmt.Fprintf(b, "  %s\n", d.Next)
	}
	b.WriteString("\n")
}

func dump(b *strings.Builder, s *Stack) {
	fmt.Fprintf(b, "stack %s, environment %q of %q, production %t, region %q, account %q, tags %v\n", s.Name,
		s.Environment, s.Environments, s.Production, s.Provider.Region, s.Provider.Account, s.Tags)
	for _, v := range s.Variables {
		fmt.Fprintf(b, "variable %s = %s from %s\n", v.Name, v.Value, v.Origin)
	}
	for _, c := range s.Components {
		fmt.Fprintf(b, "%s %s region %s tags %v labels %v\n", c.Kind, c.Address, c.Region, c.Tags, c.Labels)
		if len(c.DependsOn) > 0 {
			fmt.Fprintf(b, "  after %s\n", strings.Join(c.DependsOn, ", "))
		}
		c.Spec.Walk(func(path []string, v value.Value) {
			if v.Kind() == value.Map || v.Kind() == value.List && len(v.Items()) > 0 {
				return
			}
			text := v.String()
			if e := v.Expression(); e != nil {
				data, _ := json.Marshal(struct {
					Op     value.Op
					Ref    string   `json:",omitempty"`
					Source string   `json:",omitempty"`
					Names  []string `json:",omitempty"`
				}{e.Op, strings.TrimPrefix(e.Ref.String(), "."), e.Source, e.Names})
				text = string(data)
			}
			fmt.Fprintf(b, "  %s = %s (%s)\n", strings.Join(path, "."), text, s.Locate(c.Address, path...))
		})
	}
}

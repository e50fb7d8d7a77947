package manifest

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/value"
)

// attacks are seeds: each is a known way to make a reader of YAML or of ${...} hang, use too much memory or return
// wrong data. Seeds of megabytes are in hostile_test.go.
var attacks = []string{
	"a: &a [x,x,x]\nb: &b [*a,*a,*a]\nc: &c [*b,*b,*b]\nd: [*c,*c,*c]\n",
	"a: &a [*a]\n", "a: &a {<<: *a}\n", "a: &a\n  b: &b\n    c: *a\n", "<<: [{a: 1}, {a: 2}]\na: 3\n",
	strings.Repeat("[", 40), strings.Repeat("{a: ", 40), strings.Repeat("- ", 40), strings.Repeat("? ", 40),
	strings.Repeat("&a ", 40), strings.Repeat("! ", 40),
	"a: \"${" + strings.Repeat("(", 40) + "\"\n", "a: '" + strings.Repeat("${\"", 40) + "'\n", "a: '${1e999999999}'\n",
	"a: '${replace(\"aaaa\", \"a\", \"bbbb\")}'\n", "a: '${format(\"%999999999d\", 1)}'\n",
	"a: '%{for x in y}%{endfor}'\n", "a: '${[for x in y: x]}'\n", "a: '$${x} $$${y} $$$${z}'\n",
	"a: ${x.y[\"z\"][0].*}\n",
	"kind: \"\\e[31m\\u202e\\u2066\\u009b\"\n", "\"\\e]0;x\\a\": 1\n", "kind: SQS\x00\n", "# \xff\xfe\n",
	"\ufeff\ufeffa: 1\n", "a: \xc0\xaf\n", "a: \u0085b\u2028c\n",
	"a: !!binary AAAA\n", "a: !!python/object/apply:os.system [x]\n", "%TAG ! tag:x,2000:\n---\n!a b: c\n",
	"a: 0x7fffffffffffffffffff\nb: 1e400\nc: 0o777\nd: 1_000\n",
	"--- \n---\n--- |\n---\n...\n", "a: >\n\n\n  x\n y\n", "a:\n\tb: 1\n", "a: 'x\n", "a: b: c\n", "{a\n", "a: *b\n",
	"*a: b\n", "a: |10\n x\n", ": \n: \n", "? ? ?\n",
	"metadata: {name: ../../etc/passwd, service: ../x}\nkind: SQS\napiVersion: x\n", "metadata: {name: *x}\n",
	"spec: {uses: {a/b/c: [x]}, dependsOn: [/, a/, /b, \"\"]}\nkind: SQS\nmetadata: {name: x}\n",
}

// inside fails when a problem has no text, is outside its file, or shows a line that is not its own.
func inside(t *testing.T, found diag.List, files map[string]string) {
	t.Helper()
	for _, d := range found {
		if d.Summary == "" || strings.HasPrefix(d.Detail, " ") || d.Code != diag.Invalid {
			t.Fatalf("%#v says nothing", d)
		}
		p := d.Position
		if e := d.Excerpt; e != nil && (e.FirstLine < 1 || p == nil || p.Line < e.FirstLine ||
			p.Line >= e.FirstLine+len(e.Lines)) {
			t.Fatalf("the excerpt of %s does not show its line", d)
		}
		if p == nil || p.Line == 0 {
			continue
		}
		text, known := files[p.File]
		if !known {
			t.Fatalf("%s: no such file", d)
		}
		text = strings.TrimPrefix(text, "\ufeff")
		lines := strings.Split(strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n"), "\n")
		if p.Line > len(lines) {
			t.Fatalf("%s: the file has %d lines", d, len(lines))
		}
		// A syntax error may be directly after the end.
		if width := utf8.RuneCountInString(lines[p.Line-1]); p.Column < 0 || p.Length < 0 || p.Column > width+1 ||
			p.Column-1+p.Length > width+1 {
			t.Fatalf("%s, %d long: the line has %d characters: %q", d, p.Length, width, lines[p.Line-1])
		}
	}
}

// soon fails when f takes far longer than an input of this size may take.
func soon(t *testing.T, f func()) {
	t.Helper()
	began := time.Now()
	if f(); time.Since(began) > 20*time.Second {
		t.Fatalf("took %s", time.Since(began))
	}
}

func FuzzLoad(f *testing.F) {
	for _, seed := range append([]string{
		head, stackYAML, "---\n- a\n---\n? [x]\n: y\n", "a: &a {b: *a}\n", "<<: {a: 1}\n", "kind: \"\\x00\"",
		"a: |\n  ${x.y}\n b", "metadata: {name: 'x', labels: {a: 010}}\n",
		"apiVersion: components.deployer.io/v1\nkind: MicroService\nmetadata: {name: api}\nspec:\n  image: \"${V} " +
			"${api.url}\"\n  uses: {api: [connect]}\n  dependsOn: [api]\n",
		"!!str a: !!int b", "%YAML 1.2\n---\na: .inf", "a: 1\r\n\tb: 2\r\n", "{a: [1, {b: c}], 'd': \"e\\\"\"}",
		"a: 'b''c'\n? d\n", "\ufeffa: b", "a: >-\n\n\n  x\n\n y",
	}, attacks...) {
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, text, overlay string) {
		files := map[string]string{
			"stack.yaml": stackYAML, "infra/x.yaml": text, "services/web/a.yaml": text,
			"environments/dev.yaml": overlay,
		}
		named := map[string]string{}
		var sources []source
		for _, name := range []string{"stack.yaml", "infra/x.yaml", "services/web/a.yaml", "environments/dev.yaml"} {
			sources = append(sources, source{name, files[name]})
			named["stacks/shop/"+name] = files[name]
		}
		soon(t, func() {
			var p problems
			b := assemble("shop", sources, &p)
			for _, strict := range []bool{true, false} {
				o := options("dev")
				o.Strict = strict
				stack, found := b.Resolve(o)
				found.Add(p.list...)
				if stack != nil {
					found.Add(stack.Validate(kinds())...)
				}
				inside(t, found, named)
			}
		})
	})
}

// FuzzOverlay: merging an overlay is idempotent, changes neither part, takes every value from one of them, and leaves
// no null.
func FuzzOverlay(f *testing.F) {
	for i, seed := range attacks {
		f.Add(seed, attacks[len(attacks)-1-i])
	}
	f.Add("a: 1\nl: [{name: x, v: 1}, {name: y}]\n", "a: null\nl: [{name: y, v: 2}, {name: z, w: null}]\n")
	f.Add("l: [{name: x}, {name: x}]\n", "l: [{name: x, v: 1}]\n")
	f.Add("a: {b: {c: 1}}\n", "a: {b: null, d: [null]}\n")
	f.Fuzz(func(t *testing.T, lower, upper string) {
		parse := func(name, text string) (*file, *node) {
			r := &reader{problems: &problems{}, cost: &cost{}}
			f, roots := r.read(name, text)
			if len(roots) == 0 {
				return f, nil
			}
			return f, roots[0]
		}
		low, base := parse("lower", lower)
		up, over := parse("upper", upper)
		before, above := base.value(), over.value()
		merged := merge(base, over)
		if !value.Equal(base.value(), before) || !value.Equal(over.value(), above) {
			t.Fatal("an argument was changed")
		}
		if over == nil && merged != base || base == nil && merged != over {
			t.Fatal("nothing is not neutral")
		}
		if again := merge(merged, over); !value.Equal(again.value(), merged.value()) {
			t.Fatalf("once %s, twice %s", merged.value(), again.value())
		}
		var walk func(n *node)
		walk = func(n *node) {
			if n.at.file != low && n.at.file != up {
				t.Fatalf("%s comes from nowhere", n.value())
			}
			for _, e := range n.entries {
				if e.value.kind == value.Null {
					t.Fatalf("%q is null and still there", e.key)
				}
				walk(e.value)
			}
			for _, item := range n.items {
				walk(item)
			}
		}
		if merged != nil {
			walk(prune(merged))
		}
	})
}

func FuzzPlain(f *testing.F) {
	for _, seed := range append([]string{"backend: {bucket: x}\n", "- a\n", "a: {b: {c: [1, null]}}\n"}, attacks...) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		soon(t, func() {
			read, found := ReadPlain("c.yaml", []byte(text))
			inside(t, found, map[string]string{"c.yaml": text})
			read.Tree.Walk(func(path []string, _ value.Value) {
				where, excerpt := read.Locate(path)
				inside(t,
					diag.List{{
						Severity: diag.Error, Code: diag.Invalid, Summary: "x", Position: &where,
						Excerpt: excerpt,
					}}, map[string]string{"c.yaml": text, "": ""})
			})
		})
	})
}

func FuzzVarFile(f *testing.F) {
	f.Add("x.env", "A=1\n# c\nexport B='x'\n")
	f.Add("x.yaml", "A: 1.10\nB: [1]\n")
	f.Add("x", "{\"A\": \"b\"}")
	for _, seed := range attacks {
		f.Add("x.yaml", seed)
		f.Add("x.env", "A="+seed)
	}
	f.Fuzz(func(t *testing.T, name, text string) {
		var p problems
		for _, a := range parseVarFile(VarFile{Name: name, Data: []byte(text)}, &p) {
			if !variablePattern.MatchString(a.name) {
				t.Fatalf("%q is no name", a.name)
			}
		}
		for _, d := range p.list {
			if d.Excerpt != nil {
				t.Fatal("shows a line of a variable file")
			}
		}
		inside(t, p.list, map[string]string{name: text})
	})
}

package componenttest

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

// Golden expands every testdata/*.yaml of the test's folder and compares the printed graph with the .golden file beside
// it.
func Golden(t *testing.T, reg *component.Registry) {
	t.Helper()
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no testdata/*.yaml (%v)", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			graph, problems := component.Expand(reg, Instances(t, string(text)))
			if len(problems) > 0 {
				t.Fatalf("problems: %v", problems)
			}
			golden := strings.TrimSuffix(file, ".yaml") + ".golden"
			got := Print(graph)
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatalf("%s; run the test with -update", err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("the graph differs from %s (-want +got); if that is meant, run the test with -update:\n%s",
					golden, diff)
			}
		})
	}
}

// Print renders a graph for people: components with their outputs, then resources in order, each with what it comes
// after.
func Print(graph *resource.Graph) string {
	var b strings.Builder
	for _, c := range graph.Components {
		fmt.Fprintf(&b, "component %s: %s%s%s\n", c.Address, c.Kind, mark(c.Synthetic, "synthetic"),
			mark(c.Protect, "protected"))
		for _, name := range value.NewMap(c.Outputs).Keys() {
			fmt.Fprintf(&b, "  %s = %s\n", name, Text(c.Outputs[name]))
		}
		for _, note := range c.Notes {
			fmt.Fprintf(&b, "  # note if %s: %s\n", Text(note.When), Text(value.Concat(anys(note.Text)...)))
		}
	}
	edges, err := graph.Edges()
	if err != nil {
		fmt.Fprintf(&b, "edges: %s\n", err)
	}
	for _, r := range graph.Resources {
		kind := "resource"
		if r.Data {
			kind = "data"
		}
		fmt.Fprintf(&b, "\n%s %s: %s%s\n", kind, r.ID(), r.Type, mark(r.Protect, "protected"))
		if len(edges[r.ID()]) > 0 {
			fmt.Fprintf(&b, "  # needs %s\n", strings.Join(edges[r.ID()], ", "))
		}
		if len(r.After) > 0 {
			fmt.Fprintf(&b, "  # after %s\n", strings.Join(r.After, ", "))
		}
		if !r.Only.IsNull() {
			fmt.Fprintf(&b, "  # only if %s\n", Text(r.Only))
		}
		tree(&b, "  ", r.Props)
	}
	return b.String()
}

func anys(values []value.Value) []any {
	out := make([]any, len(values))
	for i, v := range values {
		out[i] = v
	}
	return out
}

func mark(yes bool, word string) string {
	if yes {
		return " [" + word + "]"
	}
	return ""
}

func tree(b *strings.Builder, indent string, v value.Value) {
	for _, key := range v.Keys() {
		item := v.Entries()[key]
		switch {
		case item.Kind() == value.Map && len(item.Entries()) > 0:
			fmt.Fprintf(b, "%s%s:\n", indent, key)
			tree(b, indent+"  ", item)
		case item.Kind() == value.List && len(item.Items()) > 0 && item.Items()[0].Kind() == value.Map:
			fmt.Fprintf(b, "%s%s:\n", indent, key)
			for _, element := range item.Items() {
				fmt.Fprintf(b, "%s  -\n", indent)
				tree(b, indent+"    ", element)
			}
		default:
			fmt.Fprintf(b, "%s%s: %s\n", indent, key, Text(item))
		}
	}
}

// Text renders a value on one line, expressions in a short form.
func Text(v value.Value) string {
	switch v.Kind() {
	case value.List:
		items := make([]string, len(v.Items()))
		for i, item := range v.Items() {
			items[i] = Text(item)
		}
		return "[" + strings.Join(items, ", ") + "]"
	case value.Map:
		var items []string
		for _, key := range v.Keys() {
			items = append(items, key+": "+Text(v.Entries()[key]))
		}
		return "{" + strings.Join(items, ", ") + "}"
	case value.Deferred:
		e := v.Expression()
		if e.Op == value.OpReference {
			return "${" + e.Ref.String() + "}"
		}
		parts := make([]string, len(e.Args))
		for i, arg := range e.Args {
			parts[i] = Text(arg)
		}
		switch e.Op {
		case value.OpConcat:
			return strings.Join(parts, " + ")
		case value.OpTemplate:
			return fmt.Sprintf("template(%q, %s)", e.Source, strings.Join(parts, ", "))
		default:
			return string(e.Op) + "(" + strings.Join(append(parts, e.Names...), ", ") + ")"
		}
	}
	return v.String()
}

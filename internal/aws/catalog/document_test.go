package catalog_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/company/deployer/internal/resource"
)

const (
	page  = "../../../docs/permissions.md"
	begin = "<!-- generated from the declarations of the resource types: make generate -->\n"
	end   = "<!-- end of what is generated -->\n"
)

// The page's lists are what the code declares.
func TestPageOfPermissions(t *testing.T) {
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(data), begin)
	written, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s has no place for what is generated", page)
	}
	want := lists()
	if flag.Lookup("update").Value.String() == "true" { // componenttest has it
		if err := os.WriteFile(page, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, written); diff != "" {
		t.Errorf("docs/permissions.md is not what the types declare (-want +written); run make generate:\n%s", diff)
	}
}

func lists() string {
	var b strings.Builder
	all := declared(resource.Scope{Stack: "STACK", Environment: "ENV", Account: "ACCOUNT", Region: "REGION"})
	for _, whose := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&b, "\n%s:\n\n", whose)
		for _, s := range all[whose] {
			line := "* `" + strings.Join(s.Actions, "` `") + "`"
			on := s.On
			if len(on) == 0 {
				on = []string{"*"}
			}
			line += " on `" + strings.Join(on, "` `") + "`"
			for _, operator := range slices.Sorted(maps.Keys(s.When)) {
				for _, key := range slices.Sorted(maps.Keys(s.When[operator])) {
					line += ", with `" + key + "` `" + strings.Join(s.When[operator][key], "` `") + "`"
				}
			}
			if s.Why != "" {
				line += ": " + s.Why
			}
			b.WriteString(wrap(line))
		}
	}
	b.WriteString("\n")
	return b.String()
}

// wrap breaks an item of a list at the width of the docs.
func wrap(line string) string {
	var b strings.Builder
	width := 0
	for i, word := range strings.Fields(line) {
		switch {
		case i == 0:
		case width+1+len(word) > 118:
			b.WriteString("\n  ")
			width = 2
		default:
			b.WriteString(" ")
			width++
		}
		b.WriteString(word)
		width += len(word)
	}
	return b.String() + "\n"
}

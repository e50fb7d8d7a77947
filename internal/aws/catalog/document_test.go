package catalog_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/testkit/page"
)

// TestPageOfPermissions: the page lists what the code declares.
func TestPageOfPermissions(t *testing.T) { // componenttest has the flag -update
	page.Compare(t, "../../../docs/reference/permissions.md", page.Note+"# Permissions\n\n"+page.Paragraph(
		"The IAM actions that each resource type needs, and the state, the locks and the tag index. `deployer iam "+
			"policy` prints those of a stack; see [permissions](../permissions.md).",
	)+strings.TrimPrefix(lists(), "\n"))
}

func lists() string {
	var b strings.Builder
	all := declared(resource.Scope{Stack: "STACK", Environment: "ENV", Account: "ACCOUNT", Region: "REGION"})
	for _, whose := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&b, "\n## %s\n\n", whose)
		for _, s := range all[whose] {
			line := "`" + strings.Join(s.Actions, "` `") + "`"
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
			b.WriteString(page.Item("%s", line))
		}
	}
	return b.String()
}

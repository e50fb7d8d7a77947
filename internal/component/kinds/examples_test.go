package kinds_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/component/kinds"
	"github.com/company/deployer/internal/expr"
	"github.com/company/deployer/internal/manifest"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/testkit/page"
)

var _ = flag.Bool("update", false, "write the golden files")

// TestRepositoriesOfExamples: what the first plan of each stack below examples/ would create, in each environment.
func TestRepositoriesOfExamples(t *testing.T) {
	const examples = "../../../examples"
	found, err := filepath.Glob(filepath.Join(examples, "*", "stacks", "*"))
	require.NoError(t, err)
	require.Len(t, found, 4)
	most := 0
	for _, folder := range found {
		root, name := filepath.Dir(filepath.Dir(folder)), filepath.Base(folder)
		require.FileExists(t, filepath.Join(root, "README.md"))
		bundle, problems := manifest.Load(root, name)
		require.Empty(t, problems)
		most = max(most, len(bundle.Addresses()))
		variables := map[string]string{"VERSION": "1.0.0"}
		if name == "shop" {
			variables["ACCOUNTS_URL"] = "https://accounts.example.com"
		}
		for _, environment := range bundle.Environments() {
			stack, problems := bundle.Resolve(manifest.Options{
				Environment: environment, Strict: true, Registry: kinds.Registry(),
				Variables: variables,
				Git:       func() map[string]string { return nil },
				Compile:   func() manifest.Compiler { return compiler{expr.NewCompiler()} },
			})
			require.Empty(t, problems, "%s in %s", name, environment)
			graph, wrong := component.Expand(kinds.Registry(), stack.Instances())
			require.Empty(t, wrong, "%s in %s", name, environment)
			page.Compare(t, fmt.Sprintf("testdata/%s.%s.golden", name, environment), made(graph.Resources))
		}
	}
	require.Equal(t, 12, most, "components of the large example")
	entries, err := os.ReadDir("testdata")
	require.NoError(t, err)
	require.Len(t, entries, 9, "golden files of stacks that are not there")
}

// made lists resources, with what they would be in AWS.
func made(resources []*resource.Resource) string {
	var lines []string
	for _, r := range resources {
		line := fmt.Sprintf("%-55s %s", r.ID(), r.Type)
		if r.Data {
			line += ", looked up"
		}
		if r.Protect {
			line += ", protected"
		}
		lines = append(lines, line+"\n")
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

package kinds_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/component/kinds"
	"github.com/company/deployer/internal/expr"
	"github.com/company/deployer/internal/manifest"
)

// TestKindsToCome: documented kinds that this version lacks are suggested, and reported as missing instead of unknown.
func TestKindsToCome(t *testing.T) {
	root := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(root, "stacks", "shop", name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	write("stack.yaml", "apiVersion: core.deployer.io/v1\nkind: Stack\nmetadata: {name: shop}\nspec: {}\n")
	write("services/web/cache.yaml", "apiVersion: components.deployer.io/v1\nkind: ElastiCach\nmetadata: {name: "+
		"cache}\nspec: {}\n")
	write(
		"services/web/db.yaml",
		"apiVersion: components.deployer.io/v1\nkind: DynamoDB\nmetadata: {name: db}\nspec: {}\n",
	)
	bundle, found := manifest.Load(root, "shop")
	require.Empty(t, found)
	_, found = bundle.Resolve(manifest.Options{
		Registry: kinds.Registry().Later("DynamoDB"),
		Compile:  func() manifest.Compiler { return expr.NewCompiler() },
	})
	require.Len(t, found, 2)
	require.Equal(t, "stacks/shop/services/web/cache.yaml:2:7", found[0].Position.String())
	require.Equal(t, "Unknown kind", found[0].Summary)
	require.Equal(t, `"ElastiCach" is not a kind. Did you mean "ElastiCache"?`, found[0].Detail)
	require.Equal(t, `This version of deployer does not have the kind "DynamoDB" yet.`, found[1].Detail)
}

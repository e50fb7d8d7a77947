package manifest

import (
	"fmt"
	"strings"
	"testing"
)

// large writes a stack of 1,000 components in 1,000 files, 20 services, with defaults, references, grants and overlays.
func large(t testing.TB) string {
	root := t.TempDir()
	write(t, root, "stacks/shop/stack.yaml",
		stackYAML+"spec:\n  provider: {region: eu-central-1}\n  variables: {VERSION: 1.10}\n")
	write(t, root, "stacks/shop/infra/defaults.yaml",
		"apiVersion: infra.deployer.io/v1\nkind: Defaults\nmetadata: {name: defaults}\nspec:\n  MicroService: {cpu: "+
			"256, environment: {LOG: info}}\n")
	var overlays strings.Builder
	for i := range 1000 {
		service := fmt.Sprintf("s%02d", i%20)
		if i < 20 {
			write(t, root, fmt.Sprintf("stacks/shop/services/%s/database.yaml", service),
				"apiVersion: components.deployer.io/v1\nkind: RDS\nmetadata: {name: database}\nspec: {engine: "+
					"postgres}\n")
			continue
		}
		name := fmt.Sprintf("api-%d", i)
		write(
			t,
			root,
			fmt.Sprintf("stacks/shop/services/%s/%s.yaml", service, name),
			fmt.Sprintf(`apiVersion: components.deployer.io/v1
kind: MicroService
metadata:
  name: %s
  labels: {tier: front}
spec:
  image: registry.example.com/%s:${VERSION}
  cpu: 512
  ports:
    - {name: http, port: 8080}
  scaling:
    min: 1
    max: 10
  environment:
    NAME: %s
    DATABASE: postgres://${database.username}@${database.endpoint}:5432/app
    HOST: ${database.endpoint}
    OTHER: ${s%02d.database.endpoint}
    FEATURE: "on"
  uses:
    database: [connect]
  dependsOn: [database]
`, name, name, name, (i+1)%20),
		)
		if i%5 == 0 {
			fmt.Fprintf(&overlays, "---\napiVersion: components.deployer.io/v1\nkind: MicroService\nmetadata: {name: "+
				"%s, service: %s}\nspec: {cpu: 1024, environment: {FEATURE: null}}\n", name, service)
		}
	}
	write(t, root, "stacks/shop/environments/production.yaml", overlays.String())
	return root
}

func BenchmarkLoadResolve1000(b *testing.B) {
	root := large(b)
	b.ReportAllocs()
	for b.Loop() {
		bundle, found := Load(root, "shop")
		if len(found) > 0 {
			b.Fatal(found)
		}
		stack, found := bundle.Resolve(options("production"))
		if len(found) > 0 || len(stack.Components) != 1000 {
			b.Fatal(len(stack.Components), found)
		}
	}
}

func BenchmarkLoad1000(b *testing.B) {
	root := large(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, found := Load(root, "shop"); len(found) > 0 {
			b.Fatal(found)
		}
	}
}

func BenchmarkValidate1000(b *testing.B) {
	root := large(b)
	bundle, _ := Load(root, "shop")
	stack, _ := bundle.Resolve(options("production"))
	for b.Loop() {
		if found := stack.Validate(kinds()); len(found) > 0 {
			b.Fatal(found)
		}
	}
}

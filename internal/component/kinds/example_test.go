package kinds_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/component/kinds"
	"github.com/company/deployer/internal/expr"
	"github.com/company/deployer/internal/manifest"
	"github.com/company/deployer/internal/resource/elbv2"
	"github.com/company/deployer/internal/value"
)

type compiler struct{ inner *expr.Compiler }

func (c compiler) Compile(text string, lookup func([]string) (value.Value, int, error)) (value.Value, []error) {
	return c.inner.Compile(text, lookup)
}

// Users copy the example, so it must be right in every environment.
func TestExampleExpands(t *testing.T) {
	root := t.TempDir()
	if err := os.CopyFS(filepath.Join(root, "stacks", "user-platform"),
		os.DirFS("../../../examples/user-platform")); err != nil {
		t.Fatal(err)
	}
	bundle, found := manifest.Load(root, "user-platform")
	if len(found) > 0 {
		t.Fatal(found)
	}
	for environment, want := range map[string][]string{
		"dev": {
			"user-service/api:service", "user-service/worker:scale-by-backlog",
			"infra/ingress:public-http-listener",
		},
		"production": {
			"infra/ingress:public-https-listener", "user-service/api:schedule-morning",
			"user-service/api:secret-mail-api-key",
		},
	} {
		stack, found := bundle.Resolve(manifest.Options{
			Environment: environment, Variables: map[string]string{"VERSION": "1.0.0"}, Strict: true,
			Registry: kinds.Registry(),
			Git:      func() map[string]string { return nil },
			Compile:  func() manifest.Compiler { return compiler{expr.NewCompiler()} },
		})
		if len(found) > 0 {
			t.Fatalf("%s: %v", environment, found)
		}
		graph, problems := component.Expand(kinds.Registry(), stack.Instances())
		if len(problems) > 0 {
			t.Fatalf("%s: %v", environment, problems)
		}
		for _, id := range want {
			if graph.Resource(id) == nil {
				t.Errorf("%s has no %s", environment, id)
			}
		}
		if got := graph.Component("user-service/jobs").Protect; got != (environment == "production") {
			t.Errorf("%s: the queue's protection is %v", environment, got)
		}
		if got := graph.Component("infra/ingress").Protect; got != (environment == "production") {
			t.Errorf("%s: the protection of the load balancers is %v", environment, got)
		}
		for _, r := range graph.Resources {
			if balancer := r.Type == elbv2.LoadBalancerType; r.Component == "infra/ingress" && !r.Data &&
				r.Protect != (balancer && environment == "production") {
				t.Errorf("%s: the protection of %s is %v", environment, r.ID(), r.Protect)
			}
		}
	}
}

package survey

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/e2e/testkit"
	"github.com/company/deployer/internal/aws/catalog"
	"github.com/company/deployer/internal/aws/tagging"
	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/config"
	"github.com/company/deployer/internal/deploy"
	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/observe"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/value"
)

// site is a deployed stack.
type site struct {
	t    *testing.T
	key  state.Key
	env  *testkit.Env
	back *backend.Backend
	rows []row

	ownVPC  bool   // the types of VPCs are tried, and no others
	version string // of the images, which runs
}

// row is a line of the table.
type row struct{ typ, change, plan, apply, status string }

// more is what the example has not: HTTPS with two certificates, limits that change by the clock, a fixed number of
// tasks, an Aurora cluster, and all that a cache can be besides a cache with a password.
const more = `apiVersion: components.deployer.io/v1
kind: MicroService
metadata:
  name: shop
spec:
  image: "shop:${VERSION}"
  ports: [{name: http, port: 80}]
  ingress: {host: a.example.com, hosts: [b.example.com], certificate: auto}
  scaling:
    min: 1
    max: 2
    schedule: [{name: morning, cron: 0 8 ? * MON-FRI *, min: 2, max: 4}]
---
apiVersion: components.deployer.io/v1
kind: Worker
metadata:
  name: sole
spec:
  image: "sole:${VERSION}"
  scaling: {min: 2}
---
apiVersion: components.deployer.io/v1
kind: RDS
metadata:
  name: ledger
spec: {engine: aurora-postgresql, version: "17", capacity: {min: 0.5, max: 2}, parameters: {work_mem: 4096}}
---
apiVersion: components.deployer.io/v1
kind: ElastiCache
metadata:
  name: pages
spec: {engine: memcached, nodeType: cache.t4g.micro}
---
apiVersion: components.deployer.io/v1
kind: ElastiCache
metadata:
  name: ranks
spec:
  nodeType: cache.t4g.micro
  users: [{name: app, access: "on ~* +@all"}]
---
apiVersion: components.deployer.io/v1
kind: ElastiCache
metadata:
  name: carts
spec: {serverless: {}}
`

// example deploys the example, and more.
func example(t *testing.T) *site {
	env := testkit.Start(t, testkit.InRegion("us-east-1")) // which the example names
	for _, host := range []string{"a.example.com", "b.example.com"} {
		env.Certificate(t, host)
	}
	return deployed(t, env, state.Key{Stack: "user-platform", Environment: "dev"}, func(stack string) {
		require.NoError(t, os.CopyFS(stack, os.DirFS("../../examples/user-platform")))
		path := filepath.Join(stack, "services", "user-service", "shop.yaml")
		require.NoError(t, os.WriteFile(path, []byte(more), 0o600))
	})
}

// deployed deploys a stack that write writes into a folder.
func deployed(t *testing.T, env *testkit.Env, key state.Key, write func(folder string)) *site {
	root := t.TempDir()
	write(filepath.Join(root, "stacks", key.Stack))
	settings := config.Defaults()
	settings.Backend = config.Backend{Type: "local", Path: ".deployer"}
	settings.Locks.Type = "local"
	variables := map[string]string{"GITHUB_ACTOR": "ann"}
	for _, pair := range env.Environ() {
		if name, text, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "AWS_") {
			variables[name] = text
			t.Setenv(name, text)
		}
	}
	back, err := backend.Open(t.Context(), backend.World{
		Root: root, Home: t.TempDir(), Settings: settings, Env: variables, Now: time.Now, Version: "test",
		Command: "deployer apply", Hard: t.Context(),
		Types: catalog.New, Index: tagging.Find,
	})
	require.NoError(t, err)
	s := &site{t: t, key: key, env: env, back: back, version: "1.0.0"}
	s.apply(false)
	s.healthy()
	return s
}

// certificate puts an issued certificate for a host into ACM, and returns its ARN.
func (s *site) request(refresh bool) deploy.Request {
	return deploy.Request{
		Key: s.key, Variables: map[string]string{"VERSION": s.version}, Refresh: refresh,
		Progress: func(plan.Event) {},
	}
}

func (s *site) plan(refresh bool) *plan.Plan {
	s.t.Helper()
	planned, err := deploy.Plan(s.t.Context(), s.back, s.request(refresh))
	require.NoError(s.t, err)
	return planned.Plan
}

func (s *site) apply(refresh bool) *plan.Plan {
	s.t.Helper()
	applied, err := deploy.Apply(s.t.Context(), s.back, s.request(refresh))
	require.NoError(s.t, err)
	return applied.Plan
}

func (s *site) status() *report.Status {
	s.t.Helper()
	status, err := observe.Status(s.t.Context(), s.back, s.key, "")
	require.NoError(s.t, err)
	return status
}

func (s *site) healthy() {
	s.t.Helper()
	status := s.status()
	require.True(s.t, status.Healthy, "%+v", status.Components)
	require.Equal(s.t, status.Objects.Wanted, status.Objects.There)
}

// stored are the resources of the state, each after all that it needs.
func (s *site) stored() []engine.StoredResource {
	s.t.Helper()
	stored, err := observe.Read(s.t.Context(), s.back, s.key)
	require.NoError(s.t, err)
	return stored.Resources
}

// behind returns a resource and all that needs it, last first: the order in which AWS lets a person delete them.
func behind(all []engine.StoredResource, id string) []engine.StoredResource {
	taken := map[string]bool{id: true}
	var out []engine.StoredResource
	for _, r := range all {
		if taken[r.ID] || slices.ContainsFunc(r.Dependencies, func(need string) bool { return taken[need] }) {
			taken[r.ID] = true
			out = append(out, r)
		}
	}
	slices.Reverse(out)
	return out
}

func of(r engine.StoredResource, inputs value.Value) resource.Request {
	return resource.Request{
		Resource: r.ID, Type: r.Type, ID: r.AWSID,
		Old: resource.State{ID: r.AWSID, Inputs: r.Inputs, Outputs: r.Outputs}, Inputs: inputs,
		Tags: map[string]string{}, Progress: func(string) {},
	}
}

// delete removes an object by hand: alone, or with all that needs it where AWS asks for that.
func (s *site) delete(r engine.StoredResource, alone bool) {
	s.t.Helper()
	types := catalog.New(s.env.Config)
	gone := []engine.StoredResource{r}
	if !alone {
		gone = behind(s.stored(), r.ID)
	}
	for _, one := range gone {
		b, err := types.Behaviour(one.Type)
		require.NoError(s.t, err)
		if err := b.Delete(s.t.Context(), of(one, value.NullValue)); err != nil &&
			!errors.Is(err, resource.ErrNotFound) {
			require.NoError(s.t, err, one.ID)
		}
	}
}

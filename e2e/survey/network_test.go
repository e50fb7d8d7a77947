package survey

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/e2e/testkit"
	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/value"
)

// network is a stack with a VPC of its own.
var network = map[string]string{
	"stack.yaml": `apiVersion: core.deployer.io/v1
kind: Stack
metadata: {name: network}
spec: {variables: {VERSION: 1.0.0}}
`,
	"environments/dev.yaml": `apiVersion: core.deployer.io/v1
kind: Environment
metadata: {name: dev}
spec: {}
`,
	"infra/network.yaml": `apiVersion: infra.deployer.io/v1
kind: Network
metadata: {name: network}
spec:
  vpc: {cidr: 10.30.0.0/16, natGateways: single, endpoints: [logs], flowLogs: {traffic: all}}
`,
	"services/data/pages.yaml": `apiVersion: components.deployer.io/v1
kind: ElastiCache
metadata: {name: pages}
spec: {engine: memcached, nodeType: cache.t4g.micro}
`,
}

// All parts of a VPC are deleted and changed by hand.
func TestNetworkChangedByHand(t *testing.T) {
	env := testkit.Start(t, testkit.InRegion("us-east-1"))
	s := deployed(t, env, state.Key{Stack: "network", Environment: "dev"}, func(stack string) {
		for name, text := range network {
			path := filepath.Join(stack, filepath.FromSlash(name))
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
			require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		}
	})
	s.ownVPC = true
	s.try(t, []part{
		{"deleted", s.deletedAlone},
		{"deleted with what needs it", s.deletedWithOthers},
		{"changed", s.changed},
		{"tags of users changed", s.userTags},
		{"tags of ours changed", s.ownTags},
	})
}

// elsewhere is another target for a route, or another route table for a subnet.
func (s *site) elsewhere(r engine.StoredResource) value.Value {
	name := byHand[r.Type].Property
	for _, other := range s.stored() {
		to := other.Inputs.Get(name)
		if other.Type == r.Type && !to.IsNull() && !value.Equal(to, r.Inputs.Get(name)) {
			return r.Inputs.With("natGatewayId", value.NullValue).With(name, to)
		}
	}
	s.t.Fatalf("nothing else has %s: %s", name, r.ID)
	return value.NullValue
}

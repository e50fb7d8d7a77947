package elasticache

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/elasticache"
	"github.com/company/deployer/internal/value"
)

// What a plan says of a change depends on whether another node can serve meanwhile.
func TestConsequences(t *testing.T) {
	group := func(nodes int, engine, version, node string) model.ReplicationGroup {
		return model.ReplicationGroup{Nodes: nodes, Engine: engine, EngineVersion: version, NodeType: node}
	}
	for name, c := range map[string]struct {
		changed  string
		old, new model.ReplicationGroup
		means    plan.Consequence
	}{
		"node type, replicas": {
			"nodeType", group(2, "valkey", "8.0", "cache.t4g.small"), group(2, "valkey", "8.0", "cache.m7g.large"),
			plan.Rolling,
		},
		"node type, one node": {
			"nodeType", group(1, "valkey", "8.0", "cache.t4g.small"), group(1, "valkey", "8.0", "cache.m7g.large"),
			plan.Restart,
		},
		"redis to valkey": {
			"engine", group(2, "redis", "7.1", "cache.t4g.small"), group(2, "valkey", "8.0", "cache.t4g.small"),
			plan.Rolling,
		},
		"valkey to redis": {
			"engine", group(2, "valkey", "8.0", "cache.t4g.small"), group(2, "redis", "7.1", "cache.t4g.small"),
			plan.DataLoss,
		},
		"older version": {
			"engineVersion", group(2, "valkey", "8.1", "cache.t4g.small"), group(2, "valkey", "8.0", "cache.t4g.small"),
			plan.DataLoss,
		},
		"replica": {
			"nodes", group(2, "valkey", "8.0", "cache.t4g.small"), group(3, "valkey", "8.0", "cache.t4g.small"),
			plan.InPlace,
		},
		"another parameter group": {
			"parameterGroup", group(2, "valkey", "8.0", "cache.t4g.small"),
			group(2, "valkey", "8.0", "cache.t4g.small"), plan.Reboot,
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.means, groupConsequence(resource.Change{
				Changed: []string{c.changed}, Old: value.Encode(c.old), Desired: value.Encode(c.new),
			}))
		})
	}
}

func TestWithoutAReplica(t *testing.T) {
	change := func(nodes int) resource.Change {
		return resource.Change{
			Changed: []string{"nodeType"}, Old: value.Encode(model.ReplicationGroup{Nodes: nodes}),
			Desired: value.Encode(model.ReplicationGroup{Nodes: nodes, NodeType: "cache.m7g.large"}),
		}
	}
	require.Contains(t, groupRemark(change(1)), "no replica")
	require.Empty(t, groupRemark(change(2)))
}

func TestParametersThatWait(t *testing.T) {
	change := func(family, name string) resource.Change {
		group := func(v string) value.Value {
			return value.Encode(model.ParameterGroup{Family: family, Parameters: map[string]string{name: v}})
		}
		return resource.Change{Changed: []string{"parameters"}, Old: group("1"), Desired: group("2")}
	}
	require.Equal(t, plan.InPlace, parametersConsequence(change("valkey8", "maxmemory-policy")))
	require.Equal(t, plan.Reboot, parametersConsequence(change("valkey8", "databases")))
	require.Equal(t, "databases takes effect at the next reboot of the nodes",
		parametersRemark(change("valkey8", "databases")))
	require.Equal(t, plan.Reboot, parametersConsequence(change("memcached1.6", "max_item_size")))
}

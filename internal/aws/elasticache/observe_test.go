package elasticache

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/elasticache"
)

func TestJudged(t *testing.T) {
	for status, health := range map[string]report.Health{
		"available": report.Healthy, "snapshotting": report.Healthy, "modifying": report.Updating,
		"rebooting cluster nodes": report.Updating, "create-failed": report.Unhealthy,
		"incompatible-network": report.Unhealthy,
	} {
		require.Equal(t, health, judged(status).Health, status)
		require.Equal(t, health == report.Healthy, judged(status).Problem == "", status)
	}
}

func TestMetricsOfNodes(t *testing.T) {
	at := resource.Observed{Object: resource.Object{State: resource.State{ID: "sessions"}}}
	of := func(p model.ReplicationGroup) []resource.Metric {
		return replicationGroup{}.observe().Metrics(
			resource.Watched[model.ReplicationGroup, model.ReplicationGroupOutputs]{Observed: at, Props: p})
	}
	nodes := of(model.ReplicationGroup{Nodes: 2})
	require.Equal(t, "sessions-001", nodes[0].Dimensions["CacheClusterId"])
	require.Equal(t, "cpu-002", nodes[1].Name)
	names := map[string]bool{}
	for _, m := range nodes {
		require.False(t, names[m.Name], m.Name)
		names[m.Name] = true
	}
	shards := of(model.ReplicationGroup{Nodes: 1, Shards: aws.Int(2)})
	require.Equal(t, "sessions-0002-001", shards[1].Dimensions["CacheClusterId"])
	require.Len(t, of(model.ReplicationGroup{Nodes: 6, Shards: aws.Int(90)}), 4*mostNodes)
}

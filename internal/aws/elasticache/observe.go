package elasticache

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/elasticache"
)

// judged is how a cache in that status does.
func judged(status string) resource.Observation {
	switch {
	case status == available || status == "snapshotting":
		return resource.Observation{Health: report.Healthy}
	case slices.Contains(broken, status):
		return resource.Observation{
			Health:  report.Unhealthy,
			Problem: "It is in the state " + status + ". Next: look at its events in the ElastiCache console.",
		}
	default:
		return resource.Observation{
			Health: report.Updating, Problem: "It is " + strings.ReplaceAll(status, "-", " ") + ".",
		}
	}
}

// observe: a replication group is healthy when AWS has no change of it in progress and all its shards are available.
func (g replicationGroup) observe() resource.Observing[model.ReplicationGroup, model.ReplicationGroupOutputs] {
	type watched = resource.Watched[model.ReplicationGroup, model.ReplicationGroupOutputs]
	return resource.Observing[model.ReplicationGroup, model.ReplicationGroupOutputs]{
		HealthOf: func(ctx context.Context, w watched) (resource.Observation, error) {
			found, err := g.describe(ctx, w.ID)
			if err != nil {
				return resource.Observation{}, err
			}
			out := judged(aws.ToString(found.Status))
			for _, shard := range found.NodeGroups {
				if status := aws.ToString(shard.Status); out.Health == report.Healthy && status != "" &&
					status != available {
					out.Health = report.Updating
					out.Problem = fmt.Sprintf("Its shard %s is %s.", aws.ToString(shard.NodeGroupId), status)
				}
			}
			out.Facts = []report.Fact{{Name: "nodes", Value: len(found.MemberClusters)}}
			return out, nil
		},
		Logs: func(w watched) []resource.LogSource {
			var out []resource.LogSource
			for _, name := range []string{w.Props.SlowLog.Get(), w.Props.EngineLog.Get()} {
				if name != "" {
					out = append(out, resource.LogSource{Group: name})
				}
			}
			return out
		},
		Metrics: func(w watched) []resource.Metric {
			var out []resource.Metric
			for _, of := range []metric{
				{"cpu", "CPU of the engine", "EngineCPUUtilization", "Average", resource.Percent},
				{"memory", "memory", "DatabaseMemoryUsagePercentage", "Average", resource.Percent},
				{"connections", "connections", "CurrConnections", "Average", resource.Count},
				{"evictions", "evicted keys", "Evictions", "Sum", resource.Count},
			} {
				for _, node := range nodeNames(w.ID, w.Props) {
					m := of.with("CacheClusterId", node)
					m.Group, m.Name = of.name, of.name+strings.TrimPrefix(node, w.ID)
					m.Title += " of " + node
					out = append(out, m)
				}
			}
			return out
		},
	}
}

// mostNodes is of how many nodes metrics are shown.
const mostNodes = 6

// nodeNames are the names that ElastiCache gives to the first nodes of a group: NAME-001, and with shards
// NAME-0001-001.
func nodeNames(id string, p model.ReplicationGroup) []string {
	var out []string
	shards := 1
	if p.Shards != nil {
		shards = *p.Shards
	}
	for s := 1; s <= shards; s++ {
		for n := 1; n <= p.Nodes && len(out) < mostNodes; n++ {
			name := fmt.Sprintf("%s-%03d", id, n)
			if p.Shards != nil {
				name = fmt.Sprintf("%s-%04d-%03d", id, s, n)
			}
			out = append(out, name)
		}
	}
	return out
}

// metric is a metric of AWS/ElastiCache.
type metric struct {
	name, title, of, statistic string
	unit                       resource.Unit
}

func (m metric) with(dimension, value string) resource.Metric {
	return resource.Metric{
		Name: m.name, Title: m.title, Namespace: "AWS/ElastiCache", Metric: m.of, Statistic: m.statistic, Unit: m.unit,
		Dimensions: map[string]string{dimension: value},
	}
}

func (g cluster) observe() resource.Observing[model.Cluster, model.ClusterOutputs] {
	type watched = resource.Watched[model.Cluster, model.ClusterOutputs]
	return resource.Observing[model.Cluster, model.ClusterOutputs]{
		HealthOf: func(ctx context.Context, w watched) (resource.Observation, error) {
			found, err := g.node(ctx, w.ID)
			if err != nil {
				return resource.Observation{}, err
			}
			out := judged(aws.ToString(found.CacheClusterStatus))
			for _, node := range found.CacheNodes {
				if status := aws.ToString(node.CacheNodeStatus); out.Health == report.Healthy && status != "" &&
					status != available {
					out.Health = report.Updating
					out.Problem = fmt.Sprintf("Its node %s is %s.", aws.ToString(node.CacheNodeId), status)
				}
			}
			out.Facts = []report.Fact{{Name: "nodes", Value: int(aws.ToInt32(found.NumCacheNodes))}}
			return out, nil
		},
		Metrics: func(w watched) []resource.Metric {
			return []resource.Metric{
				metric{"cpu", "CPU", "CPUUtilization", "Average", resource.Percent}.with("CacheClusterId", w.ID),
				metric{"memory-free", "free memory", "FreeableMemory", "Average", resource.Bytes}.
					with("CacheClusterId", w.ID),
				metric{"connections", "connections", "CurrConnections", "Average", resource.Count}.
					with("CacheClusterId", w.ID),
				metric{"evictions", "evicted keys", "Evictions", "Sum", resource.Count}.with("CacheClusterId", w.ID),
			}
		},
	}
}

func (g serverless) observe() resource.Observing[model.ServerlessCache, model.ServerlessCacheOutputs] {
	type watched = resource.Watched[model.ServerlessCache, model.ServerlessCacheOutputs]
	return resource.Observing[model.ServerlessCache, model.ServerlessCacheOutputs]{
		HealthOf: func(ctx context.Context, w watched) (resource.Observation, error) {
			found, err := g.describe(ctx, w.ID)
			return judged(statusOf(found)), err
		},
		Metrics: func(w watched) []resource.Metric {
			return []resource.Metric{
				metric{"units", "processing units", "ElastiCacheProcessingUnits", "Sum", resource.Count}.
					with("clusterId", w.ID),
				metric{"data", "data", "BytesUsedForCache", "Average", resource.Bytes}.with("clusterId", w.ID),
				metric{"connections", "connections", "CurrConnections", "Average", resource.Count}.
					with("clusterId", w.ID),
				metric{"throttled", "throttled commands", "ThrottledCmds", "Sum", resource.Count}.
					with("clusterId", w.ID),
			}
		},
	}
}

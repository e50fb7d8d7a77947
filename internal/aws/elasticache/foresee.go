package elasticache

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticache"
	"github.com/aws/aws-sdk-go-v2/service/elasticache/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/servicequotas"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/elasticache"
)

// nodesQuota is what the question about the quota of nodes needs.
var nodesQuota = []resource.Statement{
	servicequotas.Permission, resource.Foreseeing("elasticache:DescribeCacheClusters"),
}

// foreseeNodes asks whether the region has room for more nodes, of all engines together.
func (a *api) foreseeNodes(ctx context.Context, id string, more int, f *resource.Foresight) {
	if more <= 0 {
		return
	}
	f.Need(resource.Need{
		Resource: id, What: "cache nodes in this region", N: float64(more),
		Most: func() (float64, error) { return servicequotas.Get(ctx, a.cfg, servicequotas.CacheNodes) },
		Used: func() (used float64, err error) {
			in := &elasticache.DescribeCacheClustersInput{}
			for c, err := range call.Each(ctx, a.client.DescribeCacheClusters, in, &in.Marker,
				func(page *elasticache.DescribeCacheClustersOutput) ([]types.CacheCluster, *string) {
					return page.CacheClusters, page.Marker
				}) {
				if err != nil {
					return 0, failed(err)
				}
				used += float64(aws.ToInt32(c.NumCacheNodes))
			}
			return used, nil
		},
	})
}

// nodes is how many nodes a replication group has in all its shards.
func nodes(p model.ReplicationGroup) int {
	if p.Shards == nil {
		return p.Nodes
	}
	return p.Nodes * *p.Shards
}

// foresee asks whether AWS has the snapshots that fill new caches, and room for more nodes, and whether a change has to
// wait.
func (g replicationGroup) foresee(
	ctx context.Context, planned []replicationGroupCall, _ resource.Neighbours, f *resource.Foresight,
) {
	for _, c := range planned {
		g.foreseeNodes(ctx, c.Resource, nodes(c.Props)-nodes(c.Old), f)
		if c.Old.Name != "" {
			foreseeBusy(c.Resource, c.ID, f, func() (string, error) {
				found, err := g.describe(ctx, c.ID)
				return groupStatus(found), err
			})
		} else if c.Props.RestoreFrom != "" {
			f.Ask(func() error { return g.foreseeSnapshot(ctx, c.Resource, c.Props, f) })
		}
	}
}

// foresee asks whether the region has room for more nodes, and whether a change of a cluster has to wait.
func (g cluster) foresee(ctx context.Context, planned []clusterCall, _ resource.Neighbours, f *resource.Foresight) {
	for _, c := range planned {
		g.foreseeNodes(ctx, c.Resource, c.Props.Nodes-c.Old.Nodes, f)
		if c.Old.Name != "" {
			foreseeBusy(c.Resource, c.ID, f, func() (string, error) {
				found, err := g.node(ctx, c.ID)
				return nodeStatus(found), err
			})
		}
	}
}

// foresee asks whether a change of a serverless cache has to wait.
func (g serverless) foresee(
	ctx context.Context, planned []serverlessCall, _ resource.Neighbours, f *resource.Foresight,
) {
	for _, c := range planned {
		if c.Old.Name != "" {
			foreseeBusy(c.Resource, c.ID, f, func() (string, error) {
				found, err := g.describe(ctx, c.ID)
				return statusOf(found), err
			})
		}
	}
}

func (g replicationGroup) foreseeSnapshot(
	ctx context.Context, id string, p model.ReplicationGroup, f *resource.Foresight,
) error {
	out, err := g.client.DescribeSnapshots(ctx, &elasticache.DescribeSnapshotsInput{SnapshotName: &p.RestoreFrom})
	if call.HasCode(err, "SnapshotNotFoundFault") || err == nil && len(out.Snapshots) == 0 {
		f.Refuse(id, "correct restoreFrom: `aws elasticache describe-snapshots` lists what there is; or leave it out "+
			"for an empty cache", "there is no snapshot %s in this region of this account", p.RestoreFrom)
		return nil
	}
	if err != nil {
		return failed(err)
	}
	s := out.Snapshots[0]
	engine, version := aws.ToString(s.Engine), aws.ToString(s.EngineVersion)
	switch {
	case engine != "" && engine != p.Engine && !(engine == model.Redis && p.Engine == model.Valkey):
		f.Refuse(id, "set engine: "+engine+", or choose another snapshot", "the snapshot %s is of %s, and the cache "+
			"is to be %s", p.RestoreFrom, engine, p.Engine)
	case engine == p.Engine && model.Compare(p.EngineVersion, version) < 0:
		f.Refuse(id, "set version: \""+version+"\" or newer", "the snapshot %s is of version %s, and AWS cannot go "+
			"back to %s", p.RestoreFrom, version, p.EngineVersion)
	}
	return nil
}

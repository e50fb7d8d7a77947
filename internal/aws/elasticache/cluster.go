package elasticache

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticache"
	"github.com/aws/aws-sdk-go-v2/service/elasticache/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/elasticache"
	"github.com/company/deployer/internal/value"
)

// clusterLimit is how many characters ElastiCache allows for the id of a cluster.
const clusterLimit = 50

// tlsSince is the oldest version of Memcached with TLS.
const tlsSince = "1.6.12"

type (
	clusterCall = resource.Call[model.Cluster, model.ClusterOutputs]
	cluster     struct{ *api }
)

func newCluster(a *api) resource.Behaviour {
	g := cluster{a}
	return &resource.Typed[model.Cluster, model.ClusterOutputs]{
		Def: resource.Definition{
			Type: model.ClusterType, Version: 1,
			ReplaceOn: []string{"port", "nodeType", "transitEncryption"}, HashedName: "name", NameLimit: clusterLimit,
			Replaces: replacesCluster, DataLoss: true,
			Consequence: clusterConsequence, Remark: clusterRemark,
			NotYet: []resource.NotYet{
				{
					Operations: []string{"elasticache:CreateCacheCluster"},
					Codes:      []string{"CacheSubnetGroupNotFoundFault", "CacheParameterGroupNotFound"},
				},
				{
					Operations: []string{"elasticache:CreateCacheCluster", "elasticache:ModifyCacheCluster"},
					Codes:      []string{"InvalidParameterValue", "InvalidParameterCombination"},
					Says:       []string{"security group"},
				},
			},
			Permissions: func(s resource.Scope) []resource.Statement {
				clusters, parameters := own(s, "cluster", clusterLimit), own(s, "parametergroup", groupNameLimit)
				return append(slices.Concat(placing(s), nodesQuota), []resource.Statement{
					{On: clusters, Actions: append([]string{
						"elasticache:CreateCacheCluster", "elasticache:DescribeCacheClusters",
						"elasticache:ModifyCacheCluster", "elasticache:DeleteCacheCluster",
					}, tagActions...)},
					{
						On:      slices.Concat(parameters, own(s, "subnetgroup", groupNameLimit)),
						Actions: []string{"elasticache:CreateCacheCluster"},
					},
					{On: parameters, Actions: []string{"elasticache:ModifyCacheCluster"}},
				}...)
			},
		},
		CheckProps: checkCluster, CreateObject: g.create, ReadObject: g.read, UpdateObject: g.update,
		AwaitGone: call.AwaitGone(leaving, "cache", g.read),
		Ahead:     g.foresee, AwaitReady: g.awaitReady, DeleteObject: g.delete, Named: "name", Taggable: true,
		Observe: g.observe(),
	}
}

func checkCluster(p *model.Cluster) []value.Problem {
	var problems value.Problems
	checkName(&p.Name, &problems)
	p.SecurityGroups = value.AsSet(p.SecurityGroups)
	set(&p.Port, model.MemcachedPort)
	set(&p.MultiAZ, p.Nodes > 1)
	set(&p.TransitEncryption, model.Compare(p.EngineVersion, tlsSince) >= 0)
	if p.Nodes < 1 || p.Nodes > 40 {
		problems.Bad("nodes", "must be from 1 to 40")
	}
	if *p.MultiAZ && p.Nodes < 2 {
		problems.Bad("multiAz", "needs at least 2 nodes")
	}
	if *p.TransitEncryption && model.Compare(p.EngineVersion, tlsSince) < 0 {
		problems.Bad("transitEncryption", "needs Memcached %s or newer", tlsSince)
	}
	checkWindows("", p.MaintenanceWindow, &problems)
	if text := model.NodeTypeFault(model.Memcached, p.EngineVersion, p.NodeType); text != "" {
		problems.Bad("nodeType", "%s %s", p.NodeType, text)
	}
	return problems
}

// replacesCluster: AWS never goes back to an older version, and places only new nodes into other zones. One node is in
// one zone, also the last one of several.
func replacesCluster(old, desired value.Value) []string {
	var was, wanted model.Cluster
	value.Decode(old, &was)
	value.Decode(desired, &wanted)
	out := []string{"subnetGroup"}
	if model.Compare(wanted.EngineVersion, was.EngineVersion) < 0 {
		out = append(out, "engineVersion")
	}
	if wanted.Nodes > 1 && (aws.ToBool(was.MultiAZ) || wanted.Nodes <= was.Nodes) {
		out = append(out, "multiAz")
	}
	return out
}

// azMode is how ElastiCache calls nodes in several zones.
func azMode(several *bool) types.AZMode {
	if aws.ToBool(several) {
		return types.AZModeCrossAz
	}
	return types.AZModeSingleAz
}

func (g cluster) create(ctx context.Context, c clusterCall) (string, model.ClusterOutputs, error) {
	p := c.Props
	made, err := g.client.CreateCacheCluster(ctx, &elasticache.CreateCacheClusterInput{
		CacheClusterId: &p.Name, Engine: aws.String(model.Memcached), EngineVersion: &p.EngineVersion,
		CacheNodeType: &p.NodeType, NumCacheNodes: new(int32(p.Nodes)), AZMode: azMode(p.MultiAZ),
		CacheParameterGroupName: new(p.ParameterGroup.Get()), CacheSubnetGroupName: new(p.SubnetGroup.Get()),
		SecurityGroupIds: p.SecurityGroups.Get(), Port: new(int32(*p.Port)),
		TransitEncryptionEnabled: p.TransitEncryption, PreferredMaintenanceWindow: call.Optional(p.MaintenanceWindow),
		Tags: tags(c.Request, p.Tags),
	})
	if err != nil {
		return "", model.ClusterOutputs{}, failed(err)
	}
	return p.Name, clusterOutputs(*made.CacheCluster), nil
}

func clusterOutputs(found types.CacheCluster) model.ClusterOutputs {
	out := model.ClusterOutputs{ARN: aws.ToString(found.ARN)}
	if at := found.ConfigurationEndpoint; at != nil {
		out.Endpoint, out.Port = aws.ToString(at.Address), int(aws.ToInt32(at.Port))
	}
	return out
}

func (g cluster) awaitReady(ctx context.Context, c clusterCall) (model.ClusterOutputs, error) {
	if c.Old.Name == "" {
		c.Progress("waiting for the cache " + c.ID + "; AWS takes 5 to 15 minutes")
	}
	found, err := g.usable(ctx, c, c.Old.Name == "")
	return clusterOutputs(found), err
}

func (g cluster) usable(ctx context.Context, c clusterCall, isNew bool) (types.CacheCluster, error) {
	return usable(ctx, c.ID, isNew, c.Progress, g.node, nodeStatus)
}

func nodeStatus(found types.CacheCluster) string { return aws.ToString(found.CacheClusterStatus) }

func (g cluster) read(ctx context.Context, c clusterCall) (model.Cluster, model.ClusterOutputs, error) {
	found, err := g.node(ctx, c.ID)
	if err == nil && aws.ToString(found.CacheClusterStatus) == deletingNow {
		err = call.Deleting("the cache " + c.ID)
	}
	if err != nil {
		return model.Cluster{}, model.ClusterOutputs{}, err
	}
	labels, err := tagsOfCache(ctx, g.api, c, aws.ToString(found.ARN), c.Old.Tags)
	if err != nil {
		return model.Cluster{}, model.ClusterOutputs{}, err
	}
	base := c.Old
	if base.Name == "" { // made by an interrupted run
		base = c.Props
	}
	p := base
	p.Name, p.EngineVersion = c.ID, versionOf(base.EngineVersion, aws.ToString(found.EngineVersion))
	p.NodeType, p.Nodes = aws.ToString(found.CacheNodeType), int(aws.ToInt32(found.NumCacheNodes))
	if found.CacheParameterGroup != nil {
		p.ParameterGroup = value.Lit(aws.ToString(found.CacheParameterGroup.CacheParameterGroupName))
	}
	p.SubnetGroup, p.SecurityGroups = value.Lit(aws.ToString(found.CacheSubnetGroupName)), groupsOf(found)
	p.TransitEncryption = new(aws.ToBool(found.TransitEncryptionEnabled))
	p.MaintenanceWindow = declared(base.MaintenanceWindow, aws.ToString(found.PreferredMaintenanceWindow))
	if zone := aws.ToString(found.PreferredAvailabilityZone); zone != "" {
		p.MultiAZ = new(zone == "Multiple")
	}
	if port := clusterOutputs(found).Port; port != 0 {
		p.Port = &port
	}
	p.Tags = labels
	if c.Seen != nil {
		c.Seen.Note = noteOf(base.EngineVersion, found)
	}
	return p, clusterOutputs(found), nil
}

// update starts from what the cluster really is: an interrupted update may have made the change.
func (g cluster) update(ctx context.Context, c clusterCall) (model.ClusterOutputs, error) {
	found, err := atRest(ctx, c.ID, c.Progress, g.node, nodeStatus)
	if err != nil {
		return c.Out, err
	}
	c.Request.Seen = nil
	old, _, err := g.read(ctx, c)
	if err != nil {
		return c.Out, err
	}
	if in := clusterChange(c, old, found); in != nil {
		c.Progress("changing the cache " + c.ID)
		if err := patiently(ctx, c.ID, c.Progress, func(ctx context.Context) error {
			_, err := g.usable(ctx, c, false)
			return err
		}, func() error {
			_, err := g.client.ModifyCacheCluster(ctx, in)
			return err
		}); err != nil {
			return c.Out, err
		}
		if found, err = g.usable(ctx, c, false); err != nil {
			return c.Out, err
		}
	}
	return clusterOutputs(found), g.retag(ctx, c.Request, aws.ToString(found.ARN), c.Old.Tags, c.Props.Tags)
}

// clusterChange is the call that makes the cluster as wanted, nil if it is.
func clusterChange(c clusterCall, old model.Cluster, found types.CacheCluster) *elasticache.ModifyCacheClusterInput {
	p := c.Props
	in := &elasticache.ModifyCacheClusterInput{CacheClusterId: &c.ID, ApplyImmediately: aws.Bool(true)}
	any := false
	differs := func(yes bool) bool {
		any = any || yes
		return yes
	}
	if differs(p.EngineVersion != old.EngineVersion) {
		in.EngineVersion = &p.EngineVersion
	}
	if differs(!value.Equal(p.ParameterGroup.Value(), old.ParameterGroup.Value())) {
		in.CacheParameterGroupName = new(p.ParameterGroup.Get())
	}
	if differs(!value.Equal(p.SecurityGroups.Value(), old.SecurityGroups.Value())) {
		in.SecurityGroupIds = p.SecurityGroups.Get()
	}
	if differs(p.MaintenanceWindow != "" && p.MaintenanceWindow != old.MaintenanceWindow) {
		in.PreferredMaintenanceWindow = &p.MaintenanceWindow
	}
	if differs(p.Nodes != old.Nodes) {
		in.NumCacheNodes = new(int32(p.Nodes))
		if p.Nodes > old.Nodes {
			in.AZMode = azMode(p.MultiAZ)
		} else {
			var ids []string
			for _, n := range found.CacheNodes {
				ids = append(ids, aws.ToString(n.CacheNodeId))
			}
			slices.Sort(ids)
			in.CacheNodeIdsToRemove = ids[min(p.Nodes, len(ids)):]
		}
	}
	if !any {
		return nil
	}
	return in
}

// leaving is how long a new cluster may take until it can be deleted.
var leaving = call.Pace{First: time.Second, Longest: 20 * time.Second, Limit: 30 * time.Minute}

func (g cluster) delete(ctx context.Context, c clusterCall) error {
	return call.Wait(ctx, leaving, "cache "+c.ID+" is gone", func(ctx context.Context) (bool, error) {
		found, err := g.node(ctx, c.ID)
		if gone(err) {
			return true, nil
		}
		if err != nil || aws.ToString(found.CacheClusterStatus) == deletingNow {
			return false, err
		}
		_, err = g.client.DeleteCacheCluster(ctx, &elasticache.DeleteCacheClusterInput{CacheClusterId: &c.ID})
		if call.HasCode(err, unready...) {
			return false, nil // in change, or the answer to an earlier attempt was lost
		}
		return false, failed(err)
	})
}

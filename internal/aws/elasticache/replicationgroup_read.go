package elasticache

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticache"
	"github.com/aws/aws-sdk-go-v2/service/elasticache/types"
	"golang.org/x/sync/errgroup"

	"github.com/company/deployer/internal/aws/call"
	model "github.com/company/deployer/internal/resource/elasticache"
	"github.com/company/deployer/internal/value"
)

func (g replicationGroup) read(
	ctx context.Context, c replicationGroupCall,
) (model.ReplicationGroup, model.ReplicationGroupOutputs, error) {
	found, err := g.describe(ctx, c.ID)
	if err == nil && aws.ToString(found.Status) == deletingNow {
		err = call.Deleting("the cache " + c.ID)
	}
	if err != nil {
		return model.ReplicationGroup{}, model.ReplicationGroupOutputs{}, err
	}
	var node types.CacheCluster
	var labels map[string]string
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() (err error) {
		if len(found.MemberClusters) > 0 {
			node, err = g.node(ctx, found.MemberClusters[0])
		}
		if gone(err) {
			err = nil // the group is being made: AWS shows its nodes later
		}
		return err
	})
	both.Go(func() (err error) {
		labels, err = tagsOfCache(ctx, g.api, c, aws.ToString(found.ARN), c.Old.Tags)
		return err
	})
	if err := both.Wait(); err != nil {
		return model.ReplicationGroup{}, model.ReplicationGroupOutputs{}, err
	}
	if c.Seen != nil {
		c.Seen.Note = noteOf(recorded(c).EngineVersion, node)
	}
	return groupProps(c, found, node, labels), groupOutputs(found), nil
}

// node is one node of a cache as a cluster of its own. It has what the group does not show.
func (a *api) node(ctx context.Context, id string) (types.CacheCluster, error) {
	out, err := a.client.DescribeCacheClusters(ctx, &elasticache.DescribeCacheClustersInput{
		CacheClusterId: &id, ShowCacheNodeInfo: aws.Bool(true),
	})
	if err != nil {
		return types.CacheCluster{}, failed(err)
	}
	if len(out.CacheClusters) == 0 {
		return types.CacheCluster{}, absent("elasticache:DescribeCacheClusters", id)
	}
	return out.CacheClusters[0], nil
}

// noteOf says what a person should know of a node.
func noteOf(declared string, node types.CacheCluster) string {
	if group := node.CacheParameterGroup; group != nil && len(group.CacheNodeIdsToReboot) > 0 {
		return "a changed parameter has its effect only after a reboot of its nodes"
	}
	if actual := aws.ToString(node.EngineVersion); declared != "" && actual != "" &&
		model.Compare(actual, declared) > 0 {
		return "AWS has upgraded it to version " + actual
	}
	return ""
}

// versionOf is the declared version if the node runs it, or a newer one of the same major version: AWS installs minor
// versions, and an older one cannot be installed again.
func versionOf(declared, actual string) string {
	if declared != "" && (actual == "" || model.Major(declared) == model.Major(actual) &&
		model.Compare(actual, declared) >= 0) {
		return declared
	}
	return actual
}

// recorded is what the state says of an object, or what was wanted where the state says nothing yet: an object that a
// interrupted run has made. While AWS makes a cache, it shows little of it.
func recorded(c replicationGroupCall) model.ReplicationGroup {
	if c.Old.Name == "" {
		return c.Props
	}
	return c.Old
}

// groupProps are the properties of a group that exists. What AWS does not show stays as recorded.
func groupProps(
	c replicationGroupCall, g types.ReplicationGroup, node types.CacheCluster, labels map[string]string,
) model.ReplicationGroup {
	base := recorded(c)
	p := base // what follows is real
	p.Name, p.Description = aws.ToString(g.ReplicationGroupId), aws.ToString(g.Description)
	p.NodeType = aws.ToString(g.CacheNodeType)
	shards := max(1, len(g.NodeGroups))
	p.Nodes, p.Shards = len(g.MemberClusters)/shards, nil
	if aws.ToBool(g.ClusterEnabled) {
		p.Shards = &shards
		if len(g.NodeGroups) == 0 {
			p.Nodes, p.Shards = base.Nodes, base.Shards // it is being made
		}
	}
	p.Failover = new(g.AutomaticFailover == types.AutomaticFailoverStatusEnabled ||
		g.AutomaticFailover == types.AutomaticFailoverStatusEnabling)
	p.MultiAZ = new(g.MultiAZ == types.MultiAZStatusEnabled)
	p.AtRestEncryption, p.KMSKey = new(aws.ToBool(g.AtRestEncryptionEnabled)), sameKey(base.KMSKey, g.KmsKeyId)
	p.TransitEncryption = model.Disabled
	if aws.ToBool(g.TransitEncryptionEnabled) {
		p.TransitEncryption = string(g.TransitEncryptionMode)
		if p.TransitEncryption == "" {
			p.TransitEncryption = model.Required
		}
	}
	p.SnapshotRetention = new(int(aws.ToInt32(g.SnapshotRetentionLimit)))
	p.SnapshotWindow = declared(base.SnapshotWindow, aws.ToString(g.SnapshotWindow))
	p.MinorUpgrades = new(aws.ToBool(g.AutoMinorVersionUpgrade))
	p.SlowLog, p.EngineLog = value.Of[string]{}, value.Of[string]{}
	for _, l := range g.LogDeliveryConfigurations {
		if l.DestinationDetails == nil || l.DestinationDetails.CloudWatchLogsDetails == nil {
			continue
		}
		group := value.Lit(aws.ToString(l.DestinationDetails.CloudWatchLogsDetails.LogGroup))
		if l.LogType == types.LogTypeSlowLog {
			p.SlowLog = group
		} else {
			p.EngineLog = group
		}
	}
	p.UserGroup = value.Of[string]{}
	if len(g.UserGroupIds) > 0 {
		p.UserGroup = value.Lit(g.UserGroupIds[0])
	}
	if !aws.ToBool(g.AuthTokenEnabled) && aws.ToString(g.Status) != "creating" {
		p.PasswordSecret, p.PasswordVersion = value.Of[string]{}, value.Of[string]{}
	}
	p.Tags = labels
	if engine := aws.ToString(g.Engine); engine != "" {
		p.Engine = engine
	}
	if node.CacheClusterId != nil {
		p.Engine = aws.ToString(node.Engine)
		p.EngineVersion = versionOf(base.EngineVersion, aws.ToString(node.EngineVersion))
		if node.CacheParameterGroup != nil {
			p.ParameterGroup = value.Lit(aws.ToString(node.CacheParameterGroup.CacheParameterGroupName))
		}
		p.SubnetGroup = value.Lit(aws.ToString(node.CacheSubnetGroupName))
		p.SecurityGroups = groupsOf(node)
		p.MaintenanceWindow = declared(base.MaintenanceWindow, aws.ToString(node.PreferredMaintenanceWindow))
	}
	if port := groupOutputs(g).Port; port != 0 {
		p.Port = &port
	}
	return p
}

// groupsOf are the security groups of a node.
func groupsOf(node types.CacheCluster) value.Of[[]string] {
	groups := make([]string, len(node.SecurityGroups))
	for i, s := range node.SecurityGroups {
		groups[i] = aws.ToString(s.SecurityGroupId)
	}
	return value.AsSet(value.Lit(groups))
}

// sameKeys are the forms of the key of a cache.
var sameKeys = map[string]func(a, b string) bool{"kmsKey": call.SameKey}

// sameKey is the declared KMS key if AWS returns the same one in another form.
func sameKey(declared string, actual *string) string {
	key := aws.ToString(actual)
	if key != "" && call.SameKey(declared, key) {
		return declared
	}
	return key
}

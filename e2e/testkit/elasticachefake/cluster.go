package elasticachefake

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/elasticache"
	"github.com/aws/aws-sdk-go-v2/service/elasticache/types"
)

// cacheCluster is a cluster of memcached, or a single node.
type cacheCluster struct {
	*nodes
	id, arn string
	count   int32
	transit bool
	azMode  string
	created time.Time
}

func noCluster(id string) error {
	return missing("CacheClusterNotFound", "CacheCluster not found: %s", id)
}

func createCacheCluster(c *call) (any, error) {
	id := lower(c.text("CacheClusterId"))
	if c.clusters[id] != nil {
		return nil, refuse("CacheClusterAlreadyExists", "Cache cluster already exists: %s", id)
	}
	if len(id) > 50 {
		return nil, invalid("The parameter CacheClusterIdentifier is not a valid identifier: %s", id)
	}
	engine := first(lower(c.text("Engine")), "memcached")
	n, err := c.newNodes(engine)
	if err != nil {
		return nil, err
	}
	cluster := &cacheCluster{
		nodes: n, id: id, arn: c.arn("cluster", id), count: c.number("NumCacheNodes", 1),
		transit: c.yes("TransitEncryptionEnabled", false), created: c.fake.clock,
		azMode: first(c.text("AZMode"), "single-az"),
	}
	switch {
	case engine != "memcached" && cluster.count != 1:
		return nil, invalid("Clusters of %s have one node.", engine)
	case cluster.count < 1 || cluster.count > 40:
		return nil, invalid("The number of nodes must be from 1 to 40.")
	case cluster.azMode == "cross-az" && cluster.count < 2:
		return nil, combination("Cross-AZ needs at least 2 nodes.")
	case cluster.transit && before(n.version, "1.6.12"):
		return nil, combination("Encryption in transit is not supported for engine version %s.", n.version)
	case engine == "memcached" && (c.Form.Has("SnapshotRetentionLimit") || c.Form.Has("SnapshotWindow")):
		return nil, combination("Snapshots are not supported for memcached.")
	}
	if err := c.tag(cluster.arn); err != nil {
		return nil, err
	}
	cluster.start(creating, func() {})
	c.clusters[id] = cluster
	return &elasticache.CreateCacheClusterOutput{CacheCluster: cluster.view(c.region)}, nil
}

// view is what all nodes show of themselves.
func (n *nodes) view(r *region, id string) *types.CacheCluster {
	v := &types.CacheCluster{
		CacheClusterId: &id, ARN: new(r.arn("cluster", id)), CacheClusterStatus: new(n.status()), Engine: &n.engine,
		EngineVersion: &n.version, CacheNodeType: &n.nodeType, CacheSubnetGroupName: &n.subnetGroup,
		CacheParameterGroup: &types.CacheParameterGroupStatus{
			CacheParameterGroupName: new(first(n.parameterGroup, "default."+familyOf(n.engine, n.version))),
			ParameterApplyStatus:    new("in-sync"), CacheNodeIdsToReboot: []string{},
		},
		PreferredMaintenanceWindow: &n.maintenance, AutoMinorVersionUpgrade: &n.minorUpgrades,
		SecurityGroups: []types.SecurityGroupMembership{}, PreferredAvailabilityZone: new(r.name + "a"),
		LogDeliveryConfigurations: []types.LogDeliveryConfiguration{}, NetworkType: types.NetworkTypeIpv4,
		IpDiscovery: types.IpDiscoveryIpv4, PendingModifiedValues: &types.PendingModifiedValues{},
		ReplicationGroupLogDeliveryEnabled: new(false),
	}
	for _, group := range slices.Backward(n.securityGroups) {
		v.SecurityGroups = append(v.SecurityGroups, types.SecurityGroupMembership{
			SecurityGroupId: new(group), Status: new("active"),
		})
	}
	if n.engine != "memcached" {
		v.SnapshotRetentionLimit, v.SnapshotWindow = &n.retention, &n.snapshotWindow
	}
	return v
}

func (cluster *cacheCluster) view(r *region) *types.CacheCluster {
	v := cluster.nodes.view(r, cluster.id)
	v.NumCacheNodes, v.TransitEncryptionEnabled = &cluster.count, &cluster.transit
	v.AtRestEncryptionEnabled, v.AuthTokenEnabled = new(false), new(false)
	v.CacheClusterCreateTime = &cluster.created
	if cluster.azMode == "cross-az" {
		v.PreferredAvailabilityZone = new("Multiple")
	}
	if cluster.status() != creating {
		v.ConfigurationEndpoint = endpoint(cluster.id+".abc123.cfg.use1.cache.amazonaws.com", cluster.port)
	}
	for i := range int(cluster.count) {
		v.CacheNodes = append(v.CacheNodes, types.CacheNode{
			CacheNodeId: new(fmt.Sprintf("%04d", i+1)), CacheNodeStatus: new(cluster.status()),
			CustomerAvailabilityZone: new(r.name + string(rune('a'+i%2))),
		})
	}
	return v
}

func describeCacheClusters(c *call) (any, error) {
	id := lower(c.text("CacheClusterId"))
	out := &elasticache.DescribeCacheClustersOutput{CacheClusters: []types.CacheCluster{}}
	if c.yes("ShowCacheClustersNotInReplicationGroups", false) && id == "" || c.clusters[id] != nil || id == "" {
		for _, name := range slices.Sorted(maps.Keys(c.clusters)) {
			if id != "" && name != id {
				continue
			}
			cluster := c.clusters[name]
			cluster.poll()
			if c.clusters[name] == nil {
				continue
			}
			v := cluster.view(c.region)
			if !c.yes("ShowCacheNodeInfo", false) {
				v.CacheNodes = nil
			}
			out.CacheClusters = append(out.CacheClusters, *v)
		}
	}
	if !c.yes("ShowCacheClustersNotInReplicationGroups", false) {
		members := c.members()
		for _, name := range slices.Sorted(maps.Keys(members)) {
			if id == "" || id == name {
				out.CacheClusters = append(out.CacheClusters, *members[name])
			}
		}
	}
	if id != "" && len(out.CacheClusters) == 0 {
		return nil, noCluster(id)
	}
	return out, nil
}

func (c *call) changeableCluster() (*cacheCluster, error) {
	id := lower(c.text("CacheClusterId"))
	cluster := c.clusters[id]
	if cluster == nil {
		return nil, noCluster(id)
	}
	if cluster.status() != available {
		return nil, refuse("InvalidCacheClusterState", "Cache cluster %s is not in available state.", id)
	}
	return cluster, nil
}

func modifyCacheCluster(c *call) (any, error) {
	cluster, err := c.changeableCluster()
	if err != nil {
		return nil, err
	}
	if c.settings() == 0 {
		return nil, combination("No modifications were requested")
	}
	if kind := c.text("CacheNodeType"); cluster.engine == "memcached" && kind != "" && kind != cluster.nodeType {
		return nil, combination("The node type of a memcached cluster cannot be changed.")
	}
	effect, err := c.newValues(cluster.nodes)
	if err != nil {
		return nil, err
	}
	count, gone := c.number("NumCacheNodes", cluster.count), c.list("CacheNodeIdsToRemove")
	mode := first(c.text("AZMode"), cluster.azMode)
	switch {
	case count < 1 || count > 40:
		return nil, invalid("The number of nodes must be from 1 to 40.")
	case count < cluster.count && int32(len(gone)) != cluster.count-count:
		return nil, combination("CacheNodeIdsToRemove must name the nodes to remove.")
	case c.text("AZMode") == "cross-az" && count < 2:
		return nil, combination("Cross-AZ needs at least 2 nodes.")
	}
	cluster.start(modifying, func() {
		effect()
		if cluster.count, cluster.azMode = count, mode; count == 1 {
			cluster.azMode = "single-az"
		}
	})
	return &elasticache.ModifyCacheClusterOutput{CacheCluster: cluster.view(c.region)}, nil
}

func deleteCacheCluster(c *call) (any, error) {
	cluster, err := c.changeableCluster()
	if err != nil {
		return nil, err
	}
	if c.text("FinalSnapshotIdentifier") != "" && cluster.engine == "memcached" {
		return nil, refuse("SnapshotFeatureNotSupportedFault", "Snapshots are not supported for memcached.")
	}
	id := cluster.id
	cluster.start(deleting, func() {
		delete(c.clusters, id)
		delete(c.tags, cluster.arn)
	})
	return &elasticache.DeleteCacheClusterOutput{CacheCluster: cluster.view(c.region)}, nil
}

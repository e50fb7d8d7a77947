package elasticachefake

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/elasticache"
	"github.com/aws/aws-sdk-go-v2/service/elasticache/types"
)

// replicationGroup is a replication group.
type replicationGroup struct {
	*nodes
	id, arn, description string
	created              time.Time
	replicas             int32
	shards               []string // their ids
	clusterMode          types.ClusterMode
	failover, multiAZ    bool
	atRest               bool
	key                  *string
	transit              bool
	transitMode          types.TransitEncryptionMode
	token                string
	spare                string // the token before, which counts until the strategy SET
	userGroups           []string
	slots                int // of shards made so far
	restored             string
}

func noGroup(id string) error {
	return missing("ReplicationGroupNotFoundFault", "ReplicationGroup %s not found.", id)
}

func (g *replicationGroup) clustered() bool { return g.clusterMode == types.ClusterModeEnabled }

func createReplicationGroup(c *call) (any, error) {
	id := lower(c.text("ReplicationGroupId"))
	if c.groups[id] != nil {
		return nil, refuse("ReplicationGroupAlreadyExists", "Replication group %s already exists.", id)
	}
	if len(id) > 40 || strings.HasSuffix(id, "-") || strings.Contains(id, "--") {
		return nil, invalid("The parameter ReplicationGroupIdentifier is not a valid identifier: %s", id)
	}
	engine := first(lower(c.text("Engine")), "redis")
	if engine == "memcached" {
		return nil, invalid("Replication groups need the engine valkey or redis")
	}
	n, err := c.newNodes(engine)
	if err != nil {
		return nil, err
	}
	mode := types.ClusterMode(first(c.text("ClusterMode"), "disabled"))
	if p := c.parameters[n.parameterGroup]; p != nil && c.text("ClusterMode") == "" &&
		p.values["cluster-enabled"] == "yes" {
		mode = types.ClusterModeEnabled
	}
	shards := c.number("NumNodeGroups", 1)
	if c.text("ClusterMode") == "" && shards > 1 {
		mode = types.ClusterModeEnabled
	}
	count := c.number("NumCacheClusters", 1)
	g := &replicationGroup{
		nodes: n, id: id, arn: c.arn("replicationgroup", id), description: c.text("ReplicationGroupDescription"),
		created: c.fake.clock, replicas: c.number("ReplicasPerNodeGroup", count-1), clusterMode: mode,
		failover: c.yes("AutomaticFailoverEnabled", mode == types.ClusterModeEnabled),
		multiAZ:  c.yes("MultiAZEnabled", false),
		atRest:   c.yes("AtRestEncryptionEnabled", engine == "valkey"), key: c.optional("KmsKeyId"),
		transit:     c.yes("TransitEncryptionEnabled", false),
		transitMode: types.TransitEncryptionMode(c.text("TransitEncryptionMode")),
		token:       c.text("AuthToken"), userGroups: c.list("UserGroupIds"), restored: c.text("SnapshotName"),
	}
	if err := c.checkGroup(g); err != nil {
		return nil, err
	}
	if g.restored != "" && c.snapshots[g.restored] == nil {
		return nil, missing("SnapshotNotFoundFault", "Snapshot %s not found", g.restored)
	}
	if shards > 1 && mode == types.ClusterModeDisabled {
		return nil, combination("More than one node group needs cluster mode.")
	}
	for range shards {
		g.addShard()
	}
	if err := c.tag(g.arn); err != nil {
		return nil, err
	}
	g.start(creating, func() {})
	c.groups[id] = g
	return &elasticache.CreateReplicationGroupOutput{ReplicationGroup: g.view(c.region)}, nil
}

// modeSince is the oldest version of Redis OSS whose TLS has a mode.
const modeSince = "7.0.5"

// mode is how the group takes connections without TLS. AWS shows none for versions that have none.
func (g *replicationGroup) mode() types.TransitEncryptionMode {
	if g.transit && g.transitMode == "" && !(g.engine == "redis" && before(g.version, modeSince)) {
		return types.TransitEncryptionModeRequired
	}
	return g.transitMode
}

// addShard adds a node group with the next id.
func (g *replicationGroup) addShard() {
	g.slots++
	g.shards = append(g.shards, fmt.Sprintf("%04d", g.slots))
}

// checkGroup refuses what AWS refuses of a group, new or changed.
func (c *call) checkGroup(g *replicationGroup) error {
	nodes := int(g.replicas + 1)
	switch {
	case g.replicas < 0 || g.replicas > 5:
		return invalid("Replication group must have between 1 and 6 cache clusters.")
	case g.failover && nodes < 2 && !g.clustered():
		return combination("When using automatic failover, there must be at least 2 cache clusters in the " +
			"replication group.")
	case g.clustered() && !g.failover:
		return combination("Automatic failover must be enabled in cluster mode.")
	case g.multiAZ && !g.failover:
		return combination("Must have AutomaticFailover enabled to enable MultiAZ.")
	case g.multiAZ && nodes < 2:
		return combination("Multi-AZ needs at least one replica in each node group.")
	case g.token != "" && !g.transit:
		return combination("AuthToken can be specified only when transit encryption is enabled.")
	case g.token != "" && (len(g.token) < 16 || len(g.token) > 128 || strings.ContainsAny(g.token, `/"@% `)):
		return invalid("The AuthToken is not valid.")
	case g.token != "" && len(g.userGroups) > 0:
		return combination("User group can't be associated with auth token enabled. Pass AuthStrategy " +
			"delete to proceed")
	case len(g.userGroups) > 1:
		return invalid("A replication group can have one user group.")
	case len(g.userGroups) > 0 && !g.transit:
		return combination("User group based access control requires encryption-in-transit to be enabled.")
	case !g.transit && g.transitMode != "":
		return combination("TransitEncryptionMode needs TransitEncryptionEnabled.")
	case g.transitMode != "" && g.engine == "redis" && before(g.version, modeSince):
		return combination("Transit encryption mode is not supported for engine version %s. Please use engine "+
			"version %s or higher.", g.version, modeSince)
	case g.key != nil && !g.atRest:
		return combination("KmsKeyId needs AtRestEncryptionEnabled.")
	}
	if len(g.userGroups) > 0 {
		return c.usable(g.userGroups[0], g.engine)
	}
	return nil
}

// clusterIDs are the nodes of the group, as the cache clusters that AWS makes of them.
func (g *replicationGroup) clusterIDs() []string {
	var out []string
	for _, shard := range g.shards {
		for i := range int(g.replicas) + 1 {
			id := fmt.Sprintf("%s-%03d", g.id, i+1)
			if g.clustered() {
				id = fmt.Sprintf("%s-%s-%03d", g.id, shard, i+1)
			}
			out = append(out, id)
		}
	}
	return out
}

func endpoint(host string, port int32) *types.Endpoint {
	return &types.Endpoint{Address: &host, Port: &port}
}

func enabled(yes bool) string {
	if yes {
		return "enabled"
	}
	return "disabled"
}

// view is the group as DescribeReplicationGroups shows it.
func (g *replicationGroup) view(r *region) *types.ReplicationGroup {
	status := g.status()
	v := &types.ReplicationGroup{
		ReplicationGroupId: &g.id, Description: &g.description, ARN: &g.arn, Status: &status, Engine: &g.engine,
		CacheNodeType: &g.nodeType, MemberClusters: g.clusterIDs(), NodeGroups: []types.NodeGroup{},
		AutomaticFailover: types.AutomaticFailoverStatus(enabled(g.failover)),
		MultiAZ:           types.MultiAZStatus(enabled(g.multiAZ)), ClusterEnabled: new(g.clustered()),
		ClusterMode: g.clusterMode, AtRestEncryptionEnabled: &g.atRest, KmsKeyId: g.key,
		TransitEncryptionEnabled: &g.transit, TransitEncryptionMode: g.mode(),
		AuthTokenEnabled: new(g.token != ""), SnapshotRetentionLimit: &g.retention, SnapshotWindow: &g.snapshotWindow,
		UserGroupIds: append([]string{}, g.userGroups...), LogDeliveryConfigurations: g.logs,
		ReplicationGroupCreateTime: &g.created, DataTiering: types.DataTieringStatusDisabled,
		AutoMinorVersionUpgrade: &g.minorUpgrades, NetworkType: types.NetworkTypeIpv4,
		IpDiscovery:           types.IpDiscoveryIpv4,
		PendingModifiedValues: &types.ReplicationGroupPendingModifiedValues{},
	}
	if v.LogDeliveryConfigurations == nil {
		v.LogDeliveryConfigurations = []types.LogDeliveryConfiguration{}
	}
	if status == creating {
		return v // its endpoints are not known yet
	}
	domain := "." + "abc123." + "use1.cache.amazonaws.com"
	for _, shard := range g.shards {
		n := types.NodeGroup{NodeGroupId: &shard, Status: &status}
		if !g.clustered() {
			n.PrimaryEndpoint = endpoint("master."+g.id+domain, g.port)
			n.ReaderEndpoint = endpoint("replica."+g.id+domain, g.port)
			if !g.transit {
				n.PrimaryEndpoint = endpoint(g.id+".abc123.ng.0001.use1.cache.amazonaws.com", g.port)
				n.ReaderEndpoint = endpoint(g.id+"-ro.abc123.ng.0001.use1.cache.amazonaws.com", g.port)
			}
		}
		zones := []string{r.name + "a", r.name + "b"}
		for i := range int(g.replicas) + 1 {
			n.NodeGroupMembers = append(n.NodeGroupMembers, types.NodeGroupMember{
				CacheClusterId:            new(v.MemberClusters[len(v.NodeGroups)*(int(g.replicas)+1)+i]),
				CacheNodeId:               new("0001"),
				PreferredAvailabilityZone: new(zones[i%len(zones)]),
			})
		}
		v.NodeGroups = append(v.NodeGroups, n)
	}
	if g.clustered() {
		v.ConfigurationEndpoint = endpoint("clustercfg."+g.id+domain, g.port)
	}
	return v
}

func describeReplicationGroups(c *call) (any, error) {
	id := c.text("ReplicationGroupId")
	found, err := all(c.groups, id, func() error { return noGroup(id) })
	out := &elasticache.DescribeReplicationGroupsOutput{ReplicationGroups: []types.ReplicationGroup{}}
	for _, g := range found {
		g.poll()
		if c.groups[g.id] == nil {
			if id != "" {
				return nil, noGroup(id)
			}
			continue
		}
		out.ReplicationGroups = append(out.ReplicationGroups, *g.view(c.region))
	}
	return out, err
}

// changeable returns a group that is available.
func (c *call) changeable() (*replicationGroup, error) {
	id := lower(c.text("ReplicationGroupId"))
	g := c.groups[id]
	if g == nil {
		return nil, noGroup(id)
	}
	if g.status() != available {
		return nil, refuse("InvalidReplicationGroupState", "Replication group %s is not in available state.", id)
	}
	return g, nil
}

func modifyReplicationGroup(c *call) (any, error) {
	g, err := c.changeable()
	if err != nil {
		return nil, err
	}
	if c.settings() == 0 {
		return nil, combination("No modifications were requested")
	}
	effect, err := c.newValues(g.nodes)
	if err != nil {
		return nil, err
	}
	next := *g
	next.description = first(c.text("ReplicationGroupDescription"), g.description)
	next.failover = c.yes("AutomaticFailoverEnabled", g.failover)
	next.multiAZ = c.yes("MultiAZEnabled", g.multiAZ)
	next.transit = c.yes("TransitEncryptionEnabled", g.transit)
	next.transitMode = types.TransitEncryptionMode(first(c.text("TransitEncryptionMode"), string(g.transitMode)))
	if !next.transit {
		next.transitMode = ""
	}
	next.clusterMode = types.ClusterMode(first(c.text("ClusterMode"), string(g.clusterMode)))
	switch {
	case !g.transit && next.transit && next.transitMode != types.TransitEncryptionModePreferred,
		g.transit && !next.transit && g.mode() != types.TransitEncryptionModePreferred:
		return nil, combination("Encryption in transit is switched on and off through the mode preferred.")
	case next.clusterMode != g.clusterMode && g.clusterMode != types.ClusterModeCompatible &&
		next.clusterMode != types.ClusterModeCompatible:
		return nil, combination("Cluster mode is changed through the mode compatible.")
	case g.clustered() && !next.clustered():
		return nil, combination("Cluster mode cannot be switched off.")
	case g.retention == 0 && c.number("SnapshotRetentionLimit", 0) > 0 && !g.clustered() &&
		!slices.Contains(g.clusterIDs(), c.text("SnapshottingClusterId")):
		return nil, combination("Must specify both SnapshotRetentionLimit and SnapshottingClusterId to turn on " +
			"snapshots")
	case g.clustered() && c.text("SnapshottingClusterId") != "":
		return nil, combination("Cannot set snapshotting cluster for cluster mode enabled replication group")
	}
	if err := c.newAccess(g, &next); err != nil {
		return nil, err
	}
	if err := c.checkGroup(&next); err != nil {
		return nil, err
	}
	g.start(modifying, func() {
		shared := g.nodes
		*g = next
		g.nodes = shared
		effect()
	})
	return &elasticache.ModifyReplicationGroupOutput{ReplicationGroup: g.view(c.region)}, nil
}

// newAccess reads what a modification says about tokens and users.
func (c *call) newAccess(g, next *replicationGroup) error {
	token, strategy := c.text("AuthToken"), first(c.text("AuthTokenUpdateStrategy"), "ROTATE")
	switch {
	case token == "" && strategy == "DELETE":
		next.token, next.spare = "", ""
	case token == "":
	case c.settings() > 2:
		return combination("The AuthToken cannot be changed together with other settings.")
	case len(g.userGroups) > 0:
		return combination("Auth tokens can't be enabled with a user group already associated. " +
			"Pass RemoveUserGroups to proceed.")
	case strategy == "SET" && g.spare == "" && g.token != token:
		return combination("The strategy SET is allowed only after ROTATE.")
	case strategy == "SET":
		next.token, next.spare = token, ""
	default:
		next.spare, next.token = g.token, token
	}
	groups := slices.Clone(g.userGroups)
	if c.yes("RemoveUserGroups", false) {
		groups = nil
	}
	for _, id := range c.list("UserGroupIdsToRemove") {
		groups = slices.DeleteFunc(groups, func(have string) bool { return have == id })
	}
	next.userGroups = append(groups, c.list("UserGroupIdsToAdd")...)
	return nil
}

func increaseReplicas(c *call) (any, error) {
	g, err := c.changeable()
	if err != nil {
		return nil, err
	}
	count := c.number("NewReplicaCount", g.replicas)
	switch {
	case count <= g.replicas:
		return nil, invalid("Number of replicas must be larger than the present number, %d.", g.replicas)
	case count > 5:
		return nil, invalid("A node group can have at most 5 replicas.")
	}
	g.start(modifying, func() { g.replicas = count })
	return &elasticache.IncreaseReplicaCountOutput{ReplicationGroup: g.view(c.region)}, nil
}

func decreaseReplicas(c *call) (any, error) {
	g, err := c.changeable()
	if err != nil {
		return nil, err
	}
	count := c.number("NewReplicaCount", g.replicas)
	switch {
	case count >= g.replicas:
		return nil, invalid("Number of replicas must be smaller than the present number, %d.", g.replicas)
	case count < 1 && (g.failover && !g.clustered() || g.multiAZ):
		return nil, combination("Must have at least one replica for automatic failover.")
	}
	g.start(modifying, func() { g.replicas = count })
	return &elasticache.DecreaseReplicaCountOutput{ReplicationGroup: g.view(c.region)}, nil
}

func reshard(c *call) (any, error) {
	g, err := c.changeable()
	if err != nil {
		return nil, err
	}
	count, gone := int(c.number("NodeGroupCount", 0)), c.list("NodeGroupsToRemove")
	switch {
	case !g.clustered():
		return nil, combination("Only replication groups in cluster mode can be resharded.")
	case count < 1 || count == len(g.shards):
		return nil, invalid("NodeGroupCount must differ from the present number of node groups.")
	case count < len(g.shards) && len(gone) != len(g.shards)-count:
		return nil, combination("NodeGroupsToRemove must name the node groups to remove.")
	}
	g.start(modifying, func() {
		g.shards = slices.DeleteFunc(g.shards, func(id string) bool { return slices.Contains(gone, id) })
		for len(g.shards) < count {
			g.addShard()
		}
	})
	return &elasticache.ModifyReplicationGroupShardConfigurationOutput{ReplicationGroup: g.view(c.region)}, nil
}

func deleteReplicationGroup(c *call) (any, error) {
	g, err := c.changeable()
	if err != nil {
		return nil, err
	}
	if err := c.finalSnapshot(c.text("FinalSnapshotIdentifier"), g); err != nil {
		return nil, err
	}
	id := g.id
	g.start(deleting, func() {
		delete(c.groups, id)
		delete(c.tags, g.arn)
	})
	return &elasticache.DeleteReplicationGroupOutput{ReplicationGroup: g.view(c.region)}, nil
}

// snapshot is a snapshot of a cache.
type snapshot struct{ types.Snapshot }

func (c *call) finalSnapshot(name string, g *replicationGroup) error {
	if name == "" {
		return nil
	}
	if c.snapshots[name] != nil {
		return refuse("SnapshotAlreadyExistsFault", "Snapshot %s already exists.", name)
	}
	c.snapshots[name] = &snapshot{types.Snapshot{
		SnapshotName: &name, ReplicationGroupId: new(g.id), SnapshotStatus: new(available), Engine: new(g.engine),
		EngineVersion: new(g.version), CacheNodeType: new(g.nodeType), SnapshotSource: new("manual"),
		ARN: new(c.arn("snapshot", name)),
	}}
	c.tags[c.arn("snapshot", name)] = map[string]string{}
	return nil
}

func describeSnapshots(c *call) (any, error) {
	name := c.text("SnapshotName")
	found, err := all(c.snapshots, name, func() error {
		return missing("SnapshotNotFoundFault", "Snapshot %s not found", name)
	})
	out := &elasticache.DescribeSnapshotsOutput{Snapshots: []types.Snapshot{}}
	for _, s := range found {
		out.Snapshots = append(out.Snapshots, s.Snapshot)
	}
	return out, err
}

func deleteSnapshot(c *call) (any, error) {
	name := c.text("SnapshotName")
	s := c.snapshots[name]
	if s == nil {
		return nil, missing("SnapshotNotFoundFault", "Snapshot %s not found", name)
	}
	delete(c.snapshots, name)
	return &elasticache.DeleteSnapshotOutput{Snapshot: &s.Snapshot}, nil
}

// members are the cache clusters that are nodes of replication groups.
func (c *call) members() map[string]*types.CacheCluster {
	out := map[string]*types.CacheCluster{}
	for _, name := range slices.Sorted(maps.Keys(c.groups)) {
		g := c.groups[name]
		for _, id := range g.clusterIDs() {
			v := g.nodes.view(c.region, id)
			v.ReplicationGroupId, v.NumCacheNodes = &g.id, new(int32(1))
			v.AuthTokenEnabled, v.AtRestEncryptionEnabled = new(g.token != ""), &g.atRest
			v.TransitEncryptionEnabled, v.TransitEncryptionMode = &g.transit, g.mode()
			out[id] = v
		}
	}
	return out
}

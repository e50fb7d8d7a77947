package elasticache

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticache"
	"github.com/aws/aws-sdk-go-v2/service/elasticache/types"
	"golang.org/x/sync/errgroup"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/tagging"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/elasticache"
	"github.com/company/deployer/internal/value"
)

// replicationGroupLimit is how many characters ElastiCache allows for the id of a replication group.
const replicationGroupLimit = 40

type (
	replicationGroupCall = resource.Call[model.ReplicationGroup, model.ReplicationGroupOutputs]
	replicationGroup     struct{ *api }
)

func newReplicationGroup(a *api) resource.Behaviour {
	g := replicationGroup{a}
	return &resource.Typed[model.ReplicationGroup, model.ReplicationGroupOutputs]{
		Def: resource.Definition{
			Type: model.ReplicationGroupType, Version: 1,
			ReplaceOn: []string{"port", "atRestEncryption", "kmsKey"}, HashedName: "name",
			NameLimit: replicationGroupLimit, CreateOnly: []string{"restoreFrom"},
			Replaces: replacesGroup, Consequence: groupConsequence,
			Deleting: func(old value.Value) resource.Deleting {
				if old.Get("finalSnapshot").Bool() {
					return resource.Deleting{Keeps: "its data in a final snapshot"}
				}
				return resource.Deleting{Loses: true}
			},
			NotYet: []resource.NotYet{
				{
					Operations: []string{"elasticache:CreateReplicationGroup"},
					Codes:      []string{"CacheSubnetGroupNotFoundFault", "CacheParameterGroupNotFound"},
				},
				{
					Operations: []string{"elasticache:CreateReplicationGroup", "elasticache:ModifyReplicationGroup"},
					Codes:      []string{"InvalidParameterValue", "InvalidParameterCombination"},
					Says:       []string{"security group", "log group", "destination"},
				},
				{
					Operations: []string{"elasticache:CreateReplicationGroup", "elasticache:ModifyReplicationGroup"},
					Codes:      []string{"UserGroupNotFound", "InvalidUserGroupState"}, Within: 5 * time.Minute,
				},
			},
			Permissions: groupPermissions,
		},
		CheckProps: checkReplicationGroup, CreateObject: g.create, ReadObject: g.read, UpdateObject: g.update,
		AwaitReady: g.awaitReady, DeleteObject: g.delete, Find: g.find, Taggable: true,
	}
}

func groupPermissions(s resource.Scope) []resource.Statement {
	groups := own(s, "replicationgroup", replicationGroupLimit)
	clusters := own(s, "cluster", replicationGroupLimit)
	parameters := own(s, "parametergroup", groupNameLimit)
	users := own(s, "usergroup", userLimit)
	snapshots := own(s, "snapshot", groupNameLimit)
	given := func(property string) bool { return s.Props.IsNull() || !s.Props.Get(property).IsNull() }
	statements := []resource.Statement{
		{On: groups, Actions: append([]string{
			"elasticache:CreateReplicationGroup", "elasticache:DescribeReplicationGroups",
			"elasticache:ModifyReplicationGroup", "elasticache:IncreaseReplicaCount",
			"elasticache:DecreaseReplicaCount", "elasticache:ModifyReplicationGroupShardConfiguration",
			"elasticache:DeleteReplicationGroup",
		}, tagActions...)},
		{
			On:      slices.Concat(clusters, parameters, own(s, "subnetgroup", groupNameLimit)),
			Actions: []string{"elasticache:CreateReplicationGroup"},
		},
		{On: parameters, Actions: []string{"elasticache:ModifyReplicationGroup"}},
		{On: clusters, Actions: []string{"elasticache:DescribeCacheClusters", "elasticache:AddTagsToResource"}},
		{
			On: slices.Concat(groups, snapshots), Actions: []string{"elasticache:CreateSnapshot"},
			Why: "a final snapshot at the delete",
		},
		{On: snapshots, Actions: []string{"elasticache:DeleteReplicationGroup"}, Why: "a final snapshot at the delete"},
	}
	if given("restoreFrom") {
		statements = append(statements, resource.Statement{
			On: []string{s.ARN("elasticache", "snapshot:*")}, Actions: []string{"elasticache:CreateReplicationGroup"},
			Why: "a cache that is filled from a snapshot",
		})
	}
	if given("userGroup") {
		statements = append(statements, resource.Statement{
			On:      users,
			Actions: []string{"elasticache:CreateReplicationGroup", "elasticache:ModifyReplicationGroup"},
		})
	}
	if given("passwordSecret") {
		statements = append(statements, readingSecret(s))
	}
	return slices.Concat(statements, placing(s), delivering(s), encrypting(s))
}

var (
	windowForm = regexp.MustCompile(`^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$`)
	weeklyForm = regexp.MustCompile(
		`^(sun|mon|tue|wed|thu|fri|sat):([01][0-9]|2[0-3]):[0-5][0-9]-(sun|mon|tue|wed|thu|fri|sat):([01][0-9]|2[0-3]):[0-5][0-9]$`,
	)
)

// set gives a property that is not given its default.
func set[T any](p **T, unset T) {
	if *p == nil {
		*p = &unset
	}
}

func checkReplicationGroup(p *model.ReplicationGroup) []value.Problem {
	var problems value.Problems
	checkName(&p.Name, &problems)
	checkDescription(p.Description, &problems)
	p.SecurityGroups = asSet(p.SecurityGroups)
	set(&p.Port, model.Port)
	set(&p.Failover, p.Nodes > 1 || p.Shards != nil)
	set(&p.MultiAZ, p.Nodes > 1)
	set(&p.AtRestEncryption, true)
	set(&p.MinorUpgrades, true)
	set(&p.SnapshotRetention, 0)
	if p.TransitEncryption == "" {
		p.TransitEncryption = model.Required
	}
	if p.Nodes < 1 || p.Nodes > 6 {
		problems.Bad("nodes", "must be from 1 to 6: the primary and at most 5 replicas")
	}
	if p.Shards != nil && (*p.Shards < 1 || *p.Shards > 500) {
		problems.Bad("shards", "must be from 1 to 500")
	}
	if *p.Failover && p.Nodes < 2 && p.Shards == nil {
		problems.Bad("failover", "needs a replica that can take over: at least 2 nodes")
	}
	if !*p.Failover && p.Shards != nil {
		problems.Bad("failover", "cannot be switched off in cluster mode")
	}
	if *p.MultiAZ && (!*p.Failover || p.Nodes < 2) {
		problems.Bad("multiAz", "needs failover and at least 2 nodes")
	}
	if p.KMSKey != "" && !*p.AtRestEncryption {
		problems.Bad("kmsKey", "needs atRestEncryption")
	}
	if p.PasswordSecret.IsSet() && p.UserGroup.IsSet() {
		problems.Bad("passwordSecret", "a cache has either an AUTH token or users")
	}
	if p.TransitEncryption != model.Required && (p.PasswordSecret.IsSet() || p.UserGroup.IsSet()) {
		problems.Bad("transitEncryption",
			"must be required where clients authenticate: passwords would be sent in clear")
	}
	if *p.SnapshotRetention < 0 || *p.SnapshotRetention > 35 {
		problems.Bad("snapshotRetention", "must be from 0 to 35 days")
	}
	checkWindows(p.SnapshotWindow, p.MaintenanceWindow, &problems)
	if text := model.NodeTypeFault(p.Engine, p.EngineVersion, p.NodeType); text != "" {
		problems.Bad("nodeType", "%s %s", p.NodeType, text)
	}
	return problems
}

func checkWindows(daily, weekly string, problems *value.Problems) {
	if daily != "" && !windowForm.MatchString(daily) {
		problems.Bad("snapshotWindow", "%q is not a time range in UTC such as 03:00-04:00", daily)
	}
	if weekly != "" && !weeklyForm.MatchString(weekly) {
		problems.Bad("maintenanceWindow", "%q is not a weekly time range in UTC such as sun:05:00-sun:06:00", weekly)
	}
}

// replacesGroup: what AWS cannot change in place depends on the direction.
func replacesGroup(old, desired value.Value) []string {
	var was, wanted model.ReplicationGroup
	value.Decode(old, &was)
	value.Decode(desired, &wanted)
	out := []string{"subnetGroup"}
	crosses := was.Engine == model.Redis && wanted.Engine == model.Valkey
	if was.Engine != wanted.Engine && !crosses {
		out = append(out, "engine")
	}
	if !crosses && model.Compare(wanted.EngineVersion, was.EngineVersion) < 0 {
		out = append(out, "engineVersion")
	}
	if (was.Shards == nil) != (wanted.Shards == nil) {
		out = append(out, "shards")
	}
	if was.TransitEncryption != wanted.TransitEncryption &&
		(was.TransitEncryption == model.Disabled || wanted.TransitEncryption == model.Disabled) &&
		wanted.Engine == model.Redis && model.Compare(was.EngineVersion, "7.0") < 0 {
		out = append(out, "transitEncryption")
	}
	if model.Tiered(was.NodeType) != model.Tiered(wanted.NodeType) {
		out = append(out, "nodeType")
	}
	return out
}

// groupConsequence: without a replica, a node that AWS exchanges takes its data with it.
func groupConsequence(c resource.Change) plan.Consequence {
	var was model.ReplicationGroup
	value.Decode(c.Old, &was)
	for _, name := range c.Changed {
		switch name {
		case "port", "atRestEncryption", "kmsKey":
			return plan.DataLoss
		case "subnetGroup", "shards":
			if name != "shards" || c.Old.Get(name).IsNull() || c.Desired.Get(name).IsNull() {
				return plan.DataLoss
			}
		}
	}
	if replaced := replacesGroup(c.Old, c.Desired); slices.ContainsFunc(replaced, func(name string) bool {
		return name != "subnetGroup" && slices.Contains(c.Changed, name)
	}) {
		return plan.DataLoss
	}
	for _, name := range c.Changed {
		switch name {
		case "engine", "engineVersion", "nodeType", "transitEncryption":
			return plan.Rolling
		}
	}
	return plan.InPlace
}

func (g replicationGroup) create(
	ctx context.Context, c replicationGroupCall,
) (string, model.ReplicationGroupOutputs, error) {
	p := c.Props
	in := &elasticache.CreateReplicationGroupInput{
		ReplicationGroupId: &p.Name, ReplicationGroupDescription: &p.Description, Engine: &p.Engine,
		EngineVersion: &p.EngineVersion, CacheNodeType: &p.NodeType,
		CacheParameterGroupName: new(p.ParameterGroup.Get()), CacheSubnetGroupName: new(p.SubnetGroup.Get()),
		SecurityGroupIds: p.SecurityGroups.Get(), Port: new(int32(*p.Port)), AutomaticFailoverEnabled: p.Failover,
		MultiAZEnabled: p.MultiAZ, AtRestEncryptionEnabled: p.AtRestEncryption,
		TransitEncryptionEnabled: new(p.TransitEncryption != model.Disabled),
		SnapshotRetentionLimit:   new(int32(*p.SnapshotRetention)), AutoMinorVersionUpgrade: p.MinorUpgrades,
		KmsKeyId: given(p.KMSKey), SnapshotWindow: given(p.SnapshotWindow), SnapshotName: given(p.RestoreFrom),
		PreferredMaintenanceWindow: given(p.MaintenanceWindow),
		LogDeliveryConfigurations:  deliveries(model.ReplicationGroup{}, p),
		Tags:                       tags(c.Request, p.Tags),
	}
	if model.Tiered(p.NodeType) {
		in.DataTieringEnabled = aws.Bool(true)
	}
	if p.TransitEncryption != model.Disabled {
		in.TransitEncryptionMode = types.TransitEncryptionMode(p.TransitEncryption)
	}
	if p.Shards != nil {
		in.ClusterMode, in.NumNodeGroups = types.ClusterModeEnabled, new(int32(*p.Shards))
		in.ReplicasPerNodeGroup = new(int32(p.Nodes - 1))
	} else {
		in.NumCacheClusters = new(int32(p.Nodes))
	}
	if id := p.UserGroup.Get(); id != "" {
		in.UserGroupIds = []string{id}
	}
	if secret := p.PasswordSecret.Get(); secret != "" {
		token, err := g.password(ctx, secret)
		if err != nil {
			return "", model.ReplicationGroupOutputs{}, err
		}
		in.AuthToken = &token
	}
	made, err := g.client.CreateReplicationGroup(ctx, in)
	if err != nil {
		return "", model.ReplicationGroupOutputs{}, failed(err)
	}
	return p.Name, groupOutputs(*made.ReplicationGroup), nil
}

// given is a text, nil without one.
func given(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// deliveries are the changes of log deliveries from old to wanted.
func deliveries(old, wanted model.ReplicationGroup) []types.LogDeliveryConfigurationRequest {
	var out []types.LogDeliveryConfigurationRequest
	for _, log := range []struct {
		kind     types.LogType
		was, now string
	}{
		{types.LogTypeSlowLog, old.SlowLog.Get(), wanted.SlowLog.Get()},
		{types.LogTypeEngineLog, old.EngineLog.Get(), wanted.EngineLog.Get()},
	} {
		switch {
		case log.was == log.now:
		case log.now == "":
			out = append(out, types.LogDeliveryConfigurationRequest{LogType: log.kind, Enabled: aws.Bool(false)})
		default:
			out = append(out, types.LogDeliveryConfigurationRequest{
				LogType: log.kind, Enabled: aws.Bool(true), LogFormat: types.LogFormatJson,
				DestinationType: types.DestinationTypeCloudWatchLogs,
				DestinationDetails: &types.DestinationDetails{
					CloudWatchLogsDetails: &types.CloudWatchLogsDestinationDetails{LogGroup: new(log.now)},
				},
			})
		}
	}
	return out
}

func (g replicationGroup) describe(ctx context.Context, id string) (types.ReplicationGroup, error) {
	out, err := g.client.DescribeReplicationGroups(ctx, &elasticache.DescribeReplicationGroupsInput{
		ReplicationGroupId: &id,
	})
	if err != nil {
		return types.ReplicationGroup{}, failed(err)
	}
	if len(out.ReplicationGroups) == 0 {
		return types.ReplicationGroup{}, absent("elasticache:DescribeReplicationGroups", id)
	}
	return out.ReplicationGroups[0], nil
}

func groupOutputs(g types.ReplicationGroup) model.ReplicationGroupOutputs {
	out := model.ReplicationGroupOutputs{ARN: aws.ToString(g.ARN)}
	primary, reader := g.ConfigurationEndpoint, g.ConfigurationEndpoint
	if len(g.NodeGroups) > 0 && (primary == nil || aws.ToString(primary.Address) == "") {
		primary, reader = g.NodeGroups[0].PrimaryEndpoint, g.NodeGroups[0].ReaderEndpoint
	}
	if primary != nil {
		out.Endpoint, out.Port = aws.ToString(primary.Address), int(aws.ToInt32(primary.Port))
	}
	if reader != nil {
		out.ReaderEndpoint = aws.ToString(reader.Address)
	}
	return out
}

func (g replicationGroup) awaitReady(
	ctx context.Context, c replicationGroupCall,
) (model.ReplicationGroupOutputs, error) {
	if c.Old.Name == "" {
		c.Progress("waiting for the cache " + c.ID + "; AWS takes 5 to 15 minutes")
	}
	found, err := g.settled(ctx, c.Request, c.ID, c.Old.Name == "")
	return groupOutputs(found), err
}

// settled waits until the group is available.
func (g replicationGroup) settled(
	ctx context.Context, req resource.Request, id string, isNew bool,
) (types.ReplicationGroup, error) {
	var found types.ReplicationGroup
	told := ""
	err := call.Wait(ctx, changing, "cache "+id+" is available", func(ctx context.Context) (bool, error) {
		var err error
		found, err = g.describe(ctx, id)
		if isNew && gone(err) {
			return false, nil // not known everywhere yet
		}
		if err != nil {
			return false, err
		}
		switch status := aws.ToString(found.Status); status {
		case available:
			return true, nil
		case createFailed:
			return false, fmt.Errorf("AWS could not make the cache %s (%s): look at its events in the ElastiCache "+
				"console; delete it there, then apply again", id, status)
		case deletingNow:
			return false, fmt.Errorf("the cache %s is being deleted by somebody else: apply again when it is gone", id)
		default:
			if status != told && told != "" {
				req.Progress("the cache " + id + " is " + status)
			}
			told = status
			return false, nil
		}
	})
	return found, err
}

func (g replicationGroup) find(ctx context.Context, c replicationGroupCall) (string, map[string]string, error) {
	found, err := g.describe(ctx, c.Props.Name)
	if err != nil {
		return "", nil, err
	}
	labels, err := g.tagsOf(ctx, aws.ToString(found.ARN))
	return c.Props.Name, labels, err
}

func (g replicationGroup) read(
	ctx context.Context, c replicationGroupCall,
) (model.ReplicationGroup, model.ReplicationGroupOutputs, error) {
	found, err := g.describe(ctx, c.ID)
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
		labels, err = g.tagsOf(ctx, aws.ToString(found.ARN))
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
// dead run has made. While AWS makes a cache, it shows little of it.
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
	p.Tags = tagging.Seen(c.Request, labels)
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
	return asSet(value.Lit(groups))
}

// sameKey is the declared KMS key if AWS returns the same one in another form.
func sameKey(declared string, actual *string) string {
	key := aws.ToString(actual)
	if declared != "" && key != "" && (lastPart(declared) == lastPart(key)) {
		return declared
	}
	return key
}

// settle is how an update goes through the changes that ElastiCache makes one after the other.
type settle func(what string, change func() error) error

// update starts from what the group really is: an interrupted update may have made a part of the change.
func (g replicationGroup) update(
	ctx context.Context, c replicationGroupCall,
) (model.ReplicationGroupOutputs, error) {
	found, err := g.settled(ctx, c.Request, c.ID, false)
	if err != nil {
		return c.Out, err
	}
	c.Request.Seen = nil
	old, _, err := g.read(ctx, c)
	if err != nil {
		return c.Out, err
	}
	var step settle = func(what string, change func() error) error {
		c.Progress(what)
		if err := change(); err != nil {
			return failed(err)
		}
		found, err = g.settled(ctx, c.Request, c.ID, false)
		return err
	}
	for _, part := range []func(context.Context, replicationGroupCall, model.ReplicationGroup, settle) error{
		g.grow, g.modify, g.authenticate, g.shrink,
	} {
		if err := part(ctx, c, old, step); err != nil {
			return c.Out, err
		}
	}
	if old.Shards != nil && c.Props.Shards != nil && *old.Shards != *c.Props.Shards {
		if err := g.reshard(ctx, c, found, step); err != nil {
			return c.Out, err
		}
	}
	return groupOutputs(found), g.retag(ctx, c.Request, aws.ToString(found.ARN), c.Old.Tags, c.Props.Tags)
}

// grow adds replicas first: failover and several zones need them.
func (g replicationGroup) grow(
	ctx context.Context, c replicationGroupCall, old model.ReplicationGroup, step settle,
) error {
	if c.Props.Nodes <= old.Nodes {
		return nil
	}
	return step(fmt.Sprintf("growing from %d to %d nodes per shard", old.Nodes, c.Props.Nodes), func() error {
		_, err := g.client.IncreaseReplicaCount(ctx, &elasticache.IncreaseReplicaCountInput{
			ReplicationGroupId: &c.ID, ApplyImmediately: aws.Bool(true), NewReplicaCount: new(int32(c.Props.Nodes - 1)),
		})
		return err
	})
}

// shrink removes replicas last, after failover is switched off where none stays.
func (g replicationGroup) shrink(
	ctx context.Context, c replicationGroupCall, old model.ReplicationGroup, step settle,
) error {
	if c.Props.Nodes >= old.Nodes {
		return nil
	}
	return step(fmt.Sprintf("shrinking from %d to %d nodes per shard", old.Nodes, c.Props.Nodes), func() error {
		_, err := g.client.DecreaseReplicaCount(ctx, &elasticache.DecreaseReplicaCountInput{
			ReplicationGroupId: &c.ID, ApplyImmediately: aws.Bool(true), NewReplicaCount: new(int32(c.Props.Nodes - 1)),
		})
		return err
	})
}

// reshard changes the number of shards online. The last shards go.
func (g replicationGroup) reshard(
	ctx context.Context, c replicationGroupCall, found types.ReplicationGroup, step settle,
) error {
	in := &elasticache.ModifyReplicationGroupShardConfigurationInput{
		ReplicationGroupId: &c.ID, ApplyImmediately: aws.Bool(true), NodeGroupCount: new(int32(*c.Props.Shards)),
	}
	var ids []string
	for _, shard := range found.NodeGroups {
		ids = append(ids, aws.ToString(shard.NodeGroupId))
	}
	slices.Sort(ids)
	if *c.Props.Shards < len(ids) {
		in.NodeGroupsToRemove = ids[*c.Props.Shards:]
	}
	return step(fmt.Sprintf("moving the data from %d to %d shards", len(ids), *c.Props.Shards), func() error {
		_, err := g.client.ModifyReplicationGroupShardConfiguration(ctx, in)
		return err
	})
}

// modify makes what one call can change, and the second step of a change of the encryption.
func (g replicationGroup) modify(
	ctx context.Context, c replicationGroupCall, old model.ReplicationGroup, step settle,
) error {
	p := c.Props
	in := &elasticache.ModifyReplicationGroupInput{ReplicationGroupId: &c.ID, ApplyImmediately: aws.Bool(true)}
	any := false
	differs := func(yes bool) bool {
		any = any || yes
		return yes
	}
	if differs(p.Description != old.Description) {
		in.ReplicationGroupDescription = &p.Description
	}
	if differs(p.NodeType != old.NodeType) {
		in.CacheNodeType = &p.NodeType
	}
	if differs(p.Engine != old.Engine || p.EngineVersion != old.EngineVersion) {
		in.Engine, in.EngineVersion = &p.Engine, &p.EngineVersion
	}
	if differs(!value.Equal(p.ParameterGroup.Value(), old.ParameterGroup.Value())) {
		in.CacheParameterGroupName = new(p.ParameterGroup.Get())
	}
	if differs(!value.Equal(p.SecurityGroups.Value(), old.SecurityGroups.Value())) {
		in.SecurityGroupIds = p.SecurityGroups.Get()
	}
	if differs(*p.Failover != *old.Failover) {
		in.AutomaticFailoverEnabled = p.Failover
	}
	if differs(*p.MultiAZ != *old.MultiAZ) {
		in.MultiAZEnabled = p.MultiAZ
	}
	if differs(*p.SnapshotRetention != *old.SnapshotRetention) {
		in.SnapshotRetentionLimit = new(int32(*p.SnapshotRetention))
	}
	if differs(p.SnapshotWindow != "" && p.SnapshotWindow != old.SnapshotWindow) {
		in.SnapshotWindow = &p.SnapshotWindow
	}
	if differs(p.MaintenanceWindow != "" && p.MaintenanceWindow != old.MaintenanceWindow) {
		in.PreferredMaintenanceWindow = &p.MaintenanceWindow
	}
	if differs(*p.MinorUpgrades != *old.MinorUpgrades) {
		in.AutoMinorVersionUpgrade = p.MinorUpgrades
	}
	in.LogDeliveryConfigurations = deliveries(old, p)
	differs(len(in.LogDeliveryConfigurations) > 0)
	if any {
		if err := step("changing the cache "+c.ID, func() error {
			_, err := g.client.ModifyReplicationGroup(ctx, in)
			return err
		}); err != nil {
			return err
		}
	}
	return g.encrypt(ctx, c, old.TransitEncryption, step)
}

// encrypt changes the encryption of connections. Between required and disabled AWS wants the step preferred.
func (g replicationGroup) encrypt(ctx context.Context, c replicationGroupCall, old string, step settle) error {
	order := []string{model.Disabled, model.Preferred, model.Required}
	at, to := slices.Index(order, old), slices.Index(order, c.Props.TransitEncryption)
	for at != to {
		if at < to {
			at++
		} else {
			at--
		}
		in := &elasticache.ModifyReplicationGroupInput{
			ReplicationGroupId: &c.ID, ApplyImmediately: aws.Bool(true),
			TransitEncryptionEnabled: aws.Bool(order[at] != model.Disabled),
		}
		if order[at] != model.Disabled {
			in.TransitEncryptionMode = types.TransitEncryptionMode(order[at])
		}
		if err := step("encryption of connections becomes "+order[at], func() error {
			_, err := g.client.ModifyReplicationGroup(ctx, in)
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

// finalSnapshots is how many names a final snapshot may try.
const finalSnapshots = 9

// delete takes the final snapshot under a name that no earlier cache of this id has used.
func (g replicationGroup) delete(ctx context.Context, c replicationGroupCall) error {
	found, err := g.describe(ctx, c.ID)
	if err != nil {
		return err
	}
	if aws.ToString(found.Status) != deletingNow && aws.ToString(found.Status) != createFailed {
		if found, err = g.settled(ctx, c.Request, c.ID, false); err != nil {
			return err
		}
	}
	if aws.ToString(found.Status) != deletingNow {
		if err := g.deleteNow(ctx, c, found); err != nil {
			return err
		}
	}
	return call.Wait(ctx, changing, "cache "+c.ID+" is gone", func(ctx context.Context) (bool, error) {
		_, err := g.describe(ctx, c.ID)
		if gone(err) {
			return true, nil
		}
		return false, err
	})
}

func (g replicationGroup) deleteNow(ctx context.Context, c replicationGroupCall, found types.ReplicationGroup) error {
	in := &elasticache.DeleteReplicationGroupInput{ReplicationGroupId: &c.ID}
	snapshot := ""
	if c.Old.FinalSnapshot && aws.ToString(found.Status) != createFailed {
		snapshot = c.ID + "-final-" + aws.ToTime(found.ReplicationGroupCreateTime).UTC().Format("20060102150405")
	}
	for try := 1; ; try++ {
		if snapshot != "" {
			name := snapshot
			if try > 1 { // an earlier delete took a snapshot and did not end
				name = fmt.Sprintf("%s-%d", snapshot, try)
			}
			in.FinalSnapshotIdentifier = &name
			c.Progress("deleting the cache " + c.ID + ", and keeping its data in the snapshot " + name)
		}
		_, err := g.client.DeleteReplicationGroup(ctx, in)
		if call.HasCode(err, "SnapshotAlreadyExistsFault") && try < finalSnapshots {
			continue
		}
		if call.HasCode(err, unready...) { // the answer to an earlier attempt was lost
			if again, readErr := g.describe(ctx, c.ID); readErr == nil && aws.ToString(again.Status) == deletingNow {
				return nil
			}
		}
		return failed(err)
	}
}

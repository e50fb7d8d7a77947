package elasticache

import (
	"context"
	"regexp"
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
			ReplaceOn: []string{"port", "atRestEncryption", "kmsKey"}, Forms: sameKeys, HashedName: "name",
			NameLimit: replicationGroupLimit, CreateOnly: []string{"restoreFrom"},
			Replaces: replacesGroup, Refuses: losesPassword, Consequence: groupConsequence, Lasts: groupLasts,
			Remark: groupRemark,
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
		AwaitGone: call.AwaitGone(changing, "cache", g.read),
		Ahead:     g.foresee, AwaitReady: g.awaitReady, DeleteObject: g.delete, Named: "name", Taggable: true,
		Observe: g.observe(),
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
		}, resource.Statement{
			On:      []string{s.ARN("elasticache", "snapshot:*")},
			Actions: []string{"elasticache:DescribeSnapshots"}, Why: "with `restoreFrom`, in the plan", Looks: true,
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
	return slices.Concat(statements, nodesQuota, placing(s), delivering(s), encrypting(s))
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
	p.SecurityGroups = value.AsSet(p.SecurityGroups)
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
	if p.TransitEncryption == model.Preferred && !model.HasTransitMode(p.Engine, p.EngineVersion) {
		problems.Bad("transitEncryption", "preferred needs redis %s or newer", model.TransitModeSince)
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

// losesPassword refuses what AWS does not allow: a cache keeps its AUTH token, unless it gets users.
func losesPassword(old, desired value.Value) []value.Problem {
	var problems value.Problems
	if old.Get("passwordSecret").Str() != "" && desired.Get("passwordSecret").IsNull() &&
		desired.Get("userGroup").IsNull() {
		problems.Bad("passwordSecret", "has an AUTH token, and AWS does not let a cache lose it, except for users: "+
			"keep auth.token, or give the cache users")
	}
	return problems
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
		!model.HasTransitMode(wanted.Engine, was.EngineVersion) {
		out = append(out, "transitEncryption")
	}
	if model.Tiered(was.NodeType) != model.Tiered(wanted.NodeType) {
		out = append(out, "nodeType")
	}
	return out
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
		KmsKeyId:       call.Optional(p.KMSKey),
		SnapshotWindow: call.Optional(p.SnapshotWindow), SnapshotName: call.Optional(p.RestoreFrom),
		PreferredMaintenanceWindow: call.Optional(p.MaintenanceWindow),
		LogDeliveryConfigurations:  deliveries(model.ReplicationGroup{}, p),
		Tags:                       tags(c.Request, p.Tags),
	}
	if model.Tiered(p.NodeType) {
		in.DataTieringEnabled = aws.Bool(true)
	}
	if p.TransitEncryption != model.Disabled && model.HasTransitMode(p.Engine, p.EngineVersion) {
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
	found, err := g.usable(ctx, c, c.Old.Name == "")
	return groupOutputs(found), err
}

// usable waits until the group is available.
func (g replicationGroup) usable(
	ctx context.Context, c replicationGroupCall, isNew bool,
) (types.ReplicationGroup, error) {
	return usable(ctx, c.ID, isNew, c.Progress, g.describe, groupStatus)
}

func groupStatus(found types.ReplicationGroup) string { return aws.ToString(found.Status) }

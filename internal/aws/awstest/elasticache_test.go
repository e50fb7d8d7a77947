package awstest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticache"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/stretchr/testify/require"

	awscache "github.com/company/deployer/internal/aws/elasticache"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/elasticache"
	"github.com/company/deployer/internal/testkit/resourcetest"
	"github.com/company/deployer/internal/value"
)

// cacheHome is what a cache needs.
type cacheHome struct {
	*harness
	client       *elasticache.Client
	vpc          string
	subnets      []string
	group, other string // security groups
}

func newCacheHome(t *testing.T) *cacheHome {
	t.Helper()
	h := &cacheHome{harness: start(t)}
	h.client = elasticache.NewFromConfig(h.Plain)
	network := ec2.NewFromConfig(h.Plain)
	h.vpc, h.subnets = cacheNetwork(t, network, "10.77")
	for i, name := range []string{"one", "two"} {
		made, err := network.CreateSecurityGroup(t.Context(), &ec2.CreateSecurityGroupInput{
			GroupName: &name, Description: &name, VpcId: &h.vpc,
		})
		require.NoError(t, err)
		*[]*string{&h.group, &h.other}[i] = *made.GroupId
	}
	_, err := h.client.CreateCacheSubnetGroup(t.Context(), &elasticache.CreateCacheSubnetGroupInput{
		CacheSubnetGroupName: aws.String("home"), CacheSubnetGroupDescription: aws.String("home"), SubnetIds: h.subnets,
	})
	require.NoError(t, err)
	for name, family := range map[string]string{
		"valkey8-a": "valkey8", "valkey8-b": "valkey8", "redis7-a": "redis7",
		"redis6-a": "redis6.x", "memcached-a": "memcached1.6",
	} {
		_, err := h.client.CreateCacheParameterGroup(t.Context(), &elasticache.CreateCacheParameterGroupInput{
			CacheParameterGroupName: &name, CacheParameterGroupFamily: &family, Description: aws.String("home"),
		})
		require.NoError(t, err)
	}
	return h
}

func cacheNetwork(t *testing.T, network *ec2.Client, prefix string) (vpc string, subnets []string) {
	t.Helper()
	made, err := network.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String(prefix + ".0.0/16")})
	require.NoError(t, err)
	zones, err := network.DescribeAvailabilityZones(t.Context(), &ec2.DescribeAvailabilityZonesInput{})
	require.NoError(t, err)
	for i, zone := range zones.AvailabilityZones[:3] {
		subnet, err := network.CreateSubnet(t.Context(), &ec2.CreateSubnetInput{
			VpcId: made.Vpc.VpcId, CidrBlock: aws.String(prefix + "." + string(rune('1'+i)) + ".0/24"),
			AvailabilityZone:  zone.ZoneName,
			TagSpecifications: []ec2types.TagSpecification{},
		})
		require.NoError(t, err)
		subnets = append(subnets, *subnet.Subnet.SubnetId)
	}
	return *made.Vpc.VpcId, subnets
}

func (h *cacheHome) behaviour(t *testing.T, typ string) resource.Behaviour {
	return behaviour(t, awscache.Behaviours(h.Config), typ)
}

func TestCacheSubnetGroup(t *testing.T) {
	h := newCacheHome(t)
	vpc, subnets := cacheNetwork(t, ec2.NewFromConfig(h.Plain), "10.78")
	props := model.SubnetGroup{
		Name: "suite/group", VPCID: value.Lit(h.vpc), Description: "Of the suite", SubnetIDs: value.Lit(h.subnets[:2]),
		Tags: map[string]string{"team": "a"},
	}
	update, replace := props, props
	update.Description, update.SubnetIDs, update.Tags = "Of the other suite", value.Lit(h.subnets[1:]), nil
	replace.VPCID, replace.SubnetIDs = value.Lit(vpc), value.Lit(subnets)
	resourcetest.Run(t, resourcetest.Case{
		Behaviour: h.behaviour(t, model.SubnetGroupType), Props: props, Update: update, Replace: replace,
		Foreign: func(ctx context.Context, t *testing.T, checked resource.State) func() {
			name := checked.Inputs.Get("name").Str()
			_, err := h.client.CreateCacheSubnetGroup(ctx, &elasticache.CreateCacheSubnetGroupInput{
				CacheSubnetGroupName: &name, CacheSubnetGroupDescription: &name, SubnetIds: h.subnets,
			})
			require.NoError(t, err)
			return func() {
				_, err := h.client.DeleteCacheSubnetGroup(ctx, &elasticache.DeleteCacheSubnetGroupInput{
					CacheSubnetGroupName: &name,
				})
				require.NoError(t, err)
			}
		},
		LoseAnswer: h.LoseAnswer, Actions: h.Actions,
	})
}

func TestCacheParameterGroup(t *testing.T) {
	h := newCacheHome(t)
	props := model.ParameterGroup{
		Name: "suite/parameters", Family: "valkey8", Description: "Of the suite",
		Parameters: map[string]string{"maxmemory-policy": "allkeys-lru", "timeout": "300"},
	}
	update, replace := props, props
	update.Parameters = map[string]string{"maxmemory-policy": "noeviction", "slowlog-max-len": "256"}
	update.Tags = map[string]string{"team": "a"}
	replace.Family = "redis7"
	resourcetest.Run(t, resourcetest.Case{
		Behaviour: h.behaviour(t, model.ParameterGroupType), Props: props, Update: update, Replace: replace,
		LoseAnswer: h.LoseAnswer, Actions: h.Actions,
		Unused: map[string]string{"elasticache:RemoveTagsFromResource": "the suite's case removes no tag"},
	})
}

func (h *cacheHome) replicationGroup() model.ReplicationGroup {
	return model.ReplicationGroup{
		Name: "suite/cache", Description: "Of the suite", Engine: model.Redis, EngineVersion: "7.1",
		NodeType: "cache.t4g.small", Nodes: 1, ParameterGroup: value.Lit("redis7-a"), SubnetGroup: value.Lit("home"),
		SecurityGroups: value.Lit([]string{h.group}), FinalSnapshot: true, TransitEncryption: model.Preferred,
		Tags: map[string]string{"team": "a"},
	}
}

func TestReplicationGroup(t *testing.T) {
	h := newCacheHome(t)
	props := h.replicationGroup()
	update, replace := props, props
	update.Description = "Of the other suite"
	update.NodeType, update.Nodes, update.TransitEncryption = "cache.m7g.large", 3, model.Required
	update.SecurityGroups = value.Lit([]string{h.group, h.other})
	update.SnapshotRetention, update.SnapshotWindow = pointer(7), "03:00-04:00"
	update.MaintenanceWindow, update.MinorUpgrades = "sun:05:00-sun:06:00", pointer(false)
	update.SlowLog, update.EngineLog = value.Lit("/slow"), value.Lit("/engine")
	update.Tags = nil
	replace.Port = pointer(6380)
	resourcetest.Run(t, resourcetest.Case{
		Behaviour: h.behaviour(t, model.ReplicationGroupType), Props: props, Update: update, Replace: replace,
		LoseAnswer: h.LoseAnswer, Actions: h.Actions,
		BeginDelete: func(ctx context.Context, t *testing.T, id string) {
			_, err := h.client.DeleteReplicationGroup(ctx, &elasticache.DeleteReplicationGroupInput{
				ReplicationGroupId: &id,
			})
			require.NoError(t, err)
		},
		Unused: map[string]string{
			"elasticache:ModifyReplicationGroupShardConfiguration": "TestReplicationGroupInClusterMode",
			"secretsmanager:GetSecretValue":                        "a cache with a password",
		},
	})
	left, err := h.client.DescribeSnapshots(t.Context(), &elasticache.DescribeSnapshotsInput{})
	require.NoError(t, err)
	require.Greater(t, len(left.Snapshots), 2, "each delete left a snapshot of its own")
	for _, s := range left.Snapshots {
		require.True(t, strings.Contains(*s.SnapshotName, "-final-"), *s.SnapshotName)
	}
}

// changes updates an object step by step and finds no difference after each step.
func (h *cacheHome) changes(t *testing.T, typ string, steps ...any) resource.State {
	t.Helper()
	b := h.behaviour(t, typ)
	req := request(typ)
	req.Tags = resourcetest.Tags("changes")
	var state resource.State
	for i, step := range steps {
		inputs, problems := b.Check(value.Encode(step))
		require.Empty(t, problems)
		req.Inputs = inputs
		var err error
		if i == 0 {
			state, err = b.Create(t.Context(), req)
		} else {
			diff := resource.Compare(b.Definition(), req.Old.Inputs, inputs)
			require.NotEmpty(t, diff.Changes, "step %d", i)
			require.Empty(t, diff.Replace, "step %d", i)
			state, err = b.Update(t.Context(), req)
		}
		require.NoError(t, err, "step %d", i)
		req.ID, req.Old = state.ID, state
		read, found, err := b.Read(t.Context(), resource.Request{
			Resource: req.Resource, Type: typ, ID: state.ID, Old: state, Tags: req.Tags, Progress: func(string) {},
		})
		require.NoError(t, err)
		require.True(t, found)
		require.Empty(t, resource.Compare(b.Definition(), read.Inputs, inputs).Changes, "step %d", i)
	}
	return state
}

// Redis becomes Valkey in place, with its parameter group, and encryption is switched on and off.
func TestReplicationGroupChanges(t *testing.T) {
	h := newCacheHome(t)
	redis := h.replicationGroup()
	redis.TransitEncryption = model.Disabled
	grown := redis
	grown.Nodes = 2
	valkey := grown
	valkey.Engine, valkey.EngineVersion, valkey.ParameterGroup = model.Valkey, "8.0", value.Lit("valkey8-a")
	newer := valkey
	newer.EngineVersion, newer.ParameterGroup, newer.TransitEncryption = "8.2", value.Lit("valkey8-b"), model.Required
	small := newer
	small.Nodes, small.TransitEncryption = 1, model.Disabled
	state := h.changes(t, model.ReplicationGroupType, redis, grown, valkey, newer, small)
	require.Contains(t, state.Outputs.Get("endpoint").Str(), state.ID)
	require.Equal(t, 6379.0, state.Outputs.Get("port").Number())
	_, err := h.client.DeleteCacheParameterGroup(t.Context(), &elasticache.DeleteCacheParameterGroupInput{
		CacheParameterGroupName: aws.String("redis7-a"),
	})
	require.NoError(t, err, "the old group is free")
}

// TLS of an older Redis OSS has no mode: none is sent, and none is missed. Its upgrade gives it the mode required.
func TestReplicationGroupOldTLS(t *testing.T) {
	h := newCacheHome(t)
	old := h.replicationGroup()
	old.EngineVersion, old.ParameterGroup, old.TransitEncryption = "6.2", value.Lit("redis6-a"), model.Required
	changed := old
	changed.Description = "Of the other suite"
	newer := changed
	newer.EngineVersion, newer.ParameterGroup, newer.TransitEncryption = "7.1", value.Lit("redis7-a"), model.Preferred
	h.changes(t, model.ReplicationGroupType, old, changed, newer)

	old.TransitEncryption = model.Preferred
	_, problems := h.behaviour(t, model.ReplicationGroupType).Check(value.Encode(old))
	require.Len(t, problems, 1)
	require.Equal(t, []string{"transitEncryption"}, problems[0].Path)
}

// A cache gets its password from a secret, takes another one beside it, and the state has neither.
func TestReplicationGroupPassword(t *testing.T) {
	h := newCacheHome(t)
	client := secretsmanager.NewFromConfig(h.Plain)
	const first, second = "0123456789abcdef-first", "0123456789abcdef-second"
	made, err := client.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{
		Name: aws.String("cache-password"), SecretString: aws.String(`{"password": "` + first + `"}`),
	})
	require.NoError(t, err)
	open := h.replicationGroup()
	open.TransitEncryption = model.Required
	closed := open
	closed.PasswordSecret, closed.PasswordVersion = value.Lit(*made.ARN), value.Lit("1")
	state := h.changes(t, model.ReplicationGroupType, open, closed)
	require.Equal(t, []string{first}, h.Env.Cache.Passwords(state.ID))
	def := h.behaviour(t, model.ReplicationGroupType).Definition()
	users := state.Inputs.With("passwordSecret", value.NullValue).With("userGroup", value.NewString("users"))
	require.Len(t, def.Refused(state.Inputs, state.Inputs.With("passwordSecret", value.NullValue)), 1)
	require.Empty(t, def.Refused(state.Inputs, users))
	require.Empty(t, def.Refused(state.Inputs, state.Inputs))
	_, err = client.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{
		SecretId: made.ARN, SecretString: aws.String(`{"password": "` + second + `"}`),
	})
	require.NoError(t, err)
	b := h.behaviour(t, model.ReplicationGroupType)
	req := request(model.ReplicationGroupType)
	req.ID, req.Old, req.Tags = state.ID, state, resourcetest.Tags("changes")
	req.Inputs = state.Inputs.With("passwordVersion", value.NewString("2"))
	state, err = b.Update(t.Context(), req)
	require.NoError(t, err)
	require.Equal(t, []string{second, first}, h.Env.Cache.Passwords(state.ID), "running tasks keep the old one")
	require.NotContains(t, state.Inputs.String()+state.Outputs.String(), "0123456789abcdef")

	_, err = client.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{
		SecretId: made.ARN, SecretString: aws.String("0123456789abcdef-no-json"),
	})
	require.NoError(t, err)
	req.Old, req.Inputs = state, state.Inputs.With("passwordVersion", value.NewString("3"))
	_, err = b.Update(t.Context(), req)
	require.ErrorContains(t, err, "the key password")
	require.NotContains(t, err.Error(), "0123456789abcdef")
}

func TestReplicationGroupInClusterMode(t *testing.T) {
	h := newCacheHome(t)
	two := h.replicationGroup()
	two.Nodes, two.Shards = 2, pointer(2)
	four := two
	four.Shards, four.Nodes = pointer(4), 1
	four.MultiAZ = pointer(false)
	one := four
	one.Shards = pointer(1)
	state := h.changes(t, model.ReplicationGroupType, two, four, one)
	require.Equal(t, state.Outputs.Get("endpoint"), state.Outputs.Get("readerEndpoint"))
	require.Contains(t, state.Outputs.Get("endpoint").Str(), "clustercfg")
}

// What AWS refuses to change in place is a replacement, and no data survives that.
func TestReplicationGroupReplaces(t *testing.T) {
	h := newCacheHome(t)
	d := h.behaviour(t, model.ReplicationGroupType).Definition()
	for name, change := range map[string]func(*model.ReplicationGroup){
		"engine":        func(p *model.ReplicationGroup) { p.Engine, p.EngineVersion = model.Redis, "7.1" },
		"engineVersion": func(p *model.ReplicationGroup) { p.EngineVersion = "8.0" },
		"shards":        func(p *model.ReplicationGroup) { p.Shards = pointer(1) },
		"subnetGroup":   func(p *model.ReplicationGroup) { p.SubnetGroup = value.Lit("other") },
		"nodeType":      func(p *model.ReplicationGroup) { p.NodeType = "cache.r6gd.xlarge" },
	} {
		old := h.replicationGroup()
		old.Engine, old.EngineVersion = model.Valkey, "8.2"
		wanted := old
		change(&wanted)
		diff := resource.Compare(d, value.Encode(old), value.Encode(wanted))
		require.Contains(t, diff.Replace, name)
		require.Equal(t, "data loss", string(d.Meaning(resource.Change{
			Changed: diff.Changed(), Old: value.Encode(old), Desired: value.Encode(wanted),
		})), name)
	}
}

func TestReplicationGroupCheck(t *testing.T) {
	h := newCacheHome(t)
	b := h.behaviour(t, model.ReplicationGroupType)
	for name, wrong := range map[string]func(*model.ReplicationGroup){
		"name":     func(p *model.ReplicationGroup) { p.Name = "9" },
		"nodes":    func(p *model.ReplicationGroup) { p.Nodes = 7 },
		"multiAz":  func(p *model.ReplicationGroup) { p.MultiAZ = pointer(true) },
		"failover": func(p *model.ReplicationGroup) { p.Failover = pointer(true) },
		"kmsKey": func(p *model.ReplicationGroup) {
			p.KMSKey, p.AtRestEncryption = "alias/a", pointer(false)
		},
		"snapshotWindow":    func(p *model.ReplicationGroup) { p.SnapshotWindow = "3-4" },
		"maintenanceWindow": func(p *model.ReplicationGroup) { p.MaintenanceWindow = "sunday" },
		"nodeType":          func(p *model.ReplicationGroup) { p.NodeType = "cache.t4g.huge" },
	} {
		props := h.replicationGroup()
		wrong(&props)
		_, problems := b.Check(value.Encode(props))
		require.Len(t, problems, 1, name)
		require.Equal(t, []string{name}, problems[0].Path)
	}
}

func (h *cacheHome) cluster() model.Cluster {
	return model.Cluster{
		Name: "suite/pages", EngineVersion: "1.6.17", NodeType: "cache.t4g.small", Nodes: 2,
		ParameterGroup: value.Lit("memcached-a"), SubnetGroup: value.Lit("home"),
		SecurityGroups: value.Lit([]string{h.group}), Tags: map[string]string{"team": "a"},
	}
}

func TestCacheCluster(t *testing.T) {
	h := newCacheHome(t)
	props := h.cluster()
	update, replace := props, props
	update.Nodes, update.SecurityGroups = 4, value.Lit([]string{h.group, h.other})
	update.MaintenanceWindow, update.Tags = "sun:05:00-sun:06:00", nil
	replace.NodeType = "cache.m7g.large"
	resourcetest.Run(t, resourcetest.Case{
		Behaviour: h.behaviour(t, model.ClusterType), Props: props, Update: update, Replace: replace,
		LoseAnswer: h.LoseAnswer, Actions: h.Actions,
		BeginDelete: func(ctx context.Context, t *testing.T, id string) {
			_, err := h.client.DeleteCacheCluster(ctx, &elasticache.DeleteCacheClusterInput{CacheClusterId: &id})
			require.NoError(t, err)
		},
	})
}

// A cluster grows into other zones, shrinks and is upgraded in place.
func TestCacheClusterChanges(t *testing.T) {
	h := newCacheHome(t)
	one := h.cluster()
	one.Nodes = 1
	three := one
	three.Nodes = 3
	newer := three
	newer.Nodes, newer.EngineVersion = 2, "1.6.22"
	state := h.changes(t, model.ClusterType, one, three, newer)
	require.Contains(t, state.Outputs.Get("endpoint").Str(), ".cfg.")
}

// users makes a group of users with one user, and waits until the group can be used.
func (h *cacheHome) users(t *testing.T, name string) string {
	t.Helper()
	_, err := h.client.CreateUser(t.Context(), &elasticache.CreateUserInput{
		UserId: &name, UserName: aws.String("default"), Engine: aws.String(model.Valkey),
		AccessString: aws.String("on ~* +@all"), Passwords: []string{"0123456789abcdef"},
	})
	require.NoError(t, err)
	_, err = h.client.CreateUserGroup(t.Context(), &elasticache.CreateUserGroupInput{
		UserGroupId: &name, Engine: aws.String(model.Valkey), UserIds: []string{name},
	})
	require.NoError(t, err)
	h.awaitGroup(t, name)
	return name
}

// awaitGroup waits until a group of users can be used.
func (h *cacheHome) awaitGroup(t *testing.T, name string) {
	t.Helper()
	require.Eventually(t, func() bool {
		found, err := h.client.DescribeUserGroups(t.Context(), &elasticache.DescribeUserGroupsInput{UserGroupId: &name})
		return err == nil && *found.UserGroups[0].Status == "active"
	}, time.Minute, time.Millisecond)
}

func TestServerlessCache(t *testing.T) {
	h := newCacheHome(t)
	props := model.ServerlessCache{
		Name: "suite/serverless", Description: "Of the suite", Engine: model.Redis, MajorVersion: "7",
		SubnetIDs: value.Lit(h.subnets), SecurityGroups: value.Lit([]string{h.group}), MaxStorage: pointer(10),
		FinalSnapshot: true, Tags: map[string]string{"team": "a"},
	}
	update, replace := props, props
	update.Engine, update.MajorVersion, update.Description = model.Valkey, "8", "Of the other suite"
	update.SecurityGroups, update.Tags = value.Lit([]string{h.group, h.other}), nil
	update.MaxStorage, update.MaxUnits = nil, pointer(5000)
	update.SnapshotRetention, update.SnapshotTime = pointer(3), "03:00"
	replace.KMSKey = "arn:aws:kms:us-east-1:123456789012:key/1"
	upgrade := props
	upgrade.Engine, upgrade.MajorVersion = model.Valkey, "8"
	guarded := upgrade
	guarded.UserGroup = value.Lit(h.users(t, "suite-serverless"))
	others := guarded
	others.UserGroup = value.Lit(h.users(t, "suite-serverless-2"))
	limits := upgrade
	limits.MaxStorage, limits.MaxUnits = nil, pointer(5000)
	limits.SnapshotRetention, limits.SnapshotTime = pointer(3), "03:00"
	h.changes(t, model.ServerlessCacheType, props, upgrade, guarded, others, limits)
	update.Engine, update.MajorVersion = props.Engine, props.MajorVersion // AWS does not go back
	update.Name, props.Name, replace.Name = "suite/again", "suite/again", "suite/again"
	resourcetest.Run(t, resourcetest.Case{
		Behaviour: h.behaviour(t, model.ServerlessCacheType), Props: props, Update: update, Replace: replace,
		LoseAnswer: h.LoseAnswer, Actions: h.Actions,
		BeginDelete: func(ctx context.Context, t *testing.T, id string) {
			_, err := h.client.DeleteServerlessCache(ctx, &elasticache.DeleteServerlessCacheInput{
				ServerlessCacheName: &id,
			})
			require.NoError(t, err)
		},
	})
}

// A read finds the subnets of a cache where a zone was recorded that it never was in. Of more than three recorded ones,
// AWS took some.
func TestServerlessCacheZones(t *testing.T) {
	h := newCacheHome(t)
	props := model.ServerlessCache{
		Name: "suite/serverless", Description: "Of the suite", Engine: model.Valkey, MajorVersion: "8",
		SubnetIDs: value.Lit(h.subnets[:2]), SecurityGroups: value.Lit([]string{h.group}),
	}
	state := h.changes(t, model.ServerlessCacheType, props)
	two := state.Inputs.Get("subnetIds")
	req := request(model.ServerlessCacheType)
	req.ID, req.Old, req.Tags = state.ID, state, resourcetest.Tags("changes")
	for _, c := range []struct{ recorded, want value.Value }{
		{two, two},
		{value.NewList(append(two.Items(), value.NewString("subnet-later"))...), two},
		{value.Encode([]string{"subnet-other"}), two},
	} {
		req.Old.Inputs = state.Inputs.With("subnetIds", c.recorded)
		read, _, err := h.behaviour(t, model.ServerlessCacheType).Read(t.Context(), req)
		require.NoError(t, err)
		require.Equal(t, c.want, read.Inputs.Get("subnetIds"))
	}

	props.Name, props.SubnetIDs = "suite/many", value.Lit(append(h.subnets, "subnet-z"))
	h.changes(t, model.ServerlessCacheType, props)
}

func (h *cacheHome) secret(t *testing.T, name, password string) string {
	t.Helper()
	made, err := secretsmanager.NewFromConfig(h.Plain).CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{
		Name: &name, SecretString: aws.String(`{"password": "` + password + `"}`),
	})
	require.NoError(t, err)
	return *made.ARN
}

// AWS returns an access string in its own order, and with more words.
func TestCacheUserAccess(t *testing.T) {
	h := newCacheHome(t)
	u := model.User{Name: "suite/user", Username: "app", Engine: model.Valkey}
	var steps []any
	for _, access := range []string{
		"on +@read ~app:*", "+GET allkeys on", "on ~b ~a &events:* +@all -@dangerous", "on allcommands -flushall ~*",
	} {
		u.Access = access
		steps = append(steps, u)
	}
	h.changes(t, model.UserType, steps...)
}

func TestCacheUser(t *testing.T) {
	h := newCacheHome(t)
	props := model.User{
		Name: "suite/user", Username: "app", Engine: model.Valkey, Access: "on ~app:* +@read",
		PasswordSecret:  value.Lit(h.secret(t, "user-password", "0123456789abcdef-first")),
		PasswordVersion: value.Lit("1"), Tags: map[string]string{"team": "a"},
	}
	update, replace := props, props
	update.Access, update.Tags = "on ~* +@all", nil
	update.PasswordSecret = value.Lit(h.secret(t, "user-password-2", "0123456789abcdef-second"))
	replace.Username = "other"
	resourcetest.Run(t, resourcetest.Case{
		Behaviour: h.behaviour(t, model.UserType), Props: props, Update: update, Replace: replace,
		LoseAnswer: h.LoseAnswer, Actions: h.Actions,
		BeginDelete: func(ctx context.Context, t *testing.T, id string) {
			_, err := h.client.DeleteUser(ctx, &elasticache.DeleteUserInput{UserId: &id})
			require.NoError(t, err)
		},
	})
}

// grantees applies users of a cache and their group, as the kind makes them: app with a password, default for nobody.
func (h *cacheHome) grantees(
	t *testing.T, engine, secret string, states map[string]resource.State, more ...string,
) string {
	t.Helper()
	var ids []string
	for _, name := range append([]string{"app", "default"}, more...) {
		u := model.User{Name: "suite/" + name, Username: name, Engine: engine, Access: "off -@all"}
		if name != "default" {
			u.Access, u.PasswordSecret, u.PasswordVersion = "on ~* +@all", value.Lit(secret), value.Lit("1")
		}
		h.apply(t, model.UserType, name, u, states)
		ids = append(ids, states[name].ID)
	}
	h.apply(t, model.UserGroupType, "group", model.UserGroup{
		Name: "suite/group", Engine: engine, UserIDs: value.Lit(ids),
	}, states)
	return states["group"].ID
}

// apply makes or changes an object, as a run does, and finds no difference afterwards.
func (h *cacheHome) apply(t *testing.T, typ, name string, props any, states map[string]resource.State) {
	t.Helper()
	b := h.behaviour(t, typ)
	req := request(typ)
	req.Tags = resourcetest.Tags(name)
	inputs, problems := b.Check(value.Encode(props))
	require.Empty(t, problems)
	req.Inputs = inputs
	state, exists := states[name]
	var err error
	if exists {
		require.Empty(t, resource.Compare(b.Definition(), state.Inputs, inputs).Replace)
		req.ID, req.Old = state.ID, state
		state, err = b.Update(t.Context(), req)
	} else {
		state, err = b.Create(t.Context(), req)
	}
	require.NoError(t, err)
	states[name] = state
	read, found, err := b.Read(t.Context(), resource.Request{
		Resource: req.Resource, Type: typ, ID: state.ID, Old: state, Tags: req.Tags, Progress: func(string) {},
	})
	require.NoError(t, err)
	require.True(t, found)
	require.Empty(t, resource.Compare(b.Definition(), read.Inputs, inputs).Changes)
}

// AWS takes the users of a cache, of nodes and without. A cache of Redis OSS with users becomes one of Valkey, and has
// further users afterwards.
func TestCacheUsersOfBothEngines(t *testing.T) {
	redis, valkey := []string{model.Redis, "7.1", "7", "redis7-a"}, []string{model.Valkey, "8.2", "8", "valkey8-a"}
	for name, steps := range map[string][][]string{"crossing": {redis, valkey, valkey}, "valkey": {valkey}} {
		t.Run(name, func(t *testing.T) {
			h := newCacheHome(t)
			secret, states := h.secret(t, "grantee", "0123456789abcdef"), map[string]resource.State{}
			nodes, elastic := h.replicationGroup(), model.ServerlessCache{
				Name: "suite/serverless", Description: "Of the suite", SubnetIDs: value.Lit(h.subnets),
				SecurityGroups: value.Lit([]string{h.group}),
			}
			nodes.TransitEncryption = model.Required
			for i, step := range steps {
				group := h.grantees(t, step[0], secret, states, []string{"later", "latest"}[:i]...)
				nodes.Engine, nodes.EngineVersion, nodes.ParameterGroup = step[0], step[1], value.Lit(step[3])
				elastic.Engine, elastic.MajorVersion = step[0], step[2]
				nodes.UserGroup, elastic.UserGroup = value.Lit(group), value.Lit(group)
				h.apply(t, model.ReplicationGroupType, "nodes", nodes, states)
				h.apply(t, model.ServerlessCacheType, "elastic", elastic, states)
			}
		})
	}
}

// Users of Valkey that an earlier version has made stay as they are, also when nobody is to log in as one any more.
func TestCacheUsersOfValkey(t *testing.T) {
	h := newCacheHome(t)
	secret := h.secret(t, "grantee", "0123456789abcdef")
	states := map[string]resource.State{}
	h.grantees(t, model.Valkey, secret, states)
	_, err := h.client.ModifyUserGroup(t.Context(), &elasticache.ModifyUserGroupInput{
		UserGroupId: aws.String(states["group"].ID), Engine: aws.String(model.Valkey),
	})
	require.NoError(t, err)
	h.awaitGroup(t, states["group"].ID)
	for _, name := range []string{"app", "default"} {
		_, err := h.client.ModifyUser(t.Context(), &elasticache.ModifyUserInput{
			UserId: aws.String(states[name].ID), Engine: aws.String(model.Valkey),
		})
		require.NoError(t, err)
	}
	open := model.User{
		Name: "suite/default", Username: "default", Engine: model.Valkey, Access: "on ~* +@read",
		PasswordSecret: value.Lit(secret), PasswordVersion: value.Lit("1"),
	}
	h.apply(t, model.UserType, "default", open, states)
	h.grantees(t, model.Valkey, secret, states, "later")
}

func TestCacheUserGroup(t *testing.T) {
	h := newCacheHome(t)
	for id, name := range map[string]string{"one": "one", "two": "default", "three": "three"} {
		_, err := h.client.CreateUser(t.Context(), &elasticache.CreateUserInput{
			UserId: &id, UserName: &name, Engine: aws.String(model.Redis), AccessString: aws.String("on ~* +@all"),
			NoPasswordRequired: aws.Bool(true),
		})
		require.NoError(t, err)
	}
	props := model.UserGroup{
		Name: "suite/group", Engine: model.Valkey, UserIDs: value.Lit([]string{"one", "two"}),
		Tags: map[string]string{"team": "a"},
	}
	update := props
	update.UserIDs, update.Tags = value.Lit([]string{"two", "three"}), nil
	resourcetest.Run(t, resourcetest.Case{
		Behaviour: h.behaviour(t, model.UserGroupType), Props: props, Update: update,
		LoseAnswer: h.LoseAnswer, Actions: h.Actions,
		BeginDelete: func(ctx context.Context, t *testing.T, id string) {
			_, err := h.client.DeleteUserGroup(ctx, &elasticache.DeleteUserGroupInput{UserGroupId: &id})
			require.NoError(t, err)
		},
	})
}

// A person has changed the node type a moment ago. Reads do not wait for that, a plan says that an apply will, and an
// apply waits, also when the other change begins between its look at the status and its call.
func TestCacheInChange(t *testing.T) {
	h := newCacheHome(t)
	props := h.replicationGroup()
	state := h.changes(t, model.ReplicationGroupType, props)
	b := h.behaviour(t, model.ReplicationGroupType)
	var told []string
	req := request(model.ReplicationGroupType)
	req.ID, req.Old, req.Tags = state.ID, state, resourcetest.Tags("changes")
	req.Inputs = state.Inputs.With("description", value.NewString("Of another suite"))
	req.Progress = func(line string) { told = append(told, line) }
	byHand := func() {
		_, err := h.client.ModifyReplicationGroup(t.Context(), &elasticache.ModifyReplicationGroupInput{
			ReplicationGroupId: &state.ID, CacheNodeType: aws.String("cache.t4g.medium"),
			ApplyImmediately: aws.Bool(true),
		})
		require.NoError(t, err)
	}

	byHand()
	require.Contains(t, strings.Join(foreseen(t, b, req), "; "), "is modifying, and AWS allows a change only after")
	read, found, err := b.Read(t.Context(), req)
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, state.Inputs.Get("tags"), read.Inputs.Get("tags"))
	require.Contains(t, read.Unread, "tags")
	require.Empty(t, read.Repair)
	_, err = b.Update(t.Context(), req)
	require.NoError(t, err)
	require.NotContains(t, told, "the cache "+state.ID+" is modifying: this run waits until AWS has ended that",
		"the reads above have seen the end")

	req.Inputs = req.Inputs.With("description", value.NewString("Of a third suite"))
	byHand()
	_, err = b.Update(t.Context(), req)
	require.NoError(t, err)
	require.Contains(t, told, "the cache "+state.ID+" is modifying: this run waits until AWS has ended that")

	told = nil
	h.Fail("elasticache:ModifyReplicationGroup", "InvalidReplicationGroupState", 3)
	req.Inputs = req.Inputs.With("description", value.NewString("Of a fourth suite"))
	_, err = b.Update(t.Context(), req)
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(strings.Join(told, "\n"), "AWS allows no change of the cache"))

	h.Fail("elasticache:ModifyReplicationGroup", "InvalidReplicationGroupState", 1000)
	req.Inputs = req.Inputs.With("description", value.NewString("Of a fifth suite"))
	_, err = b.Update(t.Context(), req)
	require.ErrorContains(t, err, "InvalidReplicationGroupState", "AWS's answer, after some minutes")
}

// Parameters wait as long as a cache that uses them is in change.
func TestCacheParametersInUse(t *testing.T) {
	h := newCacheHome(t)
	b := h.behaviour(t, model.ParameterGroupType)
	req := request(model.ParameterGroupType)
	req.Tags = resourcetest.Tags("changes")
	inputs, problems := b.Check(value.Encode(model.ParameterGroup{
		Name: "suite/parameters", Family: "valkey8", Description: "Of the suite",
	}))
	require.Empty(t, problems)
	req.Inputs = inputs
	state, err := b.Create(t.Context(), req)
	require.NoError(t, err)
	var told []string
	req.ID, req.Old, req.Progress = state.ID, state, func(line string) { told = append(told, line) }
	req.Inputs = inputs.With("parameters", value.Encode(map[string]string{"timeout": "300"}))
	h.Fail("elasticache:ModifyCacheParameterGroup", "InvalidCacheParameterGroupState", 50)
	_, err = b.Update(t.Context(), req)
	require.NoError(t, err)
	require.Len(t, told, 1)
	require.Contains(t, told[0], "this run waits")
}

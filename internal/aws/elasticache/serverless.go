package elasticache

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticache"
	"github.com/aws/aws-sdk-go-v2/service/elasticache/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/elasticache"
	"github.com/company/deployer/internal/value"
)

const (
	serverlessLimit = 40 // characters of a name
	mostSubnets     = 3
)

type (
	serverlessCall = resource.Call[model.ServerlessCache, model.ServerlessCacheOutputs]
	serverless     struct{ *api }
)

func newServerless(a *api) resource.Behaviour {
	g := serverless{a}
	return &resource.Typed[model.ServerlessCache, model.ServerlessCacheOutputs]{
		Def: resource.Definition{
			Type: model.ServerlessCacheType, Version: 1,
			ReplaceOn: []string{"kmsKey"}, Forms: sameKeys, HashedName: "name", NameLimit: serverlessLimit,
			Replaces: replacesServerless,
			Stays: map[string]func(recorded, desired value.Value) bool{
				"subnetIds": func(recorded, desired value.Value) bool { return !leaves(recorded, desired) },
			},
			Deleting: func(old value.Value) resource.Deleting {
				if old.Get("finalSnapshot").Bool() {
					return resource.Deleting{Keeps: "its data in a final snapshot"}
				}
				return resource.Deleting{Loses: true}
			},
			NotYet: []resource.NotYet{
				{
					Operations: []string{"elasticache:CreateServerlessCache", "elasticache:ModifyServerlessCache"},
					Codes:      []string{"InvalidParameterValue", "InvalidParameterCombination"},
					Says:       []string{"security group", "subnet"},
				},
				{
					Operations: []string{"elasticache:CreateServerlessCache", "elasticache:ModifyServerlessCache"},
					Codes:      []string{"UserGroupNotFound", "InvalidUserGroupState"}, Within: 5 * time.Minute,
				},
			},
			Permissions: serverlessPermissions,
		},
		CheckProps: checkServerless, CreateObject: g.create, ReadObject: g.read, UpdateObject: g.update,
		AwaitGone: call.AwaitGone(leaving, "cache", g.read),
		Ahead:     g.foresee, AwaitReady: g.awaitReady, DeleteObject: g.delete, Named: "name", Taggable: true,
		Observe: g.observe(),
	}
}

func serverlessPermissions(s resource.Scope) []resource.Statement {
	caches := own(s, "serverlesscache", serverlessLimit)
	snapshots := own(s, "serverlesscachesnapshot", groupNameLimit)
	const (
		final     = "a final snapshot at the delete"
		endpoints = "AWS makes the endpoint of a serverless cache in the name of the caller"
	)
	statements := []resource.Statement{
		{On: caches, Actions: append([]string{
			"elasticache:CreateServerlessCache", "elasticache:DescribeServerlessCaches",
			"elasticache:ModifyServerlessCache", "elasticache:DeleteServerlessCache",
		}, tagActions...)},
		{
			On:      slices.Concat(caches, snapshots),
			Actions: []string{"elasticache:CreateServerlessCacheSnapshot"}, Why: final,
		},
		{On: snapshots, Actions: []string{"elasticache:DeleteServerlessCache"}, Why: final},
		{
			On: []string{
				s.ARN("ec2", "vpc/*"), s.ARN("ec2", "vpc-endpoint/*"), s.ARN("ec2", "subnet/*"),
				s.ARN("ec2", "security-group/*"),
			},
			Actions: []string{"ec2:CreateVpcEndpoint"}, Why: endpoints,
		},
		{
			On:      []string{s.ARN("ec2", "vpc-endpoint/*")},
			Actions: []string{"ec2:DeleteVpcEndpoints"}, Why: endpoints,
		},
		{Actions: []string{"ec2:DescribeTags", "ec2:DescribeVpcEndpoints"}, Why: endpoints},
	}
	if s.Props.IsNull() || !s.Props.Get("userGroup").IsNull() {
		statements = append(statements, resource.Statement{
			On:      own(s, "usergroup", userLimit),
			Actions: []string{"elasticache:CreateServerlessCache", "elasticache:ModifyServerlessCache"},
		})
	}
	return slices.Concat(statements, placing(s), encrypting(s))
}

var timeForm = regexp.MustCompile(`^([01][0-9]|2[0-3]):[0-5][0-9]$`)

func checkServerless(p *model.ServerlessCache) []value.Problem {
	var problems value.Problems
	checkName(&p.Name, &problems)
	checkDescription(p.Description, &problems)
	p.SecurityGroups, p.SubnetIDs = value.AsSet(p.SecurityGroups), value.AsSet(p.SubnetIDs)
	set(&p.SnapshotRetention, 0)
	if *p.SnapshotRetention < 0 || *p.SnapshotRetention > 35 {
		problems.Bad("snapshotRetention", "must be from 0 to 35 days")
	}
	if p.UserGroup.IsSet() && p.Engine == model.Memcached {
		problems.Bad("userGroup", "Memcached has no users")
	}
	if p.SnapshotTime != "" && !timeForm.MatchString(p.SnapshotTime) {
		problems.Bad("snapshotTime", "%q is not a time in UTC such as 03:00", p.SnapshotTime)
	}
	if p.MaxStorage != nil && (*p.MaxStorage < 1 || *p.MaxStorage > 5000) {
		problems.Bad("maxStorage", "must be from 1 to 5000 GB")
	}
	if p.MaxUnits != nil && (*p.MaxUnits < 1000 || *p.MaxUnits > 15000000) {
		problems.Bad("maxUnits", "must be from 1000 to 15000000")
	}
	return problems
}

// replacesServerless: a cache stays in its subnets, and never goes back to an older version.
func replacesServerless(old, desired value.Value) []string {
	var was, wanted model.ServerlessCache
	value.Decode(old, &was)
	value.Decode(desired, &wanted)
	var out []string
	if leaves(old.Get("subnetIds"), desired.Get("subnetIds")) {
		out = append(out, "subnetIds")
	}
	crosses := was.Engine == model.Redis && wanted.Engine == model.Valkey
	if was.Engine != wanted.Engine && !crosses {
		out = append(out, "engine")
	}
	if !crosses && model.Compare(wanted.MajorVersion, was.MajorVersion) < 0 {
		out = append(out, "majorVersion")
	}
	return out
}

// leaves reports whether one of the former subnets is not among the desired ones, of which some may be unknown.
func leaves(former, desired value.Value) bool {
	return slices.ContainsFunc(former.Items(), func(id value.Value) bool {
		return !slices.ContainsFunc(desired.Items(), func(other value.Value) bool { return value.Equal(id, other) })
	})
}

// The limits of AWS, which stand for no limit: a limit cannot be taken away, only set to these.
const (
	unlimitedStorage = 5000
	unlimitedUnits   = 15000000
)

func limitsOf(p model.ServerlessCache) *types.CacheUsageLimits {
	if p.MaxStorage == nil && p.MaxUnits == nil {
		return nil
	}
	out := &types.CacheUsageLimits{}
	if p.MaxStorage != nil {
		out.DataStorage = &types.DataStorage{Unit: types.DataStorageUnitGb, Maximum: new(int32(*p.MaxStorage))}
	}
	if p.MaxUnits != nil {
		out.ECPUPerSecond = &types.ECPUPerSecond{Maximum: new(int32(*p.MaxUnits))}
	}
	return out
}

func (g serverless) create(ctx context.Context, c serverlessCall) (string, model.ServerlessCacheOutputs, error) {
	p := c.Props
	subnets := p.SubnetIDs.Get()
	in := &elasticache.CreateServerlessCacheInput{
		ServerlessCacheName: &p.Name, Description: &p.Description, Engine: &p.Engine,
		MajorEngineVersion: &p.MajorVersion,
		SubnetIds:          subnets[:min(mostSubnets, len(subnets))], SecurityGroupIds: p.SecurityGroups.Get(),
		KmsKeyId: call.Optional(p.KMSKey), UserGroupId: call.Optional(p.UserGroup.Get()),
		CacheUsageLimits: limitsOf(p), DailySnapshotTime: call.Optional(p.SnapshotTime),
		Tags: tags(c.Request, p.Tags),
	}
	if *p.SnapshotRetention > 0 {
		in.SnapshotRetentionLimit = new(int32(*p.SnapshotRetention))
	}
	made, err := g.client.CreateServerlessCache(ctx, in)
	if err != nil {
		return "", model.ServerlessCacheOutputs{}, failed(err)
	}
	return p.Name, serverlessOutputs(*made.ServerlessCache), nil
}

func serverlessOutputs(found types.ServerlessCache) model.ServerlessCacheOutputs {
	out := model.ServerlessCacheOutputs{ARN: aws.ToString(found.ARN)}
	if at := found.Endpoint; at != nil {
		out.Endpoint, out.Port = aws.ToString(at.Address), int(aws.ToInt32(at.Port))
	}
	return out
}

func (g serverless) describe(ctx context.Context, name string) (types.ServerlessCache, error) {
	out, err := g.client.DescribeServerlessCaches(ctx, &elasticache.DescribeServerlessCachesInput{
		ServerlessCacheName: &name,
	})
	if err != nil {
		return types.ServerlessCache{}, failed(err)
	}
	if len(out.ServerlessCaches) == 0 {
		return types.ServerlessCache{}, absent("elasticache:DescribeServerlessCaches", name)
	}
	return out.ServerlessCaches[0], nil
}

// statusOf is the status of a cache. AWS documents it in capitals and returns it in small letters.
func statusOf(found types.ServerlessCache) string { return strings.ToLower(aws.ToString(found.Status)) }

func (g serverless) awaitReady(ctx context.Context, c serverlessCall) (model.ServerlessCacheOutputs, error) {
	if c.Old.Name == "" {
		c.Progress("waiting for the serverless cache " + c.ID + "; AWS takes some minutes")
	}
	found, err := g.usable(ctx, c, c.Old.Name == "")
	return serverlessOutputs(found), err
}

func (g serverless) usable(ctx context.Context, c serverlessCall, isNew bool) (types.ServerlessCache, error) {
	return usable(ctx, c.ID, isNew, c.Progress, g.describe, statusOf)
}

func (g serverless) read(
	ctx context.Context, c serverlessCall,
) (model.ServerlessCache, model.ServerlessCacheOutputs, error) {
	found, err := g.describe(ctx, c.ID)
	if err == nil && statusOf(found) == deletingNow {
		err = call.Deleting("the cache " + c.ID)
	}
	if err != nil {
		return model.ServerlessCache{}, model.ServerlessCacheOutputs{}, err
	}
	labels, err := tagsOfCache(ctx, g.api, c, aws.ToString(found.ARN), c.Old.Tags)
	if err != nil {
		return model.ServerlessCache{}, model.ServerlessCacheOutputs{}, err
	}
	base := c.Old
	if base.Name == "" { // made by an interrupted run
		base = c.Props
	}
	p := base
	p.Name, p.Description = c.ID, aws.ToString(found.Description)
	p.Engine, p.MajorVersion = aws.ToString(found.Engine), aws.ToString(found.MajorEngineVersion)
	p.SecurityGroups = value.AsSet(value.Lit(slices.Clone(found.SecurityGroupIds)))
	if most := base.SubnetIDs.Get(); len(most) <= mostSubnets || !partOf(found.SubnetIds, most) {
		p.SubnetIDs = value.AsSet(value.Lit(slices.Clone(found.SubnetIds)))
	}
	p.KMSKey = sameKey(base.KMSKey, found.KmsKeyId)
	p.UserGroup = value.Of[string]{}
	if id := aws.ToString(found.UserGroupId); id != "" {
		p.UserGroup = value.Lit(id)
	}
	p.MaxStorage, p.MaxUnits = nil, nil
	if l := found.CacheUsageLimits; l != nil {
		if s := l.DataStorage; s != nil && s.Maximum != nil {
			p.MaxStorage = maximum(base.MaxStorage, int(*s.Maximum), unlimitedStorage)
		}
		if u := l.ECPUPerSecond; u != nil && u.Maximum != nil {
			p.MaxUnits = maximum(base.MaxUnits, int(*u.Maximum), unlimitedUnits)
		}
	}
	p.SnapshotRetention = new(int(aws.ToInt32(found.SnapshotRetentionLimit)))
	p.SnapshotTime = declared(base.SnapshotTime, aws.ToString(found.DailySnapshotTime))
	p.Tags = labels
	return p, serverlessOutputs(found), nil
}

// maximum is a limit of a cache; nil where AWS's own limit stands for none.
func maximum(base *int, actual, unlimited int) *int {
	if base == nil && actual == unlimited {
		return nil
	}
	return &actual
}

// partOf reports whether a cache runs in some of the declared subnets, of which AWS takes no more than three.
func partOf(actual, declared []string) bool {
	return len(actual) > 0 && !slices.ContainsFunc(actual, func(id string) bool {
		return !slices.Contains(declared, id)
	})
}

// update starts from what the cache really is: an interrupted update may have made the change.
func (g serverless) update(ctx context.Context, c serverlessCall) (model.ServerlessCacheOutputs, error) {
	found, err := atRest(ctx, c.ID, c.Progress, g.describe, statusOf)
	if err != nil {
		return c.Out, err
	}
	c.Request.Seen = nil
	old, _, err := g.read(ctx, c)
	if err != nil {
		return c.Out, err
	}
	if in := serverlessChange(c, old); in != nil {
		c.Progress("changing the cache " + c.ID)
		if err := patiently(ctx, c.ID, c.Progress, func(ctx context.Context) error {
			_, err := g.usable(ctx, c, false)
			return err
		}, func() error {
			_, err := g.client.ModifyServerlessCache(ctx, in)
			return err
		}); err != nil {
			return c.Out, err
		}
		if found, err = g.usable(ctx, c, false); err != nil {
			return c.Out, err
		}
	}
	return serverlessOutputs(found), g.retag(ctx, c.Request, aws.ToString(found.ARN), c.Old.Tags, c.Props.Tags)
}

// serverlessChange is the call that makes the cache as wanted, nil if it is.
func serverlessChange(c serverlessCall, old model.ServerlessCache) *elasticache.ModifyServerlessCacheInput {
	p := c.Props
	in := &elasticache.ModifyServerlessCacheInput{ServerlessCacheName: &c.ID}
	any := false
	differs := func(yes bool) bool {
		any = any || yes
		return yes
	}
	if differs(p.Description != old.Description) {
		in.Description = &p.Description
	}
	if differs(p.Engine != old.Engine || p.MajorVersion != old.MajorVersion) {
		in.Engine, in.MajorEngineVersion = &p.Engine, &p.MajorVersion
	}
	if differs(!value.Equal(p.SecurityGroups.Value(), old.SecurityGroups.Value())) {
		in.SecurityGroupIds = p.SecurityGroups.Get()
	}
	if id := p.UserGroup.Get(); differs(id != old.UserGroup.Get()) {
		if in.UserGroupId = call.Optional(id); id == "" {
			in.RemoveUserGroup = new(true)
		}
	}
	if differs(*p.SnapshotRetention != *old.SnapshotRetention) {
		in.SnapshotRetentionLimit = new(int32(*p.SnapshotRetention))
	}
	if differs(p.SnapshotTime != "" && p.SnapshotTime != old.SnapshotTime) {
		in.DailySnapshotTime = &p.SnapshotTime
	}
	wanted := p
	if wanted.MaxStorage == nil && old.MaxStorage != nil {
		wanted.MaxStorage = new(unlimitedStorage)
	}
	if wanted.MaxUnits == nil && old.MaxUnits != nil {
		wanted.MaxUnits = new(unlimitedUnits)
	}
	if differs(aws.ToInt(wanted.MaxStorage) != aws.ToInt(old.MaxStorage) ||
		aws.ToInt(wanted.MaxUnits) != aws.ToInt(old.MaxUnits)) {
		in.CacheUsageLimits = limitsOf(wanted)
	}
	if !any {
		return nil
	}
	return in
}

// delete takes the final snapshot of a cache that works: one in change is waited for.
func (g serverless) delete(ctx context.Context, c serverlessCall) error {
	snapshots := 0
	return call.Wait(ctx, leaving, "cache "+c.ID+" is gone", func(ctx context.Context) (bool, error) {
		found, err := g.describe(ctx, c.ID)
		if gone(err) {
			return true, nil
		}
		if err != nil || statusOf(found) == deletingNow {
			return false, err
		}
		in := &elasticache.DeleteServerlessCacheInput{ServerlessCacheName: &c.ID}
		if c.Old.FinalSnapshot && !slices.Contains(broken, statusOf(found)) {
			if statusOf(found) != available {
				return false, nil // AWS may allow the delete, and the data would be lost
			}
			name := c.ID + "-final-" + aws.ToTime(found.CreateTime).UTC().Format("20060102150405")
			if snapshots > 0 { // an earlier delete took a snapshot and did not end
				name = fmt.Sprintf("%s-%d", name, snapshots+1)
			}
			in.FinalSnapshotName = &name
			c.Progress("deleting the cache " + c.ID + ", and keeping its data in the snapshot " + name)
		}
		_, err = g.client.DeleteServerlessCache(ctx, in)
		if call.HasCode(err, "ServerlessCacheSnapshotAlreadyExistsFault") && snapshots < finalSnapshots {
			snapshots++
			return false, nil
		}
		if call.HasCode(err, unready...) {
			return false, nil // in change, or the answer to an earlier attempt was lost
		}
		return false, failed(err)
	})
}

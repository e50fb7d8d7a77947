package elasticachefake

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/elasticache"
	"github.com/aws/aws-sdk-go-v2/service/elasticache/types"
)

// serverlessCache is a serverless cache.
type serverlessCache struct {
	types.ServerlessCache
	change
}

func noServerless(name string) error {
	return missing("ServerlessCacheNotFoundFault", "Serverless cache %s not found.", name)
}

// limits reads the usage limits of a request.
func (c *call) limits(old *types.CacheUsageLimits) *types.CacheUsageLimits {
	const storage, units = "CacheUsageLimits.DataStorage.", "CacheUsageLimits.ECPUPerSecond."
	if !c.Form.Has(storage+"Unit") && !c.Form.Has(units+"Maximum") && !c.Form.Has(units+"Minimum") {
		return old
	}
	value := func(name string) *int32 {
		if !c.Form.Has(name) {
			return nil
		}
		return new(c.number(name, 0))
	}
	out := types.CacheUsageLimits{}
	if old != nil {
		out = *old
	}
	if c.Form.Has(storage + "Unit") {
		out.DataStorage = &types.DataStorage{
			Unit: types.DataStorageUnit(c.text(storage + "Unit")), Maximum: value(storage + "Maximum"),
			Minimum: value(storage + "Minimum"),
		}
	}
	if c.Form.Has(units+"Maximum") || c.Form.Has(units+"Minimum") {
		out.ECPUPerSecond = &types.ECPUPerSecond{Maximum: value(units + "Maximum"), Minimum: value(units + "Minimum")}
	}
	return &out
}

func createServerless(c *call) (any, error) {
	name, engine := lower(c.text("ServerlessCacheName")), lower(c.text("Engine"))
	if c.serverless[name] != nil {
		return nil, refuse("ServerlessCacheAlreadyExistsFault", "Serverless cache %s already exists.", name)
	}
	if versions[engine] == nil {
		return nil, invalid("Invalid engine name: %s", engine)
	}
	newest := versions[engine][len(versions[engine])-1]
	major := strings.Split(newest, ".")[0]
	if engine == "memcached" {
		major = "1.6"
	}
	asked := first(c.text("MajorEngineVersion"), major)
	full, err := fullVersion(engine, asked+".x")
	if err != nil {
		return nil, err
	}
	subnets, vpc := c.list("SubnetIds"), ""
	if len(subnets) > 0 {
		if len(subnets) > 3 {
			return nil, invalid("At most 3 subnets.")
		}
		var zones map[string]string
		if zones, vpc, err = c.subnetsOf(subnets); err != nil {
			return nil, err
		}
		if len(zones) < 2 {
			return nil, invalid("At least 2 subnets.")
		}
	}
	s := &serverlessCache{ServerlessCache: types.ServerlessCache{
		ServerlessCacheName: &name, ARN: new(c.arn("serverlesscache", name)), CreateTime: new(c.fake.clock),
		Description: new(first(c.text("Description"), " ")), Engine: &engine, MajorEngineVersion: &asked,
		FullEngineVersion: &full, KmsKeyId: c.optional("KmsKeyId"), SecurityGroupIds: c.list("SecurityGroupIds"),
		SubnetIds: slices.Sorted(slices.Values(subnets)), UserGroupId: c.optional("UserGroupId"),
		DailySnapshotTime:      c.optional("DailySnapshotTime"),
		SnapshotRetentionLimit: new(c.number("SnapshotRetentionLimit", 0)), CacheUsageLimits: c.limits(nil),
		Status: new(creating), NetworkType: types.NetworkTypeIpv4,
	}}
	_ = vpc
	if err := c.usable(c.text("UserGroupId"), engine); err != nil {
		return nil, err
	}
	if err := c.tag(*s.ARN); err != nil {
		return nil, err
	}
	c.serverless[name] = s
	s.begin(func() {
		s.Status = new(available)
		host := name + "-abc123.serverless.use1.cache.amazonaws.com"
		port, reader := int32(6379), int32(6380)
		if engine == "memcached" {
			port, reader = 11211, 11212
		}
		s.Endpoint, s.ReaderEndpoint = endpoint(host, port), endpoint(host, reader)
	})
	return &elasticache.CreateServerlessCacheOutput{ServerlessCache: &s.ServerlessCache}, nil
}

// usable refuses a user group that is not there or not active, or that a cache of that engine does not take.
func (c *call) usable(id, engine string) error {
	if id == "" {
		return nil
	}
	g := c.userGroups[id]
	if g == nil {
		return missing("UserGroupNotFound", "User group %s not found.", id)
	}
	if *g.Status != "active" {
		return refuse("InvalidUserGroupState", "User group %s is not active.", id)
	}
	return takes(engine, *g.Engine)
}

// takes refuses a user group of an engine that a cache does not take. Valkey takes both.
func takes(cache, group string) error {
	if cache == "redis" && group != "redis" {
		return combination("A cache of the engine redis cannot have a user group of the engine %s.", group)
	}
	return nil
}

func describeServerless(c *call) (any, error) {
	name := c.text("ServerlessCacheName")
	found, err := all(c.serverless, name, func() error { return noServerless(name) })
	out := &elasticache.DescribeServerlessCachesOutput{ServerlessCaches: []types.ServerlessCache{}}
	for _, s := range found {
		s.poll()
		if c.serverless[*s.ServerlessCacheName] == nil {
			if name != "" {
				return nil, noServerless(name)
			}
			continue
		}
		out.ServerlessCaches = append(out.ServerlessCaches, s.ServerlessCache)
	}
	return out, err
}

func (c *call) changeableServerless() (*serverlessCache, error) {
	name := lower(c.text("ServerlessCacheName"))
	s := c.serverless[name]
	if s == nil {
		return nil, noServerless(name)
	}
	if *s.Status != available {
		return nil, refuse("InvalidServerlessCacheStateFault", "Serverless cache %s is not in available state.", name)
	}
	return s, nil
}

func modifyServerless(c *call) (any, error) {
	s, err := c.changeableServerless()
	if err != nil {
		return nil, err
	}
	next := s.ServerlessCache
	if text := c.optional("Description"); text != nil {
		next.Description = text
	}
	if groups := c.list("SecurityGroupIds"); groups != nil {
		next.SecurityGroupIds = groups
	}
	if asked := c.text("MajorEngineVersion"); asked != "" {
		engine := first(lower(c.text("Engine")), *s.Engine)
		if engine != *s.Engine && !(*s.Engine == "redis" && engine == "valkey") {
			return nil, combination("Cross-engine upgrade from %s to %s is not supported.", *s.Engine, engine)
		}
		full, err := fullVersion(engine, asked+".x")
		if err != nil {
			return nil, err
		}
		if before(full, *s.FullEngineVersion) {
			return nil, combination("Can't downgrade from version %s to %s", *s.FullEngineVersion, full)
		}
		next.Engine, next.MajorEngineVersion, next.FullEngineVersion = &engine, &asked, &full
	}
	if c.yes("RemoveUserGroup", false) {
		next.UserGroupId = nil
	}
	if id := c.optional("UserGroupId"); id != nil {
		if err := c.usable(*id, *s.Engine); err != nil {
			return nil, err
		}
		next.UserGroupId = id
	}
	next.SnapshotRetentionLimit = new(c.number("SnapshotRetentionLimit", *s.SnapshotRetentionLimit))
	if at := c.optional("DailySnapshotTime"); at != nil {
		next.DailySnapshotTime = at
	}
	next.CacheUsageLimits = c.limits(s.CacheUsageLimits)
	s.Status = new(modifying)
	s.begin(func() {
		next.Status = new(available)
		s.ServerlessCache = next
	})
	return &elasticache.ModifyServerlessCacheOutput{ServerlessCache: &s.ServerlessCache}, nil
}

func deleteServerless(c *call) (any, error) {
	s, err := c.changeableServerless()
	if err != nil {
		return nil, err
	}
	if name := c.text("FinalSnapshotName"); name != "" {
		if c.snapshots[name] != nil {
			return nil, refuse("ServerlessCacheSnapshotAlreadyExistsFault", "Snapshot %s already exists.", name)
		}
		c.snapshots[name] = &snapshot{types.Snapshot{SnapshotName: &name, SnapshotStatus: new(available)}}
	}
	name := *s.ServerlessCacheName
	s.Status = new(deleting)
	s.begin(func() {
		delete(c.serverless, name)
		delete(c.tags, *s.ARN)
	})
	return &elasticache.DeleteServerlessCacheOutput{ServerlessCache: &s.ServerlessCache}, nil
}

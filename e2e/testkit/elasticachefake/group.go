package elasticachefake

import (
	"encoding/xml"
	"maps"
	"net/url"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/elasticache"
	"github.com/aws/aws-sdk-go-v2/service/elasticache/types"
)

// subnetGroup is a subnet group.
type subnetGroup struct{ types.CacheSubnetGroup }

func noSubnetGroup(name string) error {
	return refuse("CacheSubnetGroupNotFoundFault", "Cache Subnet Group %s does not exist.", name)
}

func createSubnetGroup(c *call) (any, error) {
	name := lower(c.text("CacheSubnetGroupName"))
	if c.subnets[name] != nil {
		return nil, refuse("CacheSubnetGroupAlreadyExists", "Cache subnet group %s already exists.", name)
	}
	g := &subnetGroup{types.CacheSubnetGroup{
		CacheSubnetGroupName: &name, CacheSubnetGroupDescription: c.optional("CacheSubnetGroupDescription"),
		ARN: new(c.arn("subnetgroup", name)),
	}}
	if err := c.place(g); err != nil {
		return nil, err
	}
	if err := c.tag(*g.ARN); err != nil {
		return nil, err
	}
	c.subnets[name] = g
	return &elasticache.CreateCacheSubnetGroupOutput{CacheSubnetGroup: &g.CacheSubnetGroup}, nil
}

// place puts a subnet group into the subnets of the request.
func (c *call) place(g *subnetGroup) error {
	ids := c.list("SubnetIds")
	subnets, vpc, err := c.subnetsOf(ids)
	if err != nil {
		return err
	}
	if g.VpcId != nil && *g.VpcId != vpc {
		return refuse("InvalidSubnet", "The new Subnets are not in the same Vpc as the existing subnet group")
	}
	g.VpcId, g.Subnets = &vpc, nil
	for id, zone := range subnets {
		g.Subnets = append(g.Subnets, types.Subnet{
			SubnetIdentifier:       new(id),
			SubnetAvailabilityZone: &types.AvailabilityZone{Name: new(zone)},
		})
	}
	// AWS returns subnets in no order that a caller could know.
	slices.SortFunc(g.Subnets, func(a, b types.Subnet) int {
		if *a.SubnetIdentifier < *b.SubnetIdentifier {
			return 1
		}
		return -1
	})
	return nil
}

// subnetsOf asks EC2 for subnets. It returns their zones and their VPC.
func (c *call) subnetsOf(ids []string) (zones map[string]string, vpc string, err error) {
	form := url.Values{"Action": {"DescribeSubnets"}, "Version": {"2016-11-15"}}
	for i, id := range ids {
		form.Set("SubnetId."+strconv.Itoa(i+1), id)
	}
	answer, err := c.PostForm("ec2", form)
	if err != nil {
		return nil, "", err
	}
	var found struct {
		Subnets []struct {
			ID   string `xml:"subnetId"`
			VPC  string `xml:"vpcId"`
			Zone string `xml:"availabilityZone"`
		} `xml:"subnetSet>item"`
	}
	if answer.Status >= 300 || len(ids) == 0 {
		return nil, "", refuse("InvalidSubnet", "Some input subnets in :[%v] are invalid.", ids)
	}
	if err := xml.Unmarshal(answer.Body, &found); err != nil {
		return nil, "", err
	}
	zones = map[string]string{}
	for _, s := range found.Subnets {
		if vpc != "" && s.VPC != vpc {
			return nil, "", refuse("InvalidSubnet", "The subnets are in more than one VPC")
		}
		zones[s.ID], vpc = s.Zone, s.VPC
	}
	return zones, vpc, nil
}

func describeSubnetGroups(c *call) (any, error) {
	name := c.text("CacheSubnetGroupName")
	found, err := all(c.subnets, name, func() error { return noSubnetGroup(name) })
	out := &elasticache.DescribeCacheSubnetGroupsOutput{CacheSubnetGroups: []types.CacheSubnetGroup{}}
	for _, g := range found {
		out.CacheSubnetGroups = append(out.CacheSubnetGroups, g.CacheSubnetGroup)
	}
	return out, err
}

func modifySubnetGroup(c *call) (any, error) {
	name := lower(c.text("CacheSubnetGroupName"))
	g := c.subnets[name]
	if g == nil {
		return nil, noSubnetGroup(name)
	}
	if text := c.optional("CacheSubnetGroupDescription"); text != nil {
		g.CacheSubnetGroupDescription = text
	}
	if ids := c.list("SubnetIds"); ids != nil {
		for _, s := range g.Subnets {
			if !slices.Contains(ids, *s.SubnetIdentifier) && c.occupies(*s.SubnetIdentifier) {
				return nil, refuse("SubnetInUse", "The subnet ID %s is in use.", *s.SubnetIdentifier)
			}
		}
		if err := c.place(g); err != nil {
			return nil, err
		}
	}
	return &elasticache.ModifyCacheSubnetGroupOutput{CacheSubnetGroup: &g.CacheSubnetGroup}, nil
}

func deleteSubnetGroup(c *call) (any, error) {
	c.elapse()
	name := lower(c.text("CacheSubnetGroupName"))
	g := c.subnets[name]
	if g == nil {
		return nil, noSubnetGroup(name)
	}
	for _, n := range c.allNodes() {
		if n.subnetGroup == name {
			return nil, refuse("CacheSubnetGroupInUse", "Cache subnet group %s is currently in use by a cache cluster.",
				name)
		}
	}
	delete(c.subnets, name)
	delete(c.tags, *g.ARN)
	return nil, nil
}

// parameterGroup is a parameter group and the values that somebody has set.
type parameterGroup struct {
	types.CacheParameterGroup
	values map[string]string
}

// families are the families of parameter groups that AWS has.
var families = []string{
	"memcached1.4", "memcached1.5", "memcached1.6", "redis2.6", "redis2.8", "redis3.2", "redis4.0", "redis5.0",
	"redis6.x", "redis7", "valkey7", "valkey8", "valkey9",
}

// modifiable are parameters of the engines, as far as the tests need them.
var modifiable = []string{
	"maxmemory-policy", "timeout", "notify-keyspace-events", "cluster-enabled", "slowlog-log-slower-than",
	"slowlog-max-len", "activedefrag", "reserved-memory-percent", "tcp-keepalive", "lazyfree-lazy-eviction",
	"lfu-decay-time", "hash-max-listpack-entries", "latency-tracking", "databases", "repl-backlog-size",
	"active-expire-effort", "maxmemory-samples", "client-query-buffer-limit", "stream-node-max-entries",
	"set-max-intset-entries", "acllog-max-len", "tracking-table-max-keys", "lfu-log-factor", "zset-max-ziplist-value",
	"max_item_size", "idle_timeout", "chunk_size", "binding_protocol", "maxconns_fast", "lru_crawler",
}

func noParameterGroup(name string) error {
	return missing("CacheParameterGroupNotFound", "CacheParameterGroup not found: %s", name)
}

func createParameterGroup(c *call) (any, error) {
	name, family := lower(c.text("CacheParameterGroupName")), c.text("CacheParameterGroupFamily")
	if c.parameters[name] != nil {
		return nil, refuse("CacheParameterGroupAlreadyExists", "Parameter group %s already exists", name)
	}
	if !slices.Contains(families, family) {
		return nil, invalid("CacheParameterGroupFamily %s is not a valid parameter group family.", family)
	}
	g := &parameterGroup{types.CacheParameterGroup{
		CacheParameterGroupName: &name, CacheParameterGroupFamily: &family, Description: c.optional("Description"),
		ARN: new(c.arn("parametergroup", name)), IsGlobal: new(false),
	}, map[string]string{}}
	if err := c.tag(*g.ARN); err != nil {
		return nil, err
	}
	c.parameters[name] = g
	return &elasticache.CreateCacheParameterGroupOutput{CacheParameterGroup: &g.CacheParameterGroup}, nil
}

func describeParameterGroups(c *call) (any, error) {
	name := c.text("CacheParameterGroupName")
	found, err := all(c.parameters, name, func() error { return noParameterGroup(name) })
	out := &elasticache.DescribeCacheParameterGroupsOutput{CacheParameterGroups: []types.CacheParameterGroup{}}
	for _, g := range found {
		out.CacheParameterGroups = append(out.CacheParameterGroups, g.CacheParameterGroup)
	}
	return out, err
}

// maxRecords is how many parameters a page has at most.
const maxRecords = 100

func describeParameters(c *call) (any, error) {
	name := lower(c.text("CacheParameterGroupName"))
	g := c.parameters[name]
	if g == nil {
		return nil, noParameterGroup(name)
	}
	out := &elasticache.DescribeCacheParametersOutput{Parameters: []types.Parameter{}}
	source := c.text("Source")
	for _, key := range slices.Sorted(slices.Values(modifiable)) {
		value, set := g.values[key]
		if source == "user" && !set {
			continue
		}
		from := "system"
		if set {
			from = "user"
		}
		out.Parameters = append(out.Parameters, types.Parameter{
			ParameterName: new(key), ParameterValue: new(value), Source: &from, IsModifiable: new(true),
		})
	}
	start, _ := strconv.Atoi(c.text("Marker")) // 0 without one
	end := min(len(out.Parameters), start+int(c.number("MaxRecords", maxRecords)))
	if end < len(out.Parameters) {
		out.Marker = new(strconv.Itoa(end))
	}
	out.Parameters = out.Parameters[start:end]
	return out, nil
}

// maxChanged is how many parameters a call changes at most.
const maxChanged = 20

// changing returns the parameter group of a request that changes parameters, and what it changes.
func changing(c *call) (*parameterGroup, []map[string]string, error) {
	name := lower(c.text("CacheParameterGroupName"))
	g := c.parameters[name]
	if g == nil {
		return nil, nil, noParameterGroup(name)
	}
	for _, n := range c.allNodes() {
		if n.parameterGroup == name && n.busy() {
			return nil, nil, refuse("InvalidCacheParameterGroupState",
				"One or more of the cache clusters that use the parameter group %s is not in available state.", name)
		}
	}
	asked := c.structs("ParameterNameValues")
	if len(asked) > maxChanged {
		return nil, nil, invalid("No more than %d parameters can be changed in a call.", maxChanged)
	}
	for _, p := range asked {
		if !slices.Contains(modifiable, p["ParameterName"]) {
			return nil, nil, invalid("Could not find parameter with name: %s", p["ParameterName"])
		}
	}
	return g, asked, nil
}

func modifyParameters(c *call) (any, error) {
	g, asked, err := changing(c)
	if err != nil {
		return nil, err
	}
	for _, p := range asked {
		g.values[p["ParameterName"]] = p["ParameterValue"]
	}
	return &elasticache.ModifyCacheParameterGroupOutput{CacheParameterGroupName: g.CacheParameterGroupName}, nil
}

func resetParameters(c *call) (any, error) {
	g, asked, err := changing(c)
	if err != nil {
		return nil, err
	}
	if c.yes("ResetAllParameters", false) {
		g.values = map[string]string{}
	}
	for _, p := range asked {
		delete(g.values, p["ParameterName"])
	}
	return &elasticache.ResetCacheParameterGroupOutput{CacheParameterGroupName: g.CacheParameterGroupName}, nil
}

func deleteParameterGroup(c *call) (any, error) {
	c.elapse()
	name := lower(c.text("CacheParameterGroupName"))
	g := c.parameters[name]
	if g == nil {
		return nil, noParameterGroup(name)
	}
	for _, n := range c.allNodes() {
		if n.parameterGroup == name {
			return nil, refuse("InvalidCacheParameterGroupState",
				"One or more cache clusters are still members of this parameter group %s, so the group cannot "+
					"be deleted.",
				name)
		}
	}
	delete(c.parameters, name)
	delete(c.tags, *g.ARN)
	return nil, nil
}

// allNodes are the nodes of all caches.
func (r *region) allNodes() []*nodes {
	var out []*nodes
	for _, name := range slices.Sorted(maps.Keys(r.groups)) {
		out = append(out, r.groups[name].nodes)
	}
	for _, name := range slices.Sorted(maps.Keys(r.clusters)) {
		out = append(out, r.clusters[name].nodes)
	}
	return out
}

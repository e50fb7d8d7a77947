package service

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticache"

	"github.com/company/deployer/e2e/testkit/access"
	"github.com/company/deployer/e2e/testkit/inventory"
	"github.com/company/deployer/e2e/testkit/late"
)

var _ = register(Service{
	Name: "elasticache", ID: "ElastiCache",
	NameBy: []string{
		"ReplicationGroupId", "CacheClusterId", "ServerlessCacheName", "UserGroupId", "UserId",
		"CacheParameterGroupName", "CacheSubnetGroupName", "ResourceName",
	},
	Tags: Tags{TooMany: "TagQuotaPerResourceExceeded"},
	Late: []late.Class{
		{
			Made: "elasticache:CreateCacheSubnetGroup", Asked: true,
			ID: regexp.MustCompile(`CacheSubnetGroupName=([^&]+)`),
			Unknown: []late.Ignorance{{
				Operations: []string{"elasticache:CreateReplicationGroup", "elasticache:CreateCacheCluster"},
				Code:       "CacheSubnetGroupNotFoundFault", Message: "Cache Subnet Group ID does not exist.",
			}},
		},
		{
			Made: "elasticache:CreateCacheParameterGroup", Asked: true,
			ID: regexp.MustCompile(`CacheParameterGroupName=([^&]+)`),
			Unknown: []late.Ignorance{{
				Operations: []string{"elasticache:CreateReplicationGroup", "elasticache:CreateCacheCluster"},
				Code:       "CacheParameterGroupNotFound", Message: "CacheParameterGroup not found: ID",
			}},
		},
	},
	Inventory: inventory.Source{List: listCaches},
	Access:    access.Rules{Requests: accessElastiCache},
	Unasked: map[string]string{
		"elasticache:CreateSnapshot":                           "finalSnapshot, which is for production",
		"elasticache:ModifyCacheParameterGroup":                "parameters",
		"elasticache:IncreaseReplicaCount":                     "a cache that grows",
		"elasticache:DecreaseReplicaCount":                     "a cache that shrinks",
		"elasticache:ModifyCacheSubnetGroup":                   "a Network with other subnets",
		"elasticache:ModifyReplicationGroup":                   "a cache that changes",
		"elasticache:ModifyReplicationGroupShardConfiguration": "a cache with other shards",
		"elasticache:ResetCacheParameterGroup":                 "a parameter that goes",
	},
	UnaskedOn: map[string]string{
		":snapshot:": "finalSnapshot", ":cluster:": "the nodes of a replication group: AWS makes and tags them with it",
	},
	Types: map[string]ByHand{
		"elasticache/subnet-group":      {Needed: true},
		"elasticache/parameter-group":   {Property: "parameters", To: map[string]any{"timeout": "60"}, Needed: true},
		"elasticache/replication-group": {Property: "snapshotRetention", To: 2},
		"elasticache/cluster":           {Property: "nodes", To: 2},
		"elasticache/user":              {Property: "access", To: "on ~app:* +@read", Needed: true},
		"elasticache/user-group":        {Needed: true},
		"elasticache/serverless-cache":  {Property: "snapshotRetention", To: 2},
	},
})

func listCaches(l *inventory.Lister) error {
	client := elasticache.NewFromConfig(l.Config)
	subnets, err := client.DescribeCacheSubnetGroups(l, &elasticache.DescribeCacheSubnetGroupsInput{})
	if err != nil {
		return err
	}
	parameters, err := client.DescribeCacheParameterGroups(l, &elasticache.DescribeCacheParameterGroupsInput{})
	if err != nil {
		return err
	}
	groups, err := client.DescribeReplicationGroups(l, &elasticache.DescribeReplicationGroupsInput{})
	if err != nil {
		return err
	}
	clusters, err := client.DescribeCacheClusters(l, &elasticache.DescribeCacheClustersInput{})
	if err != nil {
		return err
	}
	add := func(kind string, name, arn *string, facts ...any) {
		if err != nil {
			return
		}
		var labels *elasticache.ListTagsForResourceOutput
		labels, err = client.ListTagsForResource(l, &elasticache.ListTagsForResourceInput{ResourceName: arn})
		if err != nil {
			return
		}
		own := map[string]string{}
		for _, t := range labels.TagList {
			own[*t.Key] = *t.Value
		}
		err = l.Add(kind, *name, append(facts, inventory.Tags(own))...)
	}
	for _, g := range subnets.CacheSubnetGroups {
		add("cache subnet group", g.CacheSubnetGroupName, g.ARN, len(g.Subnets), *g.CacheSubnetGroupDescription)
	}
	for _, g := range parameters.CacheParameterGroups {
		set, failed := client.DescribeCacheParameters(l, &elasticache.DescribeCacheParametersInput{
			CacheParameterGroupName: g.CacheParameterGroupName, Source: aws.String("user"),
		})
		if failed != nil {
			return failed
		}
		values := map[string]string{}
		for _, p := range set.Parameters {
			values[*p.ParameterName] = *p.ParameterValue
		}
		add("cache parameter group", g.CacheParameterGroupName, g.ARN, *g.CacheParameterGroupFamily, values)
	}
	for _, g := range groups.ReplicationGroups {
		g.ReplicationGroupCreateTime = nil
		add("cache", g.ReplicationGroupId, g.ARN, g)
	}
	for _, c := range clusters.CacheClusters {
		if c.ReplicationGroupId == nil {
			c.CacheClusterCreateTime = nil
			add("cache cluster", c.CacheClusterId, c.ARN, c)
		}
	}
	return err
}

// cacheObjects are the parameters of ElastiCache's calls that name objects, with the kind in the objects' ARNs.
var cacheObjects = map[string]string{
	"ReplicationGroupId": "replicationgroup", "CacheClusterId": "cluster", "ServerlessCacheName": "serverlesscache",
	"UserGroupId": "usergroup", "UserId": "user", "CacheParameterGroupName": "parametergroup",
	"CacheSubnetGroupName": "subnetgroup", "FinalSnapshotIdentifier": "snapshot",
	"FinalSnapshotName": "serverlesscachesnapshot", "SnapshotName": "snapshot",
}

// accessElastiCache: IAM checks a call on every object that it names.
func accessElastiCache(b *access.Builder) {
	form := b.Call.Form
	var on []string
	for _, name := range slices.Sorted(maps.Keys(cacheObjects)) {
		if id := form.Get(name); id != "" {
			on = append(on, b.ARN(cacheObjects[name]+":"+id))
		}
	}
	for _, list := range []string{"UserIds", "UserIdsToAdd", "UserIdsToRemove"} {
		for _, id := range access.Members(form, list, "") {
			on = append(on, b.ARN("user:"+id))
		}
	}
	for _, list := range []string{"UserGroupIds", "UserGroupIdsToAdd", "UserGroupIdsToRemove"} {
		for _, id := range access.Members(form, list, "") {
			on = append(on, b.ARN("usergroup:"+id))
		}
	}
	if arn := form.Get("ResourceName"); arn != "" {
		on = append(on, arn)
	}
	if len(on) == 0 {
		on = []string{"*"}
	}
	b.On(on...)
	op := b.Call.Operation
	if strings.HasPrefix(op, "Create") {
		b.Tagging("elasticache:AddTagsToResource", created(on, op)...)
	}
	b.RequestTags = nil
	switch {
	case form.Get("FinalSnapshotIdentifier") != "":
		b.Ask("elasticache:CreateSnapshot", on...)
	case form.Get("FinalSnapshotName") != "":
		b.Ask("elasticache:CreateServerlessCacheSnapshot", on...)
	}
	if strings.HasSuffix(op, "ServerlessCache") {
		for _, action := range []string{"ec2:DescribeTags", "ec2:DescribeVpcEndpoints"} {
			b.Ask(action, "*")
		}
		for _, action := range []string{"ec2:CreateVpcEndpoint", "ec2:DeleteVpcEndpoints"} {
			b.Ask(action, "arn:aws:ec2:"+b.Call.Region+":"+b.Account+":vpc-endpoint/of-the-cache")
		}
	}
	if slices.Contains(placing, op) || strings.HasSuffix(op, "ServerlessCache") {
		for _, action := range []string{
			"ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs",
		} {
			b.Ask(action, "*")
		}
		ec2 := "arn:aws:ec2:" + b.Call.Region + ":" + b.Account + ":"
		b.Ask("ec2:CreateNetworkInterface", ec2+"network-interface/of-the-cache", ec2+"subnet/of-the-cache",
			ec2+"security-group/of-the-cache")
		b.Ask("ec2:DeleteNetworkInterface", ec2+"network-interface/of-the-cache")
	}
}

// placing are the operations in which AWS makes or deletes network interfaces in the name of the caller.
var placing = []string{
	"CreateReplicationGroup", "ModifyReplicationGroup", "ModifyReplicationGroupShardConfiguration",
	"IncreaseReplicaCount", "DecreaseReplicaCount", "DeleteReplicationGroup", "CreateCacheCluster",
	"DeleteCacheCluster", "CreateCacheSubnetGroup", "DeleteCacheSubnetGroup",
}

// created are those of the named objects that the call makes.
func created(named []string, operation string) []string {
	kind := map[string]string{
		"CreateReplicationGroup": "replicationgroup", "CreateCacheCluster": "cluster",
		"CreateServerlessCache": "serverlesscache", "CreateUser": "user", "CreateUserGroup": "usergroup",
		"CreateCacheParameterGroup": "parametergroup", "CreateCacheSubnetGroup": "subnetgroup",
	}[operation]
	return slices.DeleteFunc(slices.Clone(named), func(arn string) bool {
		return !strings.Contains(arn, ":"+kind+":")
	})
}

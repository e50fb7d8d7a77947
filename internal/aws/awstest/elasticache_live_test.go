package awstest

import (
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticache"
	cachetypes "github.com/aws/aws-sdk-go-v2/service/elasticache/types"

	model "github.com/company/deployer/internal/resource/elasticache"
	"github.com/company/deployer/internal/value"
)

var _ = liveObjects(answerElastiCache,
	liveType{file: "ElastiCache-SubnetGroup", typ: model.SubnetGroupType, props: func(l live) (any, string, string) {
		name := l.Live.text("CacheSubnetGroupName")
		return model.SubnetGroup{
			Name: name, VPCID: lit(anyVPC), Description: l.Declared.text("Description"),
			SubnetIDs: value.Lit(l.Declared.texts("SubnetIds")), Tags: l.Declared.tags(),
		}, name, ""
	}},
	liveType{
		file: "ElastiCache-ParameterGroup", typ: model.ParameterGroupType,
		props: func(l live) (any, string, string) {
			name := l.Live.text("CacheParameterGroupName")
			return model.ParameterGroup{
				Name: name, Family: l.Declared.text("CacheParameterGroupFamily"),
				Description: l.Declared.text("Description"), Parameters: cacheParameters(l.Declared),
				Tags: l.Declared.tags(),
			}, name, ""
		},
	},
	liveType{
		file: "ElastiCache-ReplicationGroup", typ: model.ReplicationGroupType, props: liveReplicationGroup,
		explicit: []string{
			"failover", "multiAz", "atRestEncryption", "transitEncryption", "engineVersion", "parameterGroup",
			"subnetGroup", "securityGroups",
		},
	},
	liveType{
		file: "ElastiCache-CacheCluster", typ: model.ClusterType, props: liveCacheCluster,
		explicit: []string{"multiAz", "engineVersion", "parameterGroup", "transitEncryption"},
	},
	liveType{
		file: "ElastiCache-ServerlessCache", typ: model.ServerlessCacheType,
		explicit: []string{"description"}, props: func(l live) (any, string, string) {
			d, name := l.Declared, l.Live.text("ServerlessCacheName")
			p := model.ServerlessCache{
				Name: name, Description: said(l, "Description"), Engine: d.text("Engine"),
				MajorVersion: said(l, "MajorEngineVersion"), SubnetIDs: value.Lit(d.texts("SubnetIds")),
				SecurityGroups: value.Lit(d.texts("SecurityGroupIds")), Tags: d.tags(),
			}
			if d["SubnetIds"] == nil {
				p.SubnetIDs = value.Lit(l.Live.texts("SubnetIds")) // AWS chose them
			}
			if d["SecurityGroupIds"] == nil {
				p.SecurityGroups = value.Lit(l.Live.texts("SecurityGroupIds"))
			}
			return p, name, ""
		},
	},
	liveType{file: "ElastiCache-User", typ: model.UserType, props: func(l live) (any, string, string) {
		d, id := l.Declared, l.Live.text("UserId")
		p := model.User{
			Name: id, Username: d.text("UserName"), Engine: d.text("Engine"), Access: d.text("AccessString"),
			Tags: d.tags(),
		}
		if d["Passwords"] != nil {
			p.PasswordSecret = lit("arn:of-a-secret")
		}
		return p, id, ""
	}},
	liveType{file: "ElastiCache-UserGroup", typ: model.UserGroupType, props: func(l live) (any, string, string) {
		d, id := l.Declared, l.Live.text("UserGroupId")
		return model.UserGroup{
			Name: id, Engine: d.text("Engine"), UserIDs: value.Lit(d.texts("UserIds")), Tags: d.tags(),
		}, id, ""
	}},
)

func cacheParameters(o object) map[string]string {
	var out map[string]string
	for key := range o.at("Properties") {
		if out == nil {
			out = map[string]string{}
		}
		out[key] = o.at("Properties").text(key)
	}
	return out
}

// said is what was declared, or what AWS has where our type wants every cache to say it.
func said(l live, key string) string {
	if text := l.Declared.text(key); text != "" {
		return text
	}
	if text := l.Live.text(key); text != "" {
		return text
	}
	return "none"
}

func liveReplicationGroup(l live) (any, string, string) {
	d, id := l.Declared, l.Live.text("ReplicationGroupId")
	for _, key := range []string{"CacheParameterGroupName", "CacheSubnetGroupName", "EngineVersion"} {
		l.Live[key] = said(l, key) // CloudFormation does not show what the nodes have
	}
	if l.Live["SecurityGroupIds"] == nil {
		l.Live["SecurityGroupIds"] = d["SecurityGroupIds"]
	}
	p := model.ReplicationGroup{
		Name: id, Description: d.text("ReplicationGroupDescription"), Engine: d.text("Engine"),
		EngineVersion: said(l, "EngineVersion"), NodeType: d.text("CacheNodeType"),
		Nodes: max(1, d.int("NumCacheClusters")), ParameterGroup: lit(said(l, "CacheParameterGroupName")),
		SubnetGroup: lit(said(l, "CacheSubnetGroupName")), SecurityGroups: value.Lit(d.texts("SecurityGroupIds")),
		SnapshotRetention: d.number("SnapshotRetentionLimit"), Tags: d.tags(),
	}
	if shards := d.number("NumNodeGroups"); shards != nil {
		p.Shards, p.Nodes = shards, d.int("ReplicasPerNodeGroup")+1
	}
	return p, id, ""
}

func liveCacheCluster(l live) (any, string, string) {
	d, id := l.Declared, l.Live.text("ClusterName")
	if engine := d.text("Engine"); engine != model.Memcached {
		return nil, "", "a single node of " + engine
	}
	return model.Cluster{
		Name: id, EngineVersion: said(l, "EngineVersion"), NodeType: d.text("CacheNodeType"),
		Nodes: d.int("NumCacheNodes"), ParameterGroup: lit(said(l, "CacheParameterGroupName")),
		SubnetGroup: lit(d.text("CacheSubnetGroupName")), SecurityGroups: value.Lit(d.texts("VpcSecurityGroupIds")),
		Tags: d.tags(),
	}, id, ""
}

// liveNode is a node as DescribeCacheClusters shows it.
func liveNode(l object) cachetypes.CacheCluster {
	node := into[cachetypes.CacheCluster](without(l, "ConfigurationEndpoint", "ConfigurationEndPoint"))
	node.CacheClusterId = aws.String(l.text("ClusterName") + l.text("ReplicationGroupId"))
	node.CacheParameterGroup = &cachetypes.CacheParameterGroupStatus{
		CacheParameterGroupName: aws.String(l.text("CacheParameterGroupName")),
	}
	for _, id := range slices.Concat(l.texts("VpcSecurityGroupIds"), l.texts("SecurityGroupIds")) {
		node.SecurityGroups = append(node.SecurityGroups, cachetypes.SecurityGroupMembership{SecurityGroupId: &id})
	}
	zones := l.texts("PreferredAvailabilityZones")
	if slices.Sort(zones); len(slices.Compact(zones)) > 1 {
		node.PreferredAvailabilityZone = aws.String("Multiple")
	} else if len(zones) > 0 {
		node.PreferredAvailabilityZone = &zones[0]
	}
	node.ConfigurationEndpoint = liveEndpoint(l.at("ConfigurationEndpoint"))
	return node
}

func without(o object, keys ...string) object {
	out := maps.Clone(o)
	for _, key := range keys {
		delete(out, key)
	}
	return out
}

func liveEndpoint(o object) *cachetypes.Endpoint {
	if o.text("Address") == "" {
		return nil
	}
	return &cachetypes.Endpoint{
		Address: aws.String(o.text("Address")),
		Port:    aws.Int32(int32(o.int("Port"))),
	} //nolint:gosec // a port
}

// liveGroup is a replication group as DescribeReplicationGroups shows it: flags are words, and the nodes are listed.
func liveGroup(l object) cachetypes.ReplicationGroup {
	g := into[cachetypes.ReplicationGroup](without(l, "ConfigurationEndPoint"))
	g.Description, g.Status = aws.String(l.text("ReplicationGroupDescription")), aws.String("available")
	word := func(key string) string {
		if l.is(key) {
			return "enabled"
		}
		return "disabled"
	}
	g.AutomaticFailover = cachetypes.AutomaticFailoverStatus(word("AutomaticFailoverEnabled"))
	g.MultiAZ = cachetypes.MultiAZStatus(word("MultiAZEnabled"))
	g.ClusterEnabled = aws.Bool(l.text("ClusterMode") == "enabled")
	g.ARN = aws.String("arn:aws:elasticache:us-east-1:111111111111:replicationgroup:" + l.text("ReplicationGroupId"))
	g.ConfigurationEndpoint = liveEndpoint(l.at("ConfigurationEndPoint"))
	shards := max(1, l.int("NumCacheClusters")/(l.int("ReplicasPerNodeGroup")+1))
	for i := range l.int("NumCacheClusters") {
		g.MemberClusters = append(g.MemberClusters, l.text("ReplicationGroupId")+"-00"+string(rune('1'+i)))
	}
	for range shards {
		g.NodeGroups = append(g.NodeGroups, cachetypes.NodeGroup{
			PrimaryEndpoint: liveEndpoint(l.at("PrimaryEndPoint")),
			ReaderEndpoint:  liveEndpoint(l.at("ReaderEndPoint")),
		})
	}
	return g
}

func answerElastiCache(l object, parameters any) (any, error) {
	switch p := parameters.(type) {
	case *elasticache.DescribeCacheSubnetGroupsInput:
		g := cachetypes.CacheSubnetGroup{
			CacheSubnetGroupName:        p.CacheSubnetGroupName,
			CacheSubnetGroupDescription: aws.String(l.text("Description")),
			VpcId:                       aws.String(anyVPC),
			ARN:                         aws.String("arn:aws:elasticache:us-east-1:111111111111:subnetgroup:x"),
		}
		for _, id := range l.texts("SubnetIds") {
			g.Subnets = append(g.Subnets, cachetypes.Subnet{SubnetIdentifier: &id})
		}
		return &elasticache.DescribeCacheSubnetGroupsOutput{CacheSubnetGroups: []cachetypes.CacheSubnetGroup{g}}, nil
	case *elasticache.DescribeCacheParameterGroupsInput:
		g := into[cachetypes.CacheParameterGroup](l)
		g.ARN = aws.String("arn:aws:elasticache:us-east-1:111111111111:parametergroup:x")
		return &elasticache.DescribeCacheParameterGroupsOutput{
			CacheParameterGroups: []cachetypes.CacheParameterGroup{g},
		}, nil
	case *elasticache.DescribeCacheParametersInput:
		out := &elasticache.DescribeCacheParametersOutput{}
		for key, text := range cacheParameters(l) {
			out.Parameters = append(out.Parameters, cachetypes.Parameter{
				ParameterName: &key, ParameterValue: &text, Source: aws.String("user"),
			})
		}
		return out, nil
	case *elasticache.DescribeReplicationGroupsInput:
		return &elasticache.DescribeReplicationGroupsOutput{
			ReplicationGroups: []cachetypes.ReplicationGroup{liveGroup(l)},
		}, nil
	case *elasticache.DescribeCacheClustersInput:
		return &elasticache.DescribeCacheClustersOutput{CacheClusters: []cachetypes.CacheCluster{liveNode(l)}}, nil
	case *elasticache.DescribeUsersInput:
		u := into[cachetypes.User](l)
		return &elasticache.DescribeUsersOutput{Users: []cachetypes.User{u}}, nil
	case *elasticache.DescribeUserGroupsInput:
		g := into[cachetypes.UserGroup](l)
		return &elasticache.DescribeUserGroupsOutput{UserGroups: []cachetypes.UserGroup{g}}, nil
	case *elasticache.DescribeServerlessCachesInput:
		c := into[cachetypes.ServerlessCache](without(l, "Endpoint", "ReaderEndpoint"))
		c.Endpoint = liveEndpoint(l.at("Endpoint"))
		return &elasticache.DescribeServerlessCachesOutput{ServerlessCaches: []cachetypes.ServerlessCache{c}}, nil
	case *elasticache.ListTagsForResourceInput:
		out := &elasticache.ListTagsForResourceOutput{TagList: into[[]cachetypes.Tag](l["Tags"])}
		out.TagList = slices.DeleteFunc(out.TagList, func(t cachetypes.Tag) bool {
			return strings.HasPrefix(aws.ToString(t.Key), "aws:")
		})
		return out, nil
	}
	return nil, nil
}

package awstest

import (
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	model "github.com/company/deployer/internal/resource/rds"
	"github.com/company/deployer/internal/value"
)

var _ = liveObjects(answerRDS,
	liveType{file: "RDS-DBSubnetGroup", typ: model.SubnetGroupType, props: func(l live) (any, string, string) {
		name := l.Live.text("DBSubnetGroupName")
		return model.SubnetGroup{
			Name: name, VPCID: value.Lit(anyVPC), Description: l.Declared.text("DBSubnetGroupDescription"),
			SubnetIDs: value.Lit(l.Declared.texts("SubnetIds")), Tags: l.Declared.tags(),
		}, name, ""
	}},
	liveType{
		file: "RDS-DBParameterGroup", typ: model.ParameterGroupType,
		props: liveParameterGroup("DBParameterGroupName"),
	},
	liveType{
		file: "RDS-DBClusterParameterGroup", typ: model.ClusterParameterGroupType,
		props: liveParameterGroup("DBClusterParameterGroupName"),
	},
	liveType{
		file: "RDS-DBInstance", typ: model.InstanceType, explicit: []string{"public", "encrypted", "username"},
		props: liveInstance,
	},
	liveType{
		file: "RDS-DBCluster", typ: model.ClusterType, explicit: []string{"encrypted", "username"},
		props: liveCluster,
	},
)

func liveParameterGroup(key string) func(l live) (any, string, string) {
	return func(l live) (any, string, string) {
		name := l.Live.text(key)
		return model.ParameterGroup{
			Name: name, Family: l.Declared.text("Family"), Description: l.Declared.text("Description"),
			Parameters: l.Declared.parameters(), Tags: l.Declared.tags(),
		}, name, ""
	}
}

func (o object) parameters() map[string]string {
	var out map[string]string
	for name := range o.at("Parameters") {
		if out == nil {
			out = map[string]string{}
		}
		out[name] = o.at("Parameters").text(name)
	}
	return out
}

func (o object) given(key string) *bool {
	if o[key] == nil {
		return nil
	}
	is := o.is(key)
	return &is
}

func (o object) groups(key string) value.Of[[]string] {
	if o[key] == nil {
		return value.Of[[]string]{}
	}
	return value.Lit(o.texts(key))
}

// user is the declared master user, unless whoever published the object has taken it out.
func (o object) user() string {
	if user := o.text("MasterUsername"); !strings.HasPrefix(user, "__") {
		return user
	}
	return ""
}

func liveInstance(l live) (any, string, string) {
	d := l.Declared
	engine := d.text("Engine")
	switch {
	case d["SourceDBInstanceIdentifier"] != nil:
		return nil, "", "a read replica"
	case strings.HasPrefix(engine, "oracle"), strings.HasPrefix(engine, "sqlserver"):
		return nil, "", "the engine " + engine
	}
	i := model.Instance{
		Identifier: l.Live.text("DBInstanceIdentifier"), Engine: engine, EngineVersion: d.text("EngineVersion"),
		Class: d.text("DBInstanceClass"), ClusterIdentifier: lit(d.text("DBClusterIdentifier")),
		Storage: d.number("AllocatedStorage"), StorageType: d.text("StorageType"), MultiAZ: d.given("MultiAZ"),
		Username: d.user(), SubnetGroup: lit(strings.ToLower(d.text("DBSubnetGroupName"))),
		SecurityGroupIDs: d.groups("VPCSecurityGroups"),
		ParameterGroup:   lit(strings.ToLower(d.text("DBParameterGroupName"))), Public: d.is("PubliclyAccessible"),
		Encrypted: d.is("StorageEncrypted"), BackupRetention: d.number("BackupRetentionPeriod"),
		LogExports: d.texts("EnableCloudwatchLogsExports"), Protected: d.given("DeletionProtection"),
		PromotionTier: d.number("PromotionTier"), Tags: d.tags(),
	}
	if i.Username == "" && i.ClusterIdentifier.Get() == "" {
		i.Username = l.Live.text("MasterUsername")
	}
	return i, i.Identifier, ""
}

func liveCluster(l live) (any, string, string) {
	d := l.Declared
	c := model.Cluster{
		Identifier: l.Live.text("DBClusterIdentifier"), Engine: d.text("Engine"),
		EngineVersion: d.text("EngineVersion"),
		Database:      d.text("DatabaseName"), Username: d.user(), SubnetGroup: lit(d.text("DBSubnetGroupName")),
		SecurityGroupIDs: d.groups("VpcSecurityGroupIds"), ParameterGroup: lit(d.text("DBClusterParameterGroupName")),
		ListenPort: d.number("Port"), Encrypted: d.is("StorageEncrypted"),
		BackupRetention: d.number("BackupRetentionPeriod"), LogExports: d.texts("EnableCloudwatchLogsExports"),
		Protected: d.given("DeletionProtection"), Tags: d.tags(),
	}
	if s := d.at("ServerlessV2ScalingConfiguration"); s != nil {
		least, _ := s["MinCapacity"].(float64)
		most, _ := s["MaxCapacity"].(float64)
		c.Capacity = &model.Capacity{Min: least, Max: most}
	}
	if c.Username == "" {
		c.Username = l.Live.text("MasterUsername")
	}
	return c, c.Identifier, ""
}

// asAPI renames the members that CloudFormation names otherwise than the API.
func asAPI(l object, names map[string]string) object {
	out := maps.Clone(l)
	for theirs, ours := range names {
		if out[theirs] != nil {
			out[ours] = out[theirs]
			delete(out, theirs)
		}
	}
	return out
}

func answerRDS(l object, parameters any) (any, error) {
	tags := []types.Tag{}
	for key, text := range l.tags() {
		tags = append(tags, types.Tag{Key: &key, Value: aws.String(text)})
	}
	switch parameters.(type) {
	case *rds.DescribeDBSubnetGroupsInput:
		group := types.DBSubnetGroup{
			DBSubnetGroupName: aws.String(l.text("DBSubnetGroupName")), VpcId: aws.String(anyVPC),
			DBSubnetGroupArn:         aws.String(l.text("DBSubnetGroupArn")),
			DBSubnetGroupDescription: aws.String(l.text("DBSubnetGroupDescription")),
		}
		for _, id := range l.texts("SubnetIds") {
			group.Subnets = append(group.Subnets, types.Subnet{SubnetIdentifier: aws.String(id)})
		}
		return &rds.DescribeDBSubnetGroupsOutput{DBSubnetGroups: []types.DBSubnetGroup{group}}, nil
	case *rds.DescribeDBParameterGroupsInput:
		return &rds.DescribeDBParameterGroupsOutput{DBParameterGroups: []types.DBParameterGroup{{
			DBParameterGroupName:   aws.String(l.text("DBParameterGroupName")),
			DBParameterGroupFamily: aws.String(l.text("Family")), Description: aws.String(l.text("Description")),
		}}}, nil
	case *rds.DescribeDBClusterParameterGroupsInput:
		return &rds.DescribeDBClusterParameterGroupsOutput{DBClusterParameterGroups: []types.DBClusterParameterGroup{{
			DBClusterParameterGroupName: aws.String(l.text("DBClusterParameterGroupName")),
			DBParameterGroupFamily:      aws.String(l.text("Family")), Description: aws.String(l.text("Description")),
		}}}, nil
	case *rds.DescribeDBParametersInput, *rds.DescribeDBClusterParametersInput:
		var list []types.Parameter
		for name, text := range l.parameters() {
			list = append(list, types.Parameter{ParameterName: aws.String(name), ParameterValue: aws.String(text)})
		}
		if _, ofCluster := parameters.(*rds.DescribeDBClusterParametersInput); ofCluster {
			return &rds.DescribeDBClusterParametersOutput{Parameters: list}, nil
		}
		return &rds.DescribeDBParametersOutput{Parameters: list}, nil
	case *rds.ListTagsForResourceInput:
		return &rds.ListTagsForResourceOutput{TagList: tags}, nil
	case *rds.DescribeDBInstancesInput:
		i := into[types.DBInstance](withoutKeys(l, "AllocatedStorage", "Endpoint", "Port", "MasterUserSecret",
			"VPCSecurityGroups", "DBSubnetGroupName", "DBParameterGroupName", "DBSecurityGroups", "AssociatedRoles",
			"OptionGroupName", "Tags", "StorageThroughput", "CertificateDetails"))
		i.AllocatedStorage = aws.Int32(int32(l.int("AllocatedStorage"))) //nolint:gosec // a test's data
		i.TagList, i.EnabledCloudwatchLogsExports = tags, l.texts("EnableCloudwatchLogsExports")
		i.DBSubnetGroup = &types.DBSubnetGroup{DBSubnetGroupName: aws.String(l.text("DBSubnetGroupName"))}
		i.DBParameterGroups = []types.DBParameterGroupStatus{{
			DBParameterGroupName: aws.String(l.text("DBParameterGroupName")),
		}}
		i.VpcSecurityGroups = memberships(l.texts("VPCSecurityGroups"))
		return &rds.DescribeDBInstancesOutput{DBInstances: []types.DBInstance{i}}, nil
	case *rds.DescribeDBClustersInput:
		c := into[types.DBCluster](withoutKeys(asAPI(l, map[string]string{
			"DBSubnetGroupName": "DBSubnetGroup", "DBClusterParameterGroupName": "DBClusterParameterGroup",
			"EnableCloudwatchLogsExports":     "EnabledCloudwatchLogsExports",
			"EnableIAMDatabaseAuthentication": "IAMDatabaseAuthenticationEnabled",
		}), "Endpoint", "ReadEndpoint", "MasterUserSecret", "VpcSecurityGroupIds", "AssociatedRoles", "Tags"))
		c.TagList, c.VpcSecurityGroups = tags, memberships(l.texts("VpcSecurityGroupIds"))
		return &rds.DescribeDBClustersOutput{DBClusters: []types.DBCluster{c}}, nil
	}
	return nil, nil
}

func withoutKeys(l object, keys ...string) object {
	out := maps.Clone(l)
	maps.DeleteFunc(out, func(key string, _ any) bool { return slices.Contains(keys, key) })
	return out
}

func memberships(ids []string) []types.VpcSecurityGroupMembership {
	var out []types.VpcSecurityGroupMembership
	for _, id := range ids {
		out = append(out, types.VpcSecurityGroupMembership{VpcSecurityGroupId: &id, Status: aws.String("active")})
	}
	return out
}

package service_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticache"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/e2e/testkit"
)

// place is two subnets in two zones and a security group, and what EC2 says when they are to be deleted.
type place struct {
	t          *testing.T
	env        *testkit.Env
	client     *ec2.Client
	used, free string
	group      string
	subnets    []string
}

func newPlace(t *testing.T) *place {
	env := testkit.Start(t, testkit.InRegion("us-east-1"))
	p := &place{t: t, env: env, client: ec2.NewFromConfig(env.Config)}
	vpc, err := p.client.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.9.0.0/16")})
	require.NoError(t, err)
	for zone, cidr := range map[string]string{"us-east-1a": "10.9.0.0/24", "us-east-1c": "10.9.1.0/24"} {
		made, err := p.client.CreateSubnet(t.Context(), &ec2.CreateSubnetInput{
			VpcId: vpc.Vpc.VpcId, AvailabilityZone: &zone, CidrBlock: &cidr,
		})
		require.NoError(t, err)
		if p.subnets = append(p.subnets, *made.Subnet.SubnetId); zone == "us-east-1a" {
			p.used = *made.Subnet.SubnetId
		} else {
			p.free = *made.Subnet.SubnetId
		}
	}
	group, err := p.client.CreateSecurityGroup(t.Context(), &ec2.CreateSecurityGroupInput{
		VpcId: vpc.Vpc.VpcId, GroupName: aws.String("used"), Description: aws.String("used"),
	})
	require.NoError(t, err)
	p.group = *group.GroupId
	return p
}

// kept expects EC2 to keep the subnet and the group.
func (p *place) kept() {
	p.t.Helper()
	_, err := p.client.DeleteSubnet(p.t.Context(), &ec2.DeleteSubnetInput{SubnetId: &p.used})
	require.Equal(p.t, "DependencyViolation", codeOf(err))
	_, err = p.client.DeleteSecurityGroup(p.t.Context(), &ec2.DeleteSecurityGroupInput{GroupId: &p.group})
	require.Equal(p.t, "DependencyViolation", codeOf(err))
}

// freed expects EC2 to delete both, and the subnet that nothing ever was in.
func (p *place) freed() {
	p.t.Helper()
	for _, subnet := range []string{p.used, p.free} {
		_, err := p.client.DeleteSubnet(p.t.Context(), &ec2.DeleteSubnetInput{SubnetId: &subnet})
		require.NoError(p.t, err)
	}
	_, err := p.client.DeleteSecurityGroup(p.t.Context(), &ec2.DeleteSecurityGroupInput{GroupId: &p.group})
	require.NoError(p.t, err)
}

func TestDatabaseKeepsItsSubnet(t *testing.T) {
	p := newPlace(t)
	client, name := rds.NewFromConfig(p.env.Config), aws.String("shop")
	_, err := client.CreateDBSubnetGroup(t.Context(), &rds.CreateDBSubnetGroupInput{
		DBSubnetGroupName: name, DBSubnetGroupDescription: name, SubnetIds: p.subnets,
	})
	require.NoError(t, err)
	_, err = client.CreateDBInstance(t.Context(), &rds.CreateDBInstanceInput{
		DBInstanceIdentifier: name, Engine: aws.String("postgres"), DBInstanceClass: aws.String("db.t4g.micro"),
		AllocatedStorage: aws.Int32(20), MasterUsername: aws.String("app"), ManageMasterUserPassword: aws.Bool(true),
		DBSubnetGroupName: name, VpcSecurityGroupIds: []string{p.group},
	})
	require.NoError(t, err)
	p.kept()
	group := &rds.ModifyDBSubnetGroupInput{DBSubnetGroupName: name, SubnetIds: p.subnets}
	_, err = client.ModifyDBSubnetGroup(t.Context(), group)
	require.NoError(t, err)
	group.SubnetIds = []string{p.free}
	_, err = client.ModifyDBSubnetGroup(t.Context(), group)
	require.Equal(t, "SubnetAlreadyInUse", codeOf(err))
	for err = nil; err == nil; { // until it is gone
		_, _ = client.DeleteDBInstance(t.Context(), &rds.DeleteDBInstanceInput{
			DBInstanceIdentifier: name, SkipFinalSnapshot: aws.Bool(true),
		}) // refused until it is available
		_, err = client.DescribeDBInstances(t.Context(), &rds.DescribeDBInstancesInput{DBInstanceIdentifier: name})
	}
	p.freed()
}

func TestCacheKeepsItsSubnet(t *testing.T) {
	p := newPlace(t)
	client, name := elasticache.NewFromConfig(p.env.Config), aws.String("shop")
	_, err := client.CreateCacheSubnetGroup(t.Context(), &elasticache.CreateCacheSubnetGroupInput{
		CacheSubnetGroupName: name, CacheSubnetGroupDescription: name, SubnetIds: p.subnets,
	})
	require.NoError(t, err)
	_, err = client.CreateReplicationGroup(t.Context(), &elasticache.CreateReplicationGroupInput{
		ReplicationGroupId: name, ReplicationGroupDescription: name, Engine: aws.String("valkey"),
		CacheNodeType: aws.String("cache.t4g.micro"), CacheSubnetGroupName: name, SecurityGroupIds: []string{p.group},
	})
	require.NoError(t, err)
	p.kept()
	group := &elasticache.ModifyCacheSubnetGroupInput{CacheSubnetGroupName: name, SubnetIds: p.subnets}
	_, err = client.ModifyCacheSubnetGroup(t.Context(), group)
	require.NoError(t, err)
	group.SubnetIds = []string{p.free}
	_, err = client.ModifyCacheSubnetGroup(t.Context(), group)
	require.Equal(t, "SubnetInUse", codeOf(err))
	for err = nil; err == nil; {
		_, _ = client.DeleteReplicationGroup(t.Context(), &elasticache.DeleteReplicationGroupInput{
			ReplicationGroupId: name,
		}) // refused until it is available
		_, err = client.DescribeReplicationGroups(t.Context(), &elasticache.DescribeReplicationGroupsInput{
			ReplicationGroupId: name,
		})
	}
	p.freed()
}

func TestTasksKeepTheirSubnet(t *testing.T) {
	p := newPlace(t)
	client, name := ecs.NewFromConfig(p.env.Config), aws.String("shop")
	_, err := client.CreateCluster(t.Context(), &ecs.CreateClusterInput{ClusterName: name})
	require.NoError(t, err)
	_, err = client.RegisterTaskDefinition(t.Context(), &ecs.RegisterTaskDefinitionInput{
		Family: name, NetworkMode: ecstypes.NetworkModeAwsvpc, Cpu: aws.String("256"), Memory: aws.String("512"),
		RequiresCompatibilities: []ecstypes.Compatibility{ecstypes.CompatibilityFargate},
		ContainerDefinitions:    []ecstypes.ContainerDefinition{{Name: name, Image: aws.String("shop:1")}},
	})
	require.NoError(t, err)
	_, err = client.CreateService(t.Context(), &ecs.CreateServiceInput{
		Cluster: name, ServiceName: name, TaskDefinition: name, DesiredCount: aws.Int32(1),
		LaunchType: ecstypes.LaunchTypeFargate,
		NetworkConfiguration: &ecstypes.NetworkConfiguration{AwsvpcConfiguration: &ecstypes.AwsVpcConfiguration{
			Subnets: []string{p.used}, SecurityGroups: []string{p.group},
		}},
	})
	require.NoError(t, err)
	read := func() ecstypes.Service {
		found, err := client.DescribeServices(t.Context(), &ecs.DescribeServicesInput{
			Cluster: name, Services: []string{*name},
		})
		require.NoError(t, err)
		return found.Services[0]
	}
	for read().RunningCount == 0 {
		continue // each read is a step
	}
	p.kept()
	_, err = client.DeleteService(t.Context(), &ecs.DeleteServiceInput{
		Cluster: name, Service: name, Force: aws.Bool(true),
	})
	require.NoError(t, err)
	for *read().Status != "INACTIVE" {
		continue
	}
	p.freed()
}

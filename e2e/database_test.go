package e2e

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticache"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/rogpeppe/go-internal/testscript"
)

// dbCommand acts in RDS, beside the binary.
//
//	db make NAME VARIABLE    make a PostgreSQL instance whose password RDS manages, with a security group of its own:
//	                         $VARIABLE_GROUP is the group's id, $VARIABLE_SECRET the ARN of the secret
//	db rules GROUP FILE      write the rules for incoming traffic of a group into a file: protocol, ports, name of the
//	                         group that may come in
//	db drop NAME GROUP       delete an instance, which must exist, and its security group
//	db resize instance CLASS now|later
//	                         change the class of the only instance, at once or in its maintenance window
//	db resize cache TYPE     change the node type of the only replication group, which AWS works at for some time
func dbCommand(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg, "db")
	w := worldOf(ts)
	ctx := context.Background()
	databases, network := rds.NewFromConfig(w.Config), ec2.NewFromConfig(w.Config)
	if len(args) < 3 {
		ts.Fatalf("unknown: db %s", strings.Join(args, " "))
	}
	switch args[0] {
	case "resize":
		w.resize(ctx, ts, args[1], args[2], len(args) == 4 && args[3] == "now")
	case "make":
		group, err := network.CreateSecurityGroup(ctx,
			&ec2.CreateSecurityGroupInput{GroupName: &args[1], Description: &args[1]})
		ts.Check(err)
		made, err := databases.CreateDBInstance(ctx, &rds.CreateDBInstanceInput{
			DBInstanceIdentifier: &args[1], DBInstanceClass: aws.String("db.t4g.micro"), Engine: aws.String("postgres"),
			AllocatedStorage: aws.Int32(20), MasterUsername: aws.String("owner"), DBName: aws.String("orders"),
			ManageMasterUserPassword: aws.Bool(true), VpcSecurityGroupIds: []string{*group.GroupId},
		})
		ts.Check(err)
		ts.Setenv(args[2]+"_GROUP", *group.GroupId)
		ts.Setenv(args[2]+"_SECRET", *made.DBInstance.MasterUserSecret.SecretArn)
	case "rules":
		ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(incoming(ctx, ts, network, args[1])), 0o644))
	case "drop":
		_, err := databases.DeleteDBInstance(ctx, &rds.DeleteDBInstanceInput{
			DBInstanceIdentifier: &args[1], SkipFinalSnapshot: aws.Bool(true),
		})
		ts.Check(err)
		for err == nil { // until it is gone
			_, err = databases.DescribeDBInstances(ctx, &rds.DescribeDBInstancesInput{DBInstanceIdentifier: &args[1]})
		}
		_, err = network.DeleteSecurityGroup(ctx, &ec2.DeleteSecurityGroupInput{GroupId: &args[2]})
		ts.Check(err)
	default:
		ts.Fatalf("unknown: db %s", strings.Join(args, " "))
	}
}

// resize changes the size of the only database or cache of the account, as a person does in the console.
func (w *world) resize(ctx context.Context, ts *testscript.TestScript, what, size string, now bool) {
	switch what {
	case "cache":
		client := elasticache.NewFromConfig(w.Config)
		found, err := client.DescribeReplicationGroups(ctx, &elasticache.DescribeReplicationGroupsInput{})
		for err == nil && *found.ReplicationGroups[0].Status != "available" { // until an earlier change has ended
			found, err = client.DescribeReplicationGroups(ctx, &elasticache.DescribeReplicationGroupsInput{})
		}
		ts.Check(err)
		_, err = client.ModifyReplicationGroup(ctx, &elasticache.ModifyReplicationGroupInput{
			ReplicationGroupId: found.ReplicationGroups[0].ReplicationGroupId, CacheNodeType: &size,
			ApplyImmediately: aws.Bool(true),
		})
		ts.Check(err)
		w.Cache.Busy(7)
	case "instance":
		client := rds.NewFromConfig(w.Config)
		found, err := client.DescribeDBInstances(ctx, &rds.DescribeDBInstancesInput{})
		ts.Check(err)
		_, err = client.ModifyDBInstance(ctx, &rds.ModifyDBInstanceInput{
			DBInstanceIdentifier: found.DBInstances[0].DBInstanceIdentifier, DBInstanceClass: &size,
			ApplyImmediately: &now,
		})
		ts.Check(err)
	default:
		ts.Fatalf("unknown: db resize %s", what)
	}
}

// incoming are the rules of a group for incoming traffic, one on a line.
func incoming(ctx context.Context, ts *testscript.TestScript, network *ec2.Client, group string) string {
	groups, err := network.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{})
	ts.Check(err)
	names := map[string]string{}
	for _, g := range groups.SecurityGroups {
		names[*g.GroupId] = *g.GroupName
	}
	found, err := network.DescribeSecurityGroupRules(ctx, &ec2.DescribeSecurityGroupRulesInput{
		Filters: []ec2types.Filter{{Name: aws.String("group-id"), Values: []string{group}}},
	})
	ts.Check(err)
	var lines []string
	for _, r := range found.SecurityGroupRules {
		if !aws.ToBool(r.IsEgress) && r.ReferencedGroupInfo != nil {
			lines = append(lines, fmt.Sprintf("%s %d-%d %s\n", *r.IpProtocol, *r.FromPort, *r.ToPort,
				names[*r.ReferencedGroupInfo.GroupId]))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

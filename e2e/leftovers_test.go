package e2e

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/rogpeppe/go-internal/testscript"
)

// leftovers lists what is in the script's account and region, apart from what AWS itself puts there and the state's
// bucket.
func (w *world) leftovers(ctx context.Context, ts *testscript.TestScript) []string {
	var out []string
	queues, err := sqs.NewFromConfig(w.Config).ListQueues(ctx, &sqs.ListQueuesInput{})
	ts.Check(err)
	for _, u := range queues.QueueUrls {
		parsed, err := url.Parse(u)
		ts.Check(err)
		out = append(out, "queue "+parsed.Path)
	}
	buckets, err := s3.NewFromConfig(w.Config, func(o *s3.Options) { o.UsePathStyle = true }).ListBuckets(ctx,
		&s3.ListBucketsInput{})
	ts.Check(err)
	for _, b := range buckets.Buckets {
		if *b.Name != ts.Getenv("BUCKET") {
			out = append(out, "bucket "+*b.Name)
		}
	}
	roles, err := iam.NewFromConfig(w.Config).ListRoles(ctx, &iam.ListRolesInput{})
	ts.Check(err)
	for _, r := range roles.Roles {
		if !strings.HasPrefix(*r.Path, "/aws-service-role/") {
			out = append(out, "role "+*r.RoleName)
		}
	}
	clusters, err := ecs.NewFromConfig(w.Config).ListClusters(ctx, &ecs.ListClustersInput{})
	ts.Check(err)
	if len(clusters.ClusterArns) > 0 {
		// The emulator lists what was deleted, too.
		found, err := ecs.NewFromConfig(w.Config).DescribeClusters(ctx,
			&ecs.DescribeClustersInput{Clusters: clusters.ClusterArns})
		ts.Check(err)
		for _, c := range found.Clusters {
			if *c.Status != "INACTIVE" {
				out = append(out, *c.ClusterArn)
			}
		}
	}
	balancers, err := elb.NewFromConfig(w.Config).DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{})
	ts.Check(err)
	for _, b := range balancers.LoadBalancers {
		out = append(out, *b.LoadBalancerArn)
	}
	groups, err := elb.NewFromConfig(w.Config).DescribeTargetGroups(ctx, &elb.DescribeTargetGroupsInput{})
	ts.Check(err)
	for _, g := range groups.TargetGroups {
		out = append(out, *g.TargetGroupArn)
	}
	logs, err := cloudwatchlogs.NewFromConfig(w.Config).DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{})
	ts.Check(err)
	for _, g := range logs.LogGroups {
		out = append(out, "log group "+*g.LogGroupName)
	}
	security, err := ec2.NewFromConfig(w.Config).DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{})
	ts.Check(err)
	for _, g := range security.SecurityGroups {
		if *g.GroupName != "default" {
			out = append(out, "security group "+*g.GroupName)
		}
	}
	slices.Sort(out)
	return out
}

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	autoscalingtypes "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"
)

// inventory lists what is in the account and region with all that makes it what it is, apart from what AWS puts there by itself and
// the bucket of the states. Ids that differ from one life to the next are left out.
func (s *crashSite) inventory(t *testing.T) []string {
	t.Helper()
	var out []string
	add := func(kind, name string, facts ...any) {
		text, err := json.Marshal(facts) // which sorts maps
		require.NoError(t, err)
		out = append(out, kind+" "+name+" "+string(text))
	}
	s.listQueues(t, add)
	s.listBuckets(t, add)
	s.listRoles(t, add)
	s.listECS(t, add)
	s.listBalancers(t, add)
	s.listNetwork(t, add)
	slices.Sort(out)
	return out
}

type adder func(kind, name string, facts ...any)

func (s *crashSite) listQueues(t *testing.T, add adder) {
	client := sqs.NewFromConfig(s.Config)
	queues, err := client.ListQueues(t.Context(), &sqs.ListQueuesInput{})
	require.NoError(t, err)
	for _, url := range queues.QueueUrls {
		attributes, err := client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []sqstypes.QueueAttributeName{"All"}})
		require.NoError(t, err)
		tags, err := client.ListQueueTags(t.Context(), &sqs.ListQueueTagsInput{QueueUrl: &url})
		require.NoError(t, err)
		delete(tags.Tags, "deployer:lineage")
		maps.DeleteFunc(attributes.Attributes, func(name, _ string) bool { return strings.HasSuffix(name, "Timestamp") })
		add("queue", url[strings.LastIndex(url, "/")+1:], attributes.Attributes, tags.Tags)
	}
}

func (s *crashSite) listBuckets(t *testing.T, add adder) {
	client := s3.NewFromConfig(s.Config, func(o *s3.Options) { o.UsePathStyle = true })
	buckets, err := client.ListBuckets(t.Context(), &s3.ListBucketsInput{})
	require.NoError(t, err)
	for _, b := range buckets.Buckets {
		if *b.Name == s.bucket() {
			continue
		}
		var facts []any
		fact := func(out any, err error) {
			if err != nil {
				facts = append(facts, err.Error()[strings.LastIndex(err.Error(), "api error")+1:])
				return
			}
			text, err := json.Marshal(out)
			require.NoError(t, err)
			var m map[string]any
			require.NoError(t, json.Unmarshal(text, &m))
			delete(m, "ResultMetadata")
			facts = append(facts, m)
		}
		tags, err := client.GetBucketTagging(t.Context(), &s3.GetBucketTaggingInput{Bucket: b.Name})
		require.NoError(t, err)
		for _, tag := range tags.TagSet {
			if *tag.Key != "deployer:lineage" {
				facts = append(facts, *tag.Key+"="+*tag.Value)
			}
		}
		slices.SortFunc(facts, func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
		fact(client.GetBucketVersioning(t.Context(), &s3.GetBucketVersioningInput{Bucket: b.Name}))
		// Without a configuration S3 encrypts all the same; the emulator says so only when it was set.
		if encryption, err := client.GetBucketEncryption(t.Context(), &s3.GetBucketEncryptionInput{Bucket: b.Name}); err == nil {
			require.Equal(t, s3types.ServerSideEncryptionAes256, encryption.ServerSideEncryptionConfiguration.Rules[0].ApplyServerSideEncryptionByDefault.SSEAlgorithm)
		}
		fact(client.GetPublicAccessBlock(t.Context(), &s3.GetPublicAccessBlockInput{Bucket: b.Name}))
		fact(client.GetBucketOwnershipControls(t.Context(), &s3.GetBucketOwnershipControlsInput{Bucket: b.Name}))
		fact(client.GetBucketLifecycleConfiguration(t.Context(), &s3.GetBucketLifecycleConfigurationInput{Bucket: b.Name}))
		policy, err := client.GetBucketPolicy(t.Context(), &s3.GetBucketPolicyInput{Bucket: b.Name})
		require.NoError(t, err, *b.Name)
		facts = append(facts, aws.ToString(policy.Policy))
		add("bucket", *b.Name, facts...)
	}
}

func (s *crashSite) listRoles(t *testing.T, add adder) {
	client := iam.NewFromConfig(s.Config)
	roles, err := client.ListRoles(t.Context(), &iam.ListRolesInput{})
	require.NoError(t, err)
	for _, r := range roles.Roles {
		if strings.HasPrefix(*r.Path, "/aws-service-role/") {
			continue
		}
		inline, err := client.ListRolePolicies(t.Context(), &iam.ListRolePoliciesInput{RoleName: r.RoleName})
		require.NoError(t, err)
		attached, err := client.ListAttachedRolePolicies(t.Context(), &iam.ListAttachedRolePoliciesInput{RoleName: r.RoleName})
		require.NoError(t, err)
		var policies []string
		for _, p := range attached.AttachedPolicies {
			policies = append(policies, *p.PolicyArn)
		}
		for _, name := range inline.PolicyNames {
			p, err := client.GetRolePolicy(t.Context(), &iam.GetRolePolicyInput{RoleName: r.RoleName, PolicyName: &name})
			require.NoError(t, err)
			policies = append(policies, name+" "+*p.PolicyDocument)
		}
		slices.Sort(policies)
		add("role", *r.RoleName, policies)
	}
}

func (s *crashSite) listECS(t *testing.T, add adder) {
	client := ecs.NewFromConfig(s.Config)
	clusters, err := client.ListClusters(t.Context(), &ecs.ListClustersInput{})
	require.NoError(t, err)
	for _, cluster := range clusters.ClusterArns {
		state, err := client.DescribeClusters(t.Context(), &ecs.DescribeClustersInput{Clusters: []string{cluster}})
		require.NoError(t, err)
		if len(state.Clusters) == 0 || *state.Clusters[0].Status != "ACTIVE" { // the emulator goes on listing deleted ones
			continue
		}
		add("cluster", cluster)
		services, err := client.ListServices(t.Context(), &ecs.ListServicesInput{Cluster: &cluster})
		require.NoError(t, err)
		if len(services.ServiceArns) == 0 {
			continue
		}
		found, err := client.DescribeServices(t.Context(), &ecs.DescribeServicesInput{Cluster: &cluster, Services: services.ServiceArns})
		require.NoError(t, err)
		for _, svc := range found.Services {
			family, _, _ := strings.Cut((*svc.TaskDefinition)[strings.LastIndex(*svc.TaskDefinition, "/")+1:], ":")
			add("service", *svc.ServiceArn, svc.Status, svc.DesiredCount, svc.RunningCount, len(svc.Deployments), svc.Deployments[0].RolloutState, family, len(svc.LoadBalancers))
		}
	}
	definitions, err := client.ListTaskDefinitions(t.Context(), &ecs.ListTaskDefinitionsInput{Status: ecstypes.TaskDefinitionStatusActive})
	require.NoError(t, err)
	families := map[string]bool{} // former revisions stay, to go back to
	for _, arn := range definitions.TaskDefinitionArns {
		if family := arn[:strings.LastIndex(arn, ":")]; !families[family] {
			families[family] = true
			add("task definition", family)
		}
	}
	groups, err := cloudwatchlogs.NewFromConfig(s.Config).DescribeLogGroups(t.Context(), &cloudwatchlogs.DescribeLogGroupsInput{})
	require.NoError(t, err)
	for _, g := range groups.LogGroups {
		add("log group", *g.LogGroupName, g.RetentionInDays)
	}
	scaling := applicationautoscaling.NewFromConfig(s.Config)
	targets, err := scaling.DescribeScalableTargets(t.Context(), &applicationautoscaling.DescribeScalableTargetsInput{ServiceNamespace: autoscalingtypes.ServiceNamespaceEcs})
	require.NoError(t, err)
	for _, target := range targets.ScalableTargets {
		add("scalable target", *target.ResourceId, target.MinCapacity, target.MaxCapacity)
	}
	policies, err := scaling.DescribeScalingPolicies(t.Context(), &applicationautoscaling.DescribeScalingPoliciesInput{ServiceNamespace: autoscalingtypes.ServiceNamespaceEcs})
	require.NoError(t, err)
	for _, p := range policies.ScalingPolicies {
		add("scaling policy", *p.ResourceId+" "+*p.PolicyName)
	}
}

func (s *crashSite) listBalancers(t *testing.T, add adder) {
	client := elb.NewFromConfig(s.Config)
	balancers, err := client.DescribeLoadBalancers(t.Context(), &elb.DescribeLoadBalancersInput{})
	require.NoError(t, err)
	for _, b := range balancers.LoadBalancers {
		listeners, err := client.DescribeListeners(t.Context(), &elb.DescribeListenersInput{LoadBalancerArn: b.LoadBalancerArn})
		require.NoError(t, err)
		var rules []string
		for _, l := range listeners.Listeners {
			found, err := client.DescribeRules(t.Context(), &elb.DescribeRulesInput{ListenerArn: l.ListenerArn})
			require.NoError(t, err)
			for _, r := range found.Rules {
				rules = append(rules, fmt.Sprintf("%d %s", *l.Port, *r.Priority))
			}
		}
		slices.Sort(rules)
		add("load balancer", *b.LoadBalancerName, rules)
	}
	groups, err := client.DescribeTargetGroups(t.Context(), &elb.DescribeTargetGroupsInput{})
	require.NoError(t, err)
	for _, g := range groups.TargetGroups {
		add("target group", *g.TargetGroupName)
	}
}

func (s *crashSite) listNetwork(t *testing.T, add adder) {
	groups, err := ec2.NewFromConfig(s.Config).DescribeSecurityGroups(t.Context(), &ec2.DescribeSecurityGroupsInput{})
	require.NoError(t, err)
	for _, g := range groups.SecurityGroups {
		if *g.GroupName == "default" {
			continue
		}
		var rules []string
		for _, p := range g.IpPermissions {
			rules = append(rules, fmt.Sprintf("in %s %d %d", aws.ToString(p.IpProtocol), aws.ToInt32(p.FromPort), len(p.IpRanges)+len(p.UserIdGroupPairs)))
		}
		for _, p := range g.IpPermissionsEgress {
			rules = append(rules, fmt.Sprintf("out %s %d %d", aws.ToString(p.IpProtocol), aws.ToInt32(p.FromPort), len(p.IpRanges)+len(p.UserIdGroupPairs)))
		}
		slices.Sort(rules)
		add("security group", *g.GroupName, rules)
	}
	spaces, err := servicediscovery.NewFromConfig(s.Config).ListNamespaces(t.Context(), &servicediscovery.ListNamespacesInput{})
	require.NoError(t, err)
	for _, n := range spaces.Namespaces {
		add("namespace", *n.Name)
	}
}

// wipe deletes what the cases can leave behind when they fail.
func (s *crashSite) wipe(t *testing.T) {
	ctx := context.Background() // a clean-up comes after the test's own
	queues := sqs.NewFromConfig(s.Config)
	if found, err := queues.ListQueues(ctx, &sqs.ListQueuesInput{}); err == nil {
		for _, url := range found.QueueUrls {
			_, err := queues.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: &url})
			require.NoError(t, err)
		}
	}
	buckets := s3.NewFromConfig(s.Config, func(o *s3.Options) { o.UsePathStyle = true })
	if found, err := buckets.ListBuckets(ctx, &s3.ListBucketsInput{}); err == nil {
		for _, b := range found.Buckets {
			if *b.Name != s.bucket() {
				_, err := buckets.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: b.Name})
				require.NoError(t, err)
			}
		}
	}
}

// forgetTags makes the emulator forget the tags of buckets that are deleted: a new bucket of the name would have them.
func (s *crashSite) forgetTags(t *testing.T) {
	client := s3.NewFromConfig(s.Config, func(o *s3.Options) { o.UsePathStyle = true })
	for _, object := range s.want[0] {
		words := strings.Fields(object)
		if words[0] != "bucket" {
			continue
		}
		in := &s3.CreateBucketInput{Bucket: &words[1]}
		if s.Region != "us-east-1" {
			in.CreateBucketConfiguration = &s3types.CreateBucketConfiguration{LocationConstraint: s3types.BucketLocationConstraint(s.Region)}
		}
		_, err := client.CreateBucket(t.Context(), in)
		require.NoError(t, err)
		_, err = client.DeleteBucketTagging(t.Context(), &s3.DeleteBucketTaggingInput{Bucket: &words[1]})
		require.NoError(t, err)
		_, err = client.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: &words[1]})
		require.NoError(t, err)
	}
}

package awstest

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	autoscaling "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	autoscalingtypes "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	discoverytypes "github.com/aws/aws-sdk-go-v2/service/servicediscovery/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"
)

// answer is the answer of the service's own API for an object that CloudFormation shows as l.
func answer(typ string, l object, parameters any) (any, error) {
	for _, service := range []func(object, any) (any, error){
		answerSQS, answerLogs, answerECS, answerELB, answerEC2, answerIAM, answerS3, answerDiscovery, answerScaling,
	} {
		if out, err := service(l, parameters); out != nil || err != nil {
			return out, err
		}
	}
	return nil, fmt.Errorf("no answer to %T of %s", parameters, typ)
}

// missing is S3's error for a part that was never set.
func missing(code string) error { return &smithy.GenericAPIError{Code: code, Message: "never set"} }

func answerSQS(l object, parameters any) (any, error) {
	switch parameters.(type) {
	case *sqs.GetQueueAttributesInput:
		attributes := map[string]string{}
		for key, v := range l {
			switch key {
			case "QueueName", "QueueUrl", "Tags", "Queues":
				continue
			case "Arn":
				key = "QueueArn"
			case "PolicyDocument":
				key = "Policy"
			}
			text, ok := v.(string)
			if !ok { // a number, a boolean, a document
				raw, err := json.Marshal(v)
				if err != nil {
					return nil, err
				}
				text = string(raw)
			}
			attributes[key] = text
		}
		return &sqs.GetQueueAttributesOutput{Attributes: attributes}, nil
	case *sqs.ListQueueTagsInput:
		return &sqs.ListQueueTagsOutput{Tags: l.tags()}, nil
	}
	return nil, nil
}

func answerLogs(l object, parameters any) (any, error) {
	switch parameters.(type) {
	case *cloudwatchlogs.DescribeLogGroupsInput:
		return &cloudwatchlogs.DescribeLogGroupsOutput{LogGroups: []logstypes.LogGroup{into[logstypes.LogGroup](l)}},
			nil
	case *cloudwatchlogs.ListTagsForResourceInput:
		return &cloudwatchlogs.ListTagsForResourceOutput{Tags: l.tags()}, nil
	}
	return nil, nil
}

func answerECS(l object, parameters any) (any, error) {
	switch parameters.(type) {
	case *ecs.DescribeClustersInput:
		cluster := into[ecstypes.Cluster](l)
		cluster.ClusterArn, cluster.Status = aws.String(l.text("Arn")), aws.String("ACTIVE")
		// of the cluster itself, of its providers
		cluster.ClusterName = aws.String(l.text("ClusterName") + l.text("Cluster"))
		cluster.Settings = into[[]ecstypes.ClusterSetting](l["ClusterSettings"])
		return &ecs.DescribeClustersOutput{Clusters: []ecstypes.Cluster{cluster}}, nil
	case *ecs.DescribeServicesInput:
		service := into[ecstypes.Service](l)
		service.ClusterArn, service.Status = aws.String(l.text("Cluster")), aws.String("ACTIVE")
		service.Deployments = []ecstypes.Deployment{{
			Id: aws.String("ecs-svc/1"), Status: aws.String("PRIMARY"), TaskDefinition: service.TaskDefinition,
			RolloutState: ecstypes.DeploymentRolloutStateCompleted, DesiredCount: service.DesiredCount,
			RunningCount: service.DesiredCount,
		}}
		service.RunningCount = service.DesiredCount
		return &ecs.DescribeServicesOutput{Services: []ecstypes.Service{service}}, nil
	case *ecs.DescribeTaskDefinitionInput:
		definition := into[ecstypes.TaskDefinition](l)
		definition.Status = ecstypes.TaskDefinitionStatusActive
		return &ecs.DescribeTaskDefinitionOutput{TaskDefinition: &definition, Tags: into[[]ecstypes.Tag](l["Tags"])},
			nil
	}
	return nil, nil
}

func answerELB(l object, parameters any) (any, error) {
	switch in := parameters.(type) {
	case *elb.DescribeLoadBalancersInput:
		balancer := into[elbtypes.LoadBalancer](l)
		balancer.VpcId = aws.String(anyVPC) // CloudFormation does not show it
		for _, subnet := range l.texts("Subnets") {
			zone := elbtypes.AvailabilityZone{SubnetId: &subnet}
			balancer.AvailabilityZones = append(balancer.AvailabilityZones, zone)
		}
		return &elb.DescribeLoadBalancersOutput{LoadBalancers: []elbtypes.LoadBalancer{balancer}}, nil
	case *elb.DescribeLoadBalancerAttributesInput:
		attributes := into[[]elbtypes.LoadBalancerAttribute](l["LoadBalancerAttributes"])
		return &elb.DescribeLoadBalancerAttributesOutput{Attributes: attributes}, nil
	case *elb.DescribeTargetGroupsInput:
		group := into[elbtypes.TargetGroup](l)
		return &elb.DescribeTargetGroupsOutput{TargetGroups: []elbtypes.TargetGroup{group}}, nil
	case *elb.DescribeTargetGroupAttributesInput:
		attributes := into[[]elbtypes.TargetGroupAttribute](l["TargetGroupAttributes"])
		return &elb.DescribeTargetGroupAttributesOutput{Attributes: attributes}, nil
	case *elb.DescribeListenersInput:
		return &elb.DescribeListenersOutput{Listeners: []elbtypes.Listener{into[elbtypes.Listener](l)}}, nil
	case *elb.DescribeListenerCertificatesInput:
		certificates := into[[]elbtypes.Certificate](l["Certificates"])
		for i := range certificates {
			certificates[i].IsDefault = aws.Bool(false)
		}
		return &elb.DescribeListenerCertificatesOutput{Certificates: certificates}, nil
	case *elb.DescribeRulesInput:
		rule := object{}
		for key, v := range l {
			rule[key] = v
		}
		rule["Priority"] = l.text("Priority") // a text in the API
		return &elb.DescribeRulesOutput{Rules: []elbtypes.Rule{into[elbtypes.Rule](rule)}}, nil
	case *elb.DescribeTagsInput:
		var out []elbtypes.TagDescription
		for _, arn := range in.ResourceArns {
			out = append(out, elbtypes.TagDescription{ResourceArn: &arn, Tags: into[[]elbtypes.Tag](l["Tags"])})
		}
		return &elb.DescribeTagsOutput{TagDescriptions: out}, nil
	}
	return nil, nil
}

func answerEC2(l object, parameters any) (any, error) {
	switch parameters.(type) {
	case *ec2.DescribeSecurityGroupsInput:
		group := into[ec2types.SecurityGroup](l)
		group.Description = aws.String(l.text("GroupDescription"))
		return &ec2.DescribeSecurityGroupsOutput{SecurityGroups: []ec2types.SecurityGroup{group}}, nil
	case *ec2.DescribeSecurityGroupRulesInput:
		rule := into[ec2types.SecurityGroupRule](l)
		rule.SecurityGroupRuleId, rule.IsEgress = aws.String(l.text("Id")), aws.Bool(l.is("IsEgress"))
		if cidr := l.text("CidrIp"); cidr != "" {
			rule.CidrIpv4 = &cidr
		}
		if group := l.text("SourceSecurityGroupId"); group != "" {
			rule.ReferencedGroupInfo = &ec2types.ReferencedSecurityGroup{GroupId: &group}
		}
		return &ec2.DescribeSecurityGroupRulesOutput{SecurityGroupRules: []ec2types.SecurityGroupRule{rule}}, nil
	}
	return nil, nil
}

// encoded is a policy as IAM returns it.
func encoded(l object, key string) *string {
	return aws.String(url.QueryEscape(l.document(key).Str()))
}

func answerIAM(l object, parameters any) (any, error) {
	switch in := parameters.(type) {
	case *iam.GetRoleInput:
		role := iamtypes.Role{
			RoleName: aws.String(l.text("RoleName")), Arn: aws.String(l.text("Arn")),
			RoleId: aws.String(l.text("RoleId")),
			Path:   aws.String(l.text("Path")), Description: aws.String(l.text("Description")),
			Tags:                     into[[]iamtypes.Tag](l["Tags"]),
			AssumeRolePolicyDocument: encoded(l, "AssumeRolePolicyDocument"),
			MaxSessionDuration:       aws.Int32(int32(l.int("MaxSessionDuration"))), //nolint:gosec // a test's data
		}
		if boundary := l.text("PermissionsBoundary"); boundary != "" {
			role.PermissionsBoundary = &iamtypes.AttachedPermissionsBoundary{PermissionsBoundaryArn: &boundary}
		}
		return &iam.GetRoleOutput{Role: &role}, nil
	case *iam.GetRolePolicyInput:
		return &iam.GetRolePolicyOutput{
			RoleName: in.RoleName, PolicyName: in.PolicyName, PolicyDocument: encoded(l, "PolicyDocument"),
		}, nil
	case *iam.ListAttachedRolePoliciesInput:
		var out []iamtypes.AttachedPolicy
		for _, arn := range l.texts("ManagedPolicyArns") {
			name := arn[strings.LastIndex(arn, "/")+1:]
			out = append(out, iamtypes.AttachedPolicy{PolicyArn: &arn, PolicyName: &name})
		}
		return &iam.ListAttachedRolePoliciesOutput{AttachedPolicies: out}, nil
	}
	return nil, nil
}

func answerS3(l object, parameters any) (any, error) {
	switch parameters.(type) {
	case *s3.GetBucketTaggingInput:
		if l["Tags"] == nil {
			return nil, missing("NoSuchTagSet")
		}
		return &s3.GetBucketTaggingOutput{TagSet: into[[]s3types.Tag](l["Tags"])}, nil
	case *s3.GetBucketVersioningInput:
		status := s3types.BucketVersioningStatus(l.at("VersioningConfiguration").text("Status"))
		return &s3.GetBucketVersioningOutput{Status: status}, nil
	case *s3.GetPublicAccessBlockInput:
		if l["PublicAccessBlockConfiguration"] == nil {
			return nil, missing("NoSuchPublicAccessBlockConfiguration")
		}
		set := into[s3types.PublicAccessBlockConfiguration](l["PublicAccessBlockConfiguration"])
		return &s3.GetPublicAccessBlockOutput{PublicAccessBlockConfiguration: &set}, nil
	case *s3.GetBucketOwnershipControlsInput:
		if l["OwnershipControls"] == nil {
			return nil, missing("OwnershipControlsNotFoundError")
		}
		set := into[s3types.OwnershipControls](l["OwnershipControls"])
		return &s3.GetBucketOwnershipControlsOutput{OwnershipControls: &set}, nil
	case *s3.GetBucketEncryptionInput:
		set := s3types.ServerSideEncryptionConfiguration{}
		for _, rule := range l.at("BucketEncryption").list("ServerSideEncryptionConfiguration") {
			byDefault := into[s3types.ServerSideEncryptionByDefault](rule["ServerSideEncryptionByDefault"])
			set.Rules = append(set.Rules, s3types.ServerSideEncryptionRule{
				ApplyServerSideEncryptionByDefault: &byDefault, BucketKeyEnabled: aws.Bool(rule.is("BucketKeyEnabled")),
			})
		}
		return &s3.GetBucketEncryptionOutput{ServerSideEncryptionConfiguration: &set}, nil
	case *s3.GetBucketLifecycleConfigurationInput:
		if l["LifecycleConfiguration"] == nil {
			return nil, missing("NoSuchLifecycleConfiguration")
		}
		return &s3.GetBucketLifecycleConfigurationOutput{
			Rules: lifecycle(l.at("LifecycleConfiguration").list("Rules")),
		}, nil
	case *s3.GetBucketCorsInput:
		if l["CorsConfiguration"] == nil {
			return nil, missing("NoSuchCORSConfiguration")
		}
		rules := into[[]s3types.CORSRule](l.at("CorsConfiguration")["CorsRules"])
		for i, rule := range l.at("CorsConfiguration").list("CorsRules") {
			rules[i].ExposeHeaders = rule.texts("ExposedHeaders")
			if age := rule.number("MaxAge"); age != nil {
				rules[i].MaxAgeSeconds = aws.Int32(int32(*age)) //nolint:gosec // a test's data
			}
		}
		return &s3.GetBucketCorsOutput{CORSRules: rules}, nil
	case *s3.GetBucketPolicyInput:
		return &s3.GetBucketPolicyOutput{Policy: aws.String(l.document("PolicyDocument").Str())}, nil
	}
	return nil, nil
}

// lifecycle is S3's answer: a filter for what CloudFormation shows as a prefix.
func lifecycle(rules []object) []s3types.LifecycleRule {
	days := func(o object, key string) *int32 {
		if n := o.number(key); n != nil {
			return aws.Int32(int32(*n)) //nolint:gosec // a test's data
		}
		return nil
	}
	var out []s3types.LifecycleRule
	for _, r := range rules {
		rule := s3types.LifecycleRule{
			ID: aws.String(r.text("Id")), Status: s3types.ExpirationStatus(r.text("Status")),
			Filter: &s3types.LifecycleRuleFilter{Prefix: aws.String(r.text("Prefix"))},
		}
		if n := days(r, "ExpirationInDays"); n != nil {
			rule.Expiration = &s3types.LifecycleExpiration{Days: n}
		}
		if n := days(r.at("NoncurrentVersionExpiration"), "NoncurrentDays"); n != nil {
			rule.NoncurrentVersionExpiration = &s3types.NoncurrentVersionExpiration{NoncurrentDays: n}
		}
		if n := days(r.at("AbortIncompleteMultipartUpload"), "DaysAfterInitiation"); n != nil {
			rule.AbortIncompleteMultipartUpload = &s3types.AbortIncompleteMultipartUpload{DaysAfterInitiation: n}
		}
		for _, move := range r.list("Transitions") {
			rule.Transitions = append(rule.Transitions, s3types.Transition{
				Days:         days(move, "TransitionInDays"),
				StorageClass: s3types.TransitionStorageClass(move.text("StorageClass")),
			})
		}
		out = append(out, rule)
	}
	return out
}

func answerDiscovery(l object, parameters any) (any, error) {
	switch parameters.(type) {
	case *servicediscovery.GetNamespaceInput:
		namespace := into[discoverytypes.Namespace](l)
		return &servicediscovery.GetNamespaceOutput{Namespace: &namespace}, nil
	case *servicediscovery.GetServiceInput:
		service := into[discoverytypes.Service](l)
		service.Arn = aws.String("arn:aws:servicediscovery:us-east-1:111111111111:service/" + l.text("Id"))
		if service.NamespaceId == nil {
			service.NamespaceId = aws.String(l.at("DnsConfig").text("NamespaceId"))
		}
		return &servicediscovery.GetServiceOutput{Service: &service}, nil
	case *servicediscovery.ListTagsForResourceInput:
		return &servicediscovery.ListTagsForResourceOutput{Tags: into[[]discoverytypes.Tag](l["Tags"])}, nil
	}
	return nil, nil
}

func answerScaling(l object, parameters any) (any, error) {
	switch parameters.(type) {
	case *autoscaling.DescribeScalableTargetsInput:
		target := into[autoscalingtypes.ScalableTarget](l)
		target.ScalableTargetARN = aws.String(
			"arn:aws:application-autoscaling:us-east-1:111111111111:scalable-target/1")
		return &autoscaling.DescribeScalableTargetsOutput{ScalableTargets: []autoscalingtypes.ScalableTarget{target}},
			nil
	case *autoscaling.DescribeScalingPoliciesInput:
		policy := into[autoscalingtypes.ScalingPolicy](l)
		policy.PolicyARN = aws.String(l.text("Arn"))
		return &autoscaling.DescribeScalingPoliciesOutput{ScalingPolicies: []autoscalingtypes.ScalingPolicy{policy}},
			nil
	case *autoscaling.DescribeScheduledActionsInput:
		var out []autoscalingtypes.ScheduledAction
		for _, action := range l.list("ScheduledActions") {
			is := into[autoscalingtypes.ScheduledAction](action)
			is.ResourceId = aws.String(l.text("ResourceId"))
			out = append(out, is)
		}
		return &autoscaling.DescribeScheduledActionsOutput{ScheduledActions: out}, nil
	case *autoscaling.ListTagsForResourceInput:
		return &autoscaling.ListTagsForResourceOutput{Tags: map[string]string{}}, nil
	}
	return nil, nil
}

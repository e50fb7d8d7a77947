// Package catalog is the list of everything that deployer can make and look up in AWS. A new service is a new line
// here.
//
// In: an AWS configuration. Out: a resource.Catalog. It makes clients, which costs microseconds. It must not make
// calls, or decide anything about a type.
package catalog

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/company/deployer/internal/aws/acm"
	"github.com/company/deployer/internal/aws/applicationautoscaling"
	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/ec2"
	"github.com/company/deployer/internal/aws/ecs"
	"github.com/company/deployer/internal/aws/elasticache"
	"github.com/company/deployer/internal/aws/elbv2"
	"github.com/company/deployer/internal/aws/iam"
	"github.com/company/deployer/internal/aws/logs"
	"github.com/company/deployer/internal/aws/rds"
	"github.com/company/deployer/internal/aws/route53"
	"github.com/company/deployer/internal/aws/s3"
	"github.com/company/deployer/internal/aws/secretsmanager"
	"github.com/company/deployer/internal/aws/servicediscovery"
	"github.com/company/deployer/internal/aws/sqs"
	"github.com/company/deployer/internal/aws/ssm"
	"github.com/company/deployer/internal/aws/sts"
	"github.com/company/deployer/internal/aws/tagging"
	"github.com/company/deployer/internal/aws/wafv2"
	"github.com/company/deployer/internal/resource"
	scalingmodel "github.com/company/deployer/internal/resource/applicationautoscaling"
	ec2model "github.com/company/deployer/internal/resource/ec2"
	ecsmodel "github.com/company/deployer/internal/resource/ecs"
	elbmodel "github.com/company/deployer/internal/resource/elbv2"
	logsmodel "github.com/company/deployer/internal/resource/logs"
	rdsmodel "github.com/company/deployer/internal/resource/rds"
	s3model "github.com/company/deployer/internal/resource/s3"
	sqsmodel "github.com/company/deployer/internal/resource/sqs"
)

// New returns the catalog of all resource types and lookups. Their calls use cfg.
func New(cfg aws.Config) *resource.Catalog {
	cfg = cfg.Copy()
	cfg.APIOptions = append(slices.Clip(cfg.APIOptions), call.PatientWithNew)
	return resource.NewCatalog(
		slices.Concat(
			acm.Behaviours(cfg),
			applicationautoscaling.Behaviours(cfg),
			ec2.Behaviours(cfg),
			ecs.Behaviours(cfg),
			elasticache.Behaviours(cfg),
			elbv2.Behaviours(cfg),
			iam.Behaviours(cfg),
			logs.Behaviours(cfg),
			rds.Behaviours(cfg),
			route53.Behaviours(cfg),
			s3.Behaviours(cfg),
			secretsmanager.Behaviours(cfg),
			servicediscovery.Behaviours(cfg),
			sqs.Behaviours(cfg),
			wafv2.Behaviours(cfg),
		),
		slices.Concat(
			acm.Lookups(cfg),
			ec2.Lookups(cfg),
			elbv2.Lookups(cfg),
			rds.Lookups(cfg),
			route53.Lookups(cfg),
			secretsmanager.Lookups(cfg),
			ssm.Lookups(cfg),
			sts.Lookups(cfg),
		),
	).Indexed(resource.Indexing{
		Begin: func(ctx context.Context, tags map[string]string) resource.Index {
			return tagging.Begin(ctx, cfg, tags)
		},
		ARNs: arns,
		Together: []string{
			scalingmodel.TargetType, scalingmodel.PolicyType, scalingmodel.ScheduledActionType,
			ec2model.SecurityGroupType, ec2model.SecurityGroupRuleType, ec2model.VPCType, ec2model.InternetGatewayType,
			ec2model.SubnetType, ec2model.RouteTableType, ec2model.RouteType, ec2model.RouteTableAssociationType,
			ec2model.ElasticIPType, ec2model.NATGatewayType, ec2model.VPCEndpointType, ec2model.FlowLogType,
			ecsmodel.ClusterType, ecsmodel.ServiceType,
			elbmodel.ListenerType, elbmodel.ListenerRuleType, rdsmodel.InstanceType, rdsmodel.ClusterType,
		},
	})
}

// arns returns the ARNs of objects, for the types for which the tag index is asked because AWS's own service returns
// only one object per call. Other types are not in the index, stay in it long after they are gone, or can be read many
// at a time, which is more reliable.
var arns = map[string]func(resource.State) string{
	logsmodel.LogGroupType:    output("arn"),
	s3model.BucketType:        output("arn"),
	sqsmodel.QueueType:        output("arn"),
	elbmodel.LoadBalancerType: id,
	elbmodel.TargetGroupType:  id,
}

func output(name string) func(resource.State) string {
	return func(s resource.State) string { return s.Outputs.Get(name).Str() }
}

func id(s resource.State) string { return s.ID }

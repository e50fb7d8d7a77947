// Package catalog is the list of everything that deployer can make and look up in AWS: whoever adds a service adds a line.
//
// In: an AWS configuration. Out: a resource.Catalog. No call is made here, and no client: each type makes its own at its first call.
package catalog

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/company/deployer/internal/aws/acm"
	"github.com/company/deployer/internal/aws/applicationautoscaling"
	"github.com/company/deployer/internal/aws/ec2"
	"github.com/company/deployer/internal/aws/ecs"
	"github.com/company/deployer/internal/aws/elbv2"
	"github.com/company/deployer/internal/aws/iam"
	"github.com/company/deployer/internal/aws/logs"
	"github.com/company/deployer/internal/aws/s3"
	"github.com/company/deployer/internal/aws/secretsmanager"
	"github.com/company/deployer/internal/aws/servicediscovery"
	"github.com/company/deployer/internal/aws/sqs"
	"github.com/company/deployer/internal/aws/ssm"
	"github.com/company/deployer/internal/aws/sts"
	"github.com/company/deployer/internal/resource"
)

// New returns the catalog of all resource types and lookups, which make their calls with cfg.
func New(cfg aws.Config) *resource.Catalog {
	return resource.NewCatalog(
		slices.Concat(
			applicationautoscaling.Behaviours(cfg),
			ec2.Behaviours(cfg),
			ecs.Behaviours(cfg),
			elbv2.Behaviours(cfg),
			iam.Behaviours(cfg),
			logs.Behaviours(cfg),
			s3.Behaviours(cfg),
			servicediscovery.Behaviours(cfg),
			sqs.Behaviours(cfg),
		),
		slices.Concat(
			acm.Lookups(cfg),
			ec2.Lookups(cfg),
			secretsmanager.Lookups(cfg),
			ssm.Lookups(cfg),
			sts.Lookups(cfg),
		),
	)
}

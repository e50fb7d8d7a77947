// Package quota asks how much of its quotas an account uses: of those that deployments meet first.
//
// In: an SDK configuration with a region. Out: numbers, and why some are not known. It must not change anything.
package quota

import (
	"context"
	"math"
	"strconv"
	"sync"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/elasticache"
	elasticachetypes "github.com/aws/aws-sdk-go-v2/service/elasticache/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/rds"

	"github.com/company/deployer/internal/aws"
	"github.com/company/deployer/internal/aws/call"
	network "github.com/company/deployer/internal/aws/ec2"
	"github.com/company/deployer/internal/aws/servicequotas"
)

// Use is one quota.
type Use struct {
	What       string // "IAM roles"
	Used, Most int
	Err        error // why it is not known
}

// Ask asks for all of them at once.
func Ask(ctx context.Context, cfg sdk.Config) []Use {
	questions := []struct {
		what string
		ask  func(context.Context, sdk.Config) (used, most int, err error)
	}{
		{"IAM roles", roles},
		{"application load balancers", balancers},
		{"elastic IP addresses", addresses},
		{"databases", databases},
		{"VPCs", vpcs},
		{"cache nodes", cacheNodes},
		{"vCPUs of Fargate", fargate},
	}
	out := make([]Use, len(questions))
	var all sync.WaitGroup
	for i, q := range questions {
		all.Go(func() {
			used, most, err := q.ask(ctx, cfg)
			out[i] = Use{q.what, used, most, err}
		})
	}
	all.Wait()
	return out
}

func roles(ctx context.Context, cfg sdk.Config) (used, most int, err error) {
	out, err := iam.NewFromConfig(cfg).GetAccountSummary(ctx, &iam.GetAccountSummaryInput{})
	if err != nil {
		return 0, 0, aws.Problem("iam:GetAccountSummary", err)
	}
	return int(out.SummaryMap["Roles"]), int(out.SummaryMap["RolesQuota"]), nil
}

func balancers(ctx context.Context, cfg sdk.Config) (used, most int, err error) {
	client := elb.NewFromConfig(cfg)
	limits := &elb.DescribeAccountLimitsInput{}
	for limit, err := range call.Each(ctx, client.DescribeAccountLimits, limits, &limits.Marker,
		func(out *elb.DescribeAccountLimitsOutput) ([]elbtypes.Limit, *string) {
			return out.Limits, out.NextMarker
		}) {
		if err != nil {
			return 0, 0, aws.Problem("elasticloadbalancing:DescribeAccountLimits", err)
		}
		if sdk.ToString(limit.Name) == "application-load-balancers" {
			most, _ = strconv.Atoi(sdk.ToString(limit.Max)) // zero is not known
		}
	}
	in := &elb.DescribeLoadBalancersInput{}
	for b, err := range call.Each(ctx, client.DescribeLoadBalancers, in, &in.Marker,
		func(out *elb.DescribeLoadBalancersOutput) ([]elbtypes.LoadBalancer, *string) {
			return out.LoadBalancers, out.NextMarker
		}) {
		if err != nil {
			return 0, 0, aws.Problem("elasticloadbalancing:DescribeLoadBalancers", err)
		}
		if b.Type == elbtypes.LoadBalancerTypeEnumApplication {
			used++
		}
	}
	return used, most, nil
}

func addresses(ctx context.Context, cfg sdk.Config) (used, most int, err error) {
	client := ec2.NewFromConfig(cfg)
	attributes, err := client.DescribeAccountAttributes(ctx, &ec2.DescribeAccountAttributesInput{})
	if err != nil {
		return 0, 0, aws.Problem("ec2:DescribeAccountAttributes", err)
	}
	for _, a := range attributes.AccountAttributes {
		if sdk.ToString(a.AttributeName) == "vpc-max-elastic-ips" && len(a.AttributeValues) > 0 {
			most, _ = strconv.Atoi(sdk.ToString(a.AttributeValues[0].AttributeValue)) // zero is not known
		}
	}
	used, err = network.AddressesInUse(ctx, cfg)
	return used, most, aws.Problem("ec2:DescribeAddresses", err)
}

func databases(ctx context.Context, cfg sdk.Config) (used, most int, err error) {
	out, err := rds.NewFromConfig(cfg).DescribeAccountAttributes(ctx, &rds.DescribeAccountAttributesInput{})
	if err != nil {
		return 0, 0, aws.Problem("rds:DescribeAccountAttributes", err)
	}
	for _, q := range out.AccountQuotas {
		if sdk.ToString(q.AccountQuotaName) == "DBInstances" {
			return int(sdk.ToInt64(q.Used)), int(sdk.ToInt64(q.Max)), nil
		}
	}
	return 0, 0, nil
}

func vpcs(ctx context.Context, cfg sdk.Config) (used, most int, err error) {
	used, err = network.VPCsInUse(ctx, cfg)
	if err != nil {
		return 0, 0, aws.Problem("ec2:DescribeVpcs", err)
	}
	most, err = serviceQuota(ctx, cfg, servicequotas.VPCs)
	return used, most, err
}

func cacheNodes(ctx context.Context, cfg sdk.Config) (used, most int, err error) {
	in := &elasticache.DescribeCacheClustersInput{}
	for c, err := range call.Each(ctx, elasticache.NewFromConfig(cfg).DescribeCacheClusters, in, &in.Marker,
		func(out *elasticache.DescribeCacheClustersOutput) ([]elasticachetypes.CacheCluster, *string) {
			return out.CacheClusters, out.Marker
		}) {
		if err != nil {
			return 0, 0, aws.Problem("elasticache:DescribeCacheClusters", err)
		}
		used += int(sdk.ToInt32(c.NumCacheNodes))
	}
	most, err = serviceQuota(ctx, cfg, servicequotas.CacheNodes)
	return used, most, err
}

func fargate(ctx context.Context, cfg sdk.Config) (used, most int, err error) {
	vcpus, err := servicequotas.FargateUse(ctx, cfg, false)
	if err != nil {
		return 0, 0, aws.Problem("cloudwatch:GetMetricData", err)
	}
	most, err = serviceQuota(ctx, cfg, servicequotas.FargateOnDemand)
	return int(math.Ceil(vcpus)), most, err
}

func serviceQuota(ctx context.Context, cfg sdk.Config, q servicequotas.Quota) (int, error) {
	most, err := servicequotas.Get(ctx, cfg, q)
	if err != nil {
		return 0, aws.Problem("servicequotas:GetServiceQuota", err)
	}
	return int(most), nil
}

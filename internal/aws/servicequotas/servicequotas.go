// Package servicequotas asks AWS for quotas that only Service Quotas tells, and how many vCPUs of Fargate an account
// uses.
//
// In: an SDK configuration with a region, and which quota. Out: numbers. It must not change anything, and must not hold
// up a plan: what AWS does not answer in some seconds is not known.
package servicequotas

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/cloudwatch"
	"github.com/company/deployer/internal/resource"
)

// Quota names a quota, as Service Quotas does.
type Quota struct{ service, code string }

// The quotas that stacks meet, and that no other service tells.
var (
	VPCs            = Quota{"vpc", "L-F678F1CE"}         // of a region
	NATGateways     = Quota{"vpc", "L-FE5A380F"}         // of an availability zone
	CacheNodes      = Quota{"elasticache", "L-DFE45DF3"} // of a region, of all engines
	FargateOnDemand = Quota{"fargate", "L-3032A538"}     // vCPUs that run at the same time
	FargateSpot     = Quota{"fargate", "L-36FBB829"}
)

// Of names a quota by its codes.
func Of(service, code string) Quota { return Quota{service, code} }

// patience is how long a plan waits for an answer. A network without a way to Service Quotas does not answer at all.
const patience = 5 * time.Second

// now is where the question about a metric ends. Nothing that is deployed depends on it.
var now = time.Now //nolint:forbidigo // see above

// Permission is what Get needs.
var Permission = resource.Foreseeing("servicequotas:GetServiceQuota")

// FargatePermission is what Get and FargateUse need.
var FargatePermission = resource.Foreseeing("servicequotas:GetServiceQuota", "cloudwatch:GetMetricData")

// Get returns the value of a quota for the account and the region; 0: AWS does not tell. AWS API:
// servicequotas:GetServiceQuota.
func Get(ctx context.Context, cfg aws.Config, q Quota) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	out, err := servicequotas.NewFromConfig(cfg).GetServiceQuota(ctx, &servicequotas.GetServiceQuotaInput{
		ServiceCode: &q.service, QuotaCode: &q.code,
	})
	if call.HasCode(err, "NoSuchResourceException") {
		return 0, nil
	}
	if err != nil {
		return 0, call.Error(err)
	}
	if out.Quota == nil {
		return 0, nil
	}
	return aws.ToFloat64(out.Quota.Value), nil
}

// FargateUse returns how many vCPUs the account uses in the region, which AWS tells as a metric, some minutes late.
// AWS API: cloudwatch:GetMetricData.
func FargateUse(ctx context.Context, cfg aws.Config, spot bool) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	class := "Standard/OnDemand"
	if spot {
		class = "Standard/Spot"
	}
	const period = 5 * time.Minute
	to := now().UTC().Truncate(period).Add(period)
	found, err := cloudwatch.Read(ctx, cfg, []resource.Metric{{
		Namespace: "AWS/Usage", Metric: "ResourceCount", Statistic: "Maximum",
		Dimensions: map[string]string{"Service": "Fargate", "Type": "Resource", "Resource": "vCPU", "Class": class},
	}}, resource.Span{From: to.Add(-4 * period), To: to, Period: period})
	if err != nil || len(found) == 0 || len(found[0]) == 0 {
		return 0, err // AWS has no metric while nothing runs
	}
	return found[0][len(found[0])-1].Value, nil
}

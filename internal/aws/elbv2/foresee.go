package elbv2

import (
	"context"
	"net/http"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	ours "github.com/company/deployer/internal/aws"
	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/resource"
)

// foresee asks whether the account has room for the new load balancers, and whether buckets of others for their access
// logs are there.
func (l loadBalancer) foresee(
	ctx context.Context, planned []loadBalancerCall, _ resource.Neighbours, f *resource.Foresight,
) {
	for _, c := range planned {
		l.foreseeLogs(ctx, c, f)
	}
	made := resource.NewOnes(planned)
	if made == 0 {
		return
	}
	f.Ask(func() error {
		quota := make(chan int, 1)
		go func() {
			n, err := l.quota(ctx)
			if err != nil {
				f.Ask(func() error { return err })
			}
			quota <- n
		}()
		used, err := l.count(ctx)
		if most := <-quota; most > 0 && err == nil {
			f.Quota(planned[0].Resource, "application load balancers", used, made, most)
		}
		return err
	})
}

// foreseeLogs asks for a bucket that the run does not make. Who may not list a bucket learns at least that it exists.
func (l loadBalancer) foreseeLogs(ctx context.Context, c loadBalancerCall, f *resource.Foresight) {
	logs := c.Props.AccessLogs
	if _, made := c.Uses["accessLogs"]; made || logs == nil || !logs.Bucket.Known() || logs.Bucket.Get() == "" ||
		c.Old.AccessLogs != nil && c.Old.AccessLogs.Bucket.Get() == logs.Bucket.Get() {
		return
	}
	name := logs.Bucket.Get()
	f.Ask(func() error {
		const next = "correct accessLogs.bucket in the document Ingress; without it, deployer makes such a bucket"
		_, err := l.api.storage.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &name})
		switch ours.Status(err) {
		case http.StatusNotFound:
			f.Refuse(c.Resource, next, "there is no bucket %s for the access logs", name)
		case http.StatusMovedPermanently:
			f.Refuse(c.Resource, next, "the bucket %s for the access logs is in another region", name)
		case http.StatusForbidden:
		default:
			return failed(err)
		}
		return nil
	})
}

// quota is how many application load balancers the account may have; 0: not known.
func (l loadBalancer) quota(ctx context.Context) (int, error) {
	in := &elb.DescribeAccountLimitsInput{}
	for limit, err := range call.Each(ctx, l.api.client.DescribeAccountLimits, in, &in.Marker,
		func(out *elb.DescribeAccountLimitsOutput) ([]types.Limit, *string) { return out.Limits, out.NextMarker }) {
		if err != nil {
			return 0, failed(err)
		}
		if aws.ToString(limit.Name) == "application-load-balancers" {
			n, _ := strconv.Atoi(aws.ToString(limit.Max)) // zero is not known
			return n, nil
		}
	}
	return 0, nil
}

// count is how many application load balancers the account has.
func (l loadBalancer) count(ctx context.Context) (int, error) {
	n, in := 0, &elb.DescribeLoadBalancersInput{}
	for b, err := range call.Each(ctx, l.api.client.DescribeLoadBalancers, in, &in.Marker,
		func(out *elb.DescribeLoadBalancersOutput) ([]types.LoadBalancer, *string) {
			return out.LoadBalancers, out.NextMarker
		}) {
		if err != nil {
			return 0, failed(err)
		}
		if b.Type == types.LoadBalancerTypeEnumApplication {
			n++
		}
	}
	return n, nil
}

// foresee asks whether the security policies exist.
func (l listener) foresee(
	ctx context.Context, planned []listenerCall, _ resource.Neighbours, f *resource.Foresight,
) {
	for _, c := range planned {
		name := c.Props.SSLPolicy
		if !foreseeable(name) || name == c.Old.SSLPolicy {
			continue
		}
		f.Ask(func() error {
			found, err := l.api.client.DescribeSSLPolicies(ctx,
				&elb.DescribeSSLPoliciesInput{Names: []string{name}})
			if call.HasCode(err, "SSLPolicyNotFound") || err == nil && len(found.SslPolicies) == 0 {
				f.Refuse(c.Resource, "correct tlsPolicy in the document Ingress; `aws elbv2 describe-ssl-policies` "+
					"lists the policies", "Elastic Load Balancing has no security policy %s in this region", name)
				return nil
			}
			return failed(err)
		})
	}
}

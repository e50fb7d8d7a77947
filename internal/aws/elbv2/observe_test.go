package elbv2

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/aws/call/calltest"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/elbv2"
	"github.com/company/deployer/internal/value"
)

const prefix = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:"

func TestHealthOfLoadBalancers(t *testing.T) {
	calls := 0
	cfg := calltest.Config(func(_ context.Context, in any) (any, error) {
		calls++
		out := &elb.DescribeLoadBalancersOutput{}
		for _, arn := range in.(*elb.DescribeLoadBalancersInput).LoadBalancerArns {
			if arn != prefix+"loadbalancer/app/gone/1" {
				out.LoadBalancers = append(out.LoadBalancers, types.LoadBalancer{
					LoadBalancerArn: &arn, LoadBalancerName: aws.String("web"),
					State: &types.LoadBalancerState{
						Code: types.LoadBalancerStateEnum(arn[len(prefix):]), Reason: aws.String("no addresses."),
					},
				})
			}
		}
		return out, nil
	})
	observer := Behaviours(cfg)[0].(resource.Observer)
	var objects []resource.Observed
	for _, id := range []string{"active", "provisioning", "active_impaired", "failed", "loadbalancer/app/gone/1"} {
		objects = append(objects, resource.Observed{Object: resource.Object{State: resource.State{
			ID: prefix + id, Inputs: value.Encode(model.LoadBalancer{
				Name: "web", Scheme: model.Internal, VPCID: value.Lit("vpc-1"), Subnets: value.Lit([]string{"a", "b"}),
				SecurityGroups: value.Lit([]string{"c"}),
			}),
		}}})
	}
	require.Equal(t, []resource.Observation{
		{Health: report.Healthy},
		{Health: report.Updating, Problem: "AWS is still creating the load balancer web."},
		{Health: report.Unhealthy, Problem: "The load balancer web works, but cannot scale: no addresses."},
		{Health: report.Unhealthy, Problem: "AWS could not create the load balancer web: no addresses."},
		{Gone: true},
	}, observer.Health(t.Context(), objects))
	require.Equal(t, 1, calls, "all in one call")
}

// CloudWatch counts requests per target group and load balancer.
func TestMetricsOfTargetGroups(t *testing.T) {
	group := resource.Object{Resource: "web/api:target-group", Type: model.TargetGroupType, State: resource.State{
		ID:     prefix + "targetgroup/api/123",
		Inputs: value.Encode(model.TargetGroup{Name: "api", VPCID: value.Lit("vpc-1")}),
		Outputs: value.Encode(model.TargetGroupOutputs{
			ARN: prefix + "targetgroup/api/123", ARNSuffix: "targetgroup/api/123",
		}),
	}}
	rule := resource.Object{Resource: "web/api:rule", Type: model.ListenerRuleType, State: resource.State{
		Inputs: value.Encode(model.ListenerRule{
			ListenerARN: value.Lit(prefix + "listener/app/web/456/789"),
			Action:      model.Action{Forward: &model.Forward{TargetGroupARN: value.Lit(group.ID)}},
		}),
	}}
	for _, b := range Behaviours(calltest.Config(nil)) {
		if b.Definition().Type != model.TargetGroupType {
			continue
		}
		observer := b.(resource.Observer)
		require.Empty(t, observer.Metrics(resource.Observed{Object: group}), "no rule, no requests")
		metrics := observer.Metrics(resource.Observed{Object: group, Stack: []resource.Object{rule, group}})
		require.Len(t, metrics, 7)
		for _, m := range metrics {
			require.Equal(t,
				map[string]string{"TargetGroup": "targetgroup/api/123", "LoadBalancer": "app/web/456"}, m.Dimensions)
		}
		require.Nil(t, observer.Health(t.Context(), []resource.Observed{{Object: group}}), "told with the service")
	}
}

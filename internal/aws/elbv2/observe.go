package elbv2

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"golang.org/x/sync/errgroup"

	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/elbv2"
)

type (
	watchedLoadBalancer = resource.Watched[model.LoadBalancer, model.LoadBalancerOutputs]
	watchedTargetGroup  = resource.Watched[model.TargetGroup, model.TargetGroupOutputs]
)

// health reports whether load balancers take requests. What is behind them is told with the services: a rollout decides
// what the state of a target means.
func (l loadBalancer) health(ctx context.Context, objects []watchedLoadBalancer) []resource.Observation {
	out := make([]resource.Observation, len(objects))
	var all errgroup.Group
	for i, o := range objects {
		all.Go(func() error {
			found, err := get(ctx, l.api.balancers, o.ID) // shares a call with the others
			switch {
			case errors.Is(err, resource.ErrNotFound):
				out[i].Gone = true
			case err != nil:
				out[i].Err = err
			default:
				out[i].Health, out[i].Problem = stateOf(found)
			}
			return nil
		})
	}
	_ = all.Wait() // each has its error
	return out
}

func stateOf(found types.LoadBalancer) (report.Health, string) {
	state := found.State
	if state == nil {
		return report.Healthy, ""
	}
	because := ""
	if reason := aws.ToString(state.Reason); reason != "" {
		because = ": " + strings.TrimSuffix(reason, ".")
	}
	name := aws.ToString(found.LoadBalancerName)
	switch state.Code {
	case types.LoadBalancerStateEnumProvisioning:
		return report.Updating, fmt.Sprintf("AWS is still creating the load balancer %s.", name)
	case types.LoadBalancerStateEnumActiveImpaired:
		return report.Unhealthy, fmt.Sprintf("The load balancer %s works, but cannot scale%s.", name, because)
	case types.LoadBalancerStateEnumFailed:
		return report.Unhealthy, fmt.Sprintf("AWS could not create the load balancer %s%s.", name, because)
	}
	return report.Healthy, ""
}

const namespace = "AWS/ApplicationELB"

// metrics are what only the load balancer itself counts: answers of its own. Requests are told with the target groups.
func (l loadBalancer) metrics(o watchedLoadBalancer) []resource.Metric {
	return []resource.Metric{
		{
			Name: "5xx", Title: "Answers 5xx of the load balancer itself", Namespace: namespace,
			Metric: "HTTPCode_ELB_5XX_Count", Dimensions: map[string]string{"LoadBalancer": o.Out.ARNSuffix},
			Statistic: "Sum", Unit: resource.Count, Sparse: true,
			Threshold: &resource.Threshold{Value: 0, Why: "no target could answer"},
		},
		{
			Name: "rejected", Title: "Rejected connections", Namespace: namespace,
			Metric: "RejectedConnectionCount", Dimensions: map[string]string{"LoadBalancer": o.Out.ARNSuffix},
			Statistic: "Sum", Unit: resource.Count, Sparse: true,
			Threshold: &resource.Threshold{Value: 0, Why: "the load balancer has reached its limit of connections"},
		},
	}
}

// metrics are requests, latency and health. CloudWatch counts them per target group and load balancer, so a group
// without a rule has none.
func (g targetGroup) metrics(o watchedTargetGroup) []resource.Metric {
	balancer := balancerOf(o)
	if balancer == "" {
		return nil
	}
	of := func(m resource.Metric) resource.Metric {
		m.Namespace = namespace
		m.Dimensions = map[string]string{"TargetGroup": o.Out.ARNSuffix, "LoadBalancer": balancer}
		return m
	}
	latency := func(statistic string) resource.Metric {
		return of(resource.Metric{
			Name: statistic, Title: "Latency", Group: "latency", Metric: "TargetResponseTime", Statistic: statistic,
			Unit: resource.Seconds,
		})
	}
	sum := func(name, group, title, metric string, threshold *resource.Threshold) resource.Metric {
		return of(resource.Metric{
			Name: name, Title: title, Group: group, Metric: metric, Statistic: "Sum", Unit: resource.Count,
			Sparse: true, PerMinute: true, Threshold: threshold,
		})
	}
	return []resource.Metric{
		sum("requests", "", "Requests per minute", "RequestCount", nil),
		latency("p50"), latency("p95"), latency("p99"),
		sum("5xx", "errors", "Answers 4xx and 5xx per minute", "HTTPCode_Target_5XX_Count", nil),
		sum("4xx", "errors", "", "HTTPCode_Target_4XX_Count", nil),
		of(resource.Metric{
			Name: "healthyTargets", Title: "Healthy targets", Metric: "HealthyHostCount", Statistic: "Minimum",
			Unit: resource.Count, Threshold: &resource.Threshold{Value: 1, Below: true, Why: "nobody answers"},
		}),
	}
}

// balancerOf returns the load balancer whose rule sends requests to a target group, as CloudWatch names it:
// app/name/id. The ARN of a listener holds it: …:listener/app/name/id/listener.
func balancerOf(o watchedTargetGroup) string {
	for _, other := range o.Stack {
		if other.Type != model.ListenerRuleType || !forwardsTo(other, o.ID) {
			continue
		}
		_, path, _ := strings.Cut(other.Inputs.Get("listenerArn").Str(), ":listener/")
		if i := strings.LastIndexByte(path, '/'); i > 0 {
			return path[:i]
		}
	}
	return ""
}

func forwardsTo(rule resource.Object, group string) bool {
	return rule.Inputs.Get("action").Get("forward").Get("targetGroupArn").Str() == group
}

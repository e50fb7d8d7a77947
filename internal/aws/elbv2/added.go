package elbv2

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/resource"
)

// added lists the rules of the listener that others made.
func (l listener) added(
	ctx context.Context, c listenerCall, stack resource.Neighbours,
) ([]resource.Addition, error) {
	rules, err := rule(l).listed(ctx, c.ID)
	var out []resource.Addition
	for _, found := range rules {
		arn := aws.ToString(found.RuleArn)
		if aws.ToBool(found.IsDefault) || stack.Has(arn) {
			continue
		}
		out = append(out, resource.Addition{
			ID:     arn,
			What:   fmt.Sprintf("the rule with priority %s for %s", aws.ToString(found.Priority), traffic(found)),
			Remove: "aws elbv2 delete-rule --rule-arn " + arn,
		})
	}
	return out, err
}

// traffic says which requests a rule is for.
func traffic(r types.Rule) string {
	var parts []string
	for _, c := range r.Conditions {
		values := c.Values
		switch {
		case c.HostHeaderConfig != nil && len(values) == 0:
			values = c.HostHeaderConfig.Values
		case c.PathPatternConfig != nil && len(values) == 0:
			values = c.PathPatternConfig.Values
		}
		parts = append(parts, strings.TrimSpace(aws.ToString(c.Field)+" "+strings.Join(values, ", ")))
	}
	if len(parts) == 0 {
		return "all requests"
	}
	return strings.Join(parts, " and ")
}

// added lists the listeners of the load balancer that others made.
func (l loadBalancer) added(
	ctx context.Context, c loadBalancerCall, stack resource.Neighbours,
) ([]resource.Addition, error) {
	var out []resource.Addition
	in := &elb.DescribeListenersInput{LoadBalancerArn: &c.ID}
	for found, err := range call.Each(ctx, l.api.client.DescribeListeners, in, &in.Marker, listeners) {
		if err != nil {
			return nil, failed(err)
		}
		if arn := aws.ToString(found.ListenerArn); !stack.Has(arn) {
			out = append(out, resource.Addition{
				ID: arn, What: fmt.Sprintf("the listener on port %d", aws.ToInt32(found.Port)),
				Remove: "aws elbv2 delete-listener --listener-arn " + arn,
			})
		}
	}
	return out, nil
}

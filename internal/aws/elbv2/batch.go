package elbv2

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"golang.org/x/sync/errgroup"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/tagging"
	"github.com/company/deployer/internal/resource"
)

// atATime is how many ARNs the describe calls of this API allow.
const atATime = 20

// batchCalls are reads by ARN that share calls. If one ARN of a call is gone, AWS refuses the whole call: then Batch
// asks for each ARN alone.
type batchCalls struct {
	balancers *call.Batch[string, types.LoadBalancer]
	listeners *call.Batch[string, types.Listener]
	rules     *call.Batch[string, types.Rule]
	groups    *call.Batch[string, types.TargetGroup]
	tags      *call.Batch[string, map[string]string]
}

func newBatchCalls(c *elb.Client) batchCalls {
	return batchCalls{
		balancers: call.ByID(atATime, func(ctx context.Context, arns []string) ([]types.LoadBalancer, error) {
			out, err := c.DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{LoadBalancerArns: arns})
			if err != nil {
				return nil, err
			}
			return out.LoadBalancers, nil
		}, func(b types.LoadBalancer) *string { return b.LoadBalancerArn }),
		listeners: call.ByID(atATime, func(ctx context.Context, arns []string) ([]types.Listener, error) {
			out, err := c.DescribeListeners(ctx, &elb.DescribeListenersInput{ListenerArns: arns})
			if err != nil {
				return nil, err
			}
			return out.Listeners, nil
		}, func(l types.Listener) *string { return l.ListenerArn }),
		rules: call.ByID(atATime, func(ctx context.Context, arns []string) ([]types.Rule, error) {
			out, err := c.DescribeRules(ctx, &elb.DescribeRulesInput{RuleArns: arns})
			if err != nil {
				return nil, err
			}
			return out.Rules, nil
		}, func(r types.Rule) *string { return r.RuleArn }),
		groups: call.ByID(atATime, func(ctx context.Context, arns []string) ([]types.TargetGroup, error) {
			out, err := c.DescribeTargetGroups(ctx, &elb.DescribeTargetGroupsInput{TargetGroupArns: arns})
			if err != nil {
				return nil, err
			}
			return out.TargetGroups, nil
		}, func(g types.TargetGroup) *string { return g.TargetGroupArn }),
		tags: &call.Batch[string, map[string]string]{
			Size: atATime,
			Ask: func(ctx context.Context, arns []string) (map[string]map[string]string, error) {
				out, err := c.DescribeTags(ctx, &elb.DescribeTagsInput{ResourceArns: arns})
				if err != nil {
					return nil, err
				}
				found := make(map[string]map[string]string, len(arns))
				for _, d := range out.TagDescriptions {
					found[aws.ToString(d.ResourceArn)] = tagging.Map(d.Tags, tag)
				}
				return found, nil
			},
		},
	}
}

// get reads one object by its ARN.
func get[T any](ctx context.Context, from *call.Batch[string, T], arn string) (T, error) {
	item, found, err := from.Get(ctx, arn)
	if err == nil && !found {
		return item, fmt.Errorf("%s: %w", arn, resource.ErrNotFound)
	}
	return item, failed(err)
}

// sideBySide makes several reads of one object at once. If several fail, it returns an error that says that the object
// is gone, if there is one.
func sideBySide(ctx context.Context, reads ...func(context.Context) error) error {
	errs := make([]error, len(reads))
	var all errgroup.Group
	for i, read := range reads {
		all.Go(func() error { errs[i] = read(ctx); return nil })
	}
	_ = all.Wait()
	var first error
	for _, err := range errs {
		if errors.Is(err, resource.ErrNotFound) {
			return err
		}
		if first == nil {
			first = err
		}
	}
	return first
}

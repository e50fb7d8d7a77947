package applicationautoscaling

import (
	"context"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"golang.org/x/sync/errgroup"

	"github.com/company/deployer/internal/aws/call"
)

// describeTargets asks for many targets in a call. The answer leaves out targets that do not exist.
func describeTargets(ctx context.Context, c *sdk.Client, ids []string) (map[string]types.ScalableTarget, error) {
	found := make(map[string]types.ScalableTarget, len(ids))
	in := &sdk.DescribeScalableTargetsInput{
		ServiceNamespace: namespace, ScalableDimension: dimension, ResourceIds: ids,
	}
	for target, err := range call.Each(ctx, c.DescribeScalableTargets, in, &in.NextToken,
		func(page *sdk.DescribeScalableTargetsOutput) ([]types.ScalableTarget, *string) {
			return page.ScalableTargets, page.NextToken
		}) {
		if err != nil {
			return nil, err
		}
		found[aws.ToString(target.ResourceId)] = target
	}
	return found, nil
}

// describePolicies asks for the policies of each service, all services at once: without a service, AWS would return
// every policy of these names in the account.
func describePolicies(ctx context.Context, c *sdk.Client, ids []string) (map[string]types.ScalingPolicy, error) {
	return perTarget(ctx, ids, func(ctx context.Context, resourceID string, names []string,
		add func(string, types.ScalingPolicy),
	) error {
		in := &sdk.DescribeScalingPoliciesInput{
			ServiceNamespace: namespace, ScalableDimension: dimension, ResourceId: &resourceID, PolicyNames: names,
		}
		for policy, err := range call.Each(ctx, c.DescribeScalingPolicies, in, &in.NextToken,
			func(page *sdk.DescribeScalingPoliciesOutput) ([]types.ScalingPolicy, *string) {
				return page.ScalingPolicies, page.NextToken
			}) {
			if err != nil {
				return err
			}
			add(aws.ToString(policy.PolicyName), policy)
		}
		return nil
	})
}

func describeActions(ctx context.Context, c *sdk.Client, ids []string) (map[string]types.ScheduledAction, error) {
	return perTarget(ctx, ids, func(ctx context.Context, resourceID string, names []string,
		add func(string, types.ScheduledAction),
	) error {
		in := &sdk.DescribeScheduledActionsInput{
			ServiceNamespace: namespace, ScalableDimension: dimension, ResourceId: &resourceID,
			ScheduledActionNames: names,
		}
		for action, err := range call.Each(ctx, c.DescribeScheduledActions, in, &in.NextToken,
			func(page *sdk.DescribeScheduledActionsOutput) ([]types.ScheduledAction, *string) {
				return page.ScheduledActions, page.NextToken
			}) {
			if err != nil {
				return err
			}
			add(aws.ToString(action.ScheduledActionName), action)
		}
		return nil
	})
}

// perTarget asks for the objects of each scalable target, and returns them by ID.
func perTarget[V any](
	ctx context.Context, ids []string, ask func(ctx context.Context, resourceID string, names []string,
		add func(string, V)) error,
) (map[string]V, error) {
	names := map[string][]string{}
	for _, id := range ids {
		resourceID, name := split(id)
		names[resourceID] = append(names[resourceID], name)
	}
	var mu sync.Mutex
	found := make(map[string]V, len(ids))
	all, ctx := errgroup.WithContext(ctx)
	for resourceID, some := range names {
		all.Go(func() error {
			return ask(ctx, resourceID, some, func(name string, v V) {
				mu.Lock()
				defer mu.Unlock()
				found[join(resourceID, name)] = v
			})
		})
	}
	return found, all.Wait()
}

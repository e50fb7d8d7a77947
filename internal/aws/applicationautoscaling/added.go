package applicationautoscaling

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"golang.org/x/sync/errgroup"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/resource"
)

// added lists the scaling policies and scheduled actions that others gave the target.
func (t *target) added(
	ctx context.Context, c targetCall, stack resource.Neighbours,
) ([]resource.Addition, error) {
	var policies, actions []resource.Addition
	add := func(to *[]resource.Addition, what, verb, option, name string) {
		if id := join(c.ID, name); !stack.Has(id) {
			*to = append(*to, resource.Addition{
				ID: id, What: what + " " + name,
				Remove: "aws application-autoscaling " + verb + " --service-namespace ecs --scalable-dimension " +
					string(dimension) + " --resource-id " + c.ID + " " + option + " " + name,
			})
		}
	}
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() error {
		in := &sdk.DescribeScalingPoliciesInput{
			ServiceNamespace: namespace, ScalableDimension: dimension, ResourceId: &c.ID,
		}
		for p, err := range call.Each(ctx, t.api.client.DescribeScalingPolicies, in, &in.NextToken,
			func(page *sdk.DescribeScalingPoliciesOutput) ([]types.ScalingPolicy, *string) {
				return page.ScalingPolicies, page.NextToken
			}) {
			if err != nil {
				return call.Error(err, gone)
			}
			add(&policies, "the scaling policy", "delete-scaling-policy", "--policy-name",
				aws.ToString(p.PolicyName))
		}
		return nil
	})
	both.Go(func() error {
		in := &sdk.DescribeScheduledActionsInput{
			ServiceNamespace: namespace, ScalableDimension: dimension, ResourceId: &c.ID,
		}
		for a, err := range call.Each(ctx, t.api.client.DescribeScheduledActions, in, &in.NextToken,
			func(page *sdk.DescribeScheduledActionsOutput) ([]types.ScheduledAction, *string) {
				return page.ScheduledActions, page.NextToken
			}) {
			if err != nil {
				return call.Error(err, gone)
			}
			add(&actions, "the scheduled action", "delete-scheduled-action", "--scheduled-action-name",
				aws.ToString(a.ScheduledActionName))
		}
		return nil
	})
	err := both.Wait()
	return append(policies, actions...), err
}

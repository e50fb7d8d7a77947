package applicationautoscaling

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
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
		for {
			page, err := t.api.client.DescribeScalingPolicies(ctx, in)
			if err != nil {
				return call.Error(err, gone)
			}
			for _, p := range page.ScalingPolicies {
				add(&policies, "the scaling policy", "delete-scaling-policy", "--policy-name",
					aws.ToString(p.PolicyName))
			}
			if in.NextToken = page.NextToken; in.NextToken == nil {
				return nil
			}
		}
	})
	both.Go(func() error {
		in := &sdk.DescribeScheduledActionsInput{
			ServiceNamespace: namespace, ScalableDimension: dimension, ResourceId: &c.ID,
		}
		for {
			page, err := t.api.client.DescribeScheduledActions(ctx, in)
			if err != nil {
				return call.Error(err, gone)
			}
			for _, a := range page.ScheduledActions {
				add(&actions, "the scheduled action", "delete-scheduled-action", "--scheduled-action-name",
					aws.ToString(a.ScheduledActionName))
			}
			if in.NextToken = page.NextToken; in.NextToken == nil {
				return nil
			}
		}
	})
	err := both.Wait()
	return append(policies, actions...), err
}

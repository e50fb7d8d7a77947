package applicationautoscaling

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"golang.org/x/sync/errgroup"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/tagging"
	"github.com/company/deployer/internal/resource"
	wanted "github.com/company/deployer/internal/resource/applicationautoscaling"
	"github.com/company/deployer/internal/resource/ecs"
	"github.com/company/deployer/internal/value"
)

type targetCall = resource.Call[wanted.Target, wanted.TargetOutputs]

type target struct{ api *api }

func newTarget(calls *api) resource.Behaviour {
	t := &target{calls}
	return &resource.Typed[wanted.Target, wanted.TargetOutputs]{
		Def: resource.Definition{
			Type: wanted.TargetType, Version: 1,
			ReplaceOn: []string{"resourceId"}, // another service has its own target, so both can exist
			NotYet:    notYet,
			Permissions: func(s resource.Scope) []resource.Statement {
				return []resource.Statement{
					{
						// A repeated call changes the target and carries no tags, so no narrower condition is possible.
						On: targets(s), When: resource.Condition{
							"StringEquals": {"application-autoscaling:service-namespace": {"ecs"}},
						},
						Actions: []string{"application-autoscaling:RegisterScalableTarget"},
					},
					{On: targets(s), When: s.Tagged(), Actions: []string{
						"application-autoscaling:DeregisterScalableTarget", "application-autoscaling:UntagResource",
					}},
					{On: targets(s), When: s.Made(), Actions: []string{"application-autoscaling:TagResource"}},
					{On: targets(s), Actions: []string{"application-autoscaling:ListTagsForResource"}},
					{Actions: []string{
						"application-autoscaling:DescribeScalableTargets",
						"application-autoscaling:DescribeScalingPolicies",
						"application-autoscaling:DescribeScheduledActions",
					}},
					{
						On:      []string{s.ARN("ecs", "service/"+s.Names(ecs.NameLimit))},
						Actions: []string{"ecs:DescribeServices", "ecs:UpdateService"},
						Why:     "AWS checks that the caller may do what the scaling will",
					},
					s.ServiceLinkedRole("ecs.application-autoscaling.amazonaws.com"),
				}
			},
		},
		CheckProps:   checkTarget,
		CreateObject: t.create,
		ReadObject:   t.read,
		UpdateObject: t.update,
		DeleteObject: t.delete,
		Added:        t.added,
		Find:         t.find,
	}
}

func checkTarget(p *wanted.Target) []value.Problem {
	if p.Min < 0 || p.Max < p.Min {
		return []value.Problem{{
			Kind: value.BadValue, Path: []string{"max"},
			Message: fmt.Sprintf("must not be below min, but min is %d and max is %d", p.Min, p.Max),
		}}
	}
	return nil
}

// create overwrites the limits of a target that an interrupted run registered.
func (t *target) create(ctx context.Context, c targetCall) (string, wanted.TargetOutputs, error) {
	id := c.Props.ResourceID.Get()
	input := register(id, c.Props)
	_, err := t.describe(ctx, id)
	isNew := errors.Is(err, resource.ErrNotFound)
	if isNew {
		input.Tags = tagging.Wanted(c.Tags, c.Props.Tags) // AWS takes tags only for a new target
	} else if err != nil {
		return "", wanted.TargetOutputs{}, err
	}
	out := wanted.TargetOutputs{ResourceID: id}
	if out.Arn, err = t.register(ctx, input); err != nil || isNew {
		return id, out, err
	}
	tags, err := t.tagsOf(ctx, out.Arn)
	if err != nil {
		return id, out, err
	}
	return id, out, t.retag(ctx, c, out.Arn, tags)
}

// find identifies our target by the service that it scales.
func (t *target) find(ctx context.Context, c targetCall) (string, map[string]string, error) {
	return findBy(ctx, c.Props.ResourceID, "", func(ctx context.Context, id string) error {
		_, err := t.describe(ctx, id)
		return err
	})
}

func (t *target) read(ctx context.Context, c targetCall) (wanted.Target, wanted.TargetOutputs, error) {
	var found types.ScalableTarget
	var tags map[string]string
	both, bothCtx := errgroup.WithContext(ctx)
	both.Go(func() (err error) { found, err = t.describe(bothCtx, c.ID); return err })
	if c.Out.Arn != "" {
		both.Go(func() (err error) {
			// A target that was made again has another ARN: the answer for the old ARN does not count.
			if tags, err = t.tagsOf(bothCtx, c.Out.Arn); errors.Is(err, resource.ErrNotFound) {
				err = nil
			}
			return err
		})
	}
	if err := both.Wait(); err != nil {
		return wanted.Target{}, wanted.TargetOutputs{}, err
	}
	out := wanted.TargetOutputs{Arn: aws.ToString(found.ScalableTargetARN), ResourceID: c.ID}
	props := wanted.Target{
		ResourceID: value.Lit(c.ID), Min: int(aws.ToInt32(found.MinCapacity)),
		Max: int(aws.ToInt32(found.MaxCapacity)), ByClock: c.Props.ByClock,
	}
	if c.Old.ByClock { // the latest scheduled action set the present limits
		props.Min, props.Max, props.ByClock = c.Old.Min, c.Old.Max, true
		c.Unread("the latest scheduled action sets it", "min", "max")
	}
	if out.Arn != c.Out.Arn {
		var err error
		if tags, err = t.tagsOf(ctx, out.Arn); err != nil {
			return props, out, err
		}
	}
	props.Tags = tagging.Seen(c.Request, tags)
	return props, out, nil
}

// notTagged is the error for the tags of a target that was deregistered a moment ago.
var notTagged = call.NotFound("ResourceNotFoundException")

func (t *target) update(ctx context.Context, c targetCall) (wanted.TargetOutputs, error) {
	if _, err := t.describe(ctx, c.ID); err != nil { // without this check, registering would make a new one
		return c.Out, err
	}
	input := register(c.ID, c.Props)
	if c.Props.ByClock && c.Props.Min == c.Old.Min && c.Props.Max == c.Old.Max {
		input.MinCapacity, input.MaxCapacity = nil, nil // AWS keeps the limits that the latest scheduled action set
	}
	arn, err := t.register(ctx, input)
	if err == nil {
		err = t.retag(ctx, c, arn, c.Old.Tags)
	}
	return wanted.TargetOutputs{Arn: arn, ResourceID: c.ID}, err
}

func (t *target) tagsOf(ctx context.Context, arn string) (map[string]string, error) {
	out, err := t.api.client.ListTagsForResource(ctx, &sdk.ListTagsForResourceInput{ResourceARN: &arn})
	if err != nil {
		return nil, call.Error(err, notTagged)
	}
	return out.Tags, nil
}

// retag changes the tags from the old to the wanted ones.
func (t *target) retag(ctx context.Context, c targetCall, arn string, old map[string]string) error {
	return tagging.Retag(old, tagging.Wanted(c.Tags, c.Props.Tags), func(tags map[string]string) error {
		_, err := t.api.client.TagResource(ctx, &sdk.TagResourceInput{ResourceARN: &arn, Tags: tags})
		return call.Error(err, notTagged)
	}, func(keys []string) error {
		_, err := t.api.client.UntagResource(ctx, &sdk.UntagResourceInput{ResourceARN: &arn, TagKeys: keys})
		return call.Error(err, notTagged)
	})
}

func (t *target) delete(ctx context.Context, c targetCall) error {
	return patiently(ctx, func(ctx context.Context) error {
		_, err := t.api.client.DeregisterScalableTarget(ctx,
			&sdk.DeregisterScalableTargetInput{
				ServiceNamespace: namespace, ScalableDimension: dimension,
				ResourceId: &c.ID,
			})
		if call.HasCode(err, "ValidationException") && mentions(err, "no scalable target found") {
			return nil
		}
		return err
	})
}

func register(id string, p wanted.Target) *sdk.RegisterScalableTargetInput {
	return &sdk.RegisterScalableTargetInput{
		ServiceNamespace: namespace, ScalableDimension: dimension, ResourceId: &id,
		MinCapacity: aws.Int32(int32(p.Min)), MaxCapacity: aws.Int32(int32(p.Max)),
	}
}

func (t *target) register(ctx context.Context, input *sdk.RegisterScalableTargetInput) (arn string, err error) {
	err = patiently(ctx, func(ctx context.Context) error {
		out, err := t.api.client.RegisterScalableTarget(ctx, input)
		if err == nil {
			arn = aws.ToString(out.ScalableTargetARN)
		}
		return err
	})
	return arn, err
}

func (t *target) describe(ctx context.Context, id string) (types.ScalableTarget, error) {
	target, found, err := t.api.targets.Get(ctx, id)
	if err != nil {
		return types.ScalableTarget{}, call.Error(err, gone)
	}
	if !found {
		return types.ScalableTarget{}, fmt.Errorf("scalable target %s: %w", id, resource.ErrNotFound)
	}
	return target, nil
}

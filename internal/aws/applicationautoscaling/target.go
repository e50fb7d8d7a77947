package applicationautoscaling

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/resource"
	wanted "github.com/company/deployer/internal/resource/applicationautoscaling"
	"github.com/company/deployer/internal/value"
)

type targetCall = resource.Call[wanted.Target, wanted.TargetOutputs]

type target struct{ api func() api }

func newTarget(calls func() api) resource.Behaviour {
	t := &target{calls}
	return &resource.Typed[wanted.Target, wanted.TargetOutputs]{
		Def: resource.Definition{
			Type: wanted.TargetType, Version: 1,
			ReplaceOn: []string{"resourceId"}, // another service's: both can be there
			Actions: []string{"application-autoscaling:RegisterScalableTarget", "application-autoscaling:DescribeScalableTargets",
				"application-autoscaling:DeregisterScalableTarget", "application-autoscaling:TagResource", "iam:CreateServiceLinkedRole",
				"ecs:DescribeServices", "ecs:UpdateService"}, // AWS checks that the caller may do what the scaling will
		},
		CheckProps:   checkTarget,
		CreateObject: t.create,
		ReadObject:   t.read,
		UpdateObject: t.update,
		DeleteObject: t.delete,
	}
}

func checkTarget(p *wanted.Target) []value.Problem {
	if p.Min < 0 || p.Max < p.Min {
		return []value.Problem{{Kind: value.BadValue, Path: []string{"max"}, Message: fmt.Sprintf("must not be below min, but min is %d and max is %d", p.Min, p.Max)}}
	}
	return nil
}

// create overwrites the limits of a target that an interrupted run registered.
func (t *target) create(ctx context.Context, c targetCall) (string, wanted.TargetOutputs, error) {
	id := c.Props.ResourceID.Get()
	input := register(id, c.Props)
	if _, err := t.describe(ctx, id); err != nil {
		input.Tags = c.Tags // taken only when the target is new
	}
	out, err := t.register(ctx, input)
	return id, wanted.TargetOutputs{Arn: out, ResourceID: id}, err
}

func (t *target) read(ctx context.Context, c targetCall) (wanted.Target, wanted.TargetOutputs, error) {
	found, err := t.describe(ctx, c.ID)
	if err != nil {
		return wanted.Target{}, wanted.TargetOutputs{}, err
	}
	return wanted.Target{ResourceID: value.Lit(c.ID), Min: int(aws.ToInt32(found.MinCapacity)), Max: int(aws.ToInt32(found.MaxCapacity))},
		wanted.TargetOutputs{Arn: aws.ToString(found.ScalableTargetARN), ResourceID: c.ID}, nil
}

func (t *target) update(ctx context.Context, c targetCall) (wanted.TargetOutputs, error) {
	if _, err := t.describe(ctx, c.ID); err != nil { // registering would make another one
		return c.Out, err
	}
	out, err := t.register(ctx, register(c.ID, c.Props))
	return wanted.TargetOutputs{Arn: out, ResourceID: c.ID}, err
}

func (t *target) delete(ctx context.Context, c targetCall) error {
	return patiently(ctx, "application-autoscaling:DeregisterScalableTarget", func(ctx context.Context) error {
		_, err := t.api().deregisterTarget(ctx, &sdk.DeregisterScalableTargetInput{ServiceNamespace: namespace, ScalableDimension: dimension, ResourceId: &c.ID})
		if call.HasCode(err, "ValidationException") && mentions(err, "no scalable target found") {
			return nil
		}
		return err
	})
}

func register(id string, p wanted.Target) *sdk.RegisterScalableTargetInput {
	return &sdk.RegisterScalableTargetInput{ServiceNamespace: namespace, ScalableDimension: dimension, ResourceId: &id,
		MinCapacity: aws.Int32(int32(p.Min)), MaxCapacity: aws.Int32(int32(p.Max))}
}

func (t *target) register(ctx context.Context, input *sdk.RegisterScalableTargetInput) (arn string, err error) {
	const op = "application-autoscaling:RegisterScalableTarget"
	err = patiently(ctx, op, func(ctx context.Context) error {
		out, err := t.api().registerTarget(ctx, input)
		if err == nil {
			arn = aws.ToString(out.ScalableTargetARN)
		}
		return err
	})
	return arn, err
}

func (t *target) describe(ctx context.Context, id string) (types.ScalableTarget, error) {
	out, err := t.api().describeTargets(ctx, &sdk.DescribeScalableTargetsInput{ServiceNamespace: namespace, ScalableDimension: dimension, ResourceIds: []string{id}})
	if err != nil {
		return types.ScalableTarget{}, call.Error("application-autoscaling:DescribeScalableTargets", err, gone)
	}
	if len(out.ScalableTargets) == 0 {
		return types.ScalableTarget{}, fmt.Errorf("scalable target %s: %w", id, resource.ErrNotFound)
	}
	return out.ScalableTargets[0], nil
}

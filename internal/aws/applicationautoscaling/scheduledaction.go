package applicationautoscaling

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/resource"
	wanted "github.com/company/deployer/internal/resource/applicationautoscaling"
	"github.com/company/deployer/internal/value"
)

type scheduleCall = resource.Call[wanted.ScheduledAction, wanted.ScheduledActionOutputs]

type scheduledAction struct{ api *api }

func newScheduledAction(calls *api) resource.Behaviour {
	s := &scheduledAction{calls}
	return &resource.Typed[wanted.ScheduledAction, wanted.ScheduledActionOutputs]{
		Def: resource.Definition{
			Type: wanted.ScheduledActionType, Version: 1,
			ReplaceOn: []string{"name", "resourceId"}, // both make the ID
			NotYet:    notYet,
			Permissions: func(s resource.Scope) []resource.Statement {
				return []resource.Statement{
					{On: targets(s), When: s.Tagged(), Actions: []string{
						"application-autoscaling:PutScheduledAction", "application-autoscaling:DeleteScheduledAction",
					}},
					{Actions: []string{"application-autoscaling:DescribeScheduledActions"}},
				}
			},
		},
		CheckProps:   checkScheduledAction,
		CreateObject: s.create,
		ReadObject:   s.read,
		UpdateObject: s.update,
		DeleteObject: s.delete,
		Find:         s.find,
	}
}

func checkScheduledAction(p *wanted.ScheduledAction) []value.Problem {
	var problems []value.Problem
	kind, _, _ := strings.Cut(p.Schedule, "(")
	if kind != "cron" && kind != "rate" && kind != "at" || !strings.HasSuffix(p.Schedule, ")") {
		problems = append(problems, value.Problem{
			Kind: value.BadValue, Path: []string{"schedule"},
			Message: "must be cron(…), rate(…) or at(…)",
		})
	}
	if p.Min == nil && p.Max == nil {
		problems = append(problems, value.Problem{
			Kind: value.MissingKey, Path: []string{"min"},
			Message: "give min, max or both",
		})
	}
	if p.Min != nil && p.Max != nil && *p.Max < *p.Min {
		problems = append(problems, value.Problem{
			Kind: value.BadValue, Path: []string{"max"},
			Message: fmt.Sprintf("must not be below min, but min is %d and max is %d", *p.Min, *p.Max),
		})
	}
	if p.Timezone == "" {
		p.Timezone = "UTC"
	}
	return problems
}

func (s *scheduledAction) create(ctx context.Context, c scheduleCall) (string, wanted.ScheduledActionOutputs, error) {
	id := join(c.Props.ResourceID.Get(), c.Props.Name)
	out, err := s.put(ctx, id, c.Props)
	return id, out, err
}

func (s *scheduledAction) update(ctx context.Context, c scheduleCall) (wanted.ScheduledActionOutputs, error) {
	if _, err := s.describe(ctx, c.ID); err != nil { // without this check, the put would make a new one
		return c.Out, err
	}
	return s.put(ctx, c.ID, c.Props)
}

// put asks for the ARN afterwards, because the put call does not return it. A new action is not always visible at once.
func (s *scheduledAction) put(
	ctx context.Context, id string, p wanted.ScheduledAction,
) (wanted.ScheduledActionOutputs, error) {
	resourceID, name := split(id)
	err := patiently(ctx, func(ctx context.Context) error {
		_, err := s.api.client.PutScheduledAction(ctx, &sdk.PutScheduledActionInput{
			ServiceNamespace: namespace, ScalableDimension: dimension, ResourceId: &resourceID,
			ScheduledActionName: &name,
			Schedule:            &p.Schedule, Timezone: &p.Timezone,
			ScalableTargetAction: &types.ScalableTargetAction{
				MinCapacity: number32(p.Min),
				MaxCapacity: number32(p.Max),
			},
		})
		return err
	})
	if err != nil {
		return wanted.ScheduledActionOutputs{}, err
	}
	var found types.ScheduledAction
	err = call.Wait(ctx, call.Eventually, "the scheduled action "+name+" shows",
		func(ctx context.Context) (bool, error) {
			var err error
			found, err = s.describe(ctx, id)
			if errors.Is(err, resource.ErrNotFound) {
				return false, nil
			}
			return err == nil, err
		})
	return wanted.ScheduledActionOutputs{Arn: aws.ToString(found.ScheduledActionARN)}, err
}

func (s *scheduledAction) find(ctx context.Context, c scheduleCall) (string, map[string]string, error) {
	return findBy(ctx, c.Props.ResourceID, c.Props.Name, func(ctx context.Context, id string) error {
		_, err := s.describe(ctx, id)
		return err
	})
}

func (s *scheduledAction) read(
	ctx context.Context, c scheduleCall,
) (wanted.ScheduledAction, wanted.ScheduledActionOutputs, error) {
	found, err := s.describe(ctx, c.ID)
	if err != nil {
		return wanted.ScheduledAction{}, wanted.ScheduledActionOutputs{}, err
	}
	p := wanted.ScheduledAction{
		Name: aws.ToString(found.ScheduledActionName), ResourceID: value.Lit(aws.ToString(found.ResourceId)),
		Schedule: aws.ToString(found.Schedule), Timezone: aws.ToString(found.Timezone),
	}
	if p.Timezone == "" {
		p.Timezone = "UTC"
	}
	if a := found.ScalableTargetAction; a != nil {
		p.Min, p.Max = number(a.MinCapacity), number(a.MaxCapacity)
	}
	return p, wanted.ScheduledActionOutputs{Arn: aws.ToString(found.ScheduledActionARN)}, nil
}

func (s *scheduledAction) delete(ctx context.Context, c scheduleCall) error {
	resourceID, name := split(c.ID)
	return patiently(ctx, func(ctx context.Context) error {
		_, err := s.api.client.DeleteScheduledAction(ctx, &sdk.DeleteScheduledActionInput{
			ServiceNamespace: namespace, ScalableDimension: dimension,
			ResourceId: &resourceID, ScheduledActionName: &name,
		})
		if call.HasCode(err, "ValidationException") && mentions(err, "no scheduled action found") {
			return nil
		}
		return err
	})
}

func (s *scheduledAction) describe(ctx context.Context, id string) (types.ScheduledAction, error) {
	action, found, err := s.api.actions.Get(ctx, id)
	if err != nil {
		return types.ScheduledAction{}, call.Error(err, gone)
	}
	if found {
		return action, nil
	}
	return types.ScheduledAction{}, fmt.Errorf("scheduled action %s: %w", id, resource.ErrNotFound)
}

package awstest

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	autoscaling "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	autoscalingtypes "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"

	model "github.com/company/deployer/internal/resource/applicationautoscaling"
)

var _ = liveObjects(answerScaling,
	liveType{
		file: "ApplicationAutoScaling-ScalableTarget", typ: model.TargetType,
		props: func(l live) (any, string, string) {
			id := l.Declared.text("ResourceId")
			return model.Target{
				ResourceID: lit(id), Min: l.Declared.int("MinCapacity"), Max: l.Declared.int("MaxCapacity"),
			}, id, ""
		},
	},
	liveType{
		file: "ApplicationAutoScaling-ScalableTarget", typ: model.ScheduledActionType,
		props: func(l live) (any, string, string) {
			actions := l.Declared.list("ScheduledActions")
			if len(actions) == 0 {
				return nil, "", "no scheduled action"
			}
			a, id := actions[0], l.Declared.text("ResourceId")
			return model.ScheduledAction{
				Name: a.text("ScheduledActionName"), ResourceID: lit(id), Schedule: a.text("Schedule"),
				Timezone: a.text("Timezone"),
				Min:      a.at("ScalableTargetAction").number("MinCapacity"),
				Max:      a.at("ScalableTargetAction").number("MaxCapacity"),
			}, id + "/" + a.text("ScheduledActionName"), ""
		},
	},
	liveType{
		file: "ApplicationAutoScaling-ScalingPolicy", typ: model.PolicyType,
		props: func(l live) (any, string, string) {
			set, id := l.Declared.at("TargetTrackingScalingPolicyConfiguration"), l.Live.text("ResourceId")
			return model.Policy{
				Name: l.Live.text("PolicyName"), ResourceID: lit(id), TargetValue: float64(set.int("TargetValue")),
				Predefined:      set.at("PredefinedMetricSpecification").text("PredefinedMetricType"),
				ResourceLabel:   lit(set.at("PredefinedMetricSpecification").text("ResourceLabel")),
				ScaleInCooldown: set.number("ScaleInCooldown"), ScaleOutCooldown: set.number("ScaleOutCooldown"),
				DisableScaleIn: set.is("DisableScaleIn"),
			}, id + "/" + l.Live.text("PolicyName"), ""
		},
	},
)

func answerScaling(l object, parameters any) (any, error) {
	switch parameters.(type) {
	case *autoscaling.DescribeScalableTargetsInput:
		target := into[autoscalingtypes.ScalableTarget](l)
		target.ScalableTargetARN = aws.String(
			"arn:aws:application-autoscaling:us-east-1:111111111111:scalable-target/1")
		return &autoscaling.DescribeScalableTargetsOutput{ScalableTargets: []autoscalingtypes.ScalableTarget{target}},
			nil
	case *autoscaling.DescribeScalingPoliciesInput:
		policy := into[autoscalingtypes.ScalingPolicy](l)
		policy.PolicyARN = aws.String(l.text("Arn"))
		return &autoscaling.DescribeScalingPoliciesOutput{ScalingPolicies: []autoscalingtypes.ScalingPolicy{policy}},
			nil
	case *autoscaling.DescribeScheduledActionsInput:
		var out []autoscalingtypes.ScheduledAction
		for _, action := range l.list("ScheduledActions") {
			is := into[autoscalingtypes.ScheduledAction](action)
			is.ResourceId = aws.String(l.text("ResourceId"))
			out = append(out, is)
		}
		return &autoscaling.DescribeScheduledActionsOutput{ScheduledActions: out}, nil
	case *autoscaling.ListTagsForResourceInput:
		return &autoscaling.ListTagsForResourceOutput{Tags: map[string]string{}}, nil
	}
	return nil, nil
}

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
	"github.com/company/deployer/internal/resource/ecs"
	"github.com/company/deployer/internal/value"
)

// defaultCooldown is AWS's default for ECS, in seconds.
const defaultCooldown = 300

type policyCall = resource.Call[wanted.Policy, wanted.PolicyOutputs]

type policy struct{ api *api }

func newPolicy(calls *api) resource.Behaviour {
	p := &policy{calls}
	return &resource.Typed[wanted.Policy, wanted.PolicyOutputs]{
		Def: resource.Definition{
			Type: wanted.PolicyType, Version: 1,
			ReplaceOn: []string{"name", "resourceId"}, // both make the ID
			NotYet:    notYet,
			Permissions: func(s resource.Scope) []resource.Statement {
				const why = "target tracking creates and deletes its alarms in the name of the caller"
				return []resource.Statement{
					{On: targets(s), When: s.Tagged(), Actions: []string{
						"application-autoscaling:PutScalingPolicy", "application-autoscaling:DeleteScalingPolicy",
					}},
					{Actions: []string{"application-autoscaling:DescribeScalingPolicies"}},
					{
						On:      []string{s.ARN("cloudwatch", "alarm:TargetTracking-service/"+s.Names(ecs.NameLimit))},
						Actions: []string{"cloudwatch:PutMetricAlarm", "cloudwatch:DeleteAlarms"}, Why: why,
					},
					{
						On: []string{s.ARN("cloudwatch", "alarm:*")}, Actions: []string{"cloudwatch:DescribeAlarms"},
						Why: why,
					},
				}
			},
		},
		CheckProps:   checkPolicy,
		CreateObject: p.create,
		ReadObject:   p.read,
		UpdateObject: p.update,
		DeleteObject: p.delete,
		Find:         p.find,
	}
}

func checkPolicy(p *wanted.Policy) []value.Problem {
	var problems value.Problems
	if (p.Predefined == "") == (len(p.Metrics) == 0) {
		problems.Bad("metrics", "give either a predefined metric or metrics")
	}
	if p.Predefined == wanted.RequestsPerTarget && !p.ResourceLabel.IsSet() {
		problems.Bad("resourceLabel", "is needed for %s", wanted.RequestsPerTarget)
	}
	if p.TargetValue <= 0 {
		problems.Bad("targetValue", "must be above 0")
	}
	returning := 0
	for _, m := range p.Metrics {
		if m.ReturnData {
			returning++
		}
	}
	if len(p.Metrics) > 0 && returning != 1 {
		problems.Bad("metrics", "exactly one must return data, but %d do", returning)
	}
	if p.ScaleInCooldown == nil {
		p.ScaleInCooldown = aws.Int(defaultCooldown)
	}
	if p.ScaleOutCooldown == nil {
		p.ScaleOutCooldown = aws.Int(defaultCooldown)
	}
	return problems
}

func (p *policy) create(ctx context.Context, c policyCall) (string, wanted.PolicyOutputs, error) {
	resourceID := c.Props.ResourceID.Get()
	arn, err := p.put(ctx, resourceID, c.Props)
	return join(resourceID, c.Props.Name), wanted.PolicyOutputs{Arn: arn}, err
}

func (p *policy) update(ctx context.Context, c policyCall) (wanted.PolicyOutputs, error) {
	if _, err := p.describe(ctx, c.ID); err != nil { // without this check, the put would make a new one
		return c.Out, err
	}
	arn, err := p.put(ctx, c.Props.ResourceID.Get(), c.Props)
	return wanted.PolicyOutputs{Arn: arn}, err
}

func (p *policy) put(ctx context.Context, resourceID string, props wanted.Policy) (arn string, err error) {
	err = patiently(ctx, func(ctx context.Context) error {
		out, err := p.api.client.PutScalingPolicy(ctx, &sdk.PutScalingPolicyInput{
			ServiceNamespace: namespace, ScalableDimension: dimension, ResourceId: &resourceID, PolicyName: &props.Name,
			PolicyType:                               types.PolicyTypeTargetTrackingScaling,
			TargetTrackingScalingPolicyConfiguration: toTracking(props),
		})
		if err == nil {
			arn = aws.ToString(out.PolicyARN)
		}
		return err
	})
	return arn, err
}

func (p *policy) find(ctx context.Context, c policyCall) (string, map[string]string, error) {
	return findBy(ctx, c.Props.ResourceID, c.Props.Name, func(ctx context.Context, id string) error {
		_, err := p.describe(ctx, id)
		return err
	})
}

func (p *policy) read(ctx context.Context, c policyCall) (wanted.Policy, wanted.PolicyOutputs, error) {
	found, err := p.describe(ctx, c.ID)
	if err != nil {
		return wanted.Policy{}, wanted.PolicyOutputs{}, err
	}
	return fromPolicy(found), wanted.PolicyOutputs{Arn: aws.ToString(found.PolicyARN)}, nil
}

func (p *policy) delete(ctx context.Context, c policyCall) error {
	resourceID, name := split(c.ID)
	return patiently(ctx, func(ctx context.Context) error {
		_, err := p.api.client.DeleteScalingPolicy(ctx,
			&sdk.DeleteScalingPolicyInput{
				ServiceNamespace: namespace, ScalableDimension: dimension,
				ResourceId: &resourceID, PolicyName: &name,
			})
		if call.HasCode(err, "ValidationException") && mentions(err, "no scaling policy found") {
			return nil
		}
		return err
	})
}

func (p *policy) describe(ctx context.Context, id string) (types.ScalingPolicy, error) {
	policy, found, err := p.api.policies.Get(ctx, id)
	if err != nil {
		return types.ScalingPolicy{}, call.Error(err, gone)
	}
	if found && policy.TargetTrackingScalingPolicyConfiguration != nil {
		return policy, nil
	}
	return types.ScalingPolicy{}, fmt.Errorf("scaling policy %s: %w", id, resource.ErrNotFound)
}

func toTracking(p wanted.Policy) *types.TargetTrackingScalingPolicyConfiguration {
	t := &types.TargetTrackingScalingPolicyConfiguration{
		TargetValue: &p.TargetValue, ScaleInCooldown: number32(p.ScaleInCooldown),
		ScaleOutCooldown: number32(p.ScaleOutCooldown),
		DisableScaleIn:   &p.DisableScaleIn,
	}
	if p.Predefined != "" {
		t.PredefinedMetricSpecification = &types.PredefinedMetricSpecification{
			PredefinedMetricType: types.MetricType(p.Predefined),
		}
		if label := p.ResourceLabel.Get(); label != "" {
			t.PredefinedMetricSpecification.ResourceLabel = &label
		}
		return t
	}
	t.CustomizedMetricSpecification = &types.CustomizedMetricSpecification{}
	for _, m := range p.Metrics {
		query := types.TargetTrackingMetricDataQuery{Id: aws.String(m.ID), ReturnData: aws.Bool(m.ReturnData)}
		if m.Label != "" {
			query.Label = aws.String(m.Label)
		}
		if m.Expression != "" {
			query.Expression = aws.String(m.Expression)
		} else {
			metric := &types.TargetTrackingMetric{Namespace: aws.String(m.Namespace), MetricName: aws.String(m.Name)}
			for _, name := range sorted(m.Dimensions) {
				metric.Dimensions = append(metric.Dimensions,
					types.TargetTrackingMetricDimension{
						Name:  aws.String(name),
						Value: aws.String(m.Dimensions[name].Get()),
					})
			}
			query.MetricStat = &types.TargetTrackingMetricStat{Metric: metric, Stat: aws.String(m.Stat)}
		}
		t.CustomizedMetricSpecification.Metrics = append(t.CustomizedMetricSpecification.Metrics, query)
	}
	return t
}

// fromPolicy is the inverse of toTracking.
func fromPolicy(found types.ScalingPolicy) wanted.Policy {
	t := found.TargetTrackingScalingPolicyConfiguration
	p := wanted.Policy{
		Name: aws.ToString(found.PolicyName), ResourceID: value.Lit(aws.ToString(found.ResourceId)),
		TargetValue:     aws.ToFloat64(t.TargetValue),
		ScaleInCooldown: number(t.ScaleInCooldown), ScaleOutCooldown: number(t.ScaleOutCooldown),
		DisableScaleIn: aws.ToBool(t.DisableScaleIn),
	}
	if p.ScaleInCooldown == nil {
		p.ScaleInCooldown = aws.Int(defaultCooldown)
	}
	if p.ScaleOutCooldown == nil {
		p.ScaleOutCooldown = aws.Int(defaultCooldown)
	}
	if m := t.PredefinedMetricSpecification; m != nil {
		p.Predefined = string(m.PredefinedMetricType)
		if m.ResourceLabel != nil {
			p.ResourceLabel = value.Lit(*m.ResourceLabel)
		}
	}
	if t.CustomizedMetricSpecification == nil {
		return p
	}
	for _, q := range t.CustomizedMetricSpecification.Metrics {
		m := wanted.Metric{
			ID: aws.ToString(q.Id), Expression: aws.ToString(q.Expression), Label: aws.ToString(q.Label),
			ReturnData: q.ReturnData == nil || *q.ReturnData,
		}
		if q.MetricStat != nil && q.MetricStat.Metric != nil {
			m.Namespace, m.Name, m.Stat = aws.ToString(q.MetricStat.Metric.Namespace),
				aws.ToString(q.MetricStat.Metric.MetricName), aws.ToString(q.MetricStat.Stat)
			m.Dimensions = map[string]value.Of[string]{}
			for _, d := range q.MetricStat.Metric.Dimensions {
				m.Dimensions[aws.ToString(d.Name)] = value.Lit(aws.ToString(d.Value))
			}
		}
		p.Metrics = append(p.Metrics, m)
	}
	return p
}

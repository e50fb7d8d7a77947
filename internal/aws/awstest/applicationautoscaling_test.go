package awstest

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/stretchr/testify/require"

	scaling "github.com/company/deployer/internal/aws/applicationautoscaling"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/applicationautoscaling"
	"github.com/company/deployer/internal/testkit/resourcetest"
	"github.com/company/deployer/internal/value"
)

func (f *fargate) scaling(t *testing.T, typ string) resource.Behaviour {
	t.Helper()
	return behaviour(t, scaling.Behaviours(f.Config), typ)
}

// scalable makes services, as scalable targets if register is set, and returns their resource ids.
func (f *fargate) scalable(t *testing.T, register bool, names ...string) []value.Of[string] {
	t.Helper()
	definition := f.register(t, "registry/api:1")
	var ids []value.Of[string]
	for _, name := range names {
		_, err := f.client.CreateService(t.Context(), &ecs.CreateServiceInput{
			Cluster: &f.cluster, ServiceName: &name, TaskDefinition: &definition,
			DesiredCount: aws.Int32(1), LaunchType: ecstypes.LaunchTypeFargate,
			NetworkConfiguration: &ecstypes.NetworkConfiguration{
				AwsvpcConfiguration: &ecstypes.AwsVpcConfiguration{Subnets: f.subnets},
			},
		})
		require.NoError(t, err)
		id := "service/shop/" + name
		ids = append(ids, value.Lit(id))
		if register {
			_, err := applicationautoscaling.NewFromConfig(f.Plain).RegisterScalableTarget(t.Context(),
				&applicationautoscaling.RegisterScalableTargetInput{
					ServiceNamespace:  types.ServiceNamespaceEcs,
					ScalableDimension: types.ScalableDimensionECSServiceDesiredCount, ResourceId: &id,
					MinCapacity: aws.Int32(1), MaxCapacity: aws.Int32(4),
				})
			require.NoError(t, err)
		}
	}
	return ids
}

func TestScalableTarget(t *testing.T) {
	f := startFargate(t)
	ids := f.scalable(t, false, "api", "web")
	resourcetest.Run(t, resourcetest.Case{
		Behaviour: f.scaling(t, model.TargetType),
		Props:     model.Target{ResourceID: ids[0], Min: 1, Max: 4, Tags: map[string]string{"team": "a", "cost": "7"}},
		Update:    model.Target{ResourceID: ids[0], Min: 0, Max: 10, Tags: map[string]string{"team": "b"}},
		Replace:   model.Target{ResourceID: ids[1], Min: 1, Max: 4},
		Upsert:    true, Distinct: true, LoseAnswer: f.LoseAnswer, Actions: f.Actions,
		Extend: func(ctx context.Context, t *testing.T, state resource.State) (string, func()) {
			client := applicationautoscaling.NewFromConfig(f.Plain)
			_, err := client.PutScheduledAction(ctx, &applicationautoscaling.PutScheduledActionInput{
				ServiceNamespace: types.ServiceNamespaceEcs, ResourceId: &state.ID,
				ScalableDimension:   types.ScalableDimensionECSServiceDesiredCount,
				ScheduledActionName: pointer("by-hand"), Schedule: pointer("rate(1 day)"),
				ScalableTargetAction: &types.ScalableTargetAction{MinCapacity: pointer(int32(1))},
			})
			require.NoError(t, err)
			return state.ID + "/by-hand", func() {
				_, err := client.DeleteScheduledAction(ctx, &applicationautoscaling.DeleteScheduledActionInput{
					ServiceNamespace: types.ServiceNamespaceEcs, ResourceId: &state.ID,
					ScalableDimension:   types.ScalableDimensionECSServiceDesiredCount,
					ScheduledActionName: pointer("by-hand"),
				})
				require.NoError(t, err)
			}
		},
	})
}

// A scheduled action changes the limits of the target itself. That is no drift. Only an update of the limits reverts
// it.
func TestLimitsThatTheClockSets(t *testing.T) {
	f := startFargate(t)
	ids := f.scalable(t, false, "api")
	b := f.scaling(t, model.TargetType)
	client := applicationautoscaling.NewFromConfig(f.Plain)
	atNight := func() {
		_, err := client.RegisterScalableTarget(t.Context(), &applicationautoscaling.RegisterScalableTargetInput{
			ServiceNamespace:  types.ServiceNamespaceEcs,
			ScalableDimension: types.ScalableDimensionECSServiceDesiredCount,
			ResourceId:        aws.String(ids[0].Get()), MinCapacity: aws.Int32(0), MaxCapacity: aws.Int32(1),
		})
		require.NoError(t, err)
	}
	limits := func() [2]int32 {
		out, err := client.DescribeScalableTargets(t.Context(),
			&applicationautoscaling.DescribeScalableTargetsInput{ServiceNamespace: types.ServiceNamespaceEcs})
		require.NoError(t, err)
		return [2]int32{*out.ScalableTargets[0].MinCapacity, *out.ScalableTargets[0].MaxCapacity}
	}
	req := request(model.TargetType)
	req.Tags = resourcetest.Tags("api")
	props := model.Target{ResourceID: ids[0], Min: 2, Max: 4, ByClock: true}
	req.Inputs, _ = b.Check(value.Encode(props))
	state, err := b.Create(t.Context(), req)
	require.NoError(t, err)
	require.Equal(t, [2]int32{2, 4}, limits())

	atNight()
	req.ID, req.Old, req.Inputs = state.ID, state, value.NullValue
	read, found, err := b.Read(t.Context(), req)
	require.NoError(t, err)
	require.True(t, found)
	require.Empty(t, resource.Compare(b.Definition(), read.Inputs, value.Encode(props)).Changes)

	props.Tags = map[string]string{"team": "a"}
	req.Inputs = value.Encode(props)
	req.Old, err = b.Update(t.Context(), req)
	require.NoError(t, err)
	require.Equal(t, [2]int32{0, 1}, limits(), "only tags were to change")

	props.Max = 6
	req.Inputs = value.Encode(props)
	_, err = b.Update(t.Context(), req)
	require.NoError(t, err)
	require.Equal(t, [2]int32{2, 6}, limits())
}

// backlog is a metric math as a worker uses it.
func backlog(queue string) []model.Metric {
	return []model.Metric{
		{
			ID: "messages", Label: "Waiting", Namespace: "AWS/SQS", Name: "ApproximateNumberOfMessagesVisible",
			Stat:       "Average",
			Dimensions: map[string]value.Of[string]{"QueueName": value.Lit(queue)},
		},
		{
			ID: "running", Namespace: "ECS/ContainerInsights", Name: "RunningTaskCount", Stat: "Average",
			Dimensions: map[string]value.Of[string]{"ClusterName": value.Lit("shop"), "ServiceName": value.Lit("api")},
		},
		{ID: "perTask", Expression: "messages / IF(running > 0, running, 1)", ReturnData: true},
	}
}

func TestScalingPolicy(t *testing.T) {
	f := startFargate(t)
	ids := f.scalable(t, true, "api", "web")
	for name, c := range map[string]struct{ props, update model.Policy }{
		"predefined": {
			model.Policy{Name: "cpu", ResourceID: ids[0], TargetValue: 60, Predefined: model.AverageCPU},
			model.Policy{
				Name: "cpu", ResourceID: ids[0], TargetValue: 1000.5, Predefined: model.RequestsPerTarget,
				DisableScaleIn:  true,
				ResourceLabel:   value.Lit("app/shop/0123456789abcdef/targetgroup/api/0123456789abcdef"),
				ScaleInCooldown: pointer(60), ScaleOutCooldown: pointer(0),
			},
		},
		"backlog per task": {
			model.Policy{Name: "backlog", ResourceID: ids[0], TargetValue: 100, Metrics: backlog("jobs")},
			model.Policy{Name: "backlog", ResourceID: ids[0], TargetValue: 10, Metrics: backlog("work")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			other := c.props
			other.ResourceID = ids[1]
			resourcetest.Run(t, resourcetest.Case{
				Behaviour: f.scaling(t, model.PolicyType), Props: c.props, Update: c.update, Replace: other,
				Upsert: true, Distinct: true, LoseAnswer: f.LoseAnswer, Actions: f.Actions,
			})
		})
	}
}

func TestScheduledAction(t *testing.T) {
	f := startFargate(t)
	ids := f.scalable(t, true, "api", "web")
	night := model.ScheduledAction{
		Name: "night", ResourceID: ids[0], Schedule: "cron(0 22 ? * * *)",
		Timezone: "Europe/Berlin", Min: pointer(0), Max: pointer(1),
	}
	early, other := night, night
	early.Schedule, early.Timezone = "cron(0 20 ? * * *)", ""
	other.ResourceID = ids[1]
	resourcetest.Run(t, resourcetest.Case{
		Behaviour: f.scaling(t, model.ScheduledActionType), Props: night, Update: early, Replace: other,
		Upsert: true, Distinct: true, LoseAnswer: f.LoseAnswer, Actions: f.Actions,
	})
}

func TestScalingCheck(t *testing.T) {
	f := startFargate(t)
	id := value.Lit("service/shop/api")
	for name, wrong := range map[string]struct {
		typ   string
		props any
	}{
		"limits crossed": {model.TargetType, model.Target{ResourceID: id, Min: 5, Max: 4}},
		"no metric":      {model.PolicyType, model.Policy{Name: "p", ResourceID: id, TargetValue: 1}},
		"no label": {
			model.PolicyType,
			model.Policy{Name: "p", ResourceID: id, TargetValue: 1, Predefined: model.RequestsPerTarget},
		},
		"target zero": {model.PolicyType, model.Policy{Name: "p", ResourceID: id, Predefined: model.AverageCPU}},
		"nothing returned": {
			model.PolicyType,
			model.Policy{
				Name: "p", ResourceID: id, TargetValue: 1,
				Metrics: []model.Metric{{ID: "a", Expression: "1"}},
			},
		},
		"no schedule": {
			model.ScheduledActionType,
			model.ScheduledAction{Name: "s", ResourceID: id, Schedule: "0 22 * * *", Min: pointer(1)},
		},
		"no limit": {
			model.ScheduledActionType,
			model.ScheduledAction{Name: "s", ResourceID: id, Schedule: "rate(1 day)"},
		},
		"schedule's crossed": {
			model.ScheduledActionType,
			model.ScheduledAction{
				Name: "s", ResourceID: id, Schedule: "rate(1 day)", Min: pointer(3),
				Max: pointer(2),
			},
		},
	} {
		_, problems := f.scaling(t, wrong.typ).Check(value.Encode(wrong.props))
		require.Len(t, problems, 1, name)
	}
}

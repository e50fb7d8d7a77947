package ecs

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/resource"
	wanted "github.com/company/deployer/internal/resource/ecs"
	"github.com/company/deployer/internal/value"
)

// A read of a service finds what somebody else changed: its number of tasks, its tags, and a rollout that is not ours.
func TestAReadSeesWhatOthersDo(t *testing.T) {
	there := types.Service{
		ServiceName: aws.String("api"), ClusterArn: aws.String("arn:aws:ecs:eu-west-1:123456789012:cluster/shop"),
		Status:       aws.String("ACTIVE"),
		DesiredCount: 2, Tags: []types.Tag{{Key: aws.String(resource.TagStack), Value: aws.String("shop")}},
		Deployments: []types.Deployment{
			{
				Id: aws.String("theirs"), Status: aws.String("PRIMARY"),
				RolloutState: types.DeploymentRolloutStateInProgress, TaskDefinition: aws.String("arn:x/api:1"),
			},
			{
				Id: aws.String("ours"), Status: aws.String("ACTIVE"),
				RolloutState:   types.DeploymentRolloutStateCompleted,
				TaskDefinition: aws.String("arn:x/api:2"), RunningCount: 2,
			},
		},
	}
	b := newService(&api{services: &call.Batch[serviceKey, types.Service]{
		Size: 1, Ask: func(context.Context, []serviceKey) (map[serviceKey]types.Service, error) {
			return map[serviceKey]types.Service{{"shop", "api"}: there}, nil
		},
	}}, nil, nil)
	least := 2
	recorded := wanted.Service{
		Name: "api", Cluster: value.Lit("shop"), TaskDefinition: value.Lit("arn:x/api:2"),
		Subnets: value.Lit([]string{"subnet-1"}), MinCount: &least,
	}
	req := resource.Request{
		ID:   "arn:aws:ecs:eu-west-1:123456789012:service/shop/api",
		Tags: map[string]string{resource.TagStack: "shop", resource.TagLineage: "l"},
		Old: resource.State{
			Inputs:  value.Encode(recorded),
			Outputs: value.Encode(wanted.ServiceOutputs{DeploymentID: "ours", Rollout: wanted.RolloutCompleted}),
		},
	}
	read := func() resource.State {
		is, found, err := b.Read(t.Context(), req)
		require.NoError(t, err)
		require.True(t, found)
		return is
	}
	is := read()
	require.Equal(t, "a rollout of api:1 is in progress that deployer did not start", is.Note)
	require.Equal(t, "its tags were changed outside of deployer: "+resource.TagLineage, is.Repair)
	require.True(t, value.Equal(value.NewInt(2), is.Inputs.Get("minCount")), "enough tasks are no difference")
	require.Equal(t, "arn:x/api:1", is.Inputs.Get("taskDefinition").Str(),
		"another revision is on its way: the next apply replaces it")
	require.Equal(t, "ours", is.Outputs.Get("deploymentId").Str(), "theirs is not recorded as ours")

	there.Deployments[0].TaskDefinition = aws.String("arn:x/api:2")
	is = read()
	require.NotEmpty(t, is.Note)
	require.Equal(t, "arn:x/api:2", is.Inputs.Get("taskDefinition").Str(), "the same revision again is no difference")

	there.Deployments[0].Id, there.DesiredCount = aws.String("ours"), 1
	is = read()
	require.Empty(t, is.Note, "a rollout of ours is nothing new")
	require.True(t, value.Equal(value.NewInt(1), is.Inputs.Get("minCount")), "fewer tasks than the least are one")
	there.DesiredCount = 5
	require.True(t, value.Equal(value.NewInt(2), read().Inputs.Get("minCount")))
}

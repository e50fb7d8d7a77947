package ecs

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/call/calltest"
	"github.com/company/deployer/internal/resource"
	wanted "github.com/company/deployer/internal/resource/ecs"
	"github.com/company/deployer/internal/value"
)

// A deleted cluster that AWS brings back under its name keeps its old settings: they must not count as the wanted ones.
func TestADeletedClusterBroughtBackGetsItsSettings(t *testing.T) {
	tags := map[string]string{
		resource.TagStack: "shop", resource.TagEnvironment: "dev",
		resource.TagComponent: "infra/cluster", resource.TagLineage: "l",
	}
	there := types.Cluster{
		ClusterName: aws.String("shop"), ClusterArn: aws.String("arn:aws:ecs:eu-west-1:123456789012:cluster/shop"),
		Status:   aws.String("INACTIVE"),
		Settings: []types.ClusterSetting{insights("disabled")},
	}
	var made []string
	b := newCluster(&api{
		clusters: &call.Batch[string, types.Cluster]{
			Size: 1,
			Ask: func(context.Context, []string) (map[string]types.Cluster, error) {
				return map[string]types.Cluster{"shop": there, *there.ClusterArn: there}, nil
			},
		},
		client: sdk.NewFromConfig(calltest.Config(func(_ context.Context, in any) (any, error) {
			switch in := in.(type) {
			case *sdk.CreateClusterInput:
				there.Status = aws.String("ACTIVE")
				return &sdk.CreateClusterOutput{Cluster: &there}, nil
			case *sdk.UpdateClusterInput:
				made = append(made, "insights "+*in.Settings[0].Value)
				there.Settings = in.Settings
				return &sdk.UpdateClusterOutput{}, nil
			case *sdk.PutClusterCapacityProvidersInput:
				made = append(made, "providers")
				there.CapacityProviders = in.CapacityProviders
				return &sdk.PutClusterCapacityProvidersOutput{}, nil
			case *sdk.TagResourceInput:
				made = append(made, "tags")
				there.Tags = in.Tags
				return &sdk.TagResourceOutput{}, nil
			}
			return nil, nil
		})),
	})
	inputs, problems := b.Check(value.Encode(wanted.Cluster{Name: "shop"}))
	require.Empty(t, problems)
	state, err := b.Create(t.Context(), resource.Request{Inputs: inputs, Tags: tags, Progress: func(string) {}})
	require.NoError(t, err)
	require.Equal(t, *there.ClusterArn, state.ID)
	require.Equal(t, []string{"tags", "insights enabled", "providers"}, made)

	made = nil
	there.Status = aws.String("INACTIVE")
	_, err = b.Create(t.Context(), resource.Request{Inputs: inputs, Tags: tags, Progress: func(string) {}})
	require.NoError(t, err)
	require.Empty(t, made, "nothing is changed that is as wanted")
}

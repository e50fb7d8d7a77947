package service_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/e2e/testkit"
)

func TestFamilyIsItsLatestActiveRevision(t *testing.T) {
	env := testkit.Start(t)
	client := ecs.NewFromConfig(env.Config)
	deregister := func(revision string) {
		_, err := client.DeregisterTaskDefinition(t.Context(),
			&ecs.DeregisterTaskDefinitionInput{TaskDefinition: &revision})
		require.NoError(t, err)
	}
	describe := func(name string) (*ecs.DescribeTaskDefinitionOutput, error) {
		return client.DescribeTaskDefinition(t.Context(), &ecs.DescribeTaskDefinitionInput{TaskDefinition: &name})
	}
	for range 2 {
		_, err := client.RegisterTaskDefinition(t.Context(), &ecs.RegisterTaskDefinitionInput{
			Family: aws.String("shop"), ContainerDefinitions: []types.ContainerDefinition{
				{Name: aws.String("x"), Image: aws.String("x"), Memory: aws.Int32(64)},
			},
		})
		require.NoError(t, err)
	}
	out, err := describe("shop")
	require.NoError(t, err)
	require.EqualValues(t, 2, out.TaskDefinition.Revision)
	deregister("shop:2")
	out, err = describe("shop")
	require.NoError(t, err)
	require.EqualValues(t, 1, out.TaskDefinition.Revision)
	out, err = describe("shop:2")
	require.NoError(t, err)
	require.Equal(t, types.TaskDefinitionStatusInactive, out.TaskDefinition.Status)
	deregister("shop:1")
	_, err = describe("shop")
	var refused *types.ClientException
	require.ErrorAs(t, err, &refused)
}

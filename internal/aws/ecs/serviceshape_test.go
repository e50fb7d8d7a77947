package ecs

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	wanted "github.com/company/deployer/internal/resource/ecs"
	"github.com/company/deployer/internal/value"
)

// Only new tasks allow shells or refuse them.
func TestShellsNeedNewTasks(t *testing.T) {
	without := wanted.Service{Name: "api", Subnets: value.Lit([]string{"subnet-1"})}
	require.Empty(t, checkService(&without))
	with := without
	with.EnableExecuteCommand = true
	require.True(t, toUpdate(with, without, types.Service{}).ForceNewDeployment)
	require.True(t, toUpdate(without, with, types.Service{}).ForceNewDeployment)
	require.False(t, toUpdate(with, with, types.Service{}).ForceNewDeployment)
	require.Equal(t, plan.Rolling, serviceConsequence(resource.Change{Changed: []string{"enableExecuteCommand"}}))
}

func TestTasksNeedAWayOut(t *testing.T) {
	p := wanted.Service{Name: "api", Subnets: value.Lit([]string{})}
	problems := checkService(&p)
	require.Len(t, problems, 1)
	require.Equal(t, []string{"subnets"}, problems[0].Path)
	require.Equal(t, resource.NetworkUnfit, problems[0].Kind)

	p = wanted.Service{Name: "api", Subnets: value.Expr[[]string](value.NewUnknown())}
	require.Empty(t, checkService(&p))
}

// A rollout in progress that is not in the state does not count as ours, whatever the result of ours.
func TestUnderWay(t *testing.T) {
	service := func(id string, state types.DeploymentRolloutState) types.Service {
		return types.Service{Deployments: []types.Deployment{
			{Id: aws.String(id), Status: aws.String("PRIMARY"), RolloutState: state},
		}}
	}
	busy, done := types.DeploymentRolloutStateInProgress, types.DeploymentRolloutStateCompleted
	for _, how := range []string{wanted.RolloutCompleted, wanted.RolloutInProgress, wanted.RolloutFailed} {
		known := wanted.ServiceOutputs{DeploymentID: "ours", Rollout: how}
		require.Equal(t, "theirs", *underWay(service("theirs", busy), known).Id)
		require.Nil(t, underWay(service("theirs", done), known))
		require.Nil(t, underWay(service("ours", busy), known))
	}
	require.Nil(t, underWay(service("any", busy), wanted.ServiceOutputs{}))
	require.Nil(t, underWay(types.Service{}, wanted.ServiceOutputs{DeploymentID: "ours"}))
}

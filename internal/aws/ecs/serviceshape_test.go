package ecs

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/plan"
	wanted "github.com/company/deployer/internal/resource/ecs"
	"github.com/company/deployer/internal/value"
)

// Only new tasks take shells or refuse them.
func TestShellsNeedNewTasks(t *testing.T) {
	without := wanted.Service{Name: "api", Subnets: value.Lit([]string{"subnet-1"})}
	require.Empty(t, checkService(&without))
	with := without
	with.EnableExecuteCommand = true
	require.True(t, toUpdate(with, without, types.Service{}).ForceNewDeployment)
	require.True(t, toUpdate(without, with, types.Service{}).ForceNewDeployment)
	require.False(t, toUpdate(with, with, types.Service{}).ForceNewDeployment)
	require.Equal(t, plan.Rolling, serviceConsequence([]string{"enableExecuteCommand"}))
}

func TestTasksNeedAWayOut(t *testing.T) {
	p := wanted.Service{Name: "api", Subnets: value.Lit([]string{})}
	problems := checkService(&p)
	require.Len(t, problems, 1)
	require.Equal(t, []string{"subnets"}, problems[0].Path)

	p = wanted.Service{Name: "api", Subnets: value.Expr[[]string](value.NewUnknown())}
	require.Empty(t, checkService(&p))
}

// A deployment that was in progress before ours is named; one that an interrupted run of ours left is not somebody else's.
func TestUnderWay(t *testing.T) {
	service := func(id string, state types.DeploymentRolloutState) types.Service {
		return types.Service{Deployments: []types.Deployment{{
			Id: aws.String(id), Status: aws.String("PRIMARY"), RolloutState: state, TaskDefinition: aws.String("arn:aws:ecs:x:1:task-definition/web:7"),
		}}}
	}
	busy, done := types.DeploymentRolloutStateInProgress, types.DeploymentRolloutStateCompleted
	require.Equal(t, "somebody else's deployment a (web:7) is under way; this apply's deployment replaces it",
		underWay(service("a", busy), service("b", busy), wanted.RolloutCompleted))
	require.Equal(t, "somebody else's deployment a (web:7) is under way; waiting for it", underWay(service("a", busy), service("a", busy), wanted.RolloutCompleted))
	require.Empty(t, underWay(service("a", done), service("b", busy), wanted.RolloutCompleted))
	require.Empty(t, underWay(service("a", busy), service("b", busy), wanted.RolloutInProgress))
	require.Empty(t, underWay(service("a", busy), service("b", busy), ""))
}

package ecs

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/aws/call/calltest"
	"github.com/company/deployer/internal/resource"
	wanted "github.com/company/deployer/internal/resource/ecs"
	"github.com/company/deployer/internal/value"
)

// The streams of a task are PREFIX/CONTAINER/TASK, and a container without logs writes none.
func TestWhereTasksLog(t *testing.T) {
	task := resource.Object{Type: wanted.TaskDefinitionType, State: resource.State{
		Inputs: value.Encode(wanted.TaskDefinition{
			Family: "api", ExecutionRoleArn: value.Lit("role"), TaskRoleArn: value.Lit("role"),
			Containers: []wanted.Container{
				{
					Name: "api", Image: value.Lit("api:1"),
					Logs: &wanted.Logs{Group: value.Lit("/web/api"), StreamPrefix: "run"},
				},
				{Name: "quiet", Image: value.Lit("quiet:1")},
			},
		}),
	}}
	observer := Behaviours(calltest.Config(nil))[1].(resource.Observer)
	require.Equal(t, []resource.LogSource{{Group: "/web/api", Prefix: "run/api/", Container: "api"}},
		observer.Logs(resource.Observed{Object: task}))
}

func TestMetricsOfServices(t *testing.T) {
	service := resource.Object{Type: wanted.ServiceType, State: resource.State{
		Inputs: value.Encode(wanted.Service{
			Name: "api", Cluster: value.Lit("web"), TaskDefinition: value.Lit("api:1"),
			Subnets: value.Lit([]string{"a"}), SecurityGroups: value.Lit([]string{"b"}),
			AssignPublicIP: value.Lit(false),
		}),
		Outputs: value.Encode(wanted.ServiceOutputs{ClusterName: "web"}),
	}}
	observer := Behaviours(calltest.Config(nil))[3].(resource.Observer)
	var names []string
	for _, m := range observer.Metrics(resource.Observed{Object: service}) {
		require.Equal(t, map[string]string{"ClusterName": "web", "ServiceName": "api"}, m.Dimensions)
		names = append(names, m.Name)
	}
	require.Equal(t, []string{"cpu", "memory", "tasks"}, names)
}

package worker

import (
	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/component/cluster"
	"github.com/company/deployer/internal/component/container"
	"github.com/company/deployer/internal/value"
)

// Kind is the kind Worker.
func Kind() component.Kind {
	return component.Define(component.Definition[Spec]{
		Name: "Worker", Group: "components.deployer.io/v1",
		Doc:       "Containers on Fargate without ports: consumers of queues, background processes.",
		Outputs:   []string{"serviceName", "clusterName", "securityGroupId", "taskRoleArn", "logGroup"},
		Resources: container.Resources(),
		Words:     container.Words(),
		Advice: map[string]string{
			"ports":   "a Worker has no ports; use a MicroService",
			"ingress": "a Worker gets no requests; use a MicroService",
		},
		Check: check,
		Demands: func(in component.Instance, s *Spec) []component.Demand {
			return s.Spec.Demands(in, cluster.Need{Counted: s.Scaling.Queue != ""})
		},
		Expand: expand,
	})
}

func expand(in component.Instance, s *Spec, c component.Context) (component.Expansion, []value.Problem) {
	byBacklog := s.Scaling.Queue != ""
	parts := container.Parts{Scaling: &s.Scaling.Scaling, Tracked: byBacklog}
	if s.HealthCheck != nil {
		parts.HealthCommand = s.HealthCheck.Command
	}
	made := s.Build(in, c.Granted, parts)
	resources := made.Resources
	if byBacklog {
		resources = append(resources, backlogPolicy(in, s, made.Service))
	}
	return component.Expansion{
		Resources: resources,
		Outputs: map[string]value.Value{
			"serviceName": made.Service.Output("name"), "clusterName": cluster.Output(cluster.Name),
			"securityGroupId": made.SecurityGroup.Output("id"), "taskRoleArn": made.TaskRole.Output("arn"),
			"logGroup": made.LogGroup.Output("name"),
		},
	}, nil
}

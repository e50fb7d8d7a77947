package worker

import (
	"fmt"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/component/cluster"
	"github.com/company/deployer/internal/component/container"
	"github.com/company/deployer/internal/resource"
	autoscaling "github.com/company/deployer/internal/resource/applicationautoscaling"
	"github.com/company/deployer/internal/value"
)

// backlogPolicy targets a number of waiting messages per running task.
func backlogPolicy(in component.Instance, s *Spec, service *resource.Resource) *resource.Resource {
	perTask := s.Scaling.BacklogPerTask
	return container.Track(in, "backlog", autoscaling.Policy{
		TargetValue: float64(perTask),
		Metrics: []autoscaling.Metric{
			{
				ID: "messages", Label: "Waiting messages", Namespace: "AWS/SQS",
				Name: "ApproximateNumberOfMessagesVisible", Stat: "Average",
				Dimensions: map[string]value.Of[string]{
					"QueueName": value.Expr[string](value.Output(s.queue(in), "name")),
				},
			},
			{
				ID: "running", Label: "Running tasks", Namespace: "ECS/ContainerInsights", Name: "RunningTaskCount",
				Stat: "Average",
				Dimensions: map[string]value.Of[string]{
					"ClusterName": value.Expr[string](cluster.Output(cluster.Name)),
					"ServiceName": value.Expr[string](service.Output("name")),
				},
			},
			// The metric of tasks arrives later than that of messages, so the last count is repeated until then. A zero
			// in its place would look like a service without tasks and add tasks for nothing.
			{ID: "tasks", Label: "Running tasks, gaps filled", Expression: "FILL(running, REPEAT)"},
			// Without tasks the division is impossible. One waiting message is then enough to start a task.
			{
				ID: "backlog", Label: "Waiting messages per task", ReturnData: true,
				Expression: fmt.Sprintf("IF(tasks > 0, messages / IF(tasks > 0, tasks, 1), IF(messages > 0, "+
					"messages + %d, 0))", perTask),
			},
		},
	})
}

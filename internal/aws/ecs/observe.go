package ecs

import (
	"github.com/company/deployer/internal/resource"
	wanted "github.com/company/deployer/internal/resource/ecs"
)

// serviceMetrics are what ECS sends to CloudWatch for each service, without Container Insights.
func serviceMetrics(o watchedService) []resource.Metric {
	of := func(m resource.Metric) resource.Metric {
		m.Namespace = "AWS/ECS"
		m.Dimensions = map[string]string{"ClusterName": o.Out.ClusterName, "ServiceName": o.Props.Name}
		return m
	}
	const high = 90
	return []resource.Metric{
		of(resource.Metric{
			Name: "cpu", Title: "CPU", Metric: "CPUUtilization", Statistic: "Average", Unit: resource.Percent,
			Threshold: &resource.Threshold{Value: high, Why: "the tasks have hardly any CPU left"},
		}),
		of(resource.Metric{
			Name: "memory", Title: "Memory", Metric: "MemoryUtilization", Statistic: "Average", Unit: resource.Percent,
			Threshold: &resource.Threshold{Value: high, Why: "a task that uses more than it has is stopped"},
		}),
		// Each task sends one value a minute. AWS's documentation counts running tasks in this way.
		of(resource.Metric{
			Name: "tasks", Title: "Running tasks", Metric: "CPUUtilization", Statistic: "SampleCount",
			Unit: resource.Count, Sparse: true, PerMinute: true,
		}),
	}
}

// taskLogs are the streams of a task definition's containers: PREFIX/CONTAINER/TASK.
func taskLogs(o resource.Watched[wanted.TaskDefinition, wanted.TaskDefinitionOutputs]) []resource.LogSource {
	var out []resource.LogSource
	for _, c := range o.Props.Containers {
		if c.Logs != nil {
			out = append(out, resource.LogSource{
				Group: c.Logs.Group.Get(), Prefix: c.Logs.StreamPrefix + "/" + c.Name + "/", Container: c.Name,
			})
		}
	}
	return out
}

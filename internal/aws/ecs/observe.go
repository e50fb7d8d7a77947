package ecs

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/company/deployer/internal/aws/rollout"
	"github.com/company/deployer/internal/aws/task"
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

// tasks are those of the task definition that a service runs: its own, and single ones.
func (s *service) tasks(ctx context.Context, w watchedService) ([]resource.Task, error) {
	return tasksOf(ctx, s.runner, w.Props.Cluster.Get(), w.Props.TaskDefinition.Get())
}

func (r *release) observe(
	ctx context.Context, w resource.Watched[wanted.Release, wanted.ReleaseOutputs],
) ([]resource.Task, error) {
	return tasksOf(ctx, r.tasks, w.Props.Cluster.Get(), w.Props.TaskDefinition.Get())
}

func tasksOf(ctx context.Context, runner *task.Runner, cluster, definition string) ([]resource.Task, error) {
	family, _, _ := strings.Cut(definition[strings.LastIndexByte(definition, '/')+1:], ":")
	if family == "" {
		return nil, nil
	}
	found, err := runner.OfFamily(ctx, cluster, family)
	out := make([]resource.Task, 0, len(found))
	for _, t := range found {
		of := aws.ToString(t.TaskDefinitionArn)
		out = append(out, resource.Task{
			ID: task.ID(aws.ToString(t.TaskArn)), Of: of, Revision: revisionNumber(of),
			Created: aws.ToTime(t.CreatedAt), Stopped: aws.ToTime(t.StoppedAt), Reason: ending(t),
		})
	}
	return out, err
}

// ending says why a task stopped: the reason that ECS gives, and how each container ended.
func ending(t types.Task) string {
	var parts []string
	if reason := strings.TrimRight(aws.ToString(t.StoppedReason), ". "); reason != "" {
		parts = append(parts, reason)
	}
	for _, c := range rollout.Declared(t.Containers) {
		text := ""
		if c.ExitCode != nil {
			text = fmt.Sprintf("%s exited with code %d", aws.ToString(c.Name), *c.ExitCode)
		}
		if reason := strings.TrimRight(aws.ToString(c.Reason), ". "); reason != "" {
			if text == "" {
				text = aws.ToString(c.Name)
			}
			text += ": " + reason
		}
		if text != "" {
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, "; ")
}

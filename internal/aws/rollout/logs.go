package rollout

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// lastLinesCount is how many lines of a failing task's output a diagnostic shows.
const lastLinesCount = 20

// lastLines returns the last lines of the crashed container and its log group. Both are empty if the container sends no
// logs; the lines are empty if it never started. A failure to read logs is no error: it must not hide why the rollout
// failed.
func (r *run) lastLines(ctx context.Context, c *crash) (lines []string, group string) {
	options, container := r.logOptions(ctx, c)
	group = options["awslogs-group"]
	if group == "" || c == nil || c.cause == ImagePull || c.cause == Secrets || c.cause == Initialization {
		return nil, group
	}
	stream := options["awslogs-stream-prefix"] + "/" + container + "/" + c.taskID
	for attempt := range 3 {
		out, err := r.api.logs.GetLogEvents(ctx, &cloudwatchlogs.GetLogEventsInput{
			LogGroupName: &group, LogStreamName: &stream, Limit: aws.Int32(lastLinesCount),
			StartFromHead: aws.Bool(false),
		}, func(o *cloudwatchlogs.Options) {
			if region := options["awslogs-region"]; region != "" {
				o.Region = region
			}
		})
		if err == nil {
			for _, e := range out.Events {
				lines = append(lines, strings.TrimRight(aws.ToString(e.Message), "\r\n"))
			}
		}
		// The log agent delivers its lines a few seconds after the crash.
		if len(lines) > 0 || attempt == 2 || r.clock.Sleep(ctx, 2*time.Second) != nil {
			break
		}
	}
	if len(lines) > lastLinesCount {
		lines = lines[len(lines)-lastLinesCount:]
	}
	return lines, group
}

// logOptions returns the log driver's options of the crashed container, or of the first container if no single one is
// to blame.
func (r *run) logOptions(ctx context.Context, c *crash) (options map[string]string, container string) {
	out, err := r.api.services.DescribeTaskDefinition(ctx,
		&ecs.DescribeTaskDefinitionInput{TaskDefinition: &r.goal.TaskDefinition})
	if err != nil || out.TaskDefinition == nil {
		return nil, ""
	}
	for _, d := range out.TaskDefinition.ContainerDefinitions {
		if c != nil && c.container != "" && c.container != aws.ToString(d.Name) {
			continue
		}
		if d.LogConfiguration != nil && d.LogConfiguration.LogDriver == types.LogDriverAwslogs {
			return d.LogConfiguration.Options, aws.ToString(d.Name)
		}
	}
	return nil, ""
}

package task

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/company/deployer/internal/aws/call"
)

// Stream is where the output of one container of a task goes. The zero Stream is nowhere.
type Stream struct{ Group, Name, Region string }

// StreamOf returns the stream of a container in a task, by the definition of that task. AWS API:
// ecs:DescribeTaskDefinition.
func (r *Runner) StreamOf(ctx context.Context, t types.Task, container string) (Stream, error) {
	out, err := r.ecs.DescribeTaskDefinition(ctx,
		&ecs.DescribeTaskDefinitionInput{TaskDefinition: t.TaskDefinitionArn})
	if err != nil {
		return Stream{}, call.Error(err)
	}
	return streamIn(*out.TaskDefinition, aws.ToString(t.TaskArn), container), nil
}

func streamIn(def types.TaskDefinition, arn, container string) Stream {
	for _, c := range def.ContainerDefinitions {
		if aws.ToString(c.Name) != container || c.LogConfiguration == nil ||
			c.LogConfiguration.LogDriver != types.LogDriverAwslogs {
			continue
		}
		options := c.LogConfiguration.Options
		return Stream{
			Group: options["awslogs-group"], Region: options["awslogs-region"],
			Name: options["awslogs-stream-prefix"] + "/" + container + "/" + ID(arn),
		}
	}
	return Stream{}
}

// in calls the region of the stream.
func (s Stream) in(o *cloudwatchlogs.Options) {
	if s.Region != "" {
		o.Region = s.Region
	}
}

// Last returns at most n of the last lines of a stream, of a container that has ended. Without lines it asks again:
// the log agent delivers them a few seconds after the end.
func (r *Runner) Last(ctx context.Context, s Stream, n int) []string {
	if s.Group == "" {
		return nil
	}
	var lines []string
	asked := 0
	// A failure to read logs must not hide why a task failed.
	_ = call.Wait(ctx, call.Pace{First: 2 * time.Second, Longest: 2 * time.Second, Limit: 10 * time.Second},
		"log lines", func(ctx context.Context) (bool, error) {
			asked++
			out, err := r.logs.GetLogEvents(ctx, &cloudwatchlogs.GetLogEventsInput{
				LogGroupName: &s.Group, LogStreamName: &s.Name, Limit: aws.Int32(int32(n)),
				StartFromHead: aws.Bool(false),
			}, s.in)
			if err == nil {
				for _, e := range out.Events {
					lines = append(lines, line(aws.ToString(e.Message)))
				}
			}
			return len(lines) > 0 || asked == 3, nil
		})
	return lines[max(0, len(lines)-n):]
}

func line(message string) string { return strings.TrimRight(message, "\r\n") }

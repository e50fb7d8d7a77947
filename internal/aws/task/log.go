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

// quietLooks is how many times in a row a stream must have nothing new after the task has stopped, until its last line
// is taken for the last one. The log agent flushes what it has when a container ends.
const quietLooks = 3

// Line is one line of a container's output.
type Line struct {
	At   time.Time
	Text string
}

// Tail reads a stream from its beginning and calls show for each line, until the task has stopped and nothing more
// comes. It returns with the task's end at the latest when ended was closed.
func (r *Runner) Tail(ctx context.Context, s Stream, ended <-chan struct{}, show func(Line)) error {
	if s.Group == "" {
		<-ended
		return nil
	}
	var next *string
	quiet := 0
	return call.Wait(ctx, call.Pace{First: time.Second, Longest: time.Second, Limit: 100 * 365 * 24 * time.Hour},
		"the end of the log", func(ctx context.Context) (bool, error) {
			over := closed(ended) // before the look: what comes later is not the last line
			n, err := r.read(ctx, s, &next, show)
			if call.HasCode(err, "ResourceNotFoundException") {
				err = nil // the container has not started, or never will
			}
			if err != nil {
				return false, call.Error(err)
			}
			if quiet++; n > 0 || !over {
				quiet = 0
			}
			return quiet >= quietLooks, nil
		})
}

// mostPages are read in one look.
const mostPages = 100

// read shows what is new in a stream, page by page.
func (r *Runner) read(ctx context.Context, s Stream, next **string, show func(Line)) (n int, err error) {
	for pages := 0; ; pages++ {
		out, err := r.logs.GetLogEvents(ctx, &cloudwatchlogs.GetLogEventsInput{
			LogGroupName: &s.Group, LogStreamName: &s.Name, StartFromHead: aws.Bool(true), NextToken: *next,
		}, s.in)
		if err != nil {
			return n, err
		}
		for _, e := range out.Events {
			show(Line{At: time.UnixMilli(aws.ToInt64(e.Timestamp)), Text: line(aws.ToString(e.Message))})
		}
		n += len(out.Events)
		same := aws.ToString(*next) == aws.ToString(out.NextForwardToken)
		*next = out.NextForwardToken
		// AWS answers the same token at the end of the stream, and may answer an empty page before the end.
		if same || pages == mostPages {
			return n, nil
		}
	}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

package sqs

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/sqs"
)

type watchedQueue = resource.Watched[model.Queue, model.QueueOutputs]

// counts are the attributes that say how full a queue is, each with its name for people. SQS calls them approximate:
// they become exact about a minute after the last change.
var counts = []struct {
	attribute types.QueueAttributeName
	name      string
}{
	{types.QueueAttributeNameApproximateNumberOfMessages, "messages"},
	{types.QueueAttributeNameApproximateNumberOfMessagesNotVisible, "messages in flight"},
	{types.QueueAttributeNameApproximateNumberOfMessagesDelayed, "messages delayed"},
}

// health reports how full a queue is. A dead-letter queue with messages is unhealthy: somebody has to look at them
// before the queue deletes them.
func (q queue) health(ctx context.Context, o watchedQueue) (resource.Observation, error) {
	in := &sqs.GetQueueAttributesInput{QueueUrl: &o.ID}
	for _, c := range counts {
		in.AttributeNames = append(in.AttributeNames, c.attribute)
	}
	answer, err := q.api.GetQueueAttributes(ctx, in)
	if err != nil {
		return resource.Observation{}, failed(err)
	}
	out := resource.Observation{Health: report.Healthy}
	total := 0
	for i, c := range counts {
		n, _ := strconv.Atoi(answer.Attributes[string(c.attribute)]) // SQS leaves nothing out that it was asked for
		if i == 0 || n > 0 {
			out.Facts = append(out.Facts, report.Fact{Name: c.name, Value: n})
		}
		total += n
	}
	if from := feeders(o); total > 0 && len(from) > 0 {
		out.Health, out.Problem = report.Unhealthy, deadLetters(o, total, from)
	}
	return out, nil
}

// feeders are the components whose queues send to a queue what nobody could process: it is their dead-letter queue.
func feeders(o watchedQueue) []string {
	var out []string
	for _, other := range o.Stack {
		if other.Type == model.QueueType && o.Out.ARN != "" &&
			other.Inputs.Get("redrive").Get("deadLetterTargetArn").Str() == o.Out.ARN {
			out = append(out, resource.ComponentOf(other.Resource))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func deadLetters(o watchedQueue, n int, from []string) string {
	messages, of := "messages that nobody could process are", ""
	if n == 1 {
		messages = "message that nobody could process is"
	}
	if !slices.Equal(from, []string{resource.ComponentOf(o.Resource)}) {
		of = " of " + strings.Join(from, ", ")
	}
	return fmt.Sprintf("%d %s in the dead-letter queue%s.", n, messages, of)
}

// metrics are what SQS sends to CloudWatch.
func (q queue) metrics(o watchedQueue) []resource.Metric {
	of := func(m resource.Metric) resource.Metric {
		m.Namespace, m.Dimensions = "AWS/SQS", map[string]string{"QueueName": o.Props.Name}
		return m
	}
	depth := resource.Metric{
		Name: "messages", Title: "Messages that wait", Metric: "ApproximateNumberOfMessagesVisible",
		Statistic: "Maximum", Unit: resource.Count, Sparse: true,
	}
	if len(feeders(o)) > 0 {
		depth.Name, depth.Title = "deadLetters", "Dead letters"
		depth.Threshold = &resource.Threshold{Value: 0, Why: "nobody could process these messages"}
		return []resource.Metric{of(depth)}
	}
	age := resource.Metric{
		Name: "age", Title: "Age of the oldest message", Metric: "ApproximateAgeOfOldestMessage",
		Statistic: "Maximum", Unit: resource.Seconds, Sparse: true,
	}
	if o.Props.MessageRetention != nil {
		age.Threshold = &resource.Threshold{
			Value: float64(*o.Props.MessageRetention), Why: "SQS deletes messages of this age",
		}
	}
	return []resource.Metric{
		of(depth), of(age),
		of(resource.Metric{
			Name: "sent", Title: "Messages sent and deleted per minute", Group: "flow", Metric: "NumberOfMessagesSent",
			Statistic: "Sum", Unit: resource.Count, Sparse: true, PerMinute: true,
		}),
		of(resource.Metric{
			Name: "deleted", Group: "flow", Metric: "NumberOfMessagesDeleted",
			Statistic: "Sum", Unit: resource.Count, Sparse: true, PerMinute: true,
		}),
	}
}

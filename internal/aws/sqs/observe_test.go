package sqs

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/aws/call/calltest"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/sqs"
	"github.com/company/deployer/internal/value"
)

const arn = "arn:aws:sqs:eu-west-1:123456789012:"

// stack are a queue, its dead-letter queue, and a queue that is gone and one that may not be read.
func stack() []resource.Observed {
	object := func(name, dead string) resource.Object {
		q := model.Queue{Name: name}
		if dead != "" {
			q.Redrive = &model.Redrive{DeadLetterTargetArn: value.Lit(arn + dead), MaxReceives: 3}
		}
		return resource.Object{
			Resource: "web/jobs:" + name, Type: model.QueueType,
			State: resource.State{
				ID: "https://sqs/" + name, Inputs: value.Encode(q),
				Outputs: value.Encode(model.QueueOutputs{URL: "https://sqs/" + name, ARN: arn + name, Name: name}),
			},
		}
	}
	all := []resource.Object{object("jobs", "dead"), object("dead", ""), object("gone", ""), object("denied", "")}
	out := make([]resource.Observed, len(all))
	for i, o := range all {
		out[i] = resource.Observed{Object: o, Stack: all}
	}
	return out
}

func TestHealthOfQueues(t *testing.T) {
	visible := map[string]string{"https://sqs/jobs": "7", "https://sqs/dead": "1"}
	cfg := calltest.Config(func(_ context.Context, in any) (any, error) {
		url := *in.(*sqs.GetQueueAttributesInput).QueueUrl
		switch {
		case strings.HasSuffix(url, "gone"):
			return nil, &types.QueueDoesNotExist{}
		case strings.HasSuffix(url, "denied"):
			return nil, errors.New("AccessDenied")
		}
		return &sqs.GetQueueAttributesOutput{Attributes: map[string]string{
			"ApproximateNumberOfMessages":           visible[url],
			"ApproximateNumberOfMessagesNotVisible": "2", "ApproximateNumberOfMessagesDelayed": "0",
		}}, nil
	})
	observer := Behaviours(cfg)[0].(resource.Observer)
	all := observer.Health(t.Context(), stack())
	facts := func(messages int) []report.Fact {
		return []report.Fact{{Name: "messages", Value: messages}, {Name: "messages in flight", Value: 2}}
	}
	require.Equal(t, resource.Observation{Health: report.Healthy, Facts: facts(7)}, all[0])
	require.Equal(t, resource.Observation{
		Health: report.Unhealthy, Facts: facts(1),
		Problem: "3 messages that nobody could process are in the dead-letter queue.",
	}, all[1])
	require.True(t, all[2].Gone)
	require.ErrorContains(t, all[3].Err, "AccessDenied")
}

func TestMetricsOfQueues(t *testing.T) {
	observer := Behaviours(calltest.Config(nil))[0].(resource.Observer)
	names := func(o resource.Observed) (out []string) {
		for _, m := range observer.Metrics(o) {
			require.Equal(t, "AWS/SQS", m.Namespace)
			require.Equal(t, o.Inputs.Get("name").Str(), m.Dimensions["QueueName"])
			out = append(out, m.Name)
		}
		return out
	}
	queues := stack()
	require.Equal(t, []string{"messages", "age", "sent", "deleted"}, names(queues[0]))
	require.Equal(t, []string{"deadLetters"}, names(queues[1]))
	require.True(t, observer.Metrics(queues[1])[0].Threshold.Broken(1))
	require.False(t, observer.Metrics(queues[1])[0].Threshold.Broken(0))
}

package awstest

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	awssqs "github.com/company/deployer/internal/aws/sqs"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/sqs"
	"github.com/company/deployer/internal/testkit/resourcetest"
	"github.com/company/deployer/internal/value"
)

// behaviour picks a type out of a service's list.
func behaviour(t *testing.T, all []resource.Behaviour, typ string) resource.Behaviour {
	t.Helper()
	for _, b := range all {
		if b.Definition().Type == typ {
			return b
		}
	}
	t.Fatalf("no behaviour of type %s", typ)
	return nil
}

func pointer[T any](v T) *T { return &v }

func makeQueue(ctx context.Context, t *testing.T, h *harness, name string) (url, arn string) {
	t.Helper()
	client := sqs.NewFromConfig(h.Plain)
	out, err := client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &name})
	require.NoError(t, err)
	return *out.QueueUrl, "arn:aws:sqs:" + h.Env.Region + ":" + h.Env.Account + ":" + name
}

func TestQueue(t *testing.T) {
	h := start(t)
	client := sqs.NewFromConfig(h.Plain)
	_, deadLetter := makeQueue(t.Context(), t, h, "queue-suite-dead")
	resourcetest.Run(t, resourcetest.Case{
		Behaviour: behaviour(t, awssqs.Behaviours(h.Config), model.QueueType),
		Props: model.Queue{
			Name: "queue-suite", VisibilityTimeout: pointer(45),
			Tags: map[string]string{"team": "payments", "cost": "1"},
		},
		Update: model.Queue{
			Name: "queue-suite", MessageRetention: pointer(86400), Delay: pointer(5), MaxMessageSize: pointer(2048),
			Redrive:    &model.Redrive{DeadLetterTargetArn: value.Lit(deadLetter), MaxReceives: 3},
			Encryption: value.Lit("alias/aws/sqs"), Tags: map[string]string{"team": "orders"},
		},
		Replace: model.Queue{Name: "queue-suite.fifo", FIFO: true, ContentBasedDeduplication: true},
		Foreign: func(ctx context.Context, t *testing.T, _ resource.State) func() {
			url, _ := makeQueue(ctx, t, h, "queue-suite")
			return func() {
				_, err := client.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: &url})
				require.NoError(t, err)
			}
		},
		Gone: func(ctx context.Context, t *testing.T, state resource.State) {
			_, err := client.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: &state.ID})
			require.NoError(t, err)
		},
		LoseAnswer: h.LoseAnswer, Actions: h.Actions, Distinct: true,
	})
}

func TestQueueWaitsForABlockedName(t *testing.T) {
	h := start(t)
	b := behaviour(t, awssqs.Behaviours(h.Config), model.QueueType)
	inputs, problems := b.Check(value.Encode(model.Queue{Name: "queue-blocked"}))
	require.Empty(t, problems)
	h.Fail("sqs:CreateQueue", "AWS.SimpleQueueService.QueueDeletedRecently", 3)
	var lines []string
	req := request(model.QueueType)
	req.Inputs, req.Tags = inputs, resourcetest.Tags("blocked")
	req.Progress = func(line string) { lines = append(lines, line) }
	state, err := b.Create(t.Context(), req)
	require.NoError(t, err)
	require.Contains(t, state.Outputs.Get("arn").Str(), ":queue-blocked")
	require.Len(t, lines, 1)
	require.True(t, strings.Contains(lines[0], "60 s"), lines[0])
}

func TestQueueCheck(t *testing.T) {
	b := behaviour(t, awssqs.Behaviours(start(t).Config), model.QueueType)
	for name, wrong := range map[string]model.Queue{
		"fifo name":     {Name: "q", FIFO: true},
		"standard name": {Name: "q.fifo"},
		"characters":    {Name: "a b"},
		"length":        {Name: strings.Repeat("q", 81)},
		"range":         {Name: "q", VisibilityTimeout: pointer(43201)},
		"deduplication": {Name: "q", ContentBasedDeduplication: true},
		"receives":      {Name: "q", Redrive: &model.Redrive{DeadLetterTargetArn: value.Lit("arn")}},
	} {
		_, problems := b.Check(value.Encode(wrong))
		require.Len(t, problems, 1, name)
	}
}

func TestQueuePolicy(t *testing.T) {
	h := start(t)
	url, arn := makeQueue(t.Context(), t, h, "queue-policy-suite")
	other, _ := makeQueue(t.Context(), t, h, "queue-policy-other")
	resourcetest.Run(t, resourcetest.Case{
		Behaviour:  behaviour(t, awssqs.Behaviours(h.Config), model.QueuePolicyType),
		Props:      model.QueuePolicy{QueueURL: value.Lit(url), Policy: tlsOnly("sqs:*", arn)},
		Update:     model.QueuePolicy{QueueURL: value.Lit(url), Policy: tlsOnly("sqs:SendMessage", arn)},
		Replace:    model.QueuePolicy{QueueURL: value.Lit(other), Policy: tlsOnly("sqs:*", arn)},
		LoseAnswer: h.LoseAnswer, Actions: h.Actions, Upsert: true, Distinct: true,
	})
}

// tlsOnly denies calls without TLS, in the form that people write: single items instead of lists.
func tlsOnly(action, arn string) value.Value {
	doc, err := value.From(map[string]any{
		"Version": "2012-10-17",
		"Statement": map[string]any{
			"Sid": "TLSOnly", "Effect": "Deny", "Principal": "*", "Action": action, "Resource": arn,
			"Condition": map[string]any{"Bool": map[string]any{"aws:SecureTransport": false}},
		},
	})
	if err != nil {
		panic(err)
	}
	return doc
}

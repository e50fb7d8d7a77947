package call

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go/middleware"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/resource"
)

// answers is an AWS that says "not yet" a number of times.
type answers struct{ refusals, asked int }

func (a *answers) Do(*http.Request) (*http.Response, error) {
	if a.asked++; a.asked <= a.refusals {
		body := `{"__type": "InvalidParameterValue", "message": "Reason: Dead letter target does not exist."}`
		return &http.Response{
			StatusCode: http.StatusBadRequest, Header: http.Header{},
			Body: io.NopCloser(strings.NewReader(body)),
		}, nil
	}
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{},
		Body: io.NopCloser(strings.NewReader(`{"QueueUrl": "u"}`)),
	}, nil
}

// create makes a queue as a resource type would.
func create(ctx context.Context, world *answers, listed bool) (told []string, took time.Duration, err error) {
	client := sqs.NewFromConfig(aws.Config{
		Region: "us-east-1", HTTPClient: world, APIOptions: []func(*middleware.Stack) error{PatientWithNew},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "a", SecretAccessKey: "b"}, nil
		}),
	})
	queue := &resource.Typed[struct{}, struct{}]{
		CreateObject: func(ctx context.Context, _ resource.Call[struct{}, struct{}]) (string, struct{}, error) {
			name := "q"
			_, err := client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &name})
			return name, struct{}{}, Error(err)
		},
	}
	if listed {
		queue.Def.NotYet = []resource.NotYet{
			{
				Operations: []string{"sqs:CreateQueue"}, Codes: []string{"InvalidParameterValue"},
				Says: []string{"dead letter"},
			},
		}
	}
	began := time.Now()
	ctx = resource.WithTell(ctx, func(line string) { told = append(told, line) })
	_, err = queue.Create(ctx, resource.Request{})
	return told, time.Since(began), err
}

func TestPatientWithNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world := &answers{refusals: 3}
		told, took, err := create(t.Context(), world, true)
		require.NoError(t, err)
		require.Equal(t, 4, world.asked)
		require.Equal(t, 7*time.Second, took, "1, 2 and 4 seconds")
		require.Equal(t, []string{
			"AWS does not know all objects yet that sqs:CreateQueue needs; " +
				"still trying after 1s: Reason: Dead letter target does not exist.",
			"AWS does not know all objects yet that sqs:CreateQueue needs; " +
				"still trying after 3s: Reason: Dead letter target does not exist.",
		}, told)

		world = &answers{refusals: 1000}
		_, took, err = create(t.Context(), world, true)
		var failed *resource.OpError
		require.ErrorAs(t, err, &failed, "what AWS said last")
		require.Equal(t, "InvalidParameterValue", failed.Code)
		require.GreaterOrEqual(t, took, time.Minute)
		require.Less(t, took, 70*time.Second)

		world = &answers{refusals: 1}
		_, _, err = create(t.Context(), world, false)
		require.ErrorAs(t, err, &failed, "a type that does not list it")
		require.Equal(t, 1, world.asked)
	})
}

func TestPatientWithNewEndsWithTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, end := context.WithCancelCause(t.Context())
		why := errors.New("signal")
		time.AfterFunc(5*time.Second, func() { end(why) })
		_, took, err := create(ctx, &answers{refusals: 1000}, true)
		var wait *resource.WaitError
		require.ErrorAs(t, err, &wait)
		require.Equal(t, "AWS knows what sqs:CreateQueue needs", wait.What)
		require.ErrorIs(t, err, why)
		require.Equal(t, 5*time.Second, took)
	})
}

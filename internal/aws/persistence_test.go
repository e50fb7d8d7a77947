package aws_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/aws"
	"github.com/company/deployer/internal/resource"
)

// httpFunc answers like AWS, or breaks the connection.
type httpFunc func(attempt int) (status int, code string, err error)

// endpoint plays AWS for one session.
type endpoint struct {
	answer httpFunc
	at     []time.Time // of the attempts
}

func (e *endpoint) Do(*http.Request) (*http.Response, error) {
	e.at = append(e.at, time.Now())
	status, code, err := e.answer(len(e.at))
	if err != nil {
		return nil, err
	}
	body := "{}"
	code, words, found := strings.Cut(code, ": ")
	if code != "" {
		if !found {
			words = "words of AWS"
		}
		body = `{"__type": "` + code + `", "message": "` + words + `"}`
	}
	return &http.Response{
		StatusCode: status, Header: http.Header{"X-Amzn-Errortype": {code}},
		Body: io.NopCloser(strings.NewReader(body)),
	}, nil
}

func answers(status int, code string) httpFunc {
	return func(int) (int, string, error) { return status, code, nil }
}

func breaks(int) (int, string, error) { return 0, "", syscall.ECONNRESET }

// afterContact lets the first call succeed.
func afterContact(answer httpFunc) httpFunc {
	return func(attempt int) (int, string, error) {
		if attempt == 1 {
			return http.StatusOK, "", nil
		}
		return answer(attempt)
	}
}

// call makes one call. It returns how long it took and what was told meanwhile.
func call(ctx context.Context, t *testing.T, s *aws.Session) (took time.Duration, told []string, err error) {
	t.Helper()
	began := time.Now()
	ctx = resource.WithTell(ctx, func(line string) { told = append(told, line) })
	name := "q"
	_, err = sqs.NewFromConfig(s.Config("")).GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &name})
	return time.Since(began), told, err
}

func TestPersistence(t *testing.T) {
	const patience = 5 * time.Minute
	slack := 25 * time.Second // the last pause, and a rounding
	for name, test := range map[string]struct {
		answer   httpFunc
		settings aws.Settings
		contact  bool
		least    time.Duration
		most     time.Duration
		attempts int // 0: not counted
		told     string
	}{
		"throttled": {
			answer: answers(400, "ThrottlingException"), least: patience,
			most: patience + slack, told: "AWS throttles sqs:GetQueueUrl; still trying after ",
		},
		"throttled by another service": {
			answer: answers(400, "FailedResourceAccessException: Rate exceeded"),
			least:  patience, most: patience + slack, told: "AWS throttles sqs:GetQueueUrl; still trying after ",
		},
		"another service refuses": {
			answer:   answers(400, "FailedResourceAccessException: no such metric"),
			attempts: 1,
		},
		"too many requests": {
			answer: answers(429, "Surprise"), settings: aws.Settings{MaxAttempts: 2},
			most: slack, attempts: 2,
		},
		"fault": {
			answer: answers(500, "InternalFailure"), least: patience,
			most: patience + slack, told: "AWS answers sqs:GetQueueUrl with an internal error; still trying after ",
		},
		"unavailable": {
			answer: answers(503, "ServiceUnavailable"), least: patience,
			most: patience + slack, told: "still trying after ",
		},
		"never reached": {
			answer: breaks, least: 20 * time.Second, most: 20*time.Second + slack,
			told: "AWS cannot be reached for sqs:GetQueueUrl; still trying after ",
		},
		"connection lost": {
			answer: afterContact(breaks), contact: true, least: patience,
			most: patience + slack, told: "AWS cannot be reached for sqs:GetQueueUrl; still trying after ",
		},
		"a quota does not pass": {
			answer: answers(400, "LimitExceededException"), most: 2 * time.Minute,
			attempts: 8,
		},
		"refused": {answer: answers(400, "InvalidParameterValue"), attempts: 1},
		"a patience of its own": {
			answer:   answers(400, "ThrottlingException"),
			settings: aws.Settings{Patience: time.Minute}, least: time.Minute, most: time.Minute + slack,
			told: "still trying after ",
		},
		"a limit is a limit": {
			answer:   answers(400, "ThrottlingException"),
			settings: aws.Settings{MaxAttempts: 3}, most: slack, attempts: 3,
		},
		"and one without a connection": {
			answer: breaks, settings: aws.Settings{MaxAttempts: 3}, most: slack,
			attempts: 3,
		},
	} {
		t.Run(name, func(t *testing.T) {
			env := isolate(t, "", map[string]string{"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"})
			synctest.Test(t, func(t *testing.T) {
				e := &endpoint{answer: test.answer}
				settings := test.settings
				settings.Region, settings.Now, settings.HTTP = "us-east-1", time.Now, e
				s, err := aws.NewSession(t.Context(), settings, env)
				require.NoError(t, err)
				if test.contact {
					_, _, err := call(t.Context(), t, s)
					require.NoError(t, err)
					e.at = e.at[:0]
					e.answer = breaks
				}
				took, told, err := call(t.Context(), t, s)
				require.Error(t, err)
				require.GreaterOrEqual(t, took, test.least)
				require.LessOrEqual(t, took, test.most)
				for i := 1; i < len(e.at); i++ {
					require.LessOrEqual(t, e.at[i].Sub(e.at[i-1]), 20*time.Second)
				}
				if test.attempts > 0 {
					require.Len(t, e.at, test.attempts)
				}
				if test.attempts != 1 {
					var gaveUp *retry.MaxAttemptsError
					require.ErrorAs(t, err, &gaveUp, "how many attempts there were is in the error")
					require.Equal(t, len(e.at), gaveUp.Attempt)
				}
				if test.told != "" {
					require.NotEmpty(t, told)
					require.Contains(t, told[len(told)-1], test.told)
				}
			})
		})
	}
}

func TestThrottlingThatEndsIsNoError(t *testing.T) {
	env := isolate(t, "", map[string]string{"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"})
	synctest.Test(t, func(t *testing.T) {
		until := time.Now().Add(4 * time.Minute)
		e := &endpoint{answer: func(int) (int, string, error) {
			if time.Now().Before(until) {
				return 400, "ThrottlingException", nil
			}
			return 200, "", nil
		}}
		s, err := aws.NewSession(t.Context(), aws.Settings{Region: "us-east-1", Now: time.Now, HTTP: e}, env)
		require.NoError(t, err)
		_, told, err := call(t.Context(), t, s)
		require.NoError(t, err)
		require.Regexp(t, `^AWS throttles sqs:GetQueueUrl; still trying after \d+s$`, told[0])
		require.Regexp(t, `still trying after [34]m\d+s$`, told[len(told)-1])
	})
}

func TestPersistenceEndsWithTheRun(t *testing.T) {
	env := isolate(t, "", map[string]string{"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"})
	synctest.Test(t, func(t *testing.T) {
		s, err := aws.NewSession(t.Context(), aws.Settings{
			Region: "us-east-1", Now: time.Now,
			HTTP: &endpoint{answer: answers(400, "ThrottlingException")},
		}, env)
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Minute, cancel)
		took, _, err := call(ctx, t, s)
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, time.Minute, took)
	})
}

func TestOnlyRefusedIsNotRepeatedAfterALostAnswer(t *testing.T) {
	env := isolate(t, "", map[string]string{"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"})
	for name, test := range map[string]struct {
		answer   httpFunc
		attempts int
	}{
		"throttled, then lost": {func(n int) (int, string, error) {
			return 400, "ThrottlingException", errors.Join(map[bool]error{n == 4: syscall.ECONNRESET}[true])
		}, 4},
		"fault": {answers(500, "InternalFailure"), 1},
		"throttled, then works": {func(n int) (int, string, error) {
			return map[bool]int{true: 200, false: 400}[n == 9], map[bool]string{false: "ThrottlingException"}[n == 9],
				nil
		}, 9},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := &endpoint{answer: test.answer}
				s, err := aws.NewSession(t.Context(), aws.Settings{Region: "us-east-1", Now: time.Now, HTTP: e}, env)
				require.NoError(t, err)
				family := "f"
				_, _ = ecs.NewFromConfig(s.Config("")).RegisterTaskDefinition(t.Context(),
					&ecs.RegisterTaskDefinitionInput{
						Family:               &family,
						ContainerDefinitions: []types.ContainerDefinition{{}},
					},
					func(o *ecs.Options) { o.Retryer = aws.OnlyRefused(o.Retryer) })
				require.Len(t, e.at, test.attempts)
			})
		})
	}
}

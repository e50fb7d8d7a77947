package survey

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/aws/logs"
	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/config"
	"github.com/company/deployer/internal/observe"
	"github.com/company/deployer/internal/report"
)

// distance is how long each call takes. The clock of the test moves only when nothing else can happen: what a command
// takes is how many of its calls wait for the one before, whatever the machine does.
const distance = time.Minute

// farAway sends each call after that time, and remembers which calls began when.
type farAway struct {
	began time.Time
	wire  http.RoundTripper

	mu    sync.Mutex
	calls []string
}

func (f *farAway) Do(req *http.Request) (*http.Response, error) {
	f.mu.Lock()
	f.calls = append(f.calls, fmt.Sprintf("%s %s:%s", time.Since(f.began),
		awsmiddleware.GetServiceID(req.Context()), awsmiddleware.GetOperationName(req.Context())))
	f.mu.Unlock()
	time.Sleep(distance)
	answer, err := f.wire.RoundTrip(req.WithContext(context.WithoutCancel(req.Context())))
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	answer.Body = io.NopCloser(bytes.NewReader(body))
	answer.Header.Del("Date") // its clock is another one
	return answer, err
}

// depth is how many calls of a command are made one after the other, at most.
func (s *site) depth(do func(context.Context, *backend.Backend) error) (deep int, calls []string) {
	var took time.Duration
	far := &farAway{wire: &http.Transport{DisableKeepAlives: true}}
	synctest.Test(s.t, func(t *testing.T) {
		far.began = time.Now()
		world := s.back.World
		world.HTTP, world.Hard, world.Logs = far, t.Context(), logs.Source
		world.Settings.Backend = config.Backend{Type: "s3", Bucket: "far", Region: s.env.Region}
		world.Settings.Locks.Type, world.Settings.Locks.Table = "dynamodb", "far"
		world.Settings.Locks.Region = s.env.Region
		back, err := backend.Open(t.Context(), world)
		require.NoError(t, err)
		require.NoError(t, do(t.Context(), back))
		took = time.Since(far.began)
	})
	return int((took + distance/2) / distance), far.calls
}

// farBackend keeps a copy of the state in S3.
func (s *site) farBackend() {
	t, ctx := s.t, s.t.Context()
	objects := s3.NewFromConfig(s.env.Config, func(o *s3.Options) { o.UsePathStyle = true })
	_, err := objects.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("far")})
	require.NoError(t, err)
	body, err := os.ReadFile(filepath.Join(s.back.Location(), filepath.FromSlash(s.key.Path()), "state.json"))
	require.NoError(t, err)
	_, err = objects.PutObject(ctx, &s3.PutObjectInput{
		Bucket: aws.String("far"), Key: aws.String(s.key.Path() + "/state.json"), Body: bytes.NewReader(body),
	})
	require.NoError(t, err)
	_, err = dynamodb.NewFromConfig(s.env.Config).CreateTable(ctx, &dynamodb.CreateTableInput{
		TableName: aws.String("far"), BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String("lockId"), AttributeType: types.ScalarAttributeTypeS},
		},
		KeySchema: []types.KeySchemaElement{{AttributeName: aws.String("lockId"), KeyType: types.KeyTypeHash}},
	})
	require.NoError(t, err)
}

// sequence expects that few calls of a status, and of logs, wait for others. A search for drift cannot be measured so:
// it runs the engine, which talks to itself by sockets, and the clock of the test does not move meanwhile. `make bench`
// measures it.
func (s *site) sequence() {
	s.t.Setenv("AWS_CA_BUNDLE", "") // the SDK adds it to clients of its own only
	s.farBackend()
	deep, calls := s.depth(func(ctx context.Context, b *backend.Backend) error {
		status, err := observe.Status(ctx, b, s.key, "")
		if err == nil && !status.Healthy {
			return errors.New("the stack is not healthy")
		}
		return err
	})
	s.t.Logf("status: %d calls, %d one after the other", len(calls), deep)
	require.LessOrEqual(s.t, deep, 3, "these calls are made:\n%s", strings.Join(calls, "\n"))
	require.Greater(s.t, len(calls), 100, "the stack has more objects than are asked about at a time")

	lines := 0
	deep, calls = s.depth(func(ctx context.Context, b *backend.Backend) error {
		return observe.Logs(ctx, b, s.key, observe.LogRequest{
			Tail: 10, Begin: func(_, _ []string) {}, Tell: func(string, string) {},
			Show: func(report.LogEntry) error { lines++; return nil },
		})
	})
	s.t.Logf("logs: %d calls, %d one after the other", len(calls), deep)
	require.Positive(s.t, lines)
	// The state; the lines, the lists of tasks and the versions; the tasks, and the versions of the history.
	require.LessOrEqual(s.t, deep, 3, "these calls are made:\n%s", strings.Join(calls, "\n"))
	// Four services side by side, each with what runs and what has stopped.
	at := map[string]int{}
	for _, c := range calls {
		if when, name, _ := strings.Cut(c, " "); name == "ECS:ListTasks" {
			at[when]++
		}
	}
	require.Len(s.t, at, 1, "%v", calls)
	require.Equal(s.t, 8, slices.Max(slices.Collect(maps.Values(at))), "%v", calls)
}

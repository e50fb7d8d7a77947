package logs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"golang.org/x/sync/errgroup"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/follow"
	"github.com/company/deployer/internal/resource"
)

// ReadPermissions are what reading and following log groups needs.
func ReadPermissions(groups ...string) resource.Statement {
	return resource.Statement{
		On: groups, Actions: []string{"logs:FilterLogEvents", "logs:StartLiveTail"},
		Why: "logs, for people", Looks: true,
	}
}

// Reader reads lines of log groups.
type Reader struct {
	client *cloudwatchlogs.Client
	custom bool // the endpoint is a given one
}

// Source reads log groups with that configuration.
func Source(cfg aws.Config) follow.Source {
	r := NewReader(cfg)
	return follow.Source{Read: r.Page, Live: r.Live}
}

// NewReader returns a Reader.
func NewReader(cfg aws.Config) *Reader {
	client := cloudwatchlogs.NewFromConfig(cfg)
	return &Reader{client: client, custom: client.Options().BaseEndpoint != nil}
}

// Page reads a page of a log group. AWS API: logs:FilterLogEvents, the only call that gives events their ids.
func (r *Reader) Page(ctx context.Context, q follow.Query, token string) (follow.Page, error) {
	in := &cloudwatchlogs.FilterLogEventsInput{LogGroupName: &q.Group, StartTime: aws.Int64(q.From.UnixMilli())}
	switch {
	case len(q.Streams) > 0:
		in.LogStreamNames = q.Streams
	case q.Prefix != "":
		in.LogStreamNamePrefix = &q.Prefix
	}
	if !q.To.IsZero() {
		in.EndTime = aws.Int64(q.To.UnixMilli())
	}
	if q.Pattern != "" {
		in.FilterPattern = &q.Pattern
	}
	if q.Newest {
		in.StartFromHead = aws.Bool(false)
	}
	if token != "" {
		in.NextToken = &token
	}
	out, err := r.client.FilterLogEvents(ctx, in)
	if call.HasCode(err, "ResourceNotFoundException") {
		if len(q.Streams) > 0 {
			return follow.Page{}, fmt.Errorf("%w: %w", follow.ErrNoStream, err)
		}
		return follow.Page{}, call.Error(err, call.NotFound("ResourceNotFoundException"))
	}
	if err != nil {
		return follow.Page{}, call.Error(err)
	}
	page := follow.Page{Next: aws.ToString(out.NextToken)}
	for _, e := range out.Events {
		page.Events = append(page.Events, follow.Event{
			Group: q.Group, Stream: aws.ToString(e.LogStreamName), ID: aws.ToString(e.EventId),
			At:       time.UnixMilli(aws.ToInt64(e.Timestamp)).UTC(),
			Ingested: time.UnixMilli(aws.ToInt64(e.IngestionTime)).UTC(),
			Text:     strings.TrimRight(aws.ToString(e.Message), "\r\n"),
		})
	}
	return page, nil
}

// liveGroups is how many log groups a live tail takes.
const liveGroups = 10

// Live is a follow.Live: show is called each second. AWS leaves lines out when there were more than 500 in that second.
// AWS API: logs:StartLiveTail, whose sessions end after three hours, and are started again.
func (r *Reader) Live(
	ctx context.Context, groups []string, pattern string, show func(events []follow.Event, sampled bool) error,
) error {
	all, ctx := errgroup.WithContext(ctx)
	var one sync.Mutex
	for portion := range slices.Chunk(groups, liveGroups) {
		all.Go(func() error {
			return r.sessions(ctx, portion, pattern, func(events []follow.Event, sampled bool) error {
				one.Lock()
				defer one.Unlock()
				return show(events, sampled)
			})
		})
	}
	return all.Wait()
}

func (r *Reader) sessions(
	ctx context.Context, groups []string, pattern string, show func(events []follow.Event, sampled bool) error,
) error {
	for {
		err := r.session(ctx, groups, pattern, show)
		var over *types.SessionTimeoutException
		if err != nil && !errors.As(err, &over) || ctx.Err() != nil {
			return err
		}
		select { // the connection may have ended early
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

func (r *Reader) session(
	ctx context.Context, groups []string, pattern string, show func(events []follow.Event, sampled bool) error,
) error {
	in := &cloudwatchlogs.StartLiveTailInput{LogGroupIdentifiers: groups}
	if pattern != "" {
		in.LogEventFilterPattern = &pattern
	}
	out, err := r.client.StartLiveTail(ctx, in, func(o *cloudwatchlogs.Options) {
		if r.custom {
			o.APIOptions = append(o.APIOptions, keepHost)
		}
	})
	if err != nil {
		return call.Error(err)
	}
	stream := out.GetStream()
	defer func() { _ = stream.Close() }() // everything is read, or nobody wants more
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case e, more := <-stream.Events():
			if !more {
				return stream.Err()
			}
			update, ok := e.(*types.StartLiveTailResponseStreamMemberSessionUpdate)
			if !ok {
				continue // that the session has started
			}
			events := make([]follow.Event, 0, len(update.Value.SessionResults))
			for _, l := range update.Value.SessionResults {
				events = append(events, follow.Event{
					Group: groupName(aws.ToString(l.LogGroupIdentifier)), Stream: aws.ToString(l.LogStreamName),
					At:       time.UnixMilli(aws.ToInt64(l.Timestamp)).UTC(),
					Ingested: time.UnixMilli(aws.ToInt64(l.IngestionTime)).UTC(),
					Text:     strings.TrimRight(aws.ToString(l.Message), "\r\n"),
				})
			}
			sampled := update.Value.SessionMetadata != nil && update.Value.SessionMetadata.Sampled
			if err := show(events, sampled); err != nil {
				return err
			}
		}
	}
}

// keepHost takes the host of a given endpoint as it is. The SDK would put a prefix before it.
func keepHost(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("KeepHost", func(
		ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
	) (middleware.InitializeOutput, middleware.Metadata, error) {
		return next.HandleInitialize(smithyhttp.DisableEndpointHostPrefix(ctx, true), in)
	}), middleware.Before)
}

// groupName is the name in an identifier of a live tail: ACCOUNT:NAME, or an ARN.
func groupName(id string) string {
	if _, name, ok := strings.Cut(id, ":log-group:"); ok {
		return strings.TrimSuffix(name, ":*")
	}
	return id[strings.IndexByte(id, ':')+1:]
}

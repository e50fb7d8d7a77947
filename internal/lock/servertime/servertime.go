// Package servertime follows AWS's clock, which all clients share, for the tables of locks that are in AWS.
//
// In: the answers of an SDK client. Out: AWS's time. It must not call AWS itself.
package servertime

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/company/deployer/internal/lock"
)

// Clock is AWS's clock, by the Date header of every answer.
type Clock struct {
	clock lock.Clock

	mu   sync.Mutex
	date time.Time    // AWS time of the last answer, zero before the first
	at   lock.Instant // when it came
}

// New returns a clock that has seen no answer.
func New(clock lock.Clock) *Clock { return &Clock{clock: clock} }

// Now is the last Date plus the local time since then, by the local clock that saw more time pass: with an estimate
// that lags, a living holder would look silent. Before the first answer it is the wall clock.
func (s *Clock) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.date.IsZero() {
		return s.clock.Wall()
	}
	return s.date.Add(s.clock.Since(s.at))
}

// Known reports whether AWS has answered.
func (s *Clock) Known() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.date.IsZero()
}

// Observe makes an SDK stack read Date headers; refusals have one, too.
func (s *Clock) Observe(stack *middleware.Stack) error {
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("ObserveServerTime", func(
		ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler,
	) (middleware.DeserializeOutput, middleware.Metadata, error) {
		out, metadata, err := next.HandleDeserialize(ctx, in)
		if answer, ok := out.RawResponse.(*smithyhttp.Response); ok && answer != nil && answer.Header.Get("Age") == "" {
			if date, parseErr := http.ParseTime(answer.Header.Get("Date")); parseErr == nil {
				s.mu.Lock()
				s.date, s.at = date.Add(time.Second/2), s.clock.Mark() // the header is cut to seconds
				s.mu.Unlock()
			}
		}
		return out, metadata, err
	}), middleware.After)
}

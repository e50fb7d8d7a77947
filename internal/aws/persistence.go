package aws

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"

	"github.com/company/deployer/internal/resource"
)

const (
	// defaultPatience outlasts the throttling of a wide apply in ECS and ELB, and most faults of AWS itself.
	defaultPatience = 5 * time.Minute
	// firstContact is how long a call is repeated if its endpoint has never answered this process: the endpoint may be
	// a mistake, so the user must learn of it soon.
	firstContact = 20 * time.Second
	// usualAttempts is for all other errors that the SDK repeats.
	usualAttempts = 8
	// longestPause is the longest time between two attempts.
	longestPause = 20 * time.Second
	// untold is how long a call is repeated before the user is told.
	untold = 3 * time.Second
)

// persistence decides how long a session's calls are repeated, and tells the waiting user (resource.Tell).
type persistence struct {
	attempts int // at most; 0: no limit
	patience time.Duration
	now      func() time.Time
	contact  atomic.Bool // AWS has answered once
}

// effort is one call with all its attempts.
type effort struct {
	began    time.Time
	attempts int
	last     error // the error of the last attempt
}

type effortKey struct{}

type beginningKey struct{}

// AsOne returns a context in which several calls, one after the other, count as one effort: they share the time.
func AsOne(ctx context.Context) context.Context {
	return context.WithValue(ctx, beginningKey{}, new(time.Time))
}

// observe is an SDK option that follows the efforts. If time runs out during the pause before another attempt, the
// SDK's error mentions only the time: observe adds the error of the last attempt.
func (p *persistence) observe(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("FollowEffort", func(
		ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
	) (middleware.InitializeOutput, middleware.Metadata, error) {
		e := &effort{began: p.now()}
		if first, ok := ctx.Value(beginningKey{}).(*time.Time); ok {
			if first.IsZero() {
				*first = e.began
			}
			e.began = *first
		}
		out, metadata, err := next.HandleInitialize(context.WithValue(ctx, effortKey{}, e), in)
		if err == nil || Status(err) != 0 {
			p.contact.Store(true)
		}
		if e.last != nil && errors.Is(err, context.DeadlineExceeded) {
			err = errors.Join(err, e.last)
		}
		return out, metadata, err
	}), middleware.Before)
}

// retryer is the SDK's standard retryer, plus the session's persistence and one renewal of expired credentials. It has
// no common budget of retries: many parallel calls would use that up while AWS throttles them, and the other calls
// would fail at their first throttling.
type retryer struct {
	*retry.Standard
	*persistence
	credentials *credentials
}

var _ sdk.RetryerV2 = (*retryer)(nil)

func (p *persistence) retryer(c *credentials) func() sdk.Retryer {
	return func() sdk.Retryer {
		standard := retry.NewStandard(func(o *retry.StandardOptions) {
			o.RateLimiter, o.MaxBackoff = ratelimit.None, longestPause
		})
		return &retryer{standard, p, c}
	}
}

// MaxAttempts has no limit if none was given: GetRetryToken decides.
func (r *retryer) MaxAttempts() int { return r.attempts }

// IsErrorRetryable adds expired credentials: signing gets credentials again at each attempt.
func (r *retryer) IsErrorRetryable(err error) bool {
	if hasCode(err, "ExpiredToken", "ExpiredTokenException") {
		return r.credentials.renew(r.now())
	}
	return Throttled(err) || r.Standard.IsErrorRetryable(err)
}

// RetryDelay is the SDK's, with jitter also at the longest delay, so that calls throttled together are repeated apart.
func (r *retryer) RetryDelay(attempt int, err error) (time.Duration, error) {
	pause, delayErr := r.Standard.RetryDelay(attempt, err)
	if pause >= longestPause {
		pause = longestPause/2 + rand.N(longestPause/2)
	}
	return pause, delayErr
}

// GetRetryToken gives up, or records and tells why there is another attempt.
func (r *retryer) GetRetryToken(ctx context.Context, err error) (func(error) error, error) {
	e, ok := ctx.Value(effortKey{}).(*effort)
	if !ok {
		return r.Standard.GetRetryToken(ctx, err)
	}
	e.attempts++
	e.last = err
	if Status(err) != 0 {
		r.contact.Store(true)
	}
	spent, kind := r.now().Sub(e.began), troubleOf(err)
	if r.exhausted(kind, e.attempts, spent) {
		return nil, &retry.MaxAttemptsError{Attempt: e.attempts, Err: err}
	}
	if kind != noTrouble && spent >= untold {
		resource.Tell(ctx, fmt.Sprintf(kind.news(), OperationOf(ctx), spent.Round(time.Second)))
	}
	return r.Standard.GetRetryToken(ctx, err)
}

func (p *persistence) exhausted(t trouble, attempts int, spent time.Duration) bool {
	switch {
	case p.attempts > 0:
		return attempts >= p.attempts
	case t == noTrouble:
		return attempts >= usualAttempts
	case t == unreachable && !p.contact.Load():
		return spent >= min(firstContact, p.patience)
	}
	return spent >= p.patience
}

// trouble is an error that usually passes by itself: the request was not wrong.
type trouble int

const (
	noTrouble trouble = iota
	throttled
	faulty
	unreachable
)

// news is the line that tells of it, with the operation and the time so far.
func (t trouble) news() string {
	switch t {
	case throttled:
		return "AWS throttles %s; still trying after %s"
	case faulty:
		return "AWS answers %s with an internal error; still trying after %s"
	}
	return "AWS cannot be reached for %s; still trying after %s"
}

// throttling is AWS's codes for too many calls. The SDK's list also has codes for full quotas, which do not pass.
var throttling = func() map[string]bool {
	codes := map[string]bool{}
	for code := range retry.DefaultThrottleErrorCodes {
		codes[code] = code != "LimitExceededException"
	}
	return codes
}()

func troubleOf(err error) trouble {
	switch status := Status(err); {
	case (retry.NoRetryCanceledError{}).IsErrorRetryable(err) == sdk.FalseTernary: // the call was cancelled
		return noTrouble
	case Throttled(err):
		return throttled
	case status >= http.StatusInternalServerError:
		return faulty
	case status == 0 && (retry.RetryableConnectionError{}).IsErrorRetryable(err) == sdk.TrueTernary:
		return unreachable
	}
	return noTrouble
}

// Throttled reports whether AWS refused a call because there were too many. The call had no effect. A service that
// another service throttles passes on its message under its own code: Application Auto Scaling uses
// FailedResourceAccessException when CloudWatch throttles it.
func Throttled(err error) bool {
	var api smithy.APIError
	if errors.As(err, &api) && (throttling[api.ErrorCode()] ||
		strings.Contains(strings.ToLower(api.ErrorMessage()), "rate exceeded")) {
		return true
	}
	return Status(err) == http.StatusTooManyRequests
}

// Trouble reports whether an error comes from AWS itself or from the network, so that the same call may work later.
func Trouble(err error) bool { return troubleOf(err) != noTrouble }

// OnlyRefused returns a retryer that repeats a call only if AWS refused the attempt before, so that it surely had no
// effect.
func OnlyRefused(r sdk.Retryer) sdk.Retryer {
	v2, ok := r.(sdk.RetryerV2)
	if !ok {
		return sdk.NopRetryer{}
	}
	return onlyRefused{v2}
}

type onlyRefused struct{ sdk.RetryerV2 }

func (r onlyRefused) IsErrorRetryable(err error) bool {
	refused := Throttled(err) || hasCode(err, "ExpiredToken", "ExpiredTokenException")
	return refused && r.RetryerV2.IsErrorRetryable(err)
}

// prefixes are the names of services in IAM and our messages, where they differ from the SDK's id without spaces and
// capitals.
var prefixes = map[string]string{
	"Application Auto Scaling":    "application-autoscaling",
	"CloudWatch Logs":             "logs",
	"Elastic Load Balancing v2":   "elasticloadbalancing",
	"Resource Groups Tagging API": "tag",
	"SSO OIDC":                    "sso-oauth",
}

// Operation is the name of an operation in IAM and our messages, from the service's SDK id: "ecs:UpdateService".
func Operation(serviceID, operation string) string {
	if prefix, ok := prefixes[serviceID]; ok {
		serviceID = prefix
	}
	return strings.ToLower(strings.ReplaceAll(serviceID, " ", "")) + ":" + operation
}

// OperationOf is the name of the current call.
func OperationOf(ctx context.Context) string {
	return Operation(middleware.GetServiceID(ctx), middleware.GetOperationName(ctx))
}

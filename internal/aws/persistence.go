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
	// defaultPatience outlasts the throttling that a wide apply meets in ECS and ELB, and most troubles of AWS itself.
	defaultPatience = 5 * time.Minute
	// firstContact is how long a call is repeated whose endpoint has never answered this process: that may be a
	// mistake, of which somebody has to hear.
	firstContact = 20 * time.Second
	// usualAttempts is for everything else that the SDK repeats.
	usualAttempts = 8
	// longestPause is the longest time between two attempts.
	longestPause = 20 * time.Second
	// untold is how long a call is repeated before anybody hears of it.
	untold = 3 * time.Second
)

// persistence decides how long the calls of a session are repeated, and tells whoever waits for them (resource.Tell).
type persistence struct {
	attempts int // at most; 0: no limit
	patience time.Duration
	now      func() time.Time
	contact  atomic.Bool // AWS has answered
}

// effort is one call with all its attempts.
type effort struct {
	began    time.Time
	attempts int
	last     error // what the last attempt said
}

type effortKey struct{}

type beginningKey struct{}

// AsOne returns a context in which several calls, one after the other, count as the same effort: as long as all of them
// have taken.
func AsOne(ctx context.Context) context.Context {
	return context.WithValue(ctx, beginningKey{}, new(time.Time))
}

// observe is an SDK option that follows the efforts. When time is up during the pause before another attempt, the SDK
// tells of the time only: what the last attempt said is added.
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

// retryer is the SDK's standard one, which also renews expired credentials, once, and has the session's persistence. It
// has no common budget of retries: many calls side by side would use that up while AWS throttles them, and the rest
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

// MaxAttempts is no limit where none was given: GetRetryToken decides.
func (r *retryer) MaxAttempts() int { return r.attempts }

// IsErrorRetryable adds expired credentials: signing asks for credentials anew at each attempt.
func (r *retryer) IsErrorRetryable(err error) bool {
	if hasCode(err, "ExpiredToken", "ExpiredTokenException") {
		return r.credentials.renew(r.now())
	}
	return Throttled(err) || r.Standard.IsErrorRetryable(err)
}

// RetryDelay is the SDK's, with jitter also where that is the longest: calls that were throttled together come apart.
func (r *retryer) RetryDelay(attempt int, err error) (time.Duration, error) {
	pause, delayErr := r.Standard.RetryDelay(attempt, err)
	if pause >= longestPause {
		pause = longestPause/2 + rand.N(longestPause/2)
	}
	return pause, delayErr
}

// GetRetryToken gives up, or notes and tells why there will be another attempt.
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

// trouble is what passes by itself, as a rule: nothing is wrong with what was asked.
type trouble int

const (
	noTrouble trouble = iota
	throttled
	faulty
	unreachable
)

// news is the line that tells of it, with the operation and how long it has lasted.
func (t trouble) news() string {
	switch t {
	case throttled:
		return "AWS throttles %s; trying again (%s)"
	case faulty:
		return "AWS answers %s with an internal error; trying again (%s)"
	}
	return "AWS cannot be reached for %s; trying again (%s)"
}

// throttling is how AWS says that there were too many calls. The SDK's list has codes of full quotas, too, which do not
// pass.
var throttling = func() map[string]bool {
	codes := map[string]bool{}
	for code := range retry.DefaultThrottleErrorCodes {
		codes[code] = code != "LimitExceededException"
	}
	return codes
}()

func troubleOf(err error) trouble {
	switch status := Status(err); {
	case (retry.NoRetryCanceledError{}).IsErrorRetryable(err) == sdk.FalseTernary: // somebody gave the call up
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

// Throttled reports whether AWS refused a call because there were too many. It had no effect. A service that is
// throttled by another one behind it passes the words on under a code of its own: Application Auto Scaling says
// FailedResourceAccessException when CloudWatch does.
func Throttled(err error) bool {
	var api smithy.APIError
	if errors.As(err, &api) && (throttling[api.ErrorCode()] ||
		strings.Contains(strings.ToLower(api.ErrorMessage()), "rate exceeded")) {
		return true
	}
	return Status(err) == http.StatusTooManyRequests
}

// Trouble reports whether an error is AWS's own, or of the way there, so that the same call may work in a while.
func Trouble(err error) bool { return troubleOf(err) != noTrouble }

// OnlyRefused returns a retryer that repeats a call only where the attempt before it surely had no effect: AWS refused
// it.
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

// prefixes are how IAM and our messages call services whose id is another word.
var prefixes = map[string]string{
	"Application Auto Scaling":    "application-autoscaling",
	"CloudWatch Logs":             "logs",
	"Elastic Load Balancing v2":   "elasticloadbalancing",
	"Resource Groups Tagging API": "tag",
	"Secrets Manager":             "secretsmanager",
}

// Operation is what IAM and our messages call an operation of a service by its id in the SDK: "ecs:UpdateService".
func Operation(serviceID, operation string) string {
	if prefix, ok := prefixes[serviceID]; ok {
		serviceID = prefix
	}
	return strings.ToLower(serviceID) + ":" + operation
}

// OperationOf is the call under way.
func OperationOf(ctx context.Context) string {
	return Operation(middleware.GetServiceID(ctx), middleware.GetOperationName(ctx))
}

package s3

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"

	"github.com/company/deployer/internal/aws"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/resource"
)

// The pauses between attempts, and how long one attempt may take: one dead connection must not use up all patience.
const (
	firstPause   = 200 * time.Millisecond
	longestPause = 10 * time.Second
	oneAttempt   = time.Minute
)

// again marks an error that is worth another attempt.
type again struct{ error }

func (a again) Unwrap() error { return a.error }

// try repeats call after passing errors (busy, throttled, reset, timed out) until patience or context end, with
// jittered pauses; without any answer only until unanswered ends. The SDK's own attempts happen inside each call.
func (b *Backend) try(ctx context.Context, unanswered time.Duration, call func(context.Context) error) error {
	ctx = aws.AsOne(ctx)
	limit, stop := context.WithTimeout(ctx, b.patience)
	defer stop()
	mistaken, stopLooking := context.WithTimeout(ctx, unanswered)
	defer stopLooking()
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		attempt, done := context.WithTimeout(limit, oneAttempt)
		err := call(attempt)
		timedOut := attempt.Err() != nil
		done()
		if err == nil || ctx.Err() != nil || !mayPass(err, timedOut) || mistaken.Err() != nil && aws.Status(err) == 0 {
			return err
		}
		if timedOut {
			resource.Tell(ctx, "S3 does not answer; trying again")
		}
		timer := time.NewTimer(pause/2 + rand.N(pause))
		select {
		case <-limit.Done():
			timer.Stop()
			return err // it says more than a timeout
		case <-timer.C:
		}
	}
}

var transient = retry.NewStandard()

func mayPass(err error, timedOut bool) bool {
	var marked again
	var decided *diag.Diagnostic
	switch {
	case errors.As(err, &marked):
		return true
	case errors.As(err, &decided):
		return false
	}
	return timedOut || transient.IsErrorRetryable(err)
}

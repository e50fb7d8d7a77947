package aws

import (
	"context"
	"errors"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go/middleware"
)

// lastError is what the last attempt of a call said. When time is up during the pause before another attempt, the SDK tells of the time only.
type lastError struct{ err error }

type lastErrorKey struct{}

// GetRetryToken notes why there will be another attempt.
func (r *retryer) GetRetryToken(ctx context.Context, err error) (func(error) error, error) {
	if last, ok := ctx.Value(lastErrorKey{}).(*lastError); ok {
		last.err = err
	}
	return r.Standard.GetRetryToken(ctx, err)
}

// keepLastError is an SDK option that adds what the last attempt said to an error that only says that time was up.
func keepLastError(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("KeepLastError", func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
		middleware.InitializeOutput, middleware.Metadata, error,
	) {
		last := &lastError{}
		out, metadata, err := next.HandleInitialize(context.WithValue(ctx, lastErrorKey{}, last), in)
		if last.err != nil && errors.Is(err, context.DeadlineExceeded) {
			err = errors.Join(err, last.err)
		}
		return out, metadata, err
	}), middleware.Before)
}

var _ sdk.RetryerV2 = (*retryer)(nil)

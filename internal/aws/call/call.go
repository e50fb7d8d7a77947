// Package call is what all AWS resource types share when they call AWS: it turns errors into those of the resource
// contract, and waits for AWS to become consistent.
//
// In: what an SDK call returned. Out: *resource.OpError, wrapped resource.ErrExists and resource.ErrNotFound. It must
// not make calls of its own, or know a service.
package call

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/smithy-go"

	"github.com/company/deployer/internal/aws"
	"github.com/company/deployer/internal/resource"
)

// Error translates the error of an SDK call into an *resource.OpError; nil stays nil. Classes make the error wrap
// resource.ErrNotFound or resource.ErrExists. An error from elsewhere stays as it is.
func Error(err error, classes ...Class) error {
	var sent *smithy.OperationError
	var done *resource.OpError
	if err == nil || errors.As(err, &done) || !errors.As(err, &sent) {
		return err
	}
	out := &resource.OpError{
		Operation: aws.Operation(sent.Service(), sent.Operation()), Message: aws.Words(err),
		Err: err,
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		out.Code, out.Message = api.ErrorCode(), api.ErrorMessage()
	}
	var withID interface{ ServiceRequestID() string }
	if errors.As(err, &withID) {
		out.RequestID = withID.ServiceRequestID()
	}
	for _, class := range classes {
		if out.Code != "" && slices.Contains(class.codes, out.Code) {
			out.Err = fmt.Errorf("%w: %w", class.err, err)
		}
	}
	return out
}

// Errors returns Error with the classes of one service.
func Errors(classes ...Class) func(error) error {
	return func(err error) error { return Error(err, classes...) }
}

// Class maps AWS error codes to an error of the resource contract.
type Class struct {
	err   error
	codes []string
}

// NotFound declares the codes that say that the object is gone.
func NotFound(codes ...string) Class { return Class{resource.ErrNotFound, codes} }

// Exists declares the codes that say that the name is taken.
func Exists(codes ...string) Class { return Class{resource.ErrExists, codes} }

// Gone returns AWS's own error for a missing object, for an answer that does not contain the object.
func Gone(operation, code, what string) error {
	return &resource.OpError{
		Operation: operation, Code: code, Message: what + " does not exist", Err: resource.ErrNotFound,
	}
}

// Deleting is what a typed read says of an object that AWS is still deleting.
func Deleting(what string) error { return fmt.Errorf("%s: %w", what, resource.ErrDeleting) }

// AwaitGone makes a resource.Typed's AwaitGone of its read.
func AwaitGone[P, O any](
	pace Pace, noun string, read func(context.Context, resource.Call[P, O]) (P, O, error),
) func(context.Context, resource.Call[P, O]) error {
	return func(ctx context.Context, c resource.Call[P, O]) error {
		return Wait(ctx, pace, noun+" "+c.ID+" is gone", func(ctx context.Context) (bool, error) {
			_, _, err := read(ctx, c)
			switch {
			case errors.Is(err, resource.ErrDeleting):
				return false, nil
			case err == nil, errors.Is(err, resource.ErrNotFound):
				return true, nil // or there is another one by now, which the create finds
			}
			return false, err
		})
	}
}

// HasCode reports whether err is an AWS error with one of the codes.
func HasCode(err error, codes ...string) bool {
	var api smithy.APIError
	if errors.As(err, &api) {
		return slices.Contains(codes, api.ErrorCode())
	}
	var op *resource.OpError
	return errors.As(err, &op) && slices.Contains(codes, op.Code)
}

// Pace says how Wait asks: the first pause, doubled up to the longest pause, until the limit.
type Pace struct{ First, Longest, Limit time.Duration }

// Usual paces. Eventually is for AWS to become consistent, Slowly is for objects that need minutes.
var (
	Eventually = Pace{First: 200 * time.Millisecond, Longest: 3 * time.Second, Limit: time.Minute}
	Slowly     = Pace{First: time.Second, Longest: 10 * time.Second, Limit: 15 * time.Minute}
)

// Scale shortens every pause of every Wait, and the limits to no less than leastLimit. Tests set it, because an
// emulator is ready at once.
var Scale = 1.0

const leastLimit = 30 * time.Second

// Wait calls done until it returns true or fails, the context ends, or the pauses reach the pace's limit. what names
// the awaited thing in the error.
func Wait(ctx context.Context, pace Pace, what string, done func(context.Context) (bool, error)) error {
	longest := max(time.Duration(float64(pace.Limit)*Scale), min(pace.Limit, leastLimit))
	limit, cancel := context.WithTimeoutCause(ctx, longest, fmt.Errorf("%s: not within %s", what, longest))
	defer cancel()
	for pause := pace.First; ; pause = min(2*pause, pace.Longest) {
		ok, err := done(ctx) // not part of the limit: a call that AWS throttles has its own patience
		if ok || err != nil {
			return err
		}
		timer := time.NewTimer(time.Duration(float64(pause) * Scale))
		select {
		case <-limit.Done():
			timer.Stop()
			if ctx.Err() != nil {
				return &resource.WaitError{What: what, Err: context.Cause(ctx)}
			}
			return context.Cause(limit)
		case <-timer.C:
		}
	}
}

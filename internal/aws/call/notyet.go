package call

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"

	"github.com/company/deployer/internal/aws"
	"github.com/company/deployer/internal/resource"
)

// PatientWithNew is an SDK option for the clients of resource types. It repeats a call while AWS answers that it does
// not know a new object yet, as the type's Definition.NotYet says. The waiting person is told. When time is up, AWS's
// last answer is the result.
func PatientWithNew(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("PatientWithNew", func(
		ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
	) (middleware.InitializeOutput, middleware.Metadata, error) {
		var spent time.Duration // in pauses, which tests shorten
		for pause := known.First; ; pause = min(2*pause, known.Longest) {
			out, metadata, err := next.HandleInitialize(ctx, in)
			var api smithy.APIError
			if !errors.As(err, &api) || spent >= resource.NotYetFor(ctx, aws.OperationOf(ctx), api.ErrorCode(),
				api.ErrorMessage()) {
				return out, metadata, err
			}
			operation := aws.OperationOf(ctx)
			if spent > 0 { // not for a short delay, which is usual
				resource.Tell(ctx, fmt.Sprintf(
					"AWS does not know all objects yet that %s needs; still trying after %s: %s",
					operation,
					spent, api.ErrorMessage()))
			}
			timer := time.NewTimer(time.Duration(float64(pause) * Scale))
			select {
			case <-ctx.Done():
				timer.Stop()
				return out, metadata,
					errors.Join(&resource.WaitError{
						What: "AWS knows what " + operation + " needs",
						Err:  context.Cause(ctx),
					}, err)
			case <-timer.C:
			}
			spent += pause
		}
	}), middleware.Before)
}

// known is the pace of PatientWithNew; the limit is the type's.
var known = Pace{First: time.Second, Longest: 10 * time.Second}

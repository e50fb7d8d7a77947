package aws

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"

	"github.com/company/deployer/internal/resource"
)

// ReportEffects is an SDK option. It reports each call, and each attempt of a mutating call, to the resource.Effects of
// the context. An attempt that the guard stops was not sent and is not reported: Guard is closer to the signing.
func ReportEffects(stack *middleware.Stack) error {
	call := middleware.InitializeMiddlewareFunc("ReportCall",
		func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
			middleware.InitializeOutput, middleware.Metadata, error,
		) {
			resource.EffectsOf(ctx).Call()
			return next.HandleInitialize(ctx, in)
		})
	attempt := middleware.FinalizeMiddlewareFunc("ReportEffect",
		func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (
			middleware.FinalizeOutput, middleware.Metadata, error,
		) {
			out, metadata, err := next.HandleFinalize(ctx, in)
			if Mutating(awsmiddleware.GetOperationName(ctx)) {
				resource.EffectsOf(ctx).Sent(refused(err))
			}
			return out, metadata, err
		})
	if err := stack.Initialize.Add(call, middleware.Before); err != nil {
		return err
	}
	return afterSigning(stack, attempt)
}

// doubtful are beginnings of AWS's codes for calls that may have had an effect although their status says that they
// were refused: AWS's own faults, a request whose body came too late, and a client token that an earlier, different
// call has used.
var doubtful = []string{
	"Internal", "ServiceUnavailable", "ServiceFailure", "RequestTimeout",
	"IdempotentParameterMismatch",
}

// refused reports whether one attempt surely changed nothing: AWS refused it, or it was never sent.
func refused(err error) bool {
	if err == nil {
		return false
	}
	var (
		name *net.DNSError
		wire *net.OpError
		api  smithy.APIError
	)
	if errors.As(err, &name) || errors.As(err, &wire) && wire.Op == "dial" {
		return true
	}
	status := Status(err)
	if status < http.StatusBadRequest || status >= http.StatusInternalServerError ||
		status == http.StatusRequestTimeout {
		return false
	}
	return !errors.As(err, &api) || !slices.ContainsFunc(doubtful,
		func(code string) bool { return strings.HasPrefix(api.ErrorCode(), code) })
}

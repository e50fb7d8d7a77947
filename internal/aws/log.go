package aws

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/logging"
	"github.com/aws/smithy-go/middleware"
)

// sdkLog keeps the SDK's own messages off the terminal: they go to the log, or nowhere.
func sdkLog(log *slog.Logger) logging.Logger {
	if log == nil {
		return logging.Nop{}
	}
	return logging.LoggerFunc(func(class logging.Classification, format string, v ...any) {
		log.Debug("aws sdk", "class", string(class), "message", fmt.Sprintf(format, v...))
	})
}

// logCalls is an SDK option that logs each call when it is over: its name, its duration and its result. It never logs
// what was sent: that may be a secret.
func logCalls(log *slog.Logger, now func() time.Time) func(*middleware.Stack) error {
	call := middleware.InitializeMiddlewareFunc("CallLog",
		func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
			middleware.InitializeOutput, middleware.Metadata, error,
		) {
			began := now()
			out, metadata, err := next.HandleInitialize(ctx, in)
			request, _ := awsmiddleware.GetRequestIDMetadata(metadata)
			attributes := []any{
				"call", awsmiddleware.GetServiceID(ctx) + ":" + awsmiddleware.GetOperationName(ctx), "region",
				awsmiddleware.GetRegion(ctx),
				"took", now().Sub(began).Round(time.Millisecond), "request", request,
			}
			if err != nil {
				attributes = append(attributes, "error", err.Error())
			}
			log.Debug("aws", attributes...)
			return out, metadata, err
		})
	return func(stack *middleware.Stack) error { return stack.Initialize.Add(call, middleware.After) }
}

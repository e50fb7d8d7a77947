package aws

import (
	"context"
	"strings"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
)

// Guard is an SDK option: each attempt of a mutating call calls check right before it is sent. If check returns an
// error, the call fails with it. That is after signing, which may wait for credentials.
func Guard(check func() error) func(*middleware.Stack) error {
	guard := middleware.FinalizeMiddlewareFunc("LockGuard",
		func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (
			middleware.FinalizeOutput, middleware.Metadata, error,
		) {
			if Mutating(awsmiddleware.GetOperationName(ctx)) {
				if err := check(); err != nil {
					return middleware.FinalizeOutput{}, middleware.Metadata{}, err
				}
			}
			return next.HandleFinalize(ctx, in)
		})
	return func(stack *middleware.Stack) error { return afterSigning(stack, guard) }
}

// afterSigning puts a middleware directly after the signing of each attempt.
func afterSigning(stack *middleware.Stack, m middleware.FinalizeMiddleware) error {
	if err := stack.Finalize.Insert(m, "Signing", middleware.After); err != nil {
		return stack.Finalize.Add(m, middleware.After) // the operation is not signed
	}
	return nil
}

// reads are the beginnings of the names of operations that change nothing.
var reads = []string{
	"Get", "List", "Describe", "Head", "BatchGet", "BatchDescribe", "Lookup", "Search", "Query",
	"Scan", "Filter", "Discover", "Simulate", "Check", "Select",
}

// Mutating reports whether an operation may change something, by its name: "CreateQueue". An unknown name counts as
// mutating.
func Mutating(operation string) bool {
	for _, prefix := range reads {
		if strings.HasPrefix(operation, prefix) {
			return false
		}
	}
	return true
}

package aws

import (
	"context"
	"strings"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
)

// Guard is an SDK option: each attempt of a mutating call asks check right before it is sent, after signing (which may
// wait for credentials), and fails with check's error instead.
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

// afterSigning puts a middleware right behind the signing of each attempt.
func afterSigning(stack *middleware.Stack, m middleware.FinalizeMiddleware) error {
	if err := stack.Finalize.Insert(m, "Signing", middleware.After); err != nil {
		return stack.Finalize.Add(m, middleware.After) // an operation that is not signed
	}
	return nil
}

// reads are the beginnings of the names of operations that change nothing.
var reads = []string{
	"Get", "List", "Describe", "Head", "BatchGet", "BatchDescribe", "Lookup", "Search", "Query",
	"Scan", "Filter", "Discover", "Simulate", "Check", "Select",
}

// Mutating reports whether an operation may change something, by its name: "CreateQueue". What is not known to read
// does.
func Mutating(operation string) bool {
	for _, prefix := range reads {
		if strings.HasPrefix(operation, prefix) {
			return false
		}
	}
	return true
}

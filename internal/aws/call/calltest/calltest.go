// Package calltest answers SDK calls in tests, without a network.
//
// In: a function from the input of a call to its output. Out: a configuration for real SDK clients. It must not be
// linked into the program.
package calltest

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go/middleware"
)

// Answer answers one call: in is a pointer to the input of an operation, out is a pointer to its output. Nil without an
// error means that the test does not expect this call: the call fails.
type Answer func(ctx context.Context, in any) (out any, err error)

// Config returns a configuration whose clients send nothing: they call answer instead.
func Config(answer Answer) aws.Config {
	stub := middleware.InitializeMiddlewareFunc("Answer", func(
		ctx context.Context, in middleware.InitializeInput, _ middleware.InitializeHandler,
	) (out middleware.InitializeOutput, metadata middleware.Metadata, err error) {
		out.Result, err = answer(ctx, in.Parameters)
		if out.Result == nil && err == nil {
			err = fmt.Errorf("the test has no answer to %T", in.Parameters)
		}
		return out, metadata, err
	})
	return aws.Config{
		Region: "eu-west-1",
		APIOptions: []func(*middleware.Stack) error{func(stack *middleware.Stack) error {
			return stack.Initialize.Add(stub, middleware.Before)
		}},
	}
}

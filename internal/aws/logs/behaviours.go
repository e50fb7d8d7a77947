// Package logs is the behaviour of the Amazon CloudWatch Logs resource types.
//
// In: calls of the resource contract. Out: CloudWatch Logs API calls. It keeps no state and reads no logs.
package logs

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/resource"
)

// Behaviours returns the resource types of CloudWatch Logs.
func Behaviours(cfg aws.Config) []resource.Behaviour {
	return []resource.Behaviour{newLogGroup(cloudwatchlogs.NewFromConfig(cfg))}
}

var failed = call.Errors(call.NotFound("ResourceNotFoundException"), call.Exists("ResourceAlreadyExistsException"))

// settled repeats a call while another one on the same group is in progress, or (for fresh groups) while it is not known yet.
func settled(ctx context.Context, name string, fresh bool, do func(context.Context) error) error {
	tries := 0
	return call.Wait(ctx, call.Eventually, "the log group "+name+" has settled", func(ctx context.Context) (bool, error) {
		err := do(ctx)
		tries++
		if call.HasCode(err, "OperationAbortedException") || fresh && tries < 6 && call.HasCode(err, "ResourceNotFoundException") {
			return false, nil
		}
		return err == nil, err
	})
}

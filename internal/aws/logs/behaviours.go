// Package logs is the behaviour of the Amazon CloudWatch Logs resource types.
//
// In: calls of the resource contract. Out: CloudWatch Logs API calls. It must not keep state.
package logs

import (
	"context"
	"time"

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

// notYet is the error for a group that was just made.
var notYet = []resource.NotYet{{
	Operations: []string{
		"logs:PutRetentionPolicy", "logs:DeleteRetentionPolicy", "logs:AssociateKmsKey",
		"logs:TagResource",
	},
	Codes: []string{"ResourceNotFoundException"}, New: true, Within: 20 * time.Second,
}}

// whileBusy repeats a call while another call on the same group is in progress.
func whileBusy(ctx context.Context, name string, do func(context.Context) error) error {
	return call.Wait(ctx, call.Eventually, "other operations on the log group "+name+" are over",
		func(ctx context.Context) (bool, error) {
			err := do(ctx)
			if call.HasCode(err, "OperationAbortedException") {
				return false, nil
			}
			return err == nil, err
		})
}

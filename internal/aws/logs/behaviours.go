// Package logs is the behaviour of the Amazon CloudWatch Logs resource types.
//
// In: calls of the resource contract. Out: CloudWatch Logs API calls. It keeps no state and reads no logs.
package logs

import (
	"context"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/resource"
)

// Behaviours returns the resource types of CloudWatch Logs. The client is made when the first call needs it.
func Behaviours(cfg aws.Config) []resource.Behaviour {
	return []resource.Behaviour{newLogGroup(sync.OnceValue(func() *api { return newAPI(cfg) }))}
}

// api is the calls that the types make.
type api struct {
	createLogGroup        func(context.Context, *cloudwatchlogs.CreateLogGroupInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.CreateLogGroupOutput, error)
	deleteLogGroup        func(context.Context, *cloudwatchlogs.DeleteLogGroupInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.DeleteLogGroupOutput, error)
	describeLogGroups     func(context.Context, *cloudwatchlogs.DescribeLogGroupsInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.DescribeLogGroupsOutput, error)
	putRetentionPolicy    func(context.Context, *cloudwatchlogs.PutRetentionPolicyInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutRetentionPolicyOutput, error)
	deleteRetentionPolicy func(context.Context, *cloudwatchlogs.DeleteRetentionPolicyInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.DeleteRetentionPolicyOutput, error)
	associateKMSKey       func(context.Context, *cloudwatchlogs.AssociateKmsKeyInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.AssociateKmsKeyOutput, error)
	disassociateKMSKey    func(context.Context, *cloudwatchlogs.DisassociateKmsKeyInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.DisassociateKmsKeyOutput, error)
	listTags              func(context.Context, *cloudwatchlogs.ListTagsForResourceInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.ListTagsForResourceOutput, error)
	tagResource           func(context.Context, *cloudwatchlogs.TagResourceInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.TagResourceOutput, error)
	untagResource         func(context.Context, *cloudwatchlogs.UntagResourceInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.UntagResourceOutput, error)
}

func newAPI(cfg aws.Config) *api {
	c := cloudwatchlogs.NewFromConfig(cfg)
	return &api{
		createLogGroup: c.CreateLogGroup, deleteLogGroup: c.DeleteLogGroup, describeLogGroups: c.DescribeLogGroups,
		putRetentionPolicy: c.PutRetentionPolicy, deleteRetentionPolicy: c.DeleteRetentionPolicy,
		associateKMSKey: c.AssociateKmsKey, disassociateKMSKey: c.DisassociateKmsKey,
		listTags: c.ListTagsForResource, tagResource: c.TagResource, untagResource: c.UntagResource,
	}
}

func failed(operation string, err error) error {
	return call.Error("logs:"+operation, err, call.NotFound("ResourceNotFoundException"), call.Exists("ResourceAlreadyExistsException"))
}

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

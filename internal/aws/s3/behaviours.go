// Package s3 is the behaviour of the Amazon S3 resource types.
//
// In: calls of the resource contract. Out: S3 API calls. It must not keep state, or decide what the contract decides.
// (The store of deployer's own state is another package.)
package s3

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/resource"
)

// Behaviours returns the resource types of S3.
func Behaviours(cfg aws.Config) []resource.Behaviour {
	api := s3.NewFromConfig(cfg, func(o *s3.Options) {
		// A custom endpoint has no host name per bucket.
		o.UsePathStyle = o.BaseEndpoint != nil
	})
	return []resource.Behaviour{newBucket(api, cfg.Region), newBucketPolicy(api)}
}

var failed = call.Errors(call.NotFound("NoSuchBucket", "NoSuchBucketPolicy"),
	// Another account's bucket is BucketAlreadyExists. It cannot be adopted, so that code is not declared here.
	call.Exists("BucketAlreadyOwnedByYou"))

// conflicts is how long S3 may be busy with another operation on the same bucket or name: minutes after a delete.
var conflicts = call.Pace{First: time.Second, Longest: 10 * time.Second, Limit: 10 * time.Minute}

// whileBusy repeats an operation while S3 is busy with another operation on the same bucket.
func whileBusy(ctx context.Context, bucket string, progress func(string), do func(context.Context) error) error {
	told := false
	return call.Wait(ctx, conflicts, "S3 has finished another operation on the bucket "+bucket,
		func(ctx context.Context) (bool, error) {
			err := do(ctx)
			if call.HasCode(err, "OperationAborted") {
				if !told {
					progress("waiting: S3 is busy with another operation on the bucket " + bucket)
					told = true
				}
				return false, nil
			}
			return err == nil, err
		})
}

// nameLimit is how many characters S3 allows for the name of a bucket.
const nameLimit = 63

// buckets is the ARN of a stack's buckets; S3's ARNs contain neither account nor region.
func buckets(s resource.Scope) string { return "arn:" + s.Partition() + ":s3:::" + s.Names(nameLimit) }

// Package s3 is the behaviour of the Amazon S3 resource types.
//
// In: calls of the resource contract. Out: S3 API calls. It keeps no state and decides nothing that the contract decides. (The store of
// deployer's own state is another package.)
package s3

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/resource"
)

// Behaviours returns the resource types of S3. The client is made when the first call needs it.
func Behaviours(cfg aws.Config) []resource.Behaviour {
	api := sync.OnceValue(func() *api { return newAPI(cfg) })
	return []resource.Behaviour{newBucket(api, cfg.Region), newBucketPolicy(api)}
}

// api is the calls that the types make.
type api struct {
	createBucket         func(context.Context, *s3.CreateBucketInput, ...func(*s3.Options)) (*s3.CreateBucketOutput, error)
	deleteBucket         func(context.Context, *s3.DeleteBucketInput, ...func(*s3.Options)) (*s3.DeleteBucketOutput, error)
	getTagging           func(context.Context, *s3.GetBucketTaggingInput, ...func(*s3.Options)) (*s3.GetBucketTaggingOutput, error)
	putTagging           func(context.Context, *s3.PutBucketTaggingInput, ...func(*s3.Options)) (*s3.PutBucketTaggingOutput, error)
	getVersioning        func(context.Context, *s3.GetBucketVersioningInput, ...func(*s3.Options)) (*s3.GetBucketVersioningOutput, error)
	putVersioning        func(context.Context, *s3.PutBucketVersioningInput, ...func(*s3.Options)) (*s3.PutBucketVersioningOutput, error)
	getEncryption        func(context.Context, *s3.GetBucketEncryptionInput, ...func(*s3.Options)) (*s3.GetBucketEncryptionOutput, error)
	putEncryption        func(context.Context, *s3.PutBucketEncryptionInput, ...func(*s3.Options)) (*s3.PutBucketEncryptionOutput, error)
	getPublicAccessBlock func(context.Context, *s3.GetPublicAccessBlockInput, ...func(*s3.Options)) (*s3.GetPublicAccessBlockOutput, error)
	putPublicAccessBlock func(context.Context, *s3.PutPublicAccessBlockInput, ...func(*s3.Options)) (*s3.PutPublicAccessBlockOutput, error)
	getOwnership         func(context.Context, *s3.GetBucketOwnershipControlsInput, ...func(*s3.Options)) (*s3.GetBucketOwnershipControlsOutput, error)
	putOwnership         func(context.Context, *s3.PutBucketOwnershipControlsInput, ...func(*s3.Options)) (*s3.PutBucketOwnershipControlsOutput, error)
	getLifecycle         func(context.Context, *s3.GetBucketLifecycleConfigurationInput, ...func(*s3.Options)) (*s3.GetBucketLifecycleConfigurationOutput, error)
	putLifecycle         func(context.Context, *s3.PutBucketLifecycleConfigurationInput, ...func(*s3.Options)) (*s3.PutBucketLifecycleConfigurationOutput, error)
	deleteLifecycle      func(context.Context, *s3.DeleteBucketLifecycleInput, ...func(*s3.Options)) (*s3.DeleteBucketLifecycleOutput, error)
	getCORS              func(context.Context, *s3.GetBucketCorsInput, ...func(*s3.Options)) (*s3.GetBucketCorsOutput, error)
	putCORS              func(context.Context, *s3.PutBucketCorsInput, ...func(*s3.Options)) (*s3.PutBucketCorsOutput, error)
	deleteCORS           func(context.Context, *s3.DeleteBucketCorsInput, ...func(*s3.Options)) (*s3.DeleteBucketCorsOutput, error)
	getPolicy            func(context.Context, *s3.GetBucketPolicyInput, ...func(*s3.Options)) (*s3.GetBucketPolicyOutput, error)
	putPolicy            func(context.Context, *s3.PutBucketPolicyInput, ...func(*s3.Options)) (*s3.PutBucketPolicyOutput, error)
	deletePolicy         func(context.Context, *s3.DeleteBucketPolicyInput, ...func(*s3.Options)) (*s3.DeleteBucketPolicyOutput, error)
	listVersions         func(context.Context, *s3.ListObjectVersionsInput, ...func(*s3.Options)) (*s3.ListObjectVersionsOutput, error)
	deleteObjects        func(context.Context, *s3.DeleteObjectsInput, ...func(*s3.Options)) (*s3.DeleteObjectsOutput, error)
}

func newAPI(cfg aws.Config) *api {
	c := s3.NewFromConfig(cfg, func(o *s3.Options) {
		// A custom endpoint has no host name per bucket.
		o.UsePathStyle = o.BaseEndpoint != nil
	})
	return &api{
		createBucket: c.CreateBucket, deleteBucket: c.DeleteBucket, getTagging: c.GetBucketTagging, putTagging: c.PutBucketTagging,
		getVersioning: c.GetBucketVersioning, putVersioning: c.PutBucketVersioning,
		getEncryption: c.GetBucketEncryption, putEncryption: c.PutBucketEncryption,
		getPublicAccessBlock: c.GetPublicAccessBlock, putPublicAccessBlock: c.PutPublicAccessBlock,
		getOwnership: c.GetBucketOwnershipControls, putOwnership: c.PutBucketOwnershipControls,
		getLifecycle: c.GetBucketLifecycleConfiguration, putLifecycle: c.PutBucketLifecycleConfiguration, deleteLifecycle: c.DeleteBucketLifecycle,
		getCORS: c.GetBucketCors, putCORS: c.PutBucketCors, deleteCORS: c.DeleteBucketCors,
		getPolicy: c.GetBucketPolicy, putPolicy: c.PutBucketPolicy, deletePolicy: c.DeleteBucketPolicy,
		listVersions: c.ListObjectVersions, deleteObjects: c.DeleteObjects,
	}
}

func failed(operation string, err error) error {
	return call.Error("s3:"+operation, err,
		call.NotFound("NoSuchBucket", "NoSuchBucketPolicy"),
		// Another account's bucket is BucketAlreadyExists: nothing that could be adopted, so it is not declared here.
		call.Exists("BucketAlreadyOwnedByYou"))
}

// conflicts is how long S3 may be busy with another operation on the same bucket or name: minutes after a delete.
var conflicts = call.Pace{First: time.Second, Longest: 10 * time.Second, Limit: 10 * time.Minute}

// settled repeats an operation while S3 is busy with another one on the same bucket. fresh also repeats while S3 does not know
// the bucket that it has just made.
func settled(ctx context.Context, bucket string, fresh bool, progress func(string), do func(context.Context) error) error {
	told := false
	tries := 0
	return call.Wait(ctx, conflicts, "S3 is done with another operation on the bucket "+bucket, func(ctx context.Context) (bool, error) {
		err := do(ctx)
		tries++
		switch {
		case call.HasCode(err, "OperationAborted"):
			if !told {
				progress("waiting: S3 is busy with another operation on the bucket " + bucket)
				told = true
			}
			return false, nil
		case fresh && tries < 20 && call.HasCode(err, "NoSuchBucket"):
			return false, nil
		}
		return err == nil, err
	})
}

func partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

// nameLimit is the most characters S3 takes for the name of a bucket.
const nameLimit = 63

// buckets is the ARN of a stack's buckets; those of S3 name neither account nor region.
func buckets(s resource.Scope) string { return "arn:" + s.Partition() + ":s3:::" + s.Names(nameLimit) }

package s3

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/company/deployer/internal/aws"
	"github.com/company/deployer/internal/aws/bucket"
	"github.com/company/deployer/internal/diag"
)

// bucketAPI is the calls for administering a bucket.
type bucketAPI struct {
	head       func(context.Context, *s3.HeadBucketInput, ...func(*s3.Options)) (*s3.HeadBucketOutput, error)
	create     func(context.Context, *s3.CreateBucketInput, ...func(*s3.Options)) (*s3.CreateBucketOutput, error)
	versioning func(context.Context, *s3.GetBucketVersioningInput,
		...func(*s3.Options)) (*s3.GetBucketVersioningOutput, error)
	setVersions func(context.Context, *s3.PutBucketVersioningInput,
		...func(*s3.Options)) (*s3.PutBucketVersioningOutput, error)
	encryption func(context.Context, *s3.GetBucketEncryptionInput,
		...func(*s3.Options)) (*s3.GetBucketEncryptionOutput, error)
	encrypt func(context.Context, *s3.PutBucketEncryptionInput,
		...func(*s3.Options)) (*s3.PutBucketEncryptionOutput, error)
	access func(context.Context, *s3.GetPublicAccessBlockInput,
		...func(*s3.Options)) (*s3.GetPublicAccessBlockOutput, error)
	setAccess func(context.Context, *s3.PutPublicAccessBlockInput,
		...func(*s3.Options)) (*s3.PutPublicAccessBlockOutput, error)
	ownership func(context.Context, *s3.GetBucketOwnershipControlsInput,
		...func(*s3.Options)) (*s3.GetBucketOwnershipControlsOutput, error)
	setOwnership func(context.Context, *s3.PutBucketOwnershipControlsInput,
		...func(*s3.Options)) (*s3.PutBucketOwnershipControlsOutput, error)
	policy func(context.Context, *s3.GetBucketPolicyInput, ...func(*s3.Options)) (*s3.GetBucketPolicyOutput,
		error)
	setPolicy func(context.Context, *s3.PutBucketPolicyInput, ...func(*s3.Options)) (*s3.PutBucketPolicyOutput,
		error)
}

// Admin creates and checks the bucket that holds states.
type Admin struct {
	// Tags are the tags of a new bucket. An existing bucket keeps its own.
	Tags map[string]string

	api    bucketAPI
	bucket string
	region string
	kmsKey string
}

// NewAdmin returns an administrator of that bucket, in cfg's region. kmsKey is the id or ARN of a KMS key for
// encryption; "" is S3's own key (SSE-S3).
func NewAdmin(cfg sdk.Config, s Settings, kmsKey string) *Admin {
	c := bucket.Client(cfg, s.PathStyle)
	return &Admin{
		bucket: s.Bucket, region: cfg.Region, kmsKey: kmsKey,
		api: bucketAPI{
			head: c.HeadBucket, create: c.CreateBucket,
			versioning: c.GetBucketVersioning, setVersions: c.PutBucketVersioning,
			encryption: c.GetBucketEncryption, encrypt: c.PutBucketEncryption,
			access: c.GetPublicAccessBlock, setAccess: c.PutPublicAccessBlock,
			ownership: c.GetBucketOwnershipControls, setOwnership: c.PutBucketOwnershipControls,
			policy: c.GetBucketPolicy, setPolicy: c.PutBucketPolicy,
		},
	}
}

// Create makes the bucket if there is none and corrects what a check finds wrong; it leaves the rest alone. The
// findings are those of the check afterwards.
func (a *Admin) Create(ctx context.Context) ([]aws.Finding, error) {
	exists, where, err := a.exists(ctx)
	if err == nil && exists && where != a.region {
		err = diag.New(diag.Invalid, "Wrong AWS region",
			fmt.Sprintf("The bucket %q is in %s, not in %s.", a.bucket, where, a.region), moveHint(where))
	}
	if err != nil {
		return nil, err
	}
	if !exists {
		if err := a.create(ctx); err != nil {
			return nil, err
		}
	}
	for _, p := range a.properties() {
		ok, _, err := p.check(ctx)
		if err == nil && !ok {
			err = p.fix(ctx)
		}
		if err != nil {
			return nil, err
		}
	}
	return a.Check(ctx)
}

// Check looks at all properties that the bucket should have. A bucket that is missing or not ours is a finding, too.
func (a *Admin) Check(ctx context.Context) ([]aws.Finding, error) {
	exists, where, err := a.exists(ctx)
	if err != nil {
		return nil, err
	}
	found := aws.Finding{What: "Bucket " + a.bucket, OK: exists && where == a.region, Detail: "exists in " + where}
	if !exists {
		found.Detail, found.Fix = "does not exist", bucket.CreateHint(a.bucket)
		return []aws.Finding{found}, nil
	}
	if !found.OK {
		found.Detail, found.Fix = found.Detail+", not in "+a.region, moveHint(where)
	}
	out := []aws.Finding{found}
	for _, p := range a.properties() {
		ok, detail, err := p.check(ctx)
		if err != nil {
			return out, err
		}
		f := aws.Finding{What: p.what, OK: ok, Detail: detail}
		if !ok {
			f.Fix = bucket.CreateHint(a.bucket) + " It changes only wrong settings."
		}
		out = append(out, f)
	}
	return out, nil
}

func moveHint(region string) string {
	return fmt.Sprintf("Set backend.region (or --backend-region) to %s.", region)
}

// exists asks whether the bucket exists, and in which region.
func (a *Admin) exists(ctx context.Context) (found bool, region string, err error) {
	out, err := a.api.head(ctx, &s3.HeadBucketInput{Bucket: &a.bucket})
	switch {
	case err == nil:
		return true, cmp.Or(sdk.ToString(out.BucketRegion), a.region), nil
	case bucket.HasCode(err, "NotFound", "NoSuchBucket") || aws.Status(err) == 404:
		return false, "", nil
	case aws.Status(err) == 403:
		return false, "", bucket.Foreign(a.bucket, "s3:HeadBucket", err)
	}
	return false, "", aws.Problem("s3:HeadBucket", err)
}

func (a *Admin) create(ctx context.Context) error {
	in := &s3.CreateBucketInput{Bucket: &a.bucket, ObjectOwnership: types.ObjectOwnershipBucketOwnerEnforced}
	if a.region != "us-east-1" { // S3 refuses this region as a constraint
		in.CreateBucketConfiguration = &types.CreateBucketConfiguration{
			LocationConstraint: types.BucketLocationConstraint(a.region),
		}
	}
	for _, key := range slices.Sorted(maps.Keys(a.Tags)) {
		if in.CreateBucketConfiguration == nil {
			in.CreateBucketConfiguration = &types.CreateBucketConfiguration{}
		}
		in.CreateBucketConfiguration.Tags = append(in.CreateBucketConfiguration.Tags,
			types.Tag{Key: &key, Value: sdk.String(a.Tags[key])})
	}
	_, err := a.api.create(ctx, in)
	switch {
	case err == nil, bucket.HasCode(err, "BucketAlreadyOwnedByYou"):
		return nil
	case bucket.HasCode(err, "BucketAlreadyExists"):
		return bucket.Foreign(a.bucket, "s3:CreateBucket", err)
	}
	return aws.Problem("s3:CreateBucket", err)
}

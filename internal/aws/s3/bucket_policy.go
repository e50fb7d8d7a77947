package s3

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/company/deployer/internal/aws/policy"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/s3"
	"github.com/company/deployer/internal/value"
)

type (
	bucketPolicyCall = resource.Call[model.BucketPolicy, model.BucketPolicyOutputs]
	bucketPolicy     struct{ api *s3.Client }
)

// newBucketPolicy returns the type whose objects are a sub-resource of a bucket; their id is the bucket's name.
func newBucketPolicy(api *s3.Client) resource.Behaviour {
	p := bucketPolicy{api}
	return &resource.Typed[model.BucketPolicy, model.BucketPolicyOutputs]{
		Def: resource.Definition{
			Type: model.BucketPolicyType, Version: 1,
			ReplaceOn: []string{"bucket"},
			NotYet: []resource.NotYet{
				{Operations: []string{"s3:PutBucketPolicy"}, Codes: []string{"NoSuchBucket"}, New: true},
				// S3 refuses a role that IAM has not spread yet as an invalid principal.
				{
					Operations: []string{"s3:PutBucketPolicy"}, Codes: []string{"MalformedPolicy"},
					Says: []string{"principal"}, Within: 20 * time.Second,
				},
			},
			Permissions: func(s resource.Scope) []resource.Statement {
				return []resource.Statement{{On: []string{buckets(s)}, Actions: []string{
					"s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy",
				}}}
			},
		},
		CheckProps: func(props *model.BucketPolicy) []value.Problem { return policy.Check("policy", &props.Policy) },
		CreateObject: func(ctx context.Context, c bucketPolicyCall) (string, model.BucketPolicyOutputs, error) {
			bucket := c.Props.Bucket.Get()
			return bucket, model.BucketPolicyOutputs{}, p.put(ctx, c, bucket)
		},
		ReadObject: p.read,
		Find: func(ctx context.Context, c bucketPolicyCall) (string, map[string]string, error) {
			if c.ID = c.Props.Bucket.Get(); c.ID == "" {
				// an interrupted run did not know the bucket, so it made no policy either
				return "", nil, resource.ErrNotFound
			}
			_, _, err := p.read(ctx, c)
			return c.ID, nil, err
		},
		UpdateObject: func(ctx context.Context, c bucketPolicyCall) (model.BucketPolicyOutputs, error) {
			return c.Out, p.put(ctx, c, c.ID)
		},
		DeleteObject: func(ctx context.Context, c bucketPolicyCall) error {
			return whileBusy(ctx, c.ID, c.Progress, func(ctx context.Context) error {
				_, err := p.api.DeleteBucketPolicy(ctx, &s3.DeleteBucketPolicyInput{Bucket: &c.ID})
				return failed(err)
			})
		},
	}
}

func (p bucketPolicy) put(ctx context.Context, c bucketPolicyCall, bucket string) error {
	text, err := policy.Text(c.Props.Policy)
	if err != nil {
		return err
	}
	return whileBusy(ctx, bucket, c.Progress, func(ctx context.Context) error {
		_, err := p.api.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: &bucket, Policy: &text})
		return failed(err)
	})
}

func (p bucketPolicy) read(
	ctx context.Context, c bucketPolicyCall,
) (model.BucketPolicy, model.BucketPolicyOutputs, error) {
	out, err := p.api.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &c.ID})
	if err != nil {
		return model.BucketPolicy{}, model.BucketPolicyOutputs{}, failed(err)
	}
	doc, err := policy.Read(aws.ToString(out.Policy), c.Old.Policy)
	return model.BucketPolicy{Bucket: value.Lit(c.ID), Policy: doc}, model.BucketPolicyOutputs{}, err
}

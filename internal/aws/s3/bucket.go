package s3

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/tagging"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/s3"
)

type (
	bucketCall = resource.Call[model.Bucket, model.BucketOutputs]
	bucket     struct {
		api    *s3.Client
		region string
	}
)

func newBucket(api *s3.Client, region string) resource.Behaviour {
	b := bucket{api, region}
	return &resource.Typed[model.Bucket, model.BucketOutputs]{
		Def: resource.Definition{
			Type: model.BucketType, Version: 1,
			ReplaceOn: []string{"name"},
			FindFirst: true, // in us-east-1, CreateBucket of an own bucket succeeds
			DataLoss:  true,
			Remark:    bucketRemark,
			// A new bucket is not known everywhere in S3 at once.
			NotYet: []resource.NotYet{{
				Operations: []string{
					"s3:PutBucketTagging", "s3:PutPublicAccessBlock", "s3:PutBucketOwnershipControls",
					"s3:PutBucketEncryption", "s3:PutBucketVersioning",
					"s3:PutBucketLifecycleConfiguration", "s3:DeleteBucketLifecycle", "s3:PutBucketCors",
					"s3:DeleteBucketCors",
				},
				Codes: []string{"NoSuchBucket"}, New: true, Within: 3 * time.Minute,
			}},
			Permissions: bucketPermissions,
		},
		CheckProps: checkBucket, CreateObject: b.create, ReadObject: b.read, UpdateObject: b.update,
		DeleteObject: b.delete,
		InTheWay:     b.inTheWay, Find: b.find, Taggable: true, Untagged: b.nameless,
		Observe: resource.Observing[model.Bucket, model.BucketOutputs]{Metrics: bucketMetrics},
	}
}

func (b bucket) outputs(name string) model.BucketOutputs {
	in := resource.PartitionOf(b.region)
	return model.BucketOutputs{
		Name: name, ARN: "arn:" + in.Name + ":s3:::" + name,
		Domain: name + ".s3." + b.region + "." + in.DNS,
	}
}

// create makes the bucket with its tags in one call, then sets one part after the other. Adoption continues an
// interrupted create and sets what is missing. If a part fails, the bucket is recorded as unfinished. Where S3 takes no
// tags in CreateBucket, the first part is tags.
func (b bucket) create(ctx context.Context, c bucketCall) (string, model.BucketOutputs, error) {
	name := c.Props.Name
	in := &s3.CreateBucketInput{
		Bucket: &name, ObjectOwnership: types.ObjectOwnershipBucketOwnerEnforced,
		CreateBucketConfiguration: &types.CreateBucketConfiguration{
			Tags: tagging.List(tagging.Wanted(c.Tags, c.Props.Tags), tag),
		},
	}
	if b.region != "us-east-1" { // there, S3 refuses a location
		in.CreateBucketConfiguration.LocationConstraint = types.BucketLocationConstraint(b.region)
	}
	err := whileBusy(ctx, name, c.Progress, func(ctx context.Context) error {
		_, err := b.api.CreateBucket(ctx, in)
		if b.untaggedAtFirst() && len(in.CreateBucketConfiguration.Tags) > 0 && call.HasCode(err, tagsRefused...) {
			in.CreateBucketConfiguration.Tags = nil
			_, err = b.api.CreateBucket(ctx, in)
		}
		return failed(err)
	})
	if call.HasCode(err, "BucketAlreadyExists") {
		return "", model.BucketOutputs{}, &resource.OwnedError{Type: model.BucketType, Name: name}
	}
	// Find saw no such bucket a moment ago. So a bucket without tags is our own create, repeated by the SDK after a
	// lost answer; S3 may show a new bucket's tags late. A tagged bucket is adopted.
	if errors.Is(err, resource.ErrExists) {
		if tags, tagsErr := b.tags(ctx, name); tagsErr == nil && len(tags) == 0 {
			err = nil
		}
	}
	if err != nil {
		return "", model.BucketOutputs{}, err
	}
	made := model.Bucket{Name: name}
	if err := b.apply(ctx, c, made); err != nil {
		// Recorded as it is, so that the next run continues; if the read fails, as a bucket with nothing set.
		actual, _, readErr := b.read(ctx, bucketCall{Request: resource.Request{ID: name}, Old: c.Props})
		if readErr != nil {
			actual = made
		}
		return "", model.BucketOutputs{}, &resource.Unfinished[model.Bucket, model.BucketOutputs]{
			ID: name, Props: actual, Out: b.outputs(name), Err: err,
		}
	}
	return name, b.outputs(name), nil
}

// tagsRefused are the errors of an S3 that does not support tags in CreateBucket.
var tagsRefused = []string{"MalformedXML", "InvalidRequest", "InvalidArgument", "UnsupportedArgument", "NotImplemented"}

// untaggedAtFirst reports whether a new bucket may be without tags for a moment. AWS's own partition always takes tags
// in CreateBucket.
func (b bucket) untaggedAtFirst() bool { return resource.PartitionOf(b.region).Name != "aws" }

// nameless reports whether a bucket without any tags may be ours: a run made it and was interrupted before it could tag
// it. Such a bucket is empty.
func (b bucket) nameless(ctx context.Context, _ bucketCall, name string) (bool, error) {
	if !b.untaggedAtFirst() {
		return false, nil
	}
	one := int32(1)
	page, err := b.versions(ctx, &s3.ListObjectVersionsInput{Bucket: &name, MaxKeys: &one})
	if err != nil {
		return false, err
	}
	return len(page.Versions)+len(page.DeleteMarkers) == 0, nil
}

func (b bucket) update(ctx context.Context, c bucketCall) (model.BucketOutputs, error) {
	return b.outputs(c.ID), b.apply(ctx, c, c.Old)
}

func (b bucket) find(ctx context.Context, c bucketCall) (string, map[string]string, error) {
	tags, err := b.tags(ctx, c.Props.Name)
	var op *resource.OpError
	if errors.As(err, &op) && call.HasCode(err, "AccessDenied", "PermanentRedirect") {
		op.Next = "the bucket " + c.Props.Name +
			" exists in another account or region, or the role may not s3:GetBucketTagging"
	}
	return c.Props.Name, tags, err
}

func (b bucket) tags(ctx context.Context, name string) (map[string]string, error) {
	out, err := b.api.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: &name})
	if call.HasCode(err, "NoSuchTagSet", "NoSuchTagSetError") {
		return nil, nil
	}
	if err != nil {
		return nil, failed(err)
	}
	return tagging.Map(out.TagSet, tag), nil
}

// tag points to key and value of a tag.
func tag(t *types.Tag) (key, text **string) { return &t.Key, &t.Value }

func bucketPermissions(s resource.Scope) []resource.Statement {
	out := []resource.Statement{
		{On: []string{buckets(s)}, Actions: []string{
			"s3:CreateBucket", "s3:DeleteBucket", "s3:GetBucketTagging", "s3:PutBucketTagging",
			"s3:GetBucketVersioning", "s3:PutBucketVersioning", "s3:GetEncryptionConfiguration",
			"s3:PutEncryptionConfiguration",
			"s3:GetBucketPublicAccessBlock", "s3:PutBucketPublicAccessBlock",
			"s3:GetBucketOwnershipControls", "s3:PutBucketOwnershipControls",
			"s3:GetLifecycleConfiguration", "s3:PutLifecycleConfiguration", "s3:GetBucketCORS", "s3:PutBucketCORS",
			"s3:ListBucketVersions", // to see whether AWS would refuse a delete, and to empty a bucket
		}},
		{On: []string{buckets(s)}, Actions: []string{"s3:TagResource"}, Why: "CreateBucket gives the bucket its tags"},
	}
	if force := s.Props.Get("forceDestroy"); s.Props.IsNull() || !force.Known() || force.Bool() {
		// Only a bucket with ForceDestroy is emptied: no other deployment may delete objects.
		out = append(out,
			resource.Statement{
				On:      []string{buckets(s) + "/*"},
				Actions: []string{"s3:DeleteObject", "s3:DeleteObjectVersion"},
			})
	}
	return out
}

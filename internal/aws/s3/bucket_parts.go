package s3

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/tagging"
	model "github.com/company/deployer/internal/resource/s3"
	"github.com/company/deployer/internal/value"
)

// part is one sub-resource of a bucket, set by its own call. Each call sets the whole part, so it may be repeated.
type part struct {
	of  func(model.Bucket) any // the part's properties
	put func(ctx context.Context, b model.Bucket) error
}

// parts are in the order of urgency: parts that protect data come first.
func (b bucket) parts() []part {
	return []part{
		{func(p model.Bucket) any { return p.PublicAccessBlock }, b.putPublicAccessBlock},
		{func(p model.Bucket) any { return p.ObjectOwnership }, b.putOwnership},
		{func(p model.Bucket) any { return p.Encryption }, b.putEncryption},
		{func(p model.Bucket) any { return p.Versioning }, b.putVersioning},
		{func(p model.Bucket) any { return p.Lifecycle }, b.putLifecycle},
		{func(p model.Bucket) any { return p.CORS }, b.putCORS},
	}
}

// apply changes the bucket from old to wanted, one part after the other: S3 refuses two simultaneous changes of a
// bucket.
func (b bucket) apply(ctx context.Context, c bucketCall, old model.Bucket) error {
	name := c.Props.Name
	tags := tagging.List(tagging.Wanted(c.Tags, c.Props.Tags), tag) // PutBucketTagging replaces all tags
	err := whileBusy(ctx, name, c.Progress, func(ctx context.Context) error {
		_, err := b.api.PutBucketTagging(ctx, &s3.PutBucketTaggingInput{
			Bucket: &name, Tagging: &types.Tagging{TagSet: tags},
		})
		return failed(err)
	})
	if err != nil {
		return err
	}
	for _, p := range b.parts() {
		if value.Equal(value.Encode(p.of(old)), value.Encode(p.of(c.Props))) {
			continue
		}
		if err := whileBusy(ctx, name, c.Progress, func(ctx context.Context) error {
			return p.put(ctx, c.Props)
		}); err != nil {
			return err
		}
	}
	return nil
}

func (b bucket) putPublicAccessBlock(ctx context.Context, p model.Bucket) error {
	_, err := b.api.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{
		Bucket: &p.Name,
		PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{
			BlockPublicAcls: p.PublicAccessBlock, BlockPublicPolicy: p.PublicAccessBlock,
			IgnorePublicAcls: p.PublicAccessBlock, RestrictPublicBuckets: p.PublicAccessBlock,
		},
	})
	return failed(err)
}

func (b bucket) putOwnership(ctx context.Context, p model.Bucket) error {
	_, err := b.api.PutBucketOwnershipControls(ctx, &s3.PutBucketOwnershipControlsInput{
		Bucket: &p.Name, OwnershipControls: &types.OwnershipControls{
			Rules: []types.OwnershipControlsRule{{ObjectOwnership: types.ObjectOwnership(p.ObjectOwnership)}},
		},
	})
	return failed(err)
}

func (b bucket) putEncryption(ctx context.Context, p model.Bucket) error {
	def := &types.ServerSideEncryptionByDefault{SSEAlgorithm: types.ServerSideEncryption(p.Encryption.Algorithm)}
	if key := p.Encryption.KMSKey.Get(); key != "" {
		def.KMSMasterKeyID = &key
	}
	_, err := b.api.PutBucketEncryption(ctx, &s3.PutBucketEncryptionInput{
		Bucket: &p.Name, ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{
			Rules: []types.ServerSideEncryptionRule{
				{ApplyServerSideEncryptionByDefault: def, BucketKeyEnabled: &p.Encryption.BucketKey},
			},
		},
	})
	return failed(err)
}

func (b bucket) putVersioning(ctx context.Context, p model.Bucket) error {
	status := types.BucketVersioningStatusSuspended
	if p.Versioning {
		status = types.BucketVersioningStatusEnabled
	}
	_, err := b.api.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{
		Bucket: &p.Name, VersioningConfiguration: &types.VersioningConfiguration{Status: status},
	})
	return failed(err)
}

func (b bucket) putLifecycle(ctx context.Context, p model.Bucket) error {
	if len(p.Lifecycle) == 0 {
		_, err := b.api.DeleteBucketLifecycle(ctx, &s3.DeleteBucketLifecycleInput{Bucket: &p.Name})
		return failed(err)
	}
	_, err := b.api.PutBucketLifecycleConfiguration(ctx, &s3.PutBucketLifecycleConfigurationInput{
		Bucket: &p.Name, LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: toLifecycle(p.Lifecycle)},
	})
	return failed(err)
}

func (b bucket) putCORS(ctx context.Context, p model.Bucket) error {
	if len(p.CORS) == 0 {
		_, err := b.api.DeleteBucketCors(ctx, &s3.DeleteBucketCorsInput{Bucket: &p.Name})
		return failed(err)
	}
	_, err := b.api.PutBucketCors(ctx, &s3.PutBucketCorsInput{
		Bucket: &p.Name, CORSConfiguration: &types.CORSConfiguration{CORSRules: toCORS(p.CORS)},
	})
	return failed(err)
}

// read reads all parts side by side. A part that was never set has its own error code.
func (b bucket) read(ctx context.Context, c bucketCall) (model.Bucket, model.BucketOutputs, error) {
	name := c.ID
	p := model.Bucket{Name: name, ForceDestroy: c.Old.ForceDestroy}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		tags, err := b.tags(ctx, name)
		p.Tags = tagging.Seen(c.Request, tags)
		return err
	})
	group.Go(func() error {
		out, err := b.api.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &name})
		if err == nil {
			p.Versioning = out.Status == types.BucketVersioningStatusEnabled
		}
		return failed(err)
	})
	group.Go(func() error { return b.readAccessBlock(ctx, &p) })
	group.Go(func() error { return b.readOwnership(ctx, &p) })
	group.Go(func() error {
		out, err := b.api.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: &name})
		if call.HasCode(err, "ServerSideEncryptionConfigurationNotFoundError") {
			p.Encryption = &model.Encryption{Algorithm: "AES256"} // S3's default
			return nil
		}
		if err == nil {
			p.Encryption = fromEncryption(out.ServerSideEncryptionConfiguration)
		}
		return failed(err)
	})
	group.Go(func() error {
		out, err := b.api.GetBucketLifecycleConfiguration(ctx, &s3.GetBucketLifecycleConfigurationInput{Bucket: &name})
		if call.HasCode(err, "NoSuchLifecycleConfiguration") {
			return nil
		}
		if err == nil {
			p.Lifecycle = fromLifecycle(out.Rules)
		}
		return failed(err)
	})
	group.Go(func() error {
		out, err := b.api.GetBucketCors(ctx, &s3.GetBucketCorsInput{Bucket: &name})
		if call.HasCode(err, "NoSuchCORSConfiguration") {
			return nil
		}
		if err == nil {
			p.CORS = fromCORS(out.CORSRules)
		}
		return failed(err)
	})
	err := group.Wait()
	return p, b.outputs(name), err
}

func (b bucket) readAccessBlock(ctx context.Context, p *model.Bucket) error {
	blocked := false
	p.PublicAccessBlock = &blocked
	access, err := b.api.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: &p.Name})
	switch {
	case call.HasCode(err, "NoSuchPublicAccessBlockConfiguration"):
	case err != nil:
		return failed(err)
	case access.PublicAccessBlockConfiguration != nil:
		set := access.PublicAccessBlockConfiguration
		blocked = is(set.BlockPublicAcls) && is(set.BlockPublicPolicy) && is(set.IgnorePublicAcls) &&
			is(set.RestrictPublicBuckets)
	}
	return nil
}

func (b bucket) readOwnership(ctx context.Context, p *model.Bucket) error {
	ownership, err := b.api.GetBucketOwnershipControls(ctx, &s3.GetBucketOwnershipControlsInput{Bucket: &p.Name})
	switch {
	case call.HasCode(err, "OwnershipControlsNotFoundError"):
	case err != nil:
		return failed(err)
	case ownership.OwnershipControls != nil && len(ownership.OwnershipControls.Rules) > 0:
		p.ObjectOwnership = string(ownership.OwnershipControls.Rules[0].ObjectOwnership)
	}
	return nil
}

func is(b *bool) bool { return b != nil && *b }

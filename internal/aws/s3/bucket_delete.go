package s3

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
)

// delete deletes the bucket, with all its objects if the state says forceDestroy.
func (b bucket) delete(ctx context.Context, c bucketCall) error {
	err := whileBusy(ctx, c.ID, c.Progress, func(ctx context.Context) error {
		for {
			_, err := b.api.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &c.ID})
			if !call.HasCode(err, "BucketNotEmpty") || !c.Old.ForceDestroy {
				return failed(err)
			}
			// Somebody may still write into the bucket, faster than one round deletes.
			if err := b.empty(ctx, c); err != nil {
				return err
			}
		}
	})
	var op *resource.OpError
	if errors.As(err, &op) && op.Code == "BucketNotEmpty" {
		op.Next = howToEmpty(c.ID)
	}
	if err != nil {
		return err
	}
	return call.Wait(ctx, call.Eventually, "the bucket "+c.ID+" is gone", func(ctx context.Context) (bool, error) {
		_, err := b.tags(ctx, c.ID)
		if errors.Is(err, resource.ErrNotFound) {
			return true, nil
		}
		return false, err
	})
}

func howToEmpty(name string) string {
	return "empty the bucket " + name + " (all versions), or set forceDestroy: true, apply, and then remove it"
}

// inTheWay checks for objects in a bucket that the delete would not empty.
func (b bucket) inTheWay(ctx context.Context, c bucketCall, _ resource.Neighbours) ([]plan.Obstacle, error) {
	if c.Old.ForceDestroy {
		return nil, nil
	}
	one := int32(1)
	page, err := b.versions(ctx, &s3.ListObjectVersionsInput{Bucket: &c.ID, MaxKeys: &one})
	if err != nil {
		return nil, err
	}
	what := "objects"
	switch {
	case len(page.Versions) > 0 && !is(page.Versions[0].IsLatest), len(page.Versions) == 0 &&
		len(page.DeleteMarkers) > 0:
		what = "versions of objects: old versions or delete markers"
	case len(page.Versions) == 0:
		return nil, nil
	}
	return []plan.Obstacle{{What: "the bucket " + c.ID + " is not empty: it holds " + what, Next: howToEmpty(c.ID)}},
		nil
}

func (b bucket) versions(ctx context.Context, in *s3.ListObjectVersionsInput) (*s3.ListObjectVersionsOutput, error) {
	page, err := b.api.ListObjectVersions(ctx, in)
	err = failed(err)
	var op *resource.OpError
	if errors.As(err, &op) && op.Denied() { // the operation's name is not an action
		op.Next = resource.DeniedAdvice("s3:ListBucketVersions", op.Message)
	}
	return page, err
}

// empty deletes every version of every object, page by page.
func (b bucket) empty(ctx context.Context, c bucketCall) error {
	in := &s3.ListObjectVersionsInput{Bucket: &c.ID}
	for deleted := 0; ; {
		page, err := b.versions(ctx, in)
		if err != nil {
			return err
		}
		var objects []types.ObjectIdentifier
		for _, v := range page.Versions {
			objects = append(objects, types.ObjectIdentifier{Key: v.Key, VersionId: v.VersionId})
		}
		for _, m := range page.DeleteMarkers {
			objects = append(objects, types.ObjectIdentifier{Key: m.Key, VersionId: m.VersionId})
		}
		if len(objects) > 0 {
			quiet := true
			out, err := b.api.DeleteObjects(ctx,
				&s3.DeleteObjectsInput{Bucket: &c.ID, Delete: &types.Delete{Objects: objects, Quiet: &quiet}})
			if err != nil {
				return failed(err)
			}
			if len(out.Errors) > 0 {
				first := out.Errors[0]
				op := &resource.OpError{
					Operation: "s3:DeleteObjects", Code: aws.ToString(first.Code),
					Message: fmt.Sprintf("%d objects of %s cannot be deleted, the first is %s: %s", len(out.Errors),
						c.ID, aws.ToString(first.Key), aws.ToString(first.Message)),
				}
				if op.Denied() { // the operation's name is not an action
					op.Next = resource.DeniedAdvice("s3:DeleteObject and s3:DeleteObjectVersion",
						aws.ToString(first.Message))
				}
				return op
			}
			deleted += len(objects)
			c.Progress(fmt.Sprintf("emptying the bucket %s: %d versions deleted", c.ID, deleted))
		}
		if !is(page.IsTruncated) {
			return nil
		}
		in.KeyMarker, in.VersionIdMarker = page.NextKeyMarker, page.NextVersionIdMarker
	}
}

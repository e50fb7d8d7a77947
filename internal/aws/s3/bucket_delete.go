package s3

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/resource"
)

// delete removes the bucket, with all that is in it when the state says forceDestroy.
func (b bucket) delete(ctx context.Context, c bucketCall) error {
	err := settled(ctx, c.ID, false, c.Progress, func(ctx context.Context) error {
		for {
			_, err := b.api().deleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &c.ID})
			if !call.HasCode(err, "BucketNotEmpty") || !c.Old.ForceDestroy {
				return failed("DeleteBucket", err)
			}
			// Whoever still writes into the bucket may be faster than one round.
			if err := b.empty(ctx, c); err != nil {
				return err
			}
		}
	})
	var op *resource.OpError
	if errors.As(err, &op) && op.Code == "BucketNotEmpty" {
		op.Next = "empty the bucket " + c.ID + " (all versions), or set forceDestroy: true, apply, and then remove it"
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

// empty deletes every version of every object, page by page.
func (b bucket) empty(ctx context.Context, c bucketCall) error {
	in := &s3.ListObjectVersionsInput{Bucket: &c.ID}
	for deleted := 0; ; {
		page, err := b.api().listVersions(ctx, in)
		if err != nil {
			return failed("ListObjectVersions", err)
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
			out, err := b.api().deleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: &c.ID, Delete: &types.Delete{Objects: objects, Quiet: &quiet}})
			if err != nil {
				return failed("DeleteObjects", err)
			}
			if len(out.Errors) > 0 {
				first := out.Errors[0]
				op := &resource.OpError{
					Operation: "s3:DeleteObjects", Code: text(first.Code),
					Message: fmt.Sprintf("%d objects of %s cannot be deleted, the first is %s: %s", len(out.Errors), c.ID, text(first.Key), text(first.Message)),
				}
				if op.Denied() { // no action is called like the operation
					op.Next = resource.DeniedAdvice("s3:DeleteObject and s3:DeleteObjectVersion", text(first.Message))
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

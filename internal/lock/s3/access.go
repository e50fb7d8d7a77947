package s3

import (
	"context"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/company/deployer/internal/aws"
	"github.com/company/deployer/internal/aws/bucket"
	"github.com/company/deployer/internal/lock"
)

// Access tries what locking does, and changes nothing: the write has a condition that S3 never meets. Only an endpoint
// that ignores conditions would write, so ask the states first.
func (t *Table) Access(ctx context.Context, key lock.Key) []aws.Finding {
	name := t.objectKey(key)
	_, readErr := t.Get(ctx, key)
	_, err := t.api.put(ctx, bucket.Encrypted(&s3.PutObjectInput{
		Bucket: &t.bucket, Key: &name, IfMatch: sdk.String(`"00000000000000000000000000000000"`),
		Body: strings.NewReader(""),
	}, t.encryption))
	if bucket.HasCode(err, "NoSuchKey", "PreconditionFailed", "ConditionalRequestConflict") {
		err = nil
	}
	place := "s3://" + t.bucket + "/" + name
	return []aws.Finding{
		aws.Tried("Read the lock", place, readErr),
		aws.Tried("Take the lock", place, bucket.Problem(t.bucket, "s3:PutObject", err)),
	}
}

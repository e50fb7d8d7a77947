package s3

import (
	"context"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/company/deployer/internal/aws"
	"github.com/company/deployer/internal/aws/bucket"
	"github.com/company/deployer/internal/state"
)

// noETag is the ETag of no object: a write on that condition changes nothing.
const noETag = `"00000000000000000000000000000000"`

// Access tries what a deployment does with the state of a key, and changes nothing: a write has a condition that S3
// never meets, and S3 checks the permission first.
func (b *Backend) Access(ctx context.Context, key state.Key) []aws.Finding {
	s := &store{Backend: b, key: key, root: b.prefix + key.Path() + "/"}
	list := func() error {
		_, err := b.api.list(ctx, &s3.ListObjectsV2Input{Bucket: &b.bucket, Prefix: &s.root, MaxKeys: sdk.Int32(1)})
		return err
	}
	read := func() error {
		_, err := b.api.get(ctx, &s3.GetObjectInput{Bucket: &b.bucket, Key: sdk.String(s.root + "state.json")})
		if bucket.HasCode(err, "NoSuchKey") {
			return nil
		}
		return err
	}
	place := b.where(s.root)
	return []aws.Finding{
		aws.Tried("List the state", place, b.problem("s3:ListBucket", list())),
		aws.Tried("Read the state", place, b.problem("s3:GetObject", read())),
		b.tryWrite(ctx, s.root, place),
	}
}

// tryWrite tries to write an object beside the state.
func (b *Backend) tryWrite(ctx context.Context, root, place string) aws.Finding {
	_, err := b.api.put(ctx, bucket.Encrypted(&s3.PutObjectInput{
		Bucket: &b.bucket, Key: sdk.String(root + "doctor"), IfMatch: sdk.String(noETag), Body: strings.NewReader(""),
	}, b.encryption))
	switch {
	case err == nil:
		return aws.Finding{
			What: "Write the state", Detail: "this endpoint ignores the condition of a write (If-Match)",
			Fix: "Use S3, or a store with conditional writes. Without them two runs overwrite each other's state.",
		}
	case bucket.HasCode(err, "NoSuchKey", "PreconditionFailed", "ConditionalRequestConflict"):
		err = nil
	}
	return aws.Tried("Write the state", place, b.problem("s3:PutObject", err))
}

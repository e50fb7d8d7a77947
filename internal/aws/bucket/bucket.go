// Package bucket is what states and locks share of the team's S3 bucket: the client, prefixes, the headers of writes,
// and what S3's errors mean to the user of the bucket.
//
// In: an SDK configuration; names and errors. Out: a client, inputs with headers, diagnostics. It must not know what
// the objects hold, and its client must not ask a lock's guard.
package bucket

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/company/deployer/internal/aws"
	"github.com/company/deployer/internal/diag"
)

// Client returns a client; pathStyle is for endpoints that are not AWS's own.
func Client(cfg sdk.Config, pathStyle bool, options ...func(*s3.Options)) *s3.Client {
	return s3.NewFromConfig(cfg, append(options, func(o *s3.Options) {
		o.UsePathStyle = pathStyle
		o.DisableLogOutputChecksumValidationSkipped = true // objects written by others have none, which is no news
	})...)
}

// Prefix returns a prefix in its one form: "" or "a/b/".
func Prefix(prefix string) string {
	if prefix = strings.Trim(prefix, "/"); prefix == "" {
		return ""
	}
	return prefix + "/"
}

// KMSKey is the key that an encryption names; "": it names none.
func KMSKey(encryption string) string {
	if encryption == string(types.ServerSideEncryptionAes256) ||
		encryption == string(types.ServerSideEncryptionAwsKms) {
		return ""
	}
	return encryption
}

// Encrypted adds the headers that a policy of the organisation may demand of every write; "": none.
func Encrypted(in *s3.PutObjectInput, encryption string) *s3.PutObjectInput {
	in.ServerSideEncryption = types.ServerSideEncryption(encryption)
	if key := KMSKey(encryption); key != "" {
		in.ServerSideEncryption, in.SSEKMSKeyId = types.ServerSideEncryptionAwsKms, &key
	}
	return in
}

// HasCode reports whether S3 answered with one of the codes.
func HasCode(err error, codes ...string) bool {
	var api interface{ ErrorCode() string }
	return errors.As(err, &api) && slices.Contains(codes, api.ErrorCode())
}

// Problem is Problem of package aws with what S3 says about buckets.
func Problem(bucket, operation string, err error) error {
	switch {
	case HasCode(err, "NoSuchBucket"):
		return missing(bucket, operation, err)
	// a caller that could read is no stranger
	case HasCode(err, "AccessDenied", "Forbidden") && operation != "s3:PutObject" && operation != "s3:DeleteObject":
		return Foreign(bucket, operation, err)
	}
	return aws.Problem(operation, err)
}

// Foreign says that the bucket exists, but refuses an operation.
func Foreign(bucket, operation string, err error) error {
	return explained(diag.New(diag.Invalid, "Bucket is not accessible",
		fmt.Sprintf("The S3 bucket %q exists, but refuses %s to these credentials. Bucket names are global: it may "+
			"be somebody else's.", bucket, operation),
		"Check the name and the account, allow "+operation+" and s3:ListBucket on the bucket in the IAM policy "+
			"(`deployer iam policy` prints it), or choose another name."), operation, err)
}

func missing(bucket, operation string, err error) error {
	return explained(diag.New(diag.Invalid, "Bucket does not exist",
		fmt.Sprintf("There is no S3 bucket %q for the state.", bucket),
		"Check backend.bucket. "+CreateHint(bucket)), operation, err)
}

func explained(d *diag.Diagnostic, operation string, err error) *diag.Diagnostic {
	d.Operation, d.RequestID, d.Cause = operation, aws.RequestID(err), err
	return d
}

// CreateHint is the command that creates or mends the bucket.
func CreateHint(bucket string) string {
	return fmt.Sprintf("Run `deployer backend create --bucket %s`.", bucket)
}

package s3

import "github.com/company/deployer/internal/value"

// BucketPolicyType is the type of a bucket's resource policy. It is a resource of its own because the document names
// the bucket's ARN.
const BucketPolicyType = "s3/bucket-policy"

// BucketPolicy is the policy of a bucket. A bucket has at most one: an existing one is overwritten. S3 rewrites
// documents (account ids in principals become ARNs of the root user): write principals as ARNs.
type BucketPolicy struct {
	Bucket value.Of[string] `json:"bucket" required:"true" doc:"Name of the bucket."`
	Policy value.Value      `json:"policy" required:"true" doc:"Policy document as a map or as JSON text; principals as ARNs."`
}

// Policy is a policy document of those statements.
func Policy(statements ...value.Value) value.Value {
	return value.NewMap(map[string]value.Value{
		"Version": value.NewString("2012-10-17"), "Statement": value.NewList(statements...),
	})
}

// TLSOnly is the statement of a bucket's policy that refuses requests without TLS.
func TLSOnly(bucketARN value.Value) value.Value {
	return value.NewMap(map[string]value.Value{
		"Sid":       value.NewString("TLSOnly"),
		"Effect":    value.NewString("Deny"),
		"Principal": value.NewString("*"),
		"Action":    value.NewString("s3:*"),
		"Resource":  value.NewList(bucketARN, value.Concat(bucketARN, "/*")),
		"Condition": value.NewMap(map[string]value.Value{
			"Bool": value.NewMap(map[string]value.Value{"aws:SecureTransport": value.NewString("false")}),
		}),
	})
}

// BucketPolicyOutputs is what AWS adds to a bucket's policy: nothing.
type BucketPolicyOutputs struct{}

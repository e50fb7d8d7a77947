package s3

import (
	"strings"

	"github.com/company/deployer/internal/aws/bucket"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/state"
)

// Permissions are the permissions to keep the states of the scope's stack in the bucket, and to check the bucket. S3
// says "no such object" only to callers that may list the bucket: to others it denies the access.
func (s Settings) Permissions(scope resource.Scope) []resource.Statement {
	arn := "arn:" + scope.Partition() + ":s3:::" + s.Bucket
	root := state.Key{Stack: scope.Stack, Environment: scope.Environment}.Path() + "/"
	if prefix := strings.Trim(s.Prefix, "/"); prefix != "" {
		root = prefix + "/" + root
	}
	out := []resource.Statement{
		{On: []string{arn}, Actions: []string{"s3:ListBucket"}},
		{On: []string{arn + "/" + root + "*"}, Actions: []string{"s3:GetObject", "s3:PutObject"}},
		{On: []string{arn}, Actions: []string{
			"s3:GetBucketVersioning", "s3:GetEncryptionConfiguration", "s3:GetBucketPublicAccessBlock",
			"s3:GetBucketOwnershipControls",
			"s3:GetBucketPolicy",
		}},
	}
	if key := bucket.KMSKey(s.Encryption); key != "" {
		on, alias := key, ""
		if before, name, found := strings.Cut(key, "alias/"); found {
			on, alias = strings.TrimSuffix(before, ":")+":key/*", "alias/"+name
			if before == "" {
				on = scope.ARN("kms", "key/*")
			}
		} else if !strings.HasPrefix(key, "arn:") {
			on = scope.ARN("kms", "key/"+key)
		}
		when := resource.Condition{"StringLike": {"kms:ViaService": {"s3.*"}}}
		if alias != "" {
			when["ForAnyValue:StringEquals"] = map[string][]string{"kms:ResourceAliases": {alias}}
		}
		out = append(out, resource.Statement{
			On: []string{on}, Actions: []string{"kms:Decrypt", "kms:GenerateDataKey"},
			When: when,
		})
	}
	return out
}

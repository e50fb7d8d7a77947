package s3

import (
	"strings"

	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/state"
)

// Permissions are what keeping the states of the scope's stack in the bucket needs, and looking whether the bucket is as it should be.
// S3 says "no such object" only to those who may list the bucket: to others it denies the access.
func (s Settings) Permissions(scope resource.Scope) []resource.Statement {
	bucket := "arn:" + scope.Partition() + ":s3:::" + s.Bucket
	root := state.Key{Stack: scope.Stack, Environment: scope.Environment}.Path() + "/"
	if prefix := strings.Trim(s.Prefix, "/"); prefix != "" {
		root = prefix + "/" + root
	}
	return []resource.Statement{
		{On: []string{bucket}, Actions: []string{"s3:ListBucket"}},
		{On: []string{bucket + "/" + root + "*"}, Actions: []string{"s3:GetObject", "s3:PutObject"}},
		{On: []string{bucket}, Actions: []string{
			"s3:GetBucketVersioning", "s3:GetEncryptionConfiguration", "s3:GetBucketPublicAccessBlock", "s3:GetBucketOwnershipControls",
			"s3:GetBucketPolicy",
		}},
	}
}

package s3

import (
	"github.com/company/deployer/internal/aws/bucket"
	"github.com/company/deployer/internal/lock"
	"github.com/company/deployer/internal/resource"
)

// Permissions are the permissions to lock the scope's stack, and to check the bucket for locks. S3 says "no such
// object" only to callers that may list the bucket: to others it denies the access.
func (s Settings) Permissions(scope resource.Scope) []resource.Statement {
	arn := "arn:" + scope.Partition() + ":s3:::" + s.Bucket
	t := Table{prefix: bucket.Prefix(s.Prefix)}
	object := t.objectKey(lock.Key{Stack: scope.Stack, Environment: scope.Environment})
	return []resource.Statement{
		{On: []string{arn}, Actions: []string{"s3:ListBucket"}},
		{On: []string{arn + "/" + object}, Actions: []string{"s3:GetObject", "s3:PutObject"}},
		{On: []string{arn}, Actions: []string{"s3:GetLifecycleConfiguration"}},
	}
}

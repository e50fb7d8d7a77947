package access

// actions are the operations whose IAM action has another name, or that need no action, according to the service
// authorization reference.
var actions = map[string][]string{
	"s3:HeadBucket":                      {"s3:ListBucket"},
	"s3:ListObjects":                     {"s3:ListBucket"},
	"s3:ListObjectsV2":                   {"s3:ListBucket"},
	"s3:HeadObject":                      {"s3:GetObject"},
	"s3:ListObjectVersions":              {"s3:ListBucketVersions"},
	"s3:DeleteObjects":                   {"s3:DeleteObject", "s3:DeleteObjectVersion"},
	"s3:GetPublicAccessBlock":            {"s3:GetBucketPublicAccessBlock"},
	"s3:PutPublicAccessBlock":            {"s3:PutBucketPublicAccessBlock"},
	"s3:GetBucketEncryption":             {"s3:GetEncryptionConfiguration"},
	"s3:PutBucketEncryption":             {"s3:PutEncryptionConfiguration"},
	"s3:GetBucketLifecycleConfiguration": {"s3:GetLifecycleConfiguration"},
	"s3:PutBucketLifecycleConfiguration": {"s3:PutLifecycleConfiguration"},
	"s3:DeleteBucketLifecycle":           {"s3:PutLifecycleConfiguration"},
	"s3:GetBucketCors":                   {"s3:GetBucketCORS"},
	"s3:PutBucketCors":                   {"s3:PutBucketCORS"},
	"s3:DeleteBucketCors":                {"s3:PutBucketCORS"},
	"s3:DeleteBucketTagging":             {"s3:PutBucketTagging"},
	"s3:DeleteBucketOwnershipControls":   {"s3:PutBucketOwnershipControls"},
	"sts:GetCallerIdentity":              {},
}

// Actions returns the IAM actions of an operation, given as the service's prefix in IAM and the operation's name in the
// SDK: "s3:HeadBucket".
func Actions(operation string) []string {
	if needed, special := actions[operation]; special {
		return needed
	}
	return []string{operation}
}

// Package s3 holds the typed properties of Amazon S3 resources.
//
// In: literals and references of kinds. Out: structs for value.Encode. Data only; the behaviour is in aws/s3.
package s3

import "github.com/company/deployer/internal/value"

// BucketType is the type of a bucket.
const BucketType = "s3/bucket"

// Bucket is a general purpose bucket, private by nature: access from the public is blocked and ACLs are off, neither can be
// changed. Deleting it destroys its data; AWS refuses that while objects are in it, unless ForceDestroy says otherwise.
type Bucket struct {
	// Name is unique in the world, 3 to 63 characters: kinds add a hash of account and region. A change replaces the bucket.
	Name string `json:"name" required:"true"`
	// Versioning keeps old versions of objects. Switching it off suspends it: what was kept stays.
	Versioning bool `json:"versioning,omitempty"`
	// Encryption of new objects, AES256 by default.
	Encryption *Encryption `json:"encryption,omitempty"`
	// Lifecycle rules, in any order; ids are unique.
	Lifecycle []LifecycleRule `json:"lifecycle,omitempty"`
	// CORS rules, the first that matches counts.
	CORS []CORSRule `json:"cors,omitempty"`
	// ForceDestroy lets a delete first remove every object, with all versions. AWS does not know it: it lives in the state.
	ForceDestroy bool `json:"forceDestroy,omitempty"`
	// PublicAccessBlock is always true, in all four parts; checks fill it in, reads say what is there.
	PublicAccessBlock *bool `json:"publicAccessBlock,omitempty"`
	// ObjectOwnership is always BucketOwnerEnforced (no ACLs); checks fill it in, reads say what is there.
	ObjectOwnership string `json:"objectOwnership,omitempty"`
	// Tags are the user's own.
	Tags map[string]string `json:"tags,omitempty"`
}

// Encryption is how S3 encrypts new objects at rest.
type Encryption struct {
	// Algorithm is AES256 (keys of S3) or aws:kms.
	Algorithm string `json:"algorithm" enum:"AES256,aws:kms"`
	// KMSKey is the id or ARN of a key, for aws:kms; unset is the account's aws/s3 key.
	KMSKey value.Of[string] `json:"kmsKey,omitempty"`
	// BucketKey saves KMS calls, for aws:kms.
	BucketKey bool `json:"bucketKey,omitempty"`
}

// LifecycleRule moves or deletes objects by age. Ages are in days; 0 leaves that part out.
type LifecycleRule struct {
	ID string `json:"id" required:"true"`
	// Prefix of the objects' keys; "" is the whole bucket.
	Prefix string `json:"prefix,omitempty"`
	// ExpireAfter deletes current versions (with versioning: puts a delete marker on them).
	ExpireAfter int `json:"expireAfter,omitempty"`
	// NoncurrentExpireAfter deletes versions this long after they were replaced.
	NoncurrentExpireAfter int `json:"noncurrentExpireAfter,omitempty"`
	// AbortUploadsAfter removes the parts of uploads that were never finished.
	AbortUploadsAfter int `json:"abortUploadsAfter,omitempty"`
	// Transitions to cheaper storage classes, by rising age.
	Transitions []Transition `json:"transitions,omitempty"`
}

// Transition moves objects to a storage class.
type Transition struct {
	After        int    `json:"after"` // days
	StorageClass string `json:"storageClass" enum:"STANDARD_IA,ONEZONE_IA,INTELLIGENT_TIERING,GLACIER_IR,GLACIER,DEEP_ARCHIVE"`
}

// CORSRule lets browsers of other origins in.
type CORSRule struct {
	AllowedOrigins []string `json:"allowedOrigins" required:"true"`
	AllowedMethods []string `json:"allowedMethods" required:"true" enum:"GET,PUT,POST,DELETE,HEAD"`
	AllowedHeaders []string `json:"allowedHeaders,omitempty"`
	ExposeHeaders  []string `json:"exposeHeaders,omitempty"`
	MaxAge         int      `json:"maxAge,omitempty"` // seconds that a browser may keep the answer
}

// BucketOutputs is what AWS adds to a bucket.
type BucketOutputs struct {
	Name string `json:"name"`
	ARN  string `json:"arn"`
	// Domain is the regional host name: <bucket>.s3.<region>.amazonaws.com.
	Domain string `json:"domain"`
}

// Package s3 holds the typed properties of Amazon S3 resources.
//
// In: literals and references of kinds. Out: structs for value.Encode. It is data only and must not know the SDK: the
// behaviour is in aws/s3.
package s3

import "github.com/company/deployer/internal/value"

// BucketType is the type of a bucket.
const BucketType = "s3/bucket"

// Bucket is a general purpose bucket. It is always private: public access is blocked and ACLs are off, and neither can
// be changed. A delete destroys its data. AWS refuses to delete a bucket with objects in it, unless ForceDestroy is
// set.
type Bucket struct {
	Name              string            `json:"name" required:"true" doc:"Name of the bucket."`
	Versioning        bool              `json:"versioning,omitempty" doc:"Keep old versions of objects. Switched off it is suspended: what was kept stays."`
	Encryption        *Encryption       `json:"encryption,omitempty" unset:"AES256" doc:"Encryption of new objects."`
	Lifecycle         []LifecycleRule   `json:"lifecycle,omitempty" doc:"Rules for objects by age, with an id each."`
	CORS              []CORSRule        `json:"cors,omitempty" doc:"Rules for browsers; the first that matches counts."`
	ForceDestroy      bool              `json:"forceDestroy,omitempty" doc:"Let a deletion of the bucket delete its objects too."`
	PublicAccessBlock *bool             `json:"publicAccessBlock,omitempty" unset:"true" doc:"Always true."`
	ObjectOwnership   string            `json:"objectOwnership,omitempty" unset:"BucketOwnerEnforced" doc:"Always BucketOwnerEnforced."`
	Tags              map[string]string `json:"tags,omitempty" doc:"Tags of the object, beside those of deployer."`
}

// Encryption is how S3 encrypts new objects at rest.
type Encryption struct {
	Algorithm string           `json:"algorithm" enum:"AES256,aws:kms" doc:"AES256 (keys of S3) or aws:kms."`
	KMSKey    value.Of[string] `json:"kmsKey,omitempty" unset:"the account's key for S3" doc:"Id or ARN of a key, for aws:kms."`
	BucketKey bool             `json:"bucketKey,omitempty" doc:"Save calls to KMS, for aws:kms."`
}

// LifecycleRule moves or deletes objects by age. Ages are in days; 0 switches that action off.
type LifecycleRule struct {
	ID                    string       `json:"id" required:"true" doc:"Name of the rule."`
	Prefix                string       `json:"prefix,omitempty" unset:"all" doc:"Beginning of the objects' keys."`
	ExpireAfter           int          `json:"expireAfter,omitempty" doc:"Days after which objects are deleted."`
	NoncurrentExpireAfter int          `json:"noncurrentExpireAfter,omitempty" doc:"Days after which replaced versions are deleted."`
	AbortUploadsAfter     int          `json:"abortUploadsAfter,omitempty" doc:"Days after which unfinished uploads are removed."`
	Transitions           []Transition `json:"transitions,omitempty" doc:"Moves to cheaper storage classes, by rising age."`
}

// Transition moves objects to a storage class.
type Transition struct {
	After        int    `json:"after" doc:"Days."`
	StorageClass string `json:"storageClass" enum:"STANDARD_IA,ONEZONE_IA,INTELLIGENT_TIERING,GLACIER_IR,GLACIER,DEEP_ARCHIVE" doc:"Where the objects go."`
}

// CORSRule allows access to browsers of other origins.
type CORSRule struct {
	AllowedOrigins []string `json:"allowedOrigins" required:"true" doc:"Origins of the pages."`
	AllowedMethods []string `json:"allowedMethods" required:"true" enum:"GET,PUT,POST,DELETE,HEAD" doc:"HTTP methods."`
	AllowedHeaders []string `json:"allowedHeaders,omitempty" doc:"Request headers."`
	ExposeHeaders  []string `json:"exposeHeaders,omitempty" doc:"Response headers that scripts may read."`
	MaxAge         int      `json:"maxAge,omitempty" doc:"Seconds that a browser may keep the answer."`
}

// BucketOutputs is what AWS adds to a bucket.
type BucketOutputs struct {
	Name string `json:"name"`
	ARN  string `json:"arn"`
	// Domain is the regional host name: <bucket>.s3.<region>.amazonaws.com.
	Domain string `json:"domain"`
}

package proxy

import (
	"net"
	"net/http"
	"net/url"
	"strings"
)

// bucketSubresources maps ?query keys to the noun of the operation's name:
// PUT ?policy is PutBucketPolicy.
var bucketSubresources = map[string]string{
	"policy": "BucketPolicy", "tagging": "BucketTagging", "versioning": "BucketVersioning",
	"encryption": "BucketEncryption",
	"lifecycle":  "BucketLifecycleConfiguration", "publicAccessBlock": "PublicAccessBlock",
	"ownershipControls": "BucketOwnershipControls",
	"cors":              "BucketCors", "acl": "BucketAcl", "logging": "BucketLogging",
	"notification": "BucketNotificationConfiguration",
	"website":      "BucketWebsite", "replication": "BucketReplication", "location": "BucketLocation",
	"policyStatus": "BucketPolicyStatus",
	"object-lock":  "ObjectLockConfiguration", "requestPayment": "BucketRequestPayment",
	"accelerate": "BucketAccelerateConfiguration",
}

var objectSubresources = map[string]string{
	"tagging": "ObjectTagging", "acl": "ObjectAcl", "retention": "ObjectRetention", "legal-hold": "ObjectLegalHold",
	"attributes": "ObjectAttributes",
}

// s3Verbs are the verbs of operation names, by HTTP method.
var s3Verbs = map[string]string{
	http.MethodGet: "Get", http.MethodPut: "Put", http.MethodDelete: "Delete",
	http.MethodHead: "Head", http.MethodPost: "Post",
}

// s3Operation names an S3 request and its bucket or bucket/key.
func s3Operation(r *http.Request, query url.Values) (operation, resource string) {
	bucket, key := s3Address(r)
	resource = bucket
	if key != "" {
		resource += "/" + key
	}
	has := func(name string) bool { _, ok := query[name]; return ok }
	if id := query.Get("x-id"); id != "" {
		return id, resource // the SDK names the operation
	}
	verb := s3Verbs[r.Method]
	switch {
	case bucket == "":
		return "ListBuckets", ""
	case key == "":
		return s3BucketOperation(verb, has, query), resource
	default:
		return s3ObjectOperation(verb, has, r), resource
	}
}

func s3BucketOperation(verb string, has func(string) bool, query url.Values) string {
	for name, noun := range bucketSubresources {
		if has(name) {
			if verb == "Delete" && noun == "BucketLifecycleConfiguration" {
				return "DeleteBucketLifecycle"
			}
			return verb + noun
		}
	}
	switch {
	case verb == "Post" && has("delete"):
		return "DeleteObjects"
	case verb == "Get" && has("versions"):
		return "ListObjectVersions"
	case verb == "Get" && has("uploads"):
		return "ListMultipartUploads"
	case verb == "Get" && query.Get("list-type") == "2":
		return "ListObjectsV2"
	case verb == "Get":
		return "ListObjects"
	case verb == "Put":
		return "CreateBucket"
	}
	return verb + "Bucket"
}

func s3ObjectOperation(verb string, has func(string) bool, r *http.Request) string {
	for name, noun := range objectSubresources {
		if has(name) {
			return verb + noun
		}
	}
	switch {
	case has("uploadId"):
		return map[string]string{
			"Put": "UploadPart", "Post": "CompleteMultipartUpload",
			"Delete": "AbortMultipartUpload", "Get": "ListParts",
		}[verb]
	case verb == "Post" && has("uploads"):
		return "CreateMultipartUpload"
	case verb == "Put" && r.Header.Get("X-Amz-Copy-Source") != "":
		return "CopyObject"
	}
	return verb + "Object"
}

// s3Address splits a request in path style, or in virtual-host style
// (bucket.localhost), into bucket and key.
func s3Address(r *http.Request) (bucket, key string) {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	path := strings.TrimPrefix(r.URL.Path, "/")
	if net.ParseIP(host) == nil && host != "localhost" {
		if prefix, _, ok := strings.Cut(host, "."); ok {
			return prefix, path
		}
	}
	bucket, key, _ = strings.Cut(path, "/")
	return bucket, key
}

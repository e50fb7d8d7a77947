package awstest

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	model "github.com/company/deployer/internal/resource/s3"
)

var _ = liveObjects(answerS3,
	liveType{
		file: "S3-Bucket", typ: model.BucketType, explicit: []string{"objectOwnership", "publicAccessBlock"},
		props: liveBucket,
	},
	liveType{file: "S3-BucketPolicy", typ: model.BucketPolicyType, props: func(l live) (any, string, string) {
		bucket := l.Declared.text("Bucket")
		return model.BucketPolicy{Bucket: lit(bucket), Policy: l.Declared.document("PolicyDocument")}, bucket, ""
	}},
)

func liveBucket(l live) (any, string, string) {
	d, name := l.Declared, l.Live.text("BucketName")
	b := model.Bucket{
		Name:       name,
		Versioning: d.at("VersioningConfiguration").text("Status") == "Enabled",
		Tags:       d.tags(),
	}
	for _, rule := range d.at("BucketEncryption").list("ServerSideEncryptionConfiguration") {
		by := rule.at("ServerSideEncryptionByDefault")
		b.Encryption = &model.Encryption{
			Algorithm: by.text("SSEAlgorithm"), KMSKey: lit(by.text("KMSMasterKeyID")),
			BucketKey: rule.is("BucketKeyEnabled"),
		}
	}
	for _, rule := range d.at("LifecycleConfiguration").list("Rules") {
		for key := range rule {
			if !slices.Contains([]string{
				"Id", "Status", "Prefix", "ExpirationInDays", "NoncurrentVersionExpiration",
				"AbortIncompleteMultipartUpload",
				"Transitions",
			}, key) {
				return nil, "", "a lifecycle rule with " + key
			}
		}
		r := model.LifecycleRule{
			ID: rule.text("Id"), Prefix: rule.text("Prefix"), ExpireAfter: rule.int("ExpirationInDays"),
			NoncurrentExpireAfter: rule.at("NoncurrentVersionExpiration").int("NoncurrentDays"),
			AbortUploadsAfter:     rule.at("AbortIncompleteMultipartUpload").int("DaysAfterInitiation"),
		}
		if r.ID == "" {
			return nil, "", "a lifecycle rule without a name"
		}
		for _, move := range rule.list("Transitions") {
			r.Transitions = append(r.Transitions, model.Transition{
				After: move.int("TransitionInDays"), StorageClass: move.text("StorageClass"),
			})
		}
		b.Lifecycle = append(b.Lifecycle, r)
	}
	for _, rule := range d.at("CorsConfiguration").list("CorsRules") {
		b.CORS = append(b.CORS, model.CORSRule{
			AllowedOrigins: rule.texts("AllowedOrigins"), AllowedMethods: rule.texts("AllowedMethods"),
			AllowedHeaders: rule.texts("AllowedHeaders"), ExposeHeaders: rule.texts("ExposedHeaders"),
			MaxAge: rule.int("MaxAge"),
		})
	}
	return b, name, ""
}

// missing is S3's error for a part that was never set.
func missing(code string) error { return &smithy.GenericAPIError{Code: code, Message: "never set"} }

func answerS3(l object, parameters any) (any, error) {
	switch parameters.(type) {
	case *s3.GetBucketTaggingInput:
		if l["Tags"] == nil {
			return nil, missing("NoSuchTagSet")
		}
		return &s3.GetBucketTaggingOutput{TagSet: into[[]s3types.Tag](l["Tags"])}, nil
	case *s3.GetBucketVersioningInput:
		status := s3types.BucketVersioningStatus(l.at("VersioningConfiguration").text("Status"))
		return &s3.GetBucketVersioningOutput{Status: status}, nil
	case *s3.GetPublicAccessBlockInput:
		if l["PublicAccessBlockConfiguration"] == nil {
			return nil, missing("NoSuchPublicAccessBlockConfiguration")
		}
		set := into[s3types.PublicAccessBlockConfiguration](l["PublicAccessBlockConfiguration"])
		return &s3.GetPublicAccessBlockOutput{PublicAccessBlockConfiguration: &set}, nil
	case *s3.GetBucketOwnershipControlsInput:
		if l["OwnershipControls"] == nil {
			return nil, missing("OwnershipControlsNotFoundError")
		}
		set := into[s3types.OwnershipControls](l["OwnershipControls"])
		return &s3.GetBucketOwnershipControlsOutput{OwnershipControls: &set}, nil
	case *s3.GetBucketEncryptionInput:
		set := s3types.ServerSideEncryptionConfiguration{}
		for _, rule := range l.at("BucketEncryption").list("ServerSideEncryptionConfiguration") {
			byDefault := into[s3types.ServerSideEncryptionByDefault](rule["ServerSideEncryptionByDefault"])
			set.Rules = append(set.Rules, s3types.ServerSideEncryptionRule{
				ApplyServerSideEncryptionByDefault: &byDefault, BucketKeyEnabled: aws.Bool(rule.is("BucketKeyEnabled")),
			})
		}
		return &s3.GetBucketEncryptionOutput{ServerSideEncryptionConfiguration: &set}, nil
	case *s3.GetBucketLifecycleConfigurationInput:
		if l["LifecycleConfiguration"] == nil {
			return nil, missing("NoSuchLifecycleConfiguration")
		}
		return &s3.GetBucketLifecycleConfigurationOutput{
			Rules: lifecycle(l.at("LifecycleConfiguration").list("Rules")),
		}, nil
	case *s3.GetBucketCorsInput:
		if l["CorsConfiguration"] == nil {
			return nil, missing("NoSuchCORSConfiguration")
		}
		rules := into[[]s3types.CORSRule](l.at("CorsConfiguration")["CorsRules"])
		for i, rule := range l.at("CorsConfiguration").list("CorsRules") {
			rules[i].ExposeHeaders = rule.texts("ExposedHeaders")
			if age := rule.number("MaxAge"); age != nil {
				rules[i].MaxAgeSeconds = aws.Int32(int32(*age)) //nolint:gosec // a test's data
			}
		}
		return &s3.GetBucketCorsOutput{CORSRules: rules}, nil
	case *s3.GetBucketPolicyInput:
		return &s3.GetBucketPolicyOutput{Policy: aws.String(l.document("PolicyDocument").Str())}, nil
	}
	return nil, nil
}

// lifecycle is S3's answer: a filter for what CloudFormation shows as a prefix.
func lifecycle(rules []object) []s3types.LifecycleRule {
	days := func(o object, key string) *int32 {
		if n := o.number(key); n != nil {
			return aws.Int32(int32(*n)) //nolint:gosec // a test's data
		}
		return nil
	}
	var out []s3types.LifecycleRule
	for _, r := range rules {
		rule := s3types.LifecycleRule{
			ID: aws.String(r.text("Id")), Status: s3types.ExpirationStatus(r.text("Status")),
			Filter: &s3types.LifecycleRuleFilter{Prefix: aws.String(r.text("Prefix"))},
		}
		if n := days(r, "ExpirationInDays"); n != nil {
			rule.Expiration = &s3types.LifecycleExpiration{Days: n}
		}
		if n := days(r.at("NoncurrentVersionExpiration"), "NoncurrentDays"); n != nil {
			rule.NoncurrentVersionExpiration = &s3types.NoncurrentVersionExpiration{NoncurrentDays: n}
		}
		if n := days(r.at("AbortIncompleteMultipartUpload"), "DaysAfterInitiation"); n != nil {
			rule.AbortIncompleteMultipartUpload = &s3types.AbortIncompleteMultipartUpload{DaysAfterInitiation: n}
		}
		for _, move := range r.list("Transitions") {
			rule.Transitions = append(rule.Transitions, s3types.Transition{
				Days:         days(move, "TransitionInDays"),
				StorageClass: s3types.TransitionStorageClass(move.text("StorageClass")),
			})
		}
		out = append(out, rule)
	}
	return out
}

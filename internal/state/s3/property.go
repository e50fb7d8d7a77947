package s3

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/company/deployer/internal/aws"
	"github.com/company/deployer/internal/aws/bucket"
	"github.com/company/deployer/internal/resource"
)

// property is one setting that the bucket must have.
type property struct {
	what  string
	check func(context.Context) (ok bool, detail string, err error)
	fix   func(context.Context) error
}

func (a *Admin) properties() []property {
	return []property{
		{"Versioning", a.checkVersioning, a.fixVersioning},
		{"Encryption", a.checkEncryption, a.fixEncryption},
		{"Public access", a.checkAccess, a.fixAccess},
		{"Object ownership", a.checkOwnership, a.fixOwnership},
		{"TLS only", a.checkPolicy, a.fixPolicy},
	}
}

func (a *Admin) checkVersioning(ctx context.Context) (bool, string, error) {
	out, err := a.api.versioning(ctx, &s3.GetBucketVersioningInput{Bucket: &a.bucket})
	if err != nil {
		return false, "", aws.Problem("s3:GetBucketVersioning", err)
	}
	if out.Status != types.BucketVersioningStatusEnabled {
		return false, "off: a deleted or damaged state could not be restored", nil
	}
	return true, "enabled", nil
}

func (a *Admin) fixVersioning(ctx context.Context) error {
	_, err := a.api.setVersions(ctx, &s3.PutBucketVersioningInput{
		Bucket: &a.bucket, VersioningConfiguration: &types.VersioningConfiguration{
			Status: types.BucketVersioningStatusEnabled,
		},
	})
	return aws.Problem("s3:PutBucketVersioning", err)
}

func (a *Admin) checkEncryption(ctx context.Context) (bool, string, error) {
	out, err := a.api.encryption(ctx, &s3.GetBucketEncryptionInput{Bucket: &a.bucket})
	if bucket.HasCode(err, "ServerSideEncryptionConfigurationNotFoundError") {
		return false, "no default encryption", nil
	}
	if err != nil {
		return false, "", aws.Problem("s3:GetBucketEncryption", err)
	}
	for _, rule := range out.ServerSideEncryptionConfiguration.Rules {
		if by := rule.ApplyServerSideEncryptionByDefault; by != nil {
			key := sdk.ToString(by.KMSMasterKeyID)
			detail := strings.TrimSpace(string(by.SSEAlgorithm) + " " + key)
			if a.kmsKey != "" && !sameKey(a.kmsKey, key) {
				return false, detail + " instead of the KMS key " + a.kmsKey, nil
			}
			return true, detail, nil
		}
	}
	return false, "no default encryption", nil
}

// sameKey compares a key's id or ARN with another.
func sameKey(wanted, actual string) bool {
	id := func(s string) string { return s[strings.LastIndex(s, "/")+1:] }
	return id(wanted) == id(actual)
}

func (a *Admin) fixEncryption(ctx context.Context) error {
	rule := types.ServerSideEncryptionRule{
		ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{
			SSEAlgorithm: types.ServerSideEncryptionAes256,
		},
	}
	if a.kmsKey != "" {
		rule.ApplyServerSideEncryptionByDefault = &types.ServerSideEncryptionByDefault{
			SSEAlgorithm: types.ServerSideEncryptionAwsKms, KMSMasterKeyID: &a.kmsKey,
		}
		rule.BucketKeyEnabled = sdk.Bool(true) // otherwise every read and write is a KMS call
	}
	_, err := a.api.encrypt(ctx, &s3.PutBucketEncryptionInput{
		Bucket: &a.bucket, ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{
			Rules: []types.ServerSideEncryptionRule{rule},
		},
	})
	return aws.Problem("s3:PutEncryptionConfiguration", err)
}

func (a *Admin) checkAccess(ctx context.Context) (bool, string, error) {
	out, err := a.api.access(ctx, &s3.GetPublicAccessBlockInput{Bucket: &a.bucket})
	if bucket.HasCode(err, "NoSuchPublicAccessBlockConfiguration") {
		return false, "not blocked", nil
	}
	if err != nil {
		return false, "", aws.Problem("s3:GetBucketPublicAccessBlock", err)
	}
	c := out.PublicAccessBlockConfiguration
	if c == nil || !sdk.ToBool(c.BlockPublicAcls) || !sdk.ToBool(c.BlockPublicPolicy) ||
		!sdk.ToBool(c.IgnorePublicAcls) || !sdk.ToBool(c.RestrictPublicBuckets) {
		return false, "not fully blocked", nil
	}
	return true, "blocked", nil
}

func (a *Admin) fixAccess(ctx context.Context) error {
	_, err := a.api.setAccess(ctx, &s3.PutPublicAccessBlockInput{
		Bucket: &a.bucket,
		PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{
			BlockPublicAcls: sdk.Bool(true), BlockPublicPolicy: sdk.Bool(true), IgnorePublicAcls: sdk.Bool(true),
			RestrictPublicBuckets: sdk.Bool(true),
		},
	})
	return aws.Problem("s3:PutBucketPublicAccessBlock", err)
}

func (a *Admin) checkOwnership(ctx context.Context) (bool, string, error) {
	out, err := a.api.ownership(ctx, &s3.GetBucketOwnershipControlsInput{Bucket: &a.bucket})
	if bucket.HasCode(err, "OwnershipControlsNotFoundError") {
		return false, "each object belongs to the account that writes it", nil
	}
	if err != nil {
		return false, "", aws.Problem("s3:GetBucketOwnershipControls", err)
	}
	for _, rule := range out.OwnershipControls.Rules {
		if rule.ObjectOwnership == types.ObjectOwnershipBucketOwnerEnforced {
			return true, "the bucket's owner owns every object", nil
		}
	}
	return false, "access control lists are enabled", nil
}

func (a *Admin) fixOwnership(ctx context.Context) error {
	_, err := a.api.setOwnership(ctx, &s3.PutBucketOwnershipControlsInput{
		Bucket: &a.bucket, OwnershipControls: &types.OwnershipControls{
			Rules: []types.OwnershipControlsRule{{ObjectOwnership: types.ObjectOwnershipBucketOwnerEnforced}},
		},
	})
	return aws.Problem("s3:PutBucketOwnershipControls", err)
}

const tlsOnly = "DeployerTLSOnly"

// bare drops what may enclose a condition's value: "false", ["false"] and false mean the same.
var bare = strings.NewReplacer(`"`, "", "[", "", "]", "")

// readPolicy returns the bucket's policy as plain JSON; nil when it has none.
func (a *Admin) readPolicy(ctx context.Context) (map[string]any, error) {
	out, err := a.api.policy(ctx, &s3.GetBucketPolicyInput{Bucket: &a.bucket})
	if bucket.HasCode(err, "NoSuchBucketPolicy") {
		return nil, nil
	}
	if err != nil {
		return nil, aws.Problem("s3:GetBucketPolicy", err)
	}
	var policy map[string]any
	if err := json.Unmarshal([]byte(sdk.ToString(out.Policy)), &policy); err != nil {
		return nil, fmt.Errorf("policy of bucket %s: %w", a.bucket, err)
	}
	return policy, nil
}

// statements returns a policy's statements; IAM allows a single one without a list.
func statements(policy map[string]any) []any {
	switch s := policy["Statement"].(type) {
	case []any:
		return s
	case map[string]any:
		return []any{s}
	}
	return nil
}

func (a *Admin) checkPolicy(ctx context.Context) (bool, string, error) {
	policy, err := a.readPolicy(ctx)
	if err != nil {
		return false, "", err
	}
	for _, s := range statements(policy) {
		statement, _ := s.(map[string]any)
		condition, err := json.Marshal(statement["Condition"])
		if err != nil {
			return false, "", err
		}
		if statement["Effect"] == "Deny" && strings.Contains(bare.Replace(strings.ToLower(string(condition))),
			"aws:securetransport:false") {
			return true, "requests without TLS are denied", nil
		}
	}
	return false, "requests without TLS are allowed", nil
}

// fixPolicy adds one statement and keeps those that are there.
func (a *Admin) fixPolicy(ctx context.Context) error {
	policy, err := a.readPolicy(ctx)
	if err != nil {
		return err
	}
	if policy == nil {
		policy = map[string]any{"Version": "2012-10-17"}
	}
	arn := "arn:" + resource.PartitionOf(a.region).Name + ":s3:::" + a.bucket
	policy["Statement"] = append(statements(policy), map[string]any{
		"Sid": tlsOnly, "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": []string{arn, arn + "/*"},
		"Condition": map[string]any{"Bool": map[string]any{"aws:SecureTransport": "false"}},
	})
	text, err := json.Marshal(policy)
	if err != nil {
		return err
	}
	_, err = a.api.setPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: &a.bucket, Policy: sdk.String(string(text))})
	return aws.Problem("s3:PutBucketPolicy", err)
}

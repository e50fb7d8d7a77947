package s3

import (
	"fmt"
	"slices"

	model "github.com/company/deployer/internal/resource/s3"
	"github.com/company/deployer/internal/value"
)

const ownerEnforced = "BucketOwnerEnforced"

func checkBucket(b *model.Bucket) []value.Problem {
	var problems []value.Problem
	bad := func(message string, path ...string) {
		problems = append(problems, value.Problem{Kind: value.BadValue, Path: path, Message: message})
	}
	if why := model.UnfitName(b.Name); why != "" {
		bad(fmt.Sprintf("%q cannot be the name of a bucket: %s", b.Name, why), "name")
	}
	if b.PublicAccessBlock != nil && !*b.PublicAccessBlock {
		bad("must be true: buckets open to the public are not supported", "publicAccessBlock")
	}
	if b.ObjectOwnership != "" && b.ObjectOwnership != ownerEnforced {
		bad("must be "+ownerEnforced+": access is by policy, not by ACL", "objectOwnership")
	}
	blocked := true
	b.PublicAccessBlock, b.ObjectOwnership = &blocked, ownerEnforced
	if b.Encryption == nil {
		b.Encryption = &model.Encryption{Algorithm: "AES256"}
	}
	if b.Encryption.Algorithm == "AES256" {
		if b.Encryption.KMSKey.IsSet() {
			bad("is for the algorithm aws:kms only", "encryption", "kmsKey")
		}
		b.Encryption.BucketKey = false // means nothing without KMS
	}
	for i, rule := range b.Lifecycle {
		at := []string{"lifecycle", fmt.Sprint(i)}
		if slices.ContainsFunc(b.Lifecycle[:i], func(r model.LifecycleRule) bool { return r.ID == rule.ID }) {
			bad(fmt.Sprintf("two rules have the id %q", rule.ID), append(at, "id")...)
		}
		if rule.ExpireAfter == 0 && rule.NoncurrentExpireAfter == 0 && rule.AbortUploadsAfter == 0 && len(rule.Transitions) == 0 {
			bad(fmt.Sprintf("the rule %q does nothing: give it an expiry, a transition or abortUploadsAfter", rule.ID), at...)
		}
		if rule.ExpireAfter < 0 || rule.NoncurrentExpireAfter < 0 || rule.AbortUploadsAfter < 0 {
			bad(fmt.Sprintf("the rule %q has a negative number of days", rule.ID), at...)
		}
	}
	// S3 keeps rules by id, in an order of its own.
	slices.SortFunc(b.Lifecycle, byID)
	return problems
}

func byID(a, b model.LifecycleRule) int {
	if a.ID < b.ID {
		return -1
	}
	if a.ID > b.ID {
		return 1
	}
	return 0
}

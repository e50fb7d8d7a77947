package s3

import (
	"cmp"
	"fmt"
	"slices"

	model "github.com/company/deployer/internal/resource/s3"
	"github.com/company/deployer/internal/value"
)

const ownerEnforced = "BucketOwnerEnforced"

func checkBucket(b *model.Bucket) []value.Problem {
	var problems value.Problems
	if why := model.UnfitName(b.Name); why != "" {
		problems.Bad("name", "%q is not a valid name of a bucket: %s", b.Name, why)
	}
	if b.PublicAccessBlock != nil && !*b.PublicAccessBlock {
		problems.Bad("publicAccessBlock", "must be true: public buckets are not supported")
	}
	if b.ObjectOwnership != "" && b.ObjectOwnership != ownerEnforced {
		problems.Bad("objectOwnership", "must be %s: policies control the access, not ACLs", ownerEnforced)
	}
	blocked := true
	b.PublicAccessBlock, b.ObjectOwnership = &blocked, ownerEnforced
	if b.Encryption == nil {
		b.Encryption = &model.Encryption{Algorithm: "AES256"}
	}
	if b.Encryption.Algorithm == "AES256" {
		if b.Encryption.KMSKey.IsSet() {
			problems.Bad("encryption.kmsKey", "can only be used with the algorithm aws:kms")
		}
		b.Encryption.BucketKey = false // means nothing without KMS
	}
	for i, rule := range b.Lifecycle {
		at := fmt.Sprint("lifecycle.", i)
		if slices.ContainsFunc(b.Lifecycle[:i], func(r model.LifecycleRule) bool { return r.ID == rule.ID }) {
			problems.Bad(at+".id", "two rules have the id %q", rule.ID)
		}
		if rule.ExpireAfter == 0 && rule.NoncurrentExpireAfter == 0 && rule.AbortUploadsAfter == 0 &&
			len(rule.Transitions) == 0 {
			problems.Bad(at, "the rule %q does nothing: give it an expiry, a transition or abortUploadsAfter", rule.ID)
		}
		if rule.ExpireAfter < 0 || rule.NoncurrentExpireAfter < 0 || rule.AbortUploadsAfter < 0 {
			problems.Bad(at, "the rule %q has a negative number of days", rule.ID)
		}
	}
	// S3 sorts rules by id and transitions by age.
	slices.SortFunc(b.Lifecycle, byID)
	for _, rule := range b.Lifecycle {
		slices.SortStableFunc(rule.Transitions, byAge)
	}
	return problems
}

func byAge(a, b model.Transition) int { return cmp.Compare(a.After, b.After) }

func byID(a, b model.LifecycleRule) int {
	if a.ID < b.ID {
		return -1
	}
	if a.ID > b.ID {
		return 1
	}
	return 0
}

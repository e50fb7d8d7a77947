package s3

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	model "github.com/company/deployer/internal/resource/s3"
	"github.com/company/deployer/internal/value"
)

func fromEncryption(set *types.ServerSideEncryptionConfiguration) *model.Encryption {
	out := &model.Encryption{Algorithm: "AES256"}
	if set == nil || len(set.Rules) == 0 || set.Rules[0].ApplyServerSideEncryptionByDefault == nil {
		return out
	}
	rule := set.Rules[0]
	out.Algorithm = string(rule.ApplyServerSideEncryptionByDefault.SSEAlgorithm)
	if out.Algorithm == "AES256" {
		return out
	}
	out.BucketKey = is(rule.BucketKeyEnabled)
	if key := rule.ApplyServerSideEncryptionByDefault.KMSMasterKeyID; key != nil && *key != "" {
		out.KMSKey = value.Lit(*key)
	}
	return out
}

func count(n int) *int32 {
	d := int32(n) //nolint:gosec // checked to be a number of days
	return &d
}

func toLifecycle(rules []model.LifecycleRule) []types.LifecycleRule {
	out := make([]types.LifecycleRule, len(rules))
	for i, rule := range rules {
		r := types.LifecycleRule{
			ID: &rule.ID, Status: types.ExpirationStatusEnabled,
			Filter: &types.LifecycleRuleFilter{Prefix: &rule.Prefix},
		}
		if rule.ExpireAfter > 0 {
			r.Expiration = &types.LifecycleExpiration{Days: count(rule.ExpireAfter)}
		}
		if rule.NoncurrentExpireAfter > 0 {
			r.NoncurrentVersionExpiration = &types.NoncurrentVersionExpiration{
				NoncurrentDays: count(rule.NoncurrentExpireAfter),
			}
		}
		if rule.AbortUploadsAfter > 0 {
			r.AbortIncompleteMultipartUpload = &types.AbortIncompleteMultipartUpload{
				DaysAfterInitiation: count(rule.AbortUploadsAfter),
			}
		}
		for _, t := range rule.Transitions {
			r.Transitions = append(r.Transitions,
				types.Transition{Days: count(t.After), StorageClass: types.TransitionStorageClass(t.StorageClass)})
		}
		out[i] = r
	}
	return out
}

func fromLifecycle(rules []types.LifecycleRule) []model.LifecycleRule {
	var out []model.LifecycleRule
	for _, rule := range rules {
		if rule.Status != types.ExpirationStatusEnabled {
			continue // somebody switched it off: it counts as missing
		}
		r := model.LifecycleRule{ID: aws.ToString(rule.ID), Prefix: aws.ToString(rule.Prefix)} //nolint:staticcheck // what others wrote may still have it
		if rule.Filter != nil && rule.Filter.Prefix != nil {
			r.Prefix = *rule.Filter.Prefix
		}
		if rule.Expiration != nil {
			r.ExpireAfter = number(rule.Expiration.Days)
		}
		if rule.NoncurrentVersionExpiration != nil {
			r.NoncurrentExpireAfter = number(rule.NoncurrentVersionExpiration.NoncurrentDays)
		}
		if rule.AbortIncompleteMultipartUpload != nil {
			r.AbortUploadsAfter = number(rule.AbortIncompleteMultipartUpload.DaysAfterInitiation)
		}
		for _, t := range rule.Transitions {
			r.Transitions = append(r.Transitions,
				model.Transition{After: number(t.Days), StorageClass: string(t.StorageClass)})
		}
		slices.SortStableFunc(r.Transitions, byAge)
		out = append(out, r)
	}
	slices.SortFunc(out, byID)
	return out
}

func toCORS(rules []model.CORSRule) []types.CORSRule {
	out := make([]types.CORSRule, len(rules))
	for i, rule := range rules {
		out[i] = types.CORSRule{
			AllowedOrigins: rule.AllowedOrigins, AllowedMethods: rule.AllowedMethods,
			AllowedHeaders: rule.AllowedHeaders, ExposeHeaders: rule.ExposeHeaders,
		}
		if rule.MaxAge > 0 {
			out[i].MaxAgeSeconds = count(rule.MaxAge)
		}
	}
	return out
}

func fromCORS(rules []types.CORSRule) []model.CORSRule {
	out := make([]model.CORSRule, len(rules))
	for i, rule := range rules {
		out[i] = model.CORSRule{
			AllowedOrigins: rule.AllowedOrigins, AllowedMethods: rule.AllowedMethods,
			AllowedHeaders: rule.AllowedHeaders, ExposeHeaders: rule.ExposeHeaders, MaxAge: number(rule.MaxAgeSeconds),
		}
	}
	return out
}

func number(n *int32) int {
	if n == nil {
		return 0
	}
	return int(*n)
}

package s3

import (
	"context"
	"fmt"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/company/deployer/internal/aws"
	"github.com/company/deployer/internal/aws/bucket"
)

// adminAPI is the calls for the lifecycle rules of a bucket.
type adminAPI struct {
	get func(context.Context, *s3.GetBucketLifecycleConfigurationInput,
		...func(*s3.Options)) (*s3.GetBucketLifecycleConfigurationOutput, error)
	put func(context.Context, *s3.PutBucketLifecycleConfigurationInput,
		...func(*s3.Options)) (*s3.PutBucketLifecycleConfigurationOutput, error)
}

// Admin checks and corrects what locks need of the bucket beyond what states need: each heartbeat leaves a noncurrent
// version of the lock's object, so a lifecycle rule must delete these, and no rule may delete the object itself.
type Admin struct {
	api    adminAPI
	bucket string
	keys   string // the beginning of the keys of all locks
}

// NewAdmin returns an administrator of the locks in that bucket.
func NewAdmin(cfg sdk.Config, s Settings) *Admin {
	c := bucket.Client(cfg, s.PathStyle)
	return &Admin{
		api:    adminAPI{get: c.GetBucketLifecycleConfiguration, put: c.PutBucketLifecycleConfiguration},
		bucket: s.Bucket, keys: bucket.Prefix(s.Prefix) + folder,
	}
}

// Create adds the rule if it is missing, and keeps all others. The findings are about the rules as they are then.
func (a *Admin) Create(ctx context.Context) ([]aws.Finding, error) {
	now, exists, err := a.rules(ctx)
	if err != nil || !exists {
		return nil, err
	}
	rules := now.Rules
	if !slices.ContainsFunc(rules, a.tidies) {
		rules = slices.DeleteFunc(slices.Clone(rules), func(r types.LifecycleRule) bool {
			return sdk.ToString(r.ID) == a.ruleID() // it was switched off, or changed
		})
		rules = append(rules, types.LifecycleRule{
			ID: sdk.String(a.ruleID()), Status: types.ExpirationStatusEnabled,
			Filter:                      &types.LifecycleRuleFilter{Prefix: &a.keys},
			NoncurrentVersionExpiration: &types.NoncurrentVersionExpiration{NoncurrentDays: sdk.Int32(1)},
		})
		_, err := a.api.put(ctx, &s3.PutBucketLifecycleConfigurationInput{
			Bucket: &a.bucket, TransitionDefaultMinimumObjectSize: now.TransitionDefaultMinimumObjectSize,
			LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: rules},
		})
		if err != nil {
			return nil, aws.Problem("s3:PutLifecycleConfiguration", err)
		}
	}
	return a.findings(rules), nil // S3 may return the old rules for some minutes
}

// ruleID is unique to the prefix. S3 accepts 255 characters.
func (a *Admin) ruleID() string {
	id := "deployer " + a.keys
	return id[:min(len(id), 255)]
}

// Check looks at the lifecycle rules. Without a bucket there is nothing to say: the check of the states says so.
func (a *Admin) Check(ctx context.Context) ([]aws.Finding, error) {
	now, exists, err := a.rules(ctx)
	if err != nil || !exists {
		return nil, err
	}
	return a.findings(now.Rules), nil
}

func (a *Admin) findings(rules []types.LifecycleRule) []aws.Finding {
	place := "s3://" + a.bucket + "/" + a.keys
	old := aws.Finding{What: "Locks in " + place, OK: true, Detail: "old versions are deleted"}
	if !slices.ContainsFunc(rules, a.tidies) {
		old.OK, old.Detail = false, "no lifecycle rule deletes old versions: each heartbeat leaves one"
		old.Fix = bucket.CreateHint(a.bucket) + " It adds the rule and keeps all others."
	}
	out := []aws.Finding{old}
	for _, rule := range rules {
		if a.expires(rule) {
			out = append(out, aws.Finding{
				What: "Lifecycle rule " + sdk.ToString(rule.ID),
				Detail: "deletes current objects below " + a.keys +
					": that is the fence that keeps a stale run from writing",
				Fix: fmt.Sprintf("Limit the rule to keys that do not start with %q, or remove its expiration.", a.keys),
			})
		}
	}
	return out
}

// rules returns the lifecycle configuration, without rules if there is none.
func (a *Admin) rules(ctx context.Context) (out *s3.GetBucketLifecycleConfigurationOutput, exists bool, err error) {
	out, err = a.api.get(ctx, &s3.GetBucketLifecycleConfigurationInput{Bucket: &a.bucket})
	switch {
	case bucket.HasCode(err, "NoSuchLifecycleConfiguration"):
		return &s3.GetBucketLifecycleConfigurationOutput{}, true, nil
	case bucket.HasCode(err, "NoSuchBucket"):
		return nil, false, nil
	}
	return out, err == nil, aws.Problem("s3:GetLifecycleConfiguration", err)
}

// tidies reports whether the rule deletes noncurrent versions of all locks.
func (a *Admin) tidies(r types.LifecycleRule) bool {
	prefix, all := reach(r)
	return r.Status == types.ExpirationStatusEnabled && all && strings.HasPrefix(a.keys, prefix) &&
		r.NoncurrentVersionExpiration != nil
}

// expires reports whether the rule can delete a current lock.
func (a *Admin) expires(r types.LifecycleRule) bool {
	prefix, _ := reach(r)
	return r.Status == types.ExpirationStatusEnabled && !tagged(r) &&
		(strings.HasPrefix(a.keys, prefix) || strings.HasPrefix(prefix, a.keys)) &&
		r.Expiration != nil && (r.Expiration.Days != nil || r.Expiration.Date != nil)
}

// reach is the prefix of the keys that a rule is for; all: it is for every object there.
func reach(r types.LifecycleRule) (prefix string, all bool) {
	f := r.Filter
	switch {
	case f == nil:
		return sdk.ToString(r.Prefix), true //nolint:staticcheck // what others wrote may still have it
	case f.And != nil:
		return sdk.ToString(f.And.Prefix), false
	}
	return sdk.ToString(f.Prefix), f.Tag == nil && f.ObjectSizeGreaterThan == nil && f.ObjectSizeLessThan == nil
}

// tagged reports whether a rule is only for objects with tags, which locks do not have.
func tagged(r types.LifecycleRule) bool {
	return r.Filter != nil && (r.Filter.Tag != nil || r.Filter.And != nil && len(r.Filter.And.Tags) > 0)
}

package s3

import (
	"context"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"
)

// ruled returns an administrator of a bucket that has these rules; nil: no configuration.
func ruled(rules []types.LifecycleRule, puts *[]*s3.PutBucketLifecycleConfigurationInput) *Admin {
	return &Admin{bucket: "states", keys: "team/locks/", api: adminAPI{
		get: func(context.Context, *s3.GetBucketLifecycleConfigurationInput, ...func(*s3.Options)) (
			*s3.GetBucketLifecycleConfigurationOutput, error,
		) {
			if rules == nil {
				return nil, &smithy.GenericAPIError{Code: "NoSuchLifecycleConfiguration"}
			}
			return &s3.GetBucketLifecycleConfigurationOutput{
				Rules:                              rules,
				TransitionDefaultMinimumObjectSize: "varies_by_storage_class",
			}, nil
		},
		put: func(_ context.Context, in *s3.PutBucketLifecycleConfigurationInput, _ ...func(*s3.Options)) (
			*s3.PutBucketLifecycleConfigurationOutput, error,
		) {
			*puts = append(*puts, in)
			return &s3.PutBucketLifecycleConfigurationOutput{}, nil
		},
	}}
}

func rule(id, prefix string, change func(*types.LifecycleRule)) types.LifecycleRule {
	r := types.LifecycleRule{
		ID: &id, Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{Prefix: &prefix},
	}
	change(&r)
	return r
}

func old(r *types.LifecycleRule) {
	r.NoncurrentVersionExpiration = &types.NoncurrentVersionExpiration{NoncurrentDays: sdk.Int32(90)}
}

func off(r *types.LifecycleRule) {
	old(r)
	r.Status = types.ExpirationStatusDisabled
}

func current(r *types.LifecycleRule) { r.Expiration = &types.LifecycleExpiration{Days: sdk.Int32(30)} }

func logs(r *types.LifecycleRule) {
	current(r)
	r.Filter = &types.LifecycleRuleFilter{Tag: &types.Tag{Key: sdk.String("kind"), Value: sdk.String("log")}}
}

func markers(r *types.LifecycleRule) {
	r.Expiration = &types.LifecycleExpiration{ExpiredObjectDeleteMarker: sdk.Bool(true)}
}

func TestLifecycleRules(t *testing.T) {
	for name, test := range map[string]struct {
		rules  []types.LifecycleRule
		tidy   bool // old versions are deleted
		unsafe int  // rules that delete locks
	}{
		"none":                        {rules: nil},
		"for all objects":             {rules: []types.LifecycleRule{rule("all", "", old)}, tidy: true},
		"for locks":                   {rules: []types.LifecycleRule{rule("l", "team/locks/", old)}, tidy: true},
		"for locks of another team":   {rules: []types.LifecycleRule{rule("l", "locks/", old)}},
		"for one stack":               {rules: []types.LifecycleRule{rule("l", "team/locks/shop", old)}},
		"switched off":                {rules: []types.LifecycleRule{rule("l", "", off)}},
		"deletes everything":          {rules: []types.LifecycleRule{rule("x", "", current)}, unsafe: 1},
		"deletes locks of one":        {rules: []types.LifecycleRule{rule("x", "team/locks/shop", current)}, unsafe: 1},
		"deletes elsewhere":           {rules: []types.LifecycleRule{rule("x", "tmp/", current)}},
		"deletes what has a tag":      {rules: []types.LifecycleRule{rule("x", "", logs)}},
		"deletes only delete markers": {rules: []types.LifecycleRule{rule("x", "", markers)}},
		"one that tidies, one unsafe": {
			rules: []types.LifecycleRule{rule("l", "", old), rule("x", "", current)}, tidy: true, unsafe: 1,
		},
		"our own, which was shut down": {rules: []types.LifecycleRule{rule("deployer team/locks/", "", off)}},
	} {
		t.Run(name, func(t *testing.T) {
			var puts []*s3.PutBucketLifecycleConfigurationInput
			found, err := ruled(test.rules, &puts).Check(t.Context())
			require.NoError(t, err)
			require.Len(t, found, 1+test.unsafe)
			require.Equal(t, test.tidy, found[0].OK, found[0])
			for _, f := range found {
				require.Equal(t, f.OK, f.Fix == "", f)
			}
			require.Empty(t, puts, "a check changes nothing")

			found, err = ruled(test.rules, &puts).Create(t.Context())
			require.NoError(t, err)
			require.True(t, found[0].OK, found[0])
			require.Len(t, found, 1+test.unsafe, "a rule of somebody else is left alone")
			if test.tidy {
				require.Empty(t, puts)
				return
			}
			require.Len(t, puts, 1)
			written := puts[0].LifecycleConfiguration.Rules
			last := written[len(written)-1]
			require.Equal(t, "team/locks/", *last.Filter.Prefix)
			require.Nil(t, last.Expiration, "the lock itself stays")
			ids := map[string]bool{}
			for _, r := range written {
				require.False(t, ids[*r.ID], "S3 refuses two rules with one ID")
				ids[*r.ID] = true
			}
			for _, r := range test.rules {
				require.True(t, ids[*r.ID], "other rules stay")
			}
			if test.rules != nil {
				require.EqualValues(t, "varies_by_storage_class", puts[0].TransitionDefaultMinimumObjectSize)
			}
		})
	}
}

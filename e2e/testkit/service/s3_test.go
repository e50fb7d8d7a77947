package service_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/e2e/testkit"
)

func TestBucketHasTheTagsOfItsCreation(t *testing.T) {
	env := testkit.Start(t, testkit.InRegion("us-east-1"))
	client := s3.NewFromConfig(env.Config, func(o *s3.Options) { o.UsePathStyle = true })
	create := func(tags ...types.Tag) {
		in := &s3.CreateBucketInput{Bucket: aws.String("tagged")}
		if len(tags) > 0 {
			in.CreateBucketConfiguration = &types.CreateBucketConfiguration{Tags: tags}
		}
		_, err := client.CreateBucket(t.Context(), in)
		require.NoError(t, err)
	}
	tags := func() map[string]string {
		found := map[string]string{}
		out, err := client.GetBucketTagging(t.Context(), &s3.GetBucketTaggingInput{Bucket: aws.String("tagged")})
		if err != nil {
			require.ErrorContains(t, err, "NoSuchTagSet")
			return found
		}
		for _, each := range out.TagSet {
			found[*each.Key] = *each.Value
		}
		return found
	}
	create(types.Tag{Key: aws.String("team"), Value: aws.String("a & b")})
	assert.Equal(t, map[string]string{"team": "a & b"}, tags())
	create() // in us-east-1, the owner may repeat it
	assert.Equal(t, map[string]string{"team": "a & b"}, tags(), "a bucket that is there keeps its tags")
	_, err := client.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: aws.String("tagged")})
	require.NoError(t, err)
	create()
	assert.Empty(t, tags(), "nothing is inherited")
}

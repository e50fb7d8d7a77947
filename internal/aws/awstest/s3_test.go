package awstest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/middleware"
	"github.com/stretchr/testify/require"

	awss3 "github.com/company/deployer/internal/aws/s3"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/s3"
	"github.com/company/deployer/internal/testkit/resourcetest"
	"github.com/company/deployer/internal/value"
)

func s3Client(h *harness) *s3.Client {
	return s3.NewFromConfig(h.Plain, func(o *s3.Options) { o.UsePathStyle = true })
}

func bucketCase(t *testing.T, h *harness, name string) resourcetest.Case {
	client := s3Client(h)
	return resourcetest.Case{
		Behaviour: behaviour(t, awss3.Behaviours(h.Config), model.BucketType),
		Props: model.Bucket{
			Name: name, Versioning: true, Tags: map[string]string{"team": "payments"},
			CORS: []model.CORSRule{{
				AllowedOrigins: []string{"https://example.com"},
				AllowedMethods: []string{"GET", "PUT"}, MaxAge: 60,
			}},
		},
		Update: model.Bucket{
			Name: name, ForceDestroy: true, Tags: map[string]string{"cost": "7"},
			Encryption: &model.Encryption{Algorithm: "aws:kms", KMSKey: value.Lit("alias/aws/s3"), BucketKey: true},
			Lifecycle: []model.LifecycleRule{
				{ID: "old", NoncurrentExpireAfter: 30, AbortUploadsAfter: 7},
				{
					ID: "logs", Prefix: "logs/", ExpireAfter: 400,
					Transitions: []model.Transition{
						{After: 30, StorageClass: "STANDARD_IA"},
						{After: 90, StorageClass: "GLACIER"},
					},
				},
			},
		},
		Replace: model.Bucket{Name: name + "-other"},
		Foreign: func(ctx context.Context, t *testing.T, _ resource.State) func() {
			in := &s3.CreateBucketInput{Bucket: &name}
			if h.Plain.Region != "us-east-1" {
				in.CreateBucketConfiguration = &types.CreateBucketConfiguration{
					LocationConstraint: types.BucketLocationConstraint(h.Plain.Region),
				}
			}
			_, err := client.CreateBucket(ctx, in)
			require.NoError(t, err)
			return func() {
				_, err := client.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &name})
				require.NoError(t, err)
			}
		},
		Gone: func(ctx context.Context, t *testing.T, state resource.State) {
			_, err := client.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &state.ID})
			require.NoError(t, err)
		},
		Obstruct: func(ctx context.Context, t *testing.T, state resource.State) (string, func()) {
			client := s3Client(h)
			put, err := client.PutObject(ctx, &s3.PutObjectInput{
				Bucket: &state.ID, Key: pointer("a/1"),
				Body: strings.NewReader("1"),
			})
			require.NoError(t, err)
			return "", func() {
				_, err := client.DeleteObject(ctx,
					&s3.DeleteObjectInput{Bucket: &state.ID, Key: pointer("a/1"), VersionId: put.VersionId})
				require.NoError(t, err)
			}
		},
		LoseAnswer: h.LoseAnswer, Actions: h.Actions, Distinct: true,
		Unused: map[string]string{
			"s3:DeleteObject":        "emptying: TestBucketWithObjects",
			"s3:DeleteObjectVersion": "emptying",
		},
	}
}

func TestBucket(t *testing.T) {
	h := start(t)
	resourcetest.Run(t, bucketCase(t, h, "bucket-suite"))
}

func TestBucketElsewhere(t *testing.T) {
	h := startIn(t, "eu-west-1")
	resourcetest.Run(t, bucketCase(t, h, "bucket-suite-eu"))
}

// Where S3 takes no tags in CreateBucket, a new bucket has no tags for a moment. A run may be interrupted then.
func TestBucketWhereNoneIsTaggedAtFirst(t *testing.T) {
	h := startIn(t, "us-gov-west-1")
	name := "bucket-untagged"
	b := behaviour(t, awss3.Behaviours(h.Config), model.BucketType)
	inputs, problems := b.Check(value.Encode(model.Bucket{Name: name}))
	require.Empty(t, problems)
	req := request(model.BucketType)
	req.Inputs, req.Tags = inputs, resourcetest.Tags("untagged")
	tags := func() int {
		out, err := s3Client(h).GetBucketTagging(t.Context(), &s3.GetBucketTaggingInput{Bucket: &name})
		if err != nil {
			require.ErrorContains(t, err, "NoSuchTagSet")
			return 0
		}
		return len(out.TagSet)
	}
	state, err := b.Create(t.Context(), req)
	require.NoError(t, err)
	require.Contains(t, state.Outputs.Get("arn").Str(), "arn:aws-us-gov:s3:::")
	require.Equal(t, 5, tags())
	req.ID, req.Old = state.ID, state
	require.NoError(t, b.Delete(t.Context(), req))
	req.ID, req.Old = "", resource.State{}

	// The run died in between.
	bare := func() {
		_, err := s3Client(h).CreateBucket(t.Context(), &s3.CreateBucketInput{
			Bucket: &name, ObjectOwnership: types.ObjectOwnershipBucketOwnerEnforced,
			CreateBucketConfiguration: &types.CreateBucketConfiguration{
				LocationConstraint: types.BucketLocationConstraint(h.Plain.Region),
			},
		})
		require.NoError(t, err)
	}
	bare()
	var owned *resource.OwnedError
	_, err = b.Create(t.Context(), req)
	require.ErrorAs(t, err, &owned, "no run intended it")
	req.Adopt = true
	_, found, err := b.(resource.Locator).Locate(t.Context(), req)
	require.NoError(t, err)
	require.True(t, found, "what is not wanted any more can be deleted")
	put, err := s3Client(h).PutObject(t.Context(),
		&s3.PutObjectInput{Bucket: &name, Key: pointer("a"), Body: strings.NewReader("1")})
	require.NoError(t, err)
	_, err = b.Create(t.Context(), req)
	require.ErrorAs(t, err, &owned, "somebody uses it")
	_, err = s3Client(h).DeleteObject(t.Context(),
		&s3.DeleteObjectInput{Bucket: &name, Key: pointer("a"), VersionId: put.VersionId})
	require.NoError(t, err)
	state, err = b.Create(t.Context(), req)
	require.NoError(t, err)
	require.True(t, state.Adopted)
	require.Equal(t, 5, tags(), "adopted and tagged")

	// In AWS's own partition, an untagged bucket is somebody else's.
	req.ID, req.Old = state.ID, state
	require.NoError(t, b.Delete(t.Context(), req))
	req.ID, req.Old = "", resource.State{}
	h = startIn(t, "eu-west-1")
	b = behaviour(t, awss3.Behaviours(h.Config), model.BucketType)
	bare()
	_, err = b.Create(t.Context(), req)
	require.ErrorAs(t, err, &owned)
}

// A run may die between any two calls of a create. The next run finishes the bucket.
func TestBucketConvergesAfterACrash(t *testing.T) {
	for _, operation := range []string{
		"s3:PutBucketTagging", "s3:PutPublicAccessBlock", "s3:PutBucketOwnershipControls", "s3:PutBucketEncryption",
		"s3:PutBucketVersioning", "s3:PutBucketCors",
	} {
		t.Run(operation, func(t *testing.T) {
			h := start(t)
			name := "bucket-crash-" + strings.ToLower(operation[3:])
			b := behaviour(t, awss3.Behaviours(h.Config), model.BucketType)
			wanted := bucketCase(t, h, name).Props.(model.Bucket)
			inputs, problems := b.Check(value.Encode(wanted))
			require.Empty(t, problems)
			req := request(model.BucketType)
			req.Inputs, req.Tags = inputs, resourcetest.Tags("crash")

			h.Fail(operation, "AccessDenied", 1)
			_, err := b.Create(t.Context(), req)
			var partial *resource.PartialError
			require.ErrorAs(t, err, &partial)
			require.Equal(t, name, partial.State.ID)
			differs := resource.Compare(b.Definition(), partial.State.Inputs, inputs)
			require.NotEmpty(t, differs.Changes, "the recorded state must not look finished")

			req.Adopt = true // the intent of the interrupted run
			state, err := b.Create(t.Context(), req)
			require.NoError(t, err)
			req.ID, req.Old = state.ID, state
			read, found, err := b.Read(t.Context(), req)
			require.NoError(t, err)
			require.True(t, found)
			require.Empty(t, resource.Compare(b.Definition(), read.Inputs, inputs).Changes)
			tags, err := s3Client(h).GetBucketTagging(t.Context(), &s3.GetBucketTaggingInput{Bucket: &name})
			require.NoError(t, err)
			require.Len(t, tags.TagSet, 6, "adoption by intent must tag the bucket")
			require.NoError(t, b.Delete(t.Context(), req))
		})
	}
}

// smallPages makes listings return pages of five versions.
func smallPages(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("smallPages",
		func(ctx context.Context, in middleware.InitializeInput,
			next middleware.InitializeHandler,
		) (middleware.InitializeOutput, middleware.Metadata, error) {
			if list, ok := in.Parameters.(*s3.ListObjectVersionsInput); ok {
				list.MaxKeys = pointer(int32(5))
			}
			return next.HandleInitialize(ctx, in)
		}), middleware.Before)
}

func TestBucketWithObjects(t *testing.T) {
	h := start(t)
	client := s3Client(h)
	cfg := h.Config.Copy()
	cfg.APIOptions = append(slices.Clone(cfg.APIOptions), smallPages)
	b := behaviour(t, awss3.Behaviours(cfg), model.BucketType)
	inputs, problems := b.Check(value.Encode(model.Bucket{Name: "bucket-full", Versioning: true}))
	require.Empty(t, problems)
	req := request(model.BucketType)
	req.Inputs, req.Tags = inputs, resourcetest.Tags("full")
	h.Fail("s3:CreateBucket", "OperationAborted", 3)
	state, err := b.Create(t.Context(), req)
	require.NoError(t, err)
	for i := range 12 {
		key := fmt.Sprintf("object/%d", i%5)
		_, err := client.PutObject(t.Context(),
			&s3.PutObjectInput{Bucket: &state.ID, Key: &key, Body: strings.NewReader("x")})
		require.NoError(t, err)
	}
	key := "object/1"
	_, err = client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &state.ID, Key: &key})
	require.NoError(t, err)

	req.ID, req.Old, req.Inputs = state.ID, state, value.NullValue
	err = b.Delete(t.Context(), req)
	var op *resource.OpError
	require.ErrorAs(t, err, &op)
	require.Equal(t, "BucketNotEmpty", op.Code)
	require.Contains(t, op.Next, "forceDestroy: true")

	req.Old.Inputs = req.Old.Inputs.With("forceDestroy", value.NewBool(true))
	pages := 0
	req.Progress = func(string) { pages++ }
	require.NoError(t, b.Delete(t.Context(), req))
	require.Equal(t, 3, pages, "12 versions and a marker")
	_, found, err := b.Read(t.Context(), req)
	require.NoError(t, err)
	require.False(t, found)
}

func TestBucketCheck(t *testing.T) {
	b := behaviour(t, awss3.Behaviours(start(t).Config), model.BucketType)
	for name, wrong := range map[string]model.Bucket{
		"name":       {Name: "Bucket"},
		"public":     {Name: "bucket", PublicAccessBlock: pointer(false)},
		"acl":        {Name: "bucket", ObjectOwnership: "ObjectWriter"},
		"key":        {Name: "bucket", Encryption: &model.Encryption{Algorithm: "AES256", KMSKey: value.Lit("k")}},
		"empty rule": {Name: "bucket", Lifecycle: []model.LifecycleRule{{ID: "nothing"}}},
		"twice": {Name: "bucket", Lifecycle: []model.LifecycleRule{
			{ID: "a", ExpireAfter: 1}, {ID: "a", ExpireAfter: 2},
		}},
	} {
		_, problems := b.Check(value.Encode(wrong))
		require.Len(t, problems, 1, name)
	}
}

func TestBucketPolicy(t *testing.T) {
	h := start(t)
	client := s3Client(h)
	for _, name := range []string{"bucket-policy-suite", "bucket-policy-other"} {
		_, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name})
		require.NoError(t, err)
	}
	resourcetest.Run(t, resourcetest.Case{
		Behaviour: behaviour(t, awss3.Behaviours(h.Config), model.BucketPolicyType),
		Props: model.BucketPolicy{
			Bucket: value.Lit("bucket-policy-suite"),
			Policy: tlsOnly("s3:GetObject", "arn:aws:s3:::bucket-policy-suite/*"),
		},
		Update: model.BucketPolicy{
			Bucket: value.Lit("bucket-policy-suite"),
			Policy: tlsOnly("s3:PutObject", "arn:aws:s3:::bucket-policy-suite/*"),
		},
		Replace: model.BucketPolicy{
			Bucket: value.Lit("bucket-policy-other"),
			Policy: tlsOnly("s3:GetObject", "arn:aws:s3:::bucket-policy-other/*"),
		},
		LoseAnswer: h.LoseAnswer, Actions: h.Actions, Upsert: true, Distinct: true,
	})
}

// Package s3 keeps states as objects of an S3 bucket, written only under conditions, and administers that bucket.
//
// In: an SDK configuration, a bucket and a prefix. Out: a state.Backend; the keys are those documented for users:
// <prefix>stacks/<stack>/<environment>/{state.json, history/…, pulumi/…}. It relies on S3's conditional writes
// (If-Match, If-None-Match on PutObject). It must not know the lock, and its client must not ask the lock's guard.
package s3

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/company/deployer/internal/aws/bucket"
	"github.com/company/deployer/internal/state"
)

// Settings say where the states are and how long to retry.
type Settings struct {
	Bucket    string
	Prefix    string // "" or a path without a slash at its start; one at its end is added
	PathStyle bool   // for endpoints that are not AWS's own
	// Encryption is what each PutObject asks for: AES256, aws:kms, or a KMS key; "": the header is left out.
	Encryption string
	// Patience is how long a call is retried while S3 is busy, and a write while the network is down; 0: 5 minutes.
	Patience time.Duration
}

const (
	defaultPatience = 5 * time.Minute
	// unanswered is how long a read is retried that S3 does not answer at all: it may be the first call, with a wrong
	// endpoint.
	unanswered = 20 * time.Second
)

// api is the calls for states. It holds functions and no client: a client in an interface makes the linker keep all its
// methods.
type api struct {
	get    func(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error)
	put    func(context.Context, *s3.PutObjectInput, ...func(*s3.Options)) (*s3.PutObjectOutput, error)
	remove func(context.Context, *s3.DeleteObjectInput, ...func(*s3.Options)) (*s3.DeleteObjectOutput, error)
	list   func(context.Context, *s3.ListObjectsV2Input, ...func(*s3.Options)) (*s3.ListObjectsV2Output, error)
	past   func(context.Context, *s3.ListObjectVersionsInput, ...func(*s3.Options)) (*s3.ListObjectVersionsOutput,
		error)
}

// Backend is one bucket and prefix.
type Backend struct {
	api        api
	bucket     string
	prefix     string
	encryption string
	patience   time.Duration
}

var _ state.Backend = (*Backend)(nil)

// New returns the backend; it makes no call.
func New(cfg sdk.Config, s Settings) *Backend {
	client := bucket.Client(cfg, s.PathStyle)
	b := &Backend{
		api: api{
			get: client.GetObject, put: client.PutObject, remove: client.DeleteObject,
			list: client.ListObjectsV2, past: client.ListObjectVersions,
		},
		bucket: s.Bucket, prefix: bucket.Prefix(s.Prefix), encryption: s.Encryption, patience: s.Patience,
	}
	if b.patience == 0 {
		b.patience = defaultPatience
	}
	return b
}

// Location is "s3://bucket/prefix".
func (b *Backend) Location() string {
	return strings.TrimSuffix("s3://"+b.bucket+"/"+b.prefix, "/")
}

// Store returns the place of one state.
func (b *Backend) Store(key state.Key) state.Store {
	return &store{Backend: b, key: key, root: b.prefix + key.Path() + "/"}
}

// List finds every state.json with few calls: all objects of a history count as one.
func (b *Backend) List(ctx context.Context) ([]state.Entry, error) {
	var out []state.Entry
	err := b.each(ctx, b.prefix+"stacks/", "/history/", func(key string, size int64, modified time.Time) {
		if k, ok := state.ParsePath(strings.TrimPrefix(key, b.prefix)); ok {
			out = append(out, state.Entry{Key: k, Size: size, Modified: modified})
		}
	})
	slices.SortFunc(out, func(a, b state.Entry) int { return strings.Compare(a.Key.String(), b.Key.String()) })
	return out, err
}

// each visits all objects whose keys start with prefix; it leaves out those with the delimiter after the prefix.
func (b *Backend) each(
	ctx context.Context, prefix, delimiter string, visit func(key string, size int64, modified time.Time),
) error {
	in := &s3.ListObjectsV2Input{Bucket: &b.bucket, Prefix: &prefix}
	if delimiter != "" {
		in.Delimiter = &delimiter
	}
	for {
		out, err := b.api.list(ctx, in)
		if err != nil {
			return b.problem("s3:ListObjectsV2", err)
		}
		for _, object := range out.Contents {
			visit(sdk.ToString(object.Key), sdk.ToInt64(object.Size), sdk.ToTime(object.LastModified))
		}
		if !sdk.ToBool(out.IsTruncated) || sdk.ToString(out.NextContinuationToken) == "" {
			return nil
		}
		in.ContinuationToken = out.NextContinuationToken
	}
}

func (b *Backend) where(key string) string { return "s3://" + b.bucket + "/" + key }

// read gets a whole object; version is the id of an object version, nil for the current one.
func (b *Backend) read(ctx context.Context, key string, version *string) (raw []byte, etag state.Version, err error) {
	err = b.try(ctx, min(unanswered, b.patience), func(ctx context.Context) error {
		out, err := b.api.get(ctx, &s3.GetObjectInput{Bucket: &b.bucket, Key: &key, VersionId: version})
		if err != nil {
			return err
		}
		defer out.Body.Close()
		var body bytes.Buffer
		// in one step: growing would leave copies behind
		body.Grow(int(min(sdk.ToInt64(out.ContentLength), state.MaxSize)) + bytes.MinRead)
		// Decode refuses what is larger
		_, err = body.ReadFrom(io.LimitReader(out.Body, state.MaxSize+1))
		raw = body.Bytes()
		etag = state.Version(sdk.ToString(out.ETag))
		return err
	})
	switch {
	case bucket.HasCode(err, "NoSuchKey"):
		return nil, "", state.NotFound(b.where(key))
	// the last means that the version is a deletion
	case version != nil && bucket.HasCode(err, "NoSuchVersion", "InvalidArgument", "MethodNotAllowed"):
		return nil, "", state.NotFound(b.where(key) + " in the version " + *version)
	case err != nil:
		return nil, "", b.problem("s3:GetObject", err)
	}
	return raw, etag, nil
}

func (b *Backend) snapshot(ctx context.Context, key string) (*state.Snapshot, error) {
	raw, etag, err := b.read(ctx, key, nil)
	if err != nil {
		return nil, err
	}
	return state.Open(raw, etag, b.where(key))
}

func (b *Backend) problem(operation string, err error) error {
	return bucket.Problem(b.bucket, operation, err)
}

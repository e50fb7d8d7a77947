package s3

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/company/deployer/internal/state"
)

var _ state.Versioned = (*store)(nil)

// ListVersions is one ListObjectVersions per thousand versions.
func (s *store) ListVersions(ctx context.Context, limit int) ([]state.ObjectVersion, error) {
	if err := s.key.Validate(); err != nil {
		return nil, err
	}
	key := s.root + "state.json"
	in := &s3.ListObjectVersionsInput{Bucket: &s.bucket, Prefix: &key}
	var all []state.ObjectVersion
	for {
		out, err := s.api.past(ctx, in)
		if err != nil {
			return nil, s.problem("s3:ListBucketVersions", err)
		}
		for _, v := range out.Versions { // S3 lists the newest first
			if sdk.ToString(v.Key) != key {
				continue
			}
			all = append(all, state.ObjectVersion{
				ID: sdk.ToString(v.VersionId), At: sdk.ToTime(v.LastModified), Size: sdk.ToInt64(v.Size),
				Current: sdk.ToBool(v.IsLatest),
			})
			if len(all) == limit {
				return all, nil
			}
		}
		if !sdk.ToBool(out.IsTruncated) {
			return all, nil
		}
		in.KeyMarker, in.VersionIdMarker = out.NextKeyMarker, out.NextVersionIdMarker
	}
}

// GetVersion is one GetObject.
func (s *store) GetVersion(ctx context.Context, id string) (*state.Snapshot, error) {
	if err := s.key.Validate(); err != nil {
		return nil, err
	}
	key := s.root + "state.json"
	raw, etag, err := s.read(ctx, key, &id)
	if err != nil {
		return nil, err
	}
	return state.Open(raw, etag, s.where(key)+" in the version "+id)
}

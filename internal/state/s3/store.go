package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/company/deployer/internal/aws/bucket"
	"github.com/company/deployer/internal/state"
)

// store is one state.
type store struct {
	*Backend
	key  state.Key
	root string // with a slash at its end
}

// Get is one GetObject.
func (s *store) Get(ctx context.Context) (*state.Snapshot, error) {
	if err := s.key.Validate(); err != nil {
		return nil, err
	}
	return s.snapshot(ctx, s.root+"state.json")
}

// Put is one PutObject with If-Match or If-None-Match. If its answer is lost, a look at the object shows whose write it
// holds.
func (s *store) Put(ctx context.Context, e *state.Envelope, after state.Version) (state.Version, error) {
	if err := s.key.Validate(); err != nil {
		return "", err
	}
	body, err := e.Encode()
	if err != nil {
		return "", err
	}
	return s.write(ctx, s.root+"state.json", body, after, e.Writer)
}

func (s *store) encrypted(in *s3.PutObjectInput) *s3.PutObjectInput {
	return bucket.Encrypted(in, s.encryption)
}

// write puts body at key if the object there still has the version after. It uses writer to recognise its own write
// after a lost answer.
func (s *store) write(
	ctx context.Context, key string, body []byte, after state.Version, writer state.Writer,
) (state.Version, error) {
	in := s.encrypted(&s3.PutObjectInput{Bucket: &s.bucket, Key: &key, ContentType: sdk.String("application/json")})
	if after == "" {
		in.IfNoneMatch = sdk.String("*")
	} else {
		in.IfMatch = sdk.String(string(after))
	}
	var written state.Version
	err := s.try(ctx, s.patience, func(ctx context.Context) error {
		in.Body = bytes.NewReader(body)
		out, err := s.api.put(ctx, in)
		if err == nil {
			written = state.Version(sdk.ToString(out.ETag))
			return nil
		}
		switch {
		case bucket.HasCode(err, "PreconditionFailed"):
			return s.refused(ctx, key, writer, &written)
		case bucket.HasCode(err, "ConditionalRequestConflict", "OperationAborted"):
			// Another conditional write was in flight. If it took effect, the condition no longer holds; if not, try
			// again.
			there, readErr := s.snapshot(ctx, key)
			switch {
			case errors.Is(readErr, state.ErrNotFound) && after == "":
				return again{err}
			case readErr == nil && there.Version == after:
				return again{err}
			}
			return s.refused(ctx, key, writer, &written)
		case bucket.HasCode(err, "NoSuchKey") && after != "":
			return state.Gone(s.where(key))
		}
		return err
	})
	if err != nil {
		return "", s.problem("s3:PutObject", err)
	}
	return written, nil
}

// refused finds out why a condition failed: somebody else's write is a conflict, our own a success.
func (s *store) refused(ctx context.Context, key string, writer state.Writer, written *state.Version) error {
	there, err := s.snapshot(ctx, key)
	var damaged *state.CorruptError
	switch {
	case errors.Is(err, state.ErrNotFound):
		return state.Gone(s.where(key))
	case err != nil && !errors.As(err, &damaged):
		return err // maybe no conflict
	case err == nil && there.Envelope.Writer == writer:
		*written = there.Version
		return nil
	}
	return state.Conflict(s.where(key), there)
}

func (s *store) history(name string) string { return s.root + "history/" + name + ".json" }

// PutHistory is one PutObject with If-None-Match unless the second is taken.
func (s *store) PutHistory(ctx context.Context, at time.Time, e *state.Envelope) (string, error) {
	if err := s.key.Validate(); err != nil {
		return "", err
	}
	body, err := e.Encode()
	if err != nil {
		return "", err
	}
	for {
		name := state.HistoryName(at)
		_, err := s.write(ctx, s.history(name), body, "", e.Writer)
		var taken *state.ConflictError
		if !errors.As(err, &taken) {
			return name, err
		}
		at = at.Add(time.Second)
	}
}

// ListHistory is one ListObjectsV2 per thousand entries.
func (s *store) ListHistory(ctx context.Context) ([]state.HistoryEntry, error) {
	if err := s.key.Validate(); err != nil {
		return nil, err
	}
	var out []state.HistoryEntry
	prefix := s.root + "history/"
	err := s.each(ctx, prefix, "", func(key string, size int64, _ time.Time) {
		name, isJSON := strings.CutSuffix(strings.TrimPrefix(key, prefix), ".json")
		if at, ok := state.ParseHistoryName(name); isJSON && ok {
			out = append(out, state.HistoryEntry{Name: name, At: at, Size: size})
		}
	})
	slices.Reverse(out) // S3 lists by name, which is by time
	return out, err
}

// GetHistory is one GetObject.
func (s *store) GetHistory(ctx context.Context, name string) (*state.Snapshot, error) {
	if err := s.key.Validate(); err != nil {
		return nil, err
	}
	if _, ok := state.ParseHistoryName(name); !ok {
		return nil, state.NotFound(s.where(s.root + "history/" + path.Base(name)))
	}
	return s.snapshot(ctx, s.history(name))
}

// PutDerived is one unconditional PutObject or DeleteObject: nobody reads the copy back.
func (s *store) PutDerived(ctx context.Context, name string, body []byte) error {
	if err := s.key.Validate(); err != nil {
		return err
	}
	if name == "" || path.IsAbs(name) || path.Clean(name) != name || strings.HasPrefix(name, "..") {
		return fmt.Errorf("state: %q is not a name below pulumi/", name)
	}
	key := s.root + "pulumi/" + name
	if body == nil {
		err := s.try(ctx, s.patience, func(ctx context.Context) error {
			_, err := s.api.remove(ctx, &s3.DeleteObjectInput{Bucket: &s.bucket, Key: &key})
			return err
		})
		return s.problem("s3:DeleteObject", err)
	}
	err := s.try(ctx, s.patience, func(ctx context.Context) error {
		_, err := s.api.put(ctx,
			s.encrypted(&s3.PutObjectInput{Bucket: &s.bucket, Key: &key, Body: bytes.NewReader(body)}))
		return err
	})
	return s.problem("s3:PutObject", err)
}

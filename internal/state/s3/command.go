package s3

import (
	"bytes"
	"context"
	"path"
	"slices"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/company/deployer/internal/state"
)

func (s *store) command(name string) string { return s.root + "commands/" + name + ".json" }

// PutCommand is one unconditional PutObject: only the process that ran the command writes its record.
func (s *store) PutCommand(ctx context.Context, name string, c state.Command) error {
	if err := s.key.Validate(); err != nil {
		return err
	}
	if _, ok := state.ParseCommandName(name); !ok {
		return state.NotFound(s.where(s.root + "commands/" + path.Base(name)))
	}
	body, err := c.Encode()
	if err != nil {
		return err
	}
	key := s.command(name)
	err = s.try(ctx, s.patience, func(ctx context.Context) error {
		_, err := s.api.put(ctx, s.encrypted(&s3.PutObjectInput{
			Bucket: &s.bucket, Key: &key, Body: bytes.NewReader(body), ContentType: sdk.String("application/json"),
		}))
		return err
	})
	return s.problem("s3:PutObject", err)
}

// ListCommands is one ListObjectsV2 per thousand records.
func (s *store) ListCommands(ctx context.Context) ([]state.CommandEntry, error) {
	if err := s.key.Validate(); err != nil {
		return nil, err
	}
	var out []state.CommandEntry
	prefix := s.root + "commands/"
	err := s.each(ctx, prefix, "", func(key string, _ int64, _ time.Time) {
		name, isJSON := strings.CutSuffix(strings.TrimPrefix(key, prefix), ".json")
		if at, ok := state.ParseCommandName(name); isJSON && ok {
			out = append(out, state.CommandEntry{Name: name, At: at})
		}
	})
	slices.Reverse(out) // S3 lists by name, which is by time
	return out, err
}

// GetCommand is one GetObject.
func (s *store) GetCommand(ctx context.Context, name string) (state.Command, error) {
	if err := s.key.Validate(); err != nil {
		return state.Command{}, err
	}
	if _, ok := state.ParseCommandName(name); !ok {
		return state.Command{}, state.NotFound(s.where(s.root + "commands/" + path.Base(name)))
	}
	raw, _, err := s.read(ctx, s.command(name), nil)
	if err != nil {
		return state.Command{}, err
	}
	return state.DecodeCommand(raw)
}

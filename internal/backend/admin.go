package backend

import (
	"cmp"
	"context"

	"github.com/company/deployer/internal/aws"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/lock/dynamodb"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/state/s3"
)

// Making says how Create makes what is missing.
type Making struct {
	// for the encryption of the bucket; "": the key of backend.encryption, if that names one, else S3's own
	KMSKey string
	Tags   map[string]string // of both: an organisation may demand some at creation
}

// Create makes the bucket and the table, or corrects their settings.
func Create(ctx context.Context, w World, how Making) ([]report.Finding, error) {
	how.KMSKey = cmp.Or(how.KMSKey, s3.KMSKey(w.Settings.Backend.Encryption))
	bucket, table, err := admins(ctx, w, how.KMSKey)
	if err != nil {
		return nil, err
	}
	bucket.Tags, table.Tags = how.Tags, how.Tags
	return findings(ctx, bucket.Create, table.Create)
}

// Check looks at bucket and table.
func Check(ctx context.Context, w World) ([]report.Finding, error) {
	bucket, table, err := admins(ctx, w, "")
	if err != nil {
		return nil, err
	}
	return findings(ctx, bucket.Check, table.Check)
}

func admins(ctx context.Context, w World, kmsKey string) (*s3.Admin, *dynamodb.Admin, error) {
	b, l := w.Settings.Backend, w.Settings.Locks
	session, err := newSession(ctx, w, b.Region)
	if err != nil {
		return nil, nil, err
	}
	return s3.NewAdmin(session.Config(b.Region),
			s3.Settings{Bucket: b.Bucket, Prefix: b.Prefix, PathStyle: session.PathStyle()}, kmsKey),
		dynamodb.NewAdmin(session.Config(l.Region), l.Table), nil
}

func findings(ctx context.Context, steps ...func(context.Context) ([]aws.Finding, error)) ([]report.Finding, error) {
	all := []report.Finding{}
	var failed []error
	for _, step := range steps {
		found, err := step(ctx)
		failed = append(failed, err)
		for _, f := range found {
			all = append(all, report.Finding(f))
		}
	}
	return all, diag.Join(failed...)
}

package backend

import (
	"cmp"
	"context"

	"github.com/company/deployer/internal/aws"
	"github.com/company/deployer/internal/aws/bucket"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/lock/dynamodb"
	s3lock "github.com/company/deployer/internal/lock/s3"
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
	how.KMSKey = cmp.Or(how.KMSKey, bucket.KMSKey(w.Settings.Backend.Encryption))
	session, states, err := stateAdmin(ctx, w, how.KMSKey)
	if err != nil {
		return nil, err
	}
	states.Tags = how.Tags
	if w.Settings.Locks.Type == "s3" {
		return findings(ctx, states.Create, bucketLocks(w, session).Create)
	}
	table := tableAdmin(w, session)
	table.Tags = how.Tags
	return findings(ctx, states.Create, table.Create)
}

// Check looks at the bucket and at the table, or at what locks in the bucket need.
func Check(ctx context.Context, w World) ([]report.Finding, error) {
	session, states, err := stateAdmin(ctx, w, "")
	if err != nil {
		return nil, err
	}
	if w.Settings.Locks.Type == "s3" {
		return findings(ctx, states.Check, bucketLocks(w, session).Check)
	}
	return findings(ctx, states.Check, tableAdmin(w, session).Check)
}

func stateAdmin(ctx context.Context, w World, kmsKey string) (*aws.Session, *s3.Admin, error) {
	b := w.Settings.Backend
	session, err := ownSession(ctx, w)
	if err != nil {
		return nil, nil, err
	}
	return session, s3.NewAdmin(session.Config(b.Region),
		s3.Settings{Bucket: b.Bucket, Prefix: b.Prefix, PathStyle: session.PathStyle()}, kmsKey), nil
}

func tableAdmin(w World, session *aws.Session) *dynamodb.Admin {
	return dynamodb.NewAdmin(session.Config(w.Settings.Locks.Region), w.Settings.Locks.Table)
}

func bucketLocks(w World, session *aws.Session) *s3lock.Admin {
	return s3lock.NewAdmin(session.Config(w.Settings.Backend.Region), locksInBucket(w, session))
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

package backend

import (
	"context"

	"github.com/company/deployer/internal/aws"
	"github.com/company/deployer/internal/lock"
	"github.com/company/deployer/internal/lock/dynamodb"
	s3lock "github.com/company/deployer/internal/lock/s3"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/state/s3"
)

// SignIn returns the credentials of the settings, in a region; "" is the environment's. It makes no call.
func SignIn(ctx context.Context, w World, region string) (*aws.Session, error) {
	return NewSession(ctx, w, region)
}

// Access tries what a deployment does with the state and the lock of a key in AWS, and changes nothing.
func Access(ctx context.Context, w World, key state.Key) ([]report.Finding, error) {
	b, l := w.Settings.Backend, w.Settings.Locks
	session, err := ownSession(ctx, w)
	if err != nil {
		return nil, err
	}
	states := s3.New(session.Config(b.Region), s3.Settings{
		Bucket: b.Bucket, Prefix: b.Prefix, PathStyle: session.PathStyle(), Encryption: b.Encryption,
	})
	found := states.Access(ctx, key)
	honest := true // the endpoint obeys the conditions of writes, as far as is known
	for _, f := range found {
		honest = honest && f.OK
	}
	clock, held := lock.NewClock(w.Now), lock.Key{Stack: key.Stack, Environment: key.Environment}
	switch {
	case l.Type == "dynamodb":
		found = append(found, dynamodb.New(session.Config(l.Region), dynamodb.Settings{
			Table: l.Table, Bucket: b.Bucket, Prefix: b.Prefix,
		}, clock).Access(ctx, held)...)
	case l.Type == "s3" && honest:
		locks := s3lock.New(session.Config(b.Region), locksInBucket(w, session), clock)
		found = append(found, locks.Access(ctx, held)...)
	}
	var out []report.Finding
	for _, f := range found {
		out = append(out, report.Finding(f))
	}
	return out, nil
}

package backend

import (
	"context"
	"errors"

	"github.com/company/deployer/internal/aws"
	"github.com/company/deployer/internal/diag"
)

// sessionIn returns the credentials for a region; "" is the configured one, else the environment's. The credentials are
// resolved once for backend and deployment where both need them.
func (b *Backend) sessionIn(ctx context.Context, region string) (*aws.Session, error) {
	if region == "" {
		region = b.World.Settings.AWS.Region
	}
	if b.World.Settings.Backend.Type == "s3" && region != "" {
		return b.own()
	}
	return NewSession(ctx, b.World, region)
}

// ownSession is the session for bucket and locks. The region of a stack does not count: a bucket serves many stacks.
func ownSession(ctx context.Context, w World) (*aws.Session, error) {
	session, err := NewSession(ctx, w, w.Settings.Backend.Region)
	var d *diag.Diagnostic
	if errors.As(err, &d) && d.Summary == aws.NoRegion {
		err = diag.New(diag.Invalid, aws.NoRegion, "Nothing names the region of the bucket "+w.Settings.Backend.Bucket+
			": the region of a stack is not used for it.", "Set backend.region in the configuration, or AWS_REGION.")
	}
	return session, err
}

// NewSession returns the credentials of the settings for a region.
func NewSession(ctx context.Context, w World, region string) (*aws.Session, error) {
	s := w.Settings.AWS
	return aws.NewSession(ctx, aws.Settings{
		Profile: s.Profile, Region: region, Now: w.Now, Log: w.Log, HTTP: w.HTTP,
		AssumeRole: aws.AssumeRole{
			RoleARN: s.AssumeRole.RoleARN, SessionName: s.AssumeRole.SessionName,
			ExternalID: s.AssumeRole.ExternalID,
		},
	}, func(key string) string { return w.Env[key] })
}

// Who is the person or job behind a run: the actor of the CI job, else git's user.email, else whom AWS sees.
func (b *Backend) Who(where Place) string {
	env := b.World.Env
	for _, key := range []string{
		"GITHUB_ACTOR", "GITLAB_USER_LOGIN", "BUILDKITE_BUILD_CREATOR", "CIRCLE_USERNAME",
		"BITBUCKET_STEP_TRIGGERER_UUID", "BUILD_REQUESTEDFOR",
	} {
		if env[key] != "" {
			return env[key]
		}
	}
	if email := b.Git().Email; email != "" {
		return email
	}
	return where.ARN
}

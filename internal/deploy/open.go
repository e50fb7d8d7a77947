package deploy

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/company/deployer/internal/aws"
	"github.com/company/deployer/internal/component/kinds"
	"github.com/company/deployer/internal/config"
	"github.com/company/deployer/internal/git"
	"github.com/company/deployer/internal/lock"
	"github.com/company/deployer/internal/lock/dynamodb"
	locallock "github.com/company/deployer/internal/lock/local"
	"github.com/company/deployer/internal/observe"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/state/local"
	"github.com/company/deployer/internal/state/s3"
)

// World is what a Road is opened with: everything outside, injected.
type World struct {
	Root     string // of the repository; "" outside one
	Home     string
	Settings config.Settings
	Env      map[string]string
	Now      func() time.Time
	Version  string          // of deployer
	Command  string          // for the lock: what is running
	Hard     context.Context // ends at the second signal
}

// Road is the way from manifests to running applications, for one backend.
type Road struct {
	world   World
	backend state.Backend
	locker  *lock.Locker
	git     func() git.Facts
	session func() (*aws.Session, error) // of the region that settings and environment name
}

// Open wires the road to the backend and the locks that the settings name. It makes no call.
func Open(ctx context.Context, w World) (*Road, error) {
	r := &Road{world: w}
	r.git = sync.OnceValue(func() git.Facts { return git.Read(w.Root, w.Home) })
	r.session = sync.OnceValues(func() (*aws.Session, error) { return newSession(ctx, w.Settings, w.Env, w.Now, "") })
	clock := lock.NewClock(w.Now)
	host := lock.ThisHost()
	newID := uuid.NewString
	folder := w.Settings.Backend.Path
	if !filepath.IsAbs(folder) {
		folder = filepath.Join(w.Root, folder)
	}
	if w.Settings.Backend.Type != "s3" {
		r.backend = local.New(folder)
		r.locker = lock.New(locallock.New(folder, w.Now), clock, host, newID)
		return r, nil
	}
	session, err := r.session()
	if err != nil {
		// A region of the backend is enough to reach the backend.
		if session, err = newSession(ctx, w.Settings, w.Env, w.Now, w.Settings.Backend.Region); err != nil {
			return nil, err
		}
	}
	r.backend = s3.New(session.Config(w.Settings.Backend.Region), s3.Settings{
		Bucket: w.Settings.Backend.Bucket, Prefix: w.Settings.Backend.Prefix, PathStyle: session.PathStyle(),
	})
	if w.Settings.Locks.Type == "dynamodb" {
		r.locker = lock.New(dynamodb.New(session.Config(w.Settings.Locks.Region), dynamodb.Settings{
			Table: w.Settings.Locks.Table, Bucket: w.Settings.Backend.Bucket, Prefix: w.Settings.Backend.Prefix,
		}), clock, host, newID)
	} else {
		r.locker = lock.New(locallock.New(folder, w.Now), clock, host, newID)
	}
	return r, nil
}

func newSession(ctx context.Context, s config.Settings, env map[string]string, now func() time.Time, region string) (*aws.Session, error) {
	if s.AWS.Region != "" {
		region = s.AWS.Region
	}
	return aws.NewSession(ctx, aws.Settings{
		Profile: s.AWS.Profile, Region: region, Now: now,
		AssumeRole: aws.AssumeRole{RoleARN: s.AWS.AssumeRole.RoleARN, SessionName: s.AWS.AssumeRole.SessionName, ExternalID: s.AWS.AssumeRole.ExternalID},
	}, func(key string) string { return env[key] })
}

// who is the person or job behind a run, as far as is known without asking AWS.
func (r *Road) who() string {
	env := r.world.Env
	for _, key := range []string{"GITHUB_ACTOR", "GITLAB_USER_LOGIN", "BUILDKITE_BUILD_CREATOR", "CIRCLE_USERNAME", "BITBUCKET_STEP_TRIGGERER_UUID", "BUILD_REQUESTEDFOR"} {
		if env[key] != "" {
			return env[key]
		}
	}
	return r.git().Email
}

// variables are the DEPLOYER_VAR_ ones of the environment.
func (w World) variables() map[string]string {
	out := map[string]string{}
	for key, text := range w.Env {
		if name, ok := strings.CutPrefix(key, "DEPLOYER_VAR_"); ok && name != "" {
			out[name] = text
		}
	}
	return out
}

// registry is the list of kinds, made once.
var registry = sync.OnceValue(kinds.Registry)

// CreateBackend makes the bucket and the table, or brings them into shape.
func CreateBackend(ctx context.Context, s config.Settings, env map[string]string, now func() time.Time, kmsKey string) ([]observe.Finding, error) {
	return admin(ctx, s, env, now, kmsKey, true)
}

// CheckBackend looks at bucket and table.
func CheckBackend(ctx context.Context, s config.Settings, env map[string]string, now func() time.Time) ([]observe.Finding, error) {
	return admin(ctx, s, env, now, "", false)
}

func admin(ctx context.Context, s config.Settings, env map[string]string, now func() time.Time, kmsKey string, create bool) ([]observe.Finding, error) {
	session, err := newSession(ctx, s, env, now, s.Backend.Region)
	if err != nil {
		return nil, err
	}
	bucket := s3.NewAdmin(session.Config(s.Backend.Region), s3.Settings{Bucket: s.Backend.Bucket, Prefix: s.Backend.Prefix, PathStyle: session.PathStyle()}, kmsKey)
	table := dynamodb.NewAdmin(session.Config(s.Locks.Region), s.Locks.Table)
	steps := []func(context.Context) ([]aws.Finding, error){bucket.Check, table.Check}
	if create {
		steps = []func(context.Context) ([]aws.Finding, error){bucket.Create, table.Create}
	}
	var all []observe.Finding
	for _, step := range steps {
		found, err := step(ctx)
		if err != nil {
			return all, err
		}
		for _, f := range found {
			all = append(all, observe.Finding{What: f.What, OK: f.OK, Detail: f.Detail, Fix: f.Fix})
		}
	}
	return all, nil
}

package deploy

import (
	"context"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/uuid"

	"github.com/company/deployer/internal/aws"
	"github.com/company/deployer/internal/aws/catalog"
	"github.com/company/deployer/internal/aws/tagging"
	"github.com/company/deployer/internal/component/kinds"
	"github.com/company/deployer/internal/config"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/git"
	"github.com/company/deployer/internal/lock"
	"github.com/company/deployer/internal/lock/dynamodb"
	locallock "github.com/company/deployer/internal/lock/local"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/state/local"
	"github.com/company/deployer/internal/state/s3"
)

// World is what a Road is opened with: everything outside, injected.
type World struct {
	Root     string // of the repository; "" outside one
	Home     string // "": there is none
	NoHome   bool   // that nothing can be written there was told
	Settings config.Settings
	Env      map[string]string
	Now      func() time.Time
	Version  string          // of deployer
	Command  string          // for the lock: what is running
	Flags    []string        // of the command line that say where the backend is: a command that is suggested needs them, too
	Hard     context.Context // ends at the second signal
	OnLock   func()          // called before a lock is taken: from then on the process must not die of a write that nobody reads; may be nil
	Log      *slog.Logger    // nil: nothing is logged

	// What a simulation puts in the place of the real thing, so that runs can die without a process that does; nil: the real thing.
	HTTP  sdk.HTTPClient // that every AWS call goes through
	Host  *lock.Host     // where this run seems to be
	NewID func() string  // makes unique ids
	Blind bool           // AWS is not asked what is there: a simulation that strikes at the n-th call wants the same calls every time
}

// Road is the way from manifests to running applications, for one backend.
type Road struct {
	world   World
	backend state.Backend
	locker  *lock.Locker
	git     func() git.Facts
	backed  func() (*aws.Session, error) // for the backend
	newID   func() string
	types   func(sdk.Config) *resource.Catalog
	index   tagIndex
}

// Open wires the road to the backend and the locks that the settings name. It makes no call.
func Open(ctx context.Context, w World) (*Road, error) {
	r := &Road{world: w, newID: w.NewID, types: catalog.New, index: tagging.Find}
	if r.newID == nil {
		r.newID = uuid.NewString
	}
	r.git = sync.OnceValue(func() git.Facts { return git.Read(w.Root, w.Home) })
	r.backed = sync.OnceValues(func() (*aws.Session, error) { return newSession(ctx, w, w.Settings.Backend.Region) })
	clock := lock.NewClock(w.Now)
	host := lock.ThisHost()
	if w.Host != nil {
		host = *w.Host
	}
	clock.Boot = host.SinceBoot
	folder := folder(w)
	if w.Settings.Backend.Type != "s3" {
		r.backend = local.New(folder)
		r.locker = lock.New(locallock.New(folder, w.Now), clock, host, r.newID)
		return r, nil
	}
	session, err := r.backed()
	if err != nil {
		return nil, err
	}
	r.backend = s3.New(session.Config(w.Settings.Backend.Region), s3.Settings{
		Bucket: w.Settings.Backend.Bucket, Prefix: w.Settings.Backend.Prefix, PathStyle: session.PathStyle(),
	})
	if w.Settings.Locks.Type == "dynamodb" {
		r.locker = lock.New(dynamodb.New(session.Config(w.Settings.Locks.Region), dynamodb.Settings{
			Table: w.Settings.Locks.Table, Bucket: w.Settings.Backend.Bucket, Prefix: w.Settings.Backend.Prefix,
		}, clock), clock, host, r.newID)
	} else {
		r.locker = lock.New(locallock.New(folder, w.Now), clock, host, r.newID)
	}
	return r, nil
}

// folder is where state is kept on this machine, when it is.
func folder(w World) string {
	if path := w.Settings.Backend.Path; filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(w.Root, w.Settings.Backend.Path)
}

// sessionIn returns the credentials for a region; "" is the configured one, else the environment's. The credentials are resolved once
// for backend and deployment where both need them.
func (r *Road) sessionIn(ctx context.Context, region string) (*aws.Session, error) {
	if region == "" {
		region = r.world.Settings.AWS.Region
	}
	if r.world.Settings.Backend.Type == "s3" && region != "" {
		return r.backed()
	}
	return newSession(ctx, r.world, region)
}

func newSession(ctx context.Context, w World, region string) (*aws.Session, error) {
	s := w.Settings.AWS
	return aws.NewSession(ctx, aws.Settings{
		Profile: s.Profile, Region: region, Now: w.Now, Log: w.Log, HTTP: w.HTTP,
		AssumeRole: aws.AssumeRole{RoleARN: s.AssumeRole.RoleARN, SessionName: s.AssumeRole.SessionName, ExternalID: s.AssumeRole.ExternalID},
	}, func(key string) string { return w.Env[key] })
}

// who is the person or job behind a run: the actor of the CI job, else git's user.email, else whom AWS sees.
func (r *Road) who(where place) string {
	env := r.world.Env
	for _, key := range []string{"GITHUB_ACTOR", "GITLAB_USER_LOGIN", "BUILDKITE_BUILD_CREATOR", "CIRCLE_USERNAME", "BITBUCKET_STEP_TRIGGERER_UUID", "BUILD_REQUESTEDFOR"} {
		if env[key] != "" {
			return env[key]
		}
	}
	if email := r.git().Email; email != "" {
		return email
	}
	return where.arn
}

// registry is the list of kinds, made once.
var registry = sync.OnceValue(kinds.Registry)

// CreateBackend makes the bucket and the table, or brings them into shape.
func CreateBackend(ctx context.Context, w World, kmsKey string) ([]report.Finding, error) {
	bucket, table, err := admins(ctx, w, kmsKey)
	if err != nil {
		return nil, err
	}
	return findings(ctx, bucket.Create, table.Create)
}

// CheckBackend looks at bucket and table.
func CheckBackend(ctx context.Context, w World) ([]report.Finding, error) {
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
	return s3.NewAdmin(session.Config(b.Region), s3.Settings{Bucket: b.Bucket, Prefix: b.Prefix, PathStyle: session.PathStyle()}, kmsKey),
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

// Package backend opens the place of a team's states and locks, from settings: bucket and table, the bucket alone, or
// folders of this machine.
//
// In: a World (folders, settings, clock). Out: a Backend: stores, locks, credentials and the place in AWS; the present
// and earlier states of a key, and how to recover a damaged, missing or moved state. It also makes and checks bucket
// and table. It must not plan, and it writes no state: deploy and repair do that.
package backend

import (
	"context"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/uuid"

	"github.com/company/deployer/internal/aws"
	"github.com/company/deployer/internal/config"
	"github.com/company/deployer/internal/follow"
	"github.com/company/deployer/internal/git"
	"github.com/company/deployer/internal/image"
	"github.com/company/deployer/internal/lock"
	"github.com/company/deployer/internal/lock/dynamodb"
	locallock "github.com/company/deployer/internal/lock/local"
	s3lock "github.com/company/deployer/internal/lock/s3"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/state/local"
	"github.com/company/deployer/internal/state/s3"
)

// World is what a Backend is opened with: everything outside, injected.
type World struct {
	Root     string // of the repository; "" outside one
	Home     string // "": there is none
	NoHome   bool   // a warning has said that nothing can be written there
	Settings config.Settings
	Env      map[string]string
	Now      func() time.Time
	Version  string // of deployer
	Command  string // for the lock: what is running
	// of the command line that say where the backend is: a suggested command repeats them
	Flags []string
	Hard  context.Context // ends at the second signal
	// called before a lock is taken: from then on a write to a closed output must not end the process; may be nil
	OnLock func()
	Log    *slog.Logger // nil: nothing is logged

	Types func(sdk.Config) *resource.Catalog // the resource types, which call AWS with that configuration
	Index Index                              // AWS's index of tags
	// who is asked about container images, in AWS with that configuration; nil: nobody is asked
	Images func(sdk.Config) image.Finder
	// asks for a quota of the account, by its service and code in Service Quotas; nil: nobody is asked
	Quota func(ctx context.Context, cfg sdk.Config, service, code string) (float64, error)
	// reads metrics, in the order given
	Metrics func(context.Context, sdk.Config, []resource.Metric, resource.Span) ([][]report.Point, error)

	// finds out who changed objects since a time, in the order given
	Trail func(context.Context, sdk.Config, []resource.Subject, time.Time) ([][]report.Deed, error)

	// reads and follows logs in AWS with that configuration
	Logs func(sdk.Config) follow.Source

	// A simulation sets these, so that runs can die while the process lives; nil: the real thing.
	HTTP  sdk.HTTPClient // that every AWS call goes through
	Host  *lock.Host     // where this run seems to be
	NewID func() string  // makes unique ids
	// AWS is not asked for existing objects: a simulation that fails at the n-th call needs the same calls every time
	Blind bool
}

// Backend is the place of a team's states and locks, with the credentials for them and for the deployment.
type Backend struct {
	World  World
	Locker *lock.Locker
	states state.Backend
	facts  func() git.Facts
	own    func() (*aws.Session, error) // for states and locks
}

// Index finds the objects of a region that have all these tags, at most limit of them.
type Index func(ctx context.Context, cfg sdk.Config, tags map[string]string, limit int) ([]resource.Tagged, error)

// Open wires the backend to the states and the locks that the settings name. It makes no call.
func Open(ctx context.Context, w World) (*Backend, error) {
	own := sync.OnceValues(func() (*aws.Session, error) { return ownSession(ctx, w) })
	clock := lock.NewClock(w.Now)
	host := lock.ThisHost()
	if w.Host != nil {
		host = *w.Host
	}
	clock.Boot = host.SinceBoot
	newID := w.NewID
	if newID == nil {
		newID = uuid.NewString
	}
	lockHere := func() *lock.Locker { return lock.New(locallock.New(folder(w), w.Now), clock, host, newID) }
	if w.Settings.Backend.Type != "s3" {
		return New(w, local.New(folder(w)), lockHere(), own), nil
	}
	session, err := own()
	if err != nil {
		return nil, err
	}
	states := s3.New(session.Config(w.Settings.Backend.Region), s3.Settings{
		Bucket: w.Settings.Backend.Bucket, Prefix: w.Settings.Backend.Prefix, PathStyle: session.PathStyle(),
		Encryption: w.Settings.Backend.Encryption,
	})
	var table lock.Table
	switch w.Settings.Locks.Type {
	case "dynamodb":
		table = dynamodb.New(session.Config(w.Settings.Locks.Region), dynamodb.Settings{
			Table: w.Settings.Locks.Table, Bucket: w.Settings.Backend.Bucket, Prefix: w.Settings.Backend.Prefix,
		}, clock)
	case "s3":
		table = s3lock.New(session.Config(w.Settings.Backend.Region), locksInBucket(w, session), clock)
	default:
		return New(w, states, lockHere(), own), nil
	}
	return New(w, states, lock.New(table, clock, host, newID), own), nil
}

// locksInBucket are the settings of locks in the bucket of the states.
func locksInBucket(w World, session *aws.Session) s3lock.Settings {
	b := w.Settings.Backend
	return s3lock.Settings{
		Bucket: b.Bucket, Prefix: b.Prefix, PathStyle: session.PathStyle(), Encryption: b.Encryption,
	}
}

// New makes a Backend; own finds the credentials for it.
func New(w World, states state.Backend, locker *lock.Locker, own func() (*aws.Session, error)) *Backend {
	facts := sync.OnceValue(func() git.Facts { return git.Read(w.Root, w.Home) })
	return &Backend{World: w, Locker: locker, states: states, facts: facts, own: own}
}

// Store is the store of the state of a key.
func (b *Backend) Store(key state.Key) state.Store { return b.states.Store(key) }

// List returns all states of the backend.
func (b *Backend) List(ctx context.Context) ([]state.Entry, error) { return b.states.List(ctx) }

// Location is the place of the states, in a form that people recognise.
func (b *Backend) Location() string { return b.states.Location() }

// Now is the time of the lock table's clock.
func (b *Backend) Now() time.Time { return b.Locker.Now() }

// Git returns what git knows about the repository.
func (b *Backend) Git() git.Facts { return b.facts() }

// NewID makes a unique id.
func (b *Backend) NewID() string {
	if b.World.NewID != nil {
		return b.World.NewID()
	}
	return uuid.NewString()
}

// folder is where states are kept on this machine, if they are.
func folder(w World) string {
	if path := w.Settings.Backend.Path; filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(w.Root, w.Settings.Backend.Path)
}

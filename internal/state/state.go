// Package state is the contract of what deployer stores about a stack in an environment, and of where it stores it.
//
// In: a Payload with the intents of a run. Out: Envelopes, encoded, verified and kept by a Store that writes only if
// nobody else wrote in between. It must not know AWS, the engine or the lock; the packages state/s3 and state/local
// keep the bytes, state/session combines state and lock.
package state

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/company/deployer/internal/diag"
)

// Key names one state: a stack in an environment.
type Key struct{ Stack, Environment string }

func (k Key) String() string { return k.Stack + "/" + k.Environment }

// Path is the place below the backend's root where everything of the key is, without slashes at its ends.
func (k Key) Path() string { return "stacks/" + k.Stack + "/" + k.Environment }

var validName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// Validate refuses names that could lead out of the key's folder.
func (k Key) Validate() error {
	for what, name := range map[string]string{"stack": k.Stack, "environment": k.Environment} {
		if !validName.MatchString(name) {
			return diag.New(diag.Invalid, "Invalid "+what+" name",
				fmt.Sprintf("%q cannot name the %s: state is kept under that name.", name, what),
				"Use lower-case letters, digits and hyphens.")
		}
	}
	return nil
}

// Version identifies one content of a state: an ETag in S3, a hash of the file locally. The empty Version is "no state
// yet".
type Version string

// Snapshot is a state as it was read.
type Snapshot struct {
	Envelope *Envelope
	Version  Version
	Raw      []byte // exactly what the backend holds
}

// Store keeps the state of one Key. Errors that wrap one of this package's errors are diagnostics of code
// diag.Conflict; other errors are the backend's own.
type Store interface {
	// Get returns the current state. It fails with ErrNotFound when there is none, and with a *CorruptError (also for a
	// state larger than MaxSize) or a *FormatError when the state must not be used.
	Get(ctx context.Context) (*Snapshot, error)
	// Put replaces the state if it still has the version after ("": there must be none yet) and returns the new
	// version. Writer.OpID must be unique to this Put: Put recognises its own write by it after a lost answer, and
	// succeeds. It fails with a *ConflictError when somebody else wrote, with ErrGone when the state was deleted. It
	// retries passing errors, for minutes.
	Put(ctx context.Context, e *Envelope, after Version) (Version, error)
	// PutHistory keeps e under the time at (UTC, whole seconds), or under the next free second if another state has
	// that one, and returns the name. Keeping the same Writer.OpID again changes nothing and returns the same name.
	PutHistory(ctx context.Context, at time.Time, e *Envelope) (name string, err error)
	// ListHistory returns what PutHistory kept, newest first.
	ListHistory(ctx context.Context) ([]HistoryEntry, error)
	// GetHistory returns the state of that name; ErrNotFound when there is none.
	GetHistory(ctx context.Context, name string) (*Snapshot, error)
	// PutCommand keeps the record of a command under a name of CommandName, and replaces the one of that name.
	PutCommand(ctx context.Context, name string, c Command) error
	// ListCommands returns what PutCommand kept, newest first.
	ListCommands(ctx context.Context) ([]CommandEntry, error)
	// GetCommand returns the record of that name; ErrNotFound when there is none.
	GetCommand(ctx context.Context, name string) (Command, error)
	// PutDerived writes a file of the derived copy. name is relative to pulumi/ (".pulumi/meta.yaml"); a nil body
	// removes the file.
	PutDerived(ctx context.Context, name string, body []byte) error
}

// Versioned is a Store whose backend keeps overwritten and deleted contents: S3 with versioning.
type Versioned interface {
	// ListVersions returns the newest limit contents that state.json had, newest first; all with limit 0.
	ListVersions(ctx context.Context, limit int) ([]ObjectVersion, error)
	// GetVersion returns one of them; ErrNotFound when there is none of that id.
	GetVersion(ctx context.Context, id string) (*Snapshot, error)
}

// ObjectVersion is one content that state.json has, or had.
type ObjectVersion struct {
	ID      string
	At      time.Time
	Size    int64 // bytes
	Current bool
}

// Backend holds the states of all stacks.
type Backend interface {
	// Store returns the place of one state. It does no I/O.
	Store(key Key) Store
	// List returns every state in the backend, sorted by key.
	List(ctx context.Context) ([]Entry, error)
	// Location is the root in a form that people recognise: "s3://bucket/prefix", ".deployer".
	Location() string
}

// Entry is one state of a backend's listing.
type Entry struct {
	Key      Key
	Size     int64 // bytes
	Modified time.Time
}

// HistoryEntry is one state kept by PutHistory.
type HistoryEntry struct {
	Name string // "2024-01-15-10-30-00"
	At   time.Time
	Size int64 // bytes
}

const historyLayout = "2006-01-02-15-04-05"

// HistoryName returns the name under which PutHistory keeps a state of that time.
func HistoryName(at time.Time) string { return at.UTC().Format(historyLayout) }

// ParseHistoryName is the reverse of HistoryName; ok is false for other names.
func ParseHistoryName(name string) (at time.Time, ok bool) {
	at, err := time.Parse(historyLayout, name)
	return at, err == nil && HistoryName(at) == name
}

// ParsePath finds the key of "stacks/<stack>/<environment>/state.json"; ok is false for other paths.
func ParsePath(path string) (key Key, ok bool) {
	parts := strings.Split(path, "/")
	if len(parts) != 4 || parts[0] != "stacks" || parts[3] != "state.json" {
		return Key{}, false
	}
	key = Key{parts[1], parts[2]}
	return key, key.Validate() == nil
}

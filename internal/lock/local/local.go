// Package local keeps lock records as files below a folder.
//
// In: a folder. Out: a lock.Table for the processes of one machine; each step is made under a lock file and replaces
// the record whole. It must not be used from several machines.
package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"time"

	regular "github.com/company/deployer/internal/file"
	"github.com/company/deployer/internal/lock"
	"github.com/company/deployer/internal/lock/filelock"
)

// Table is one folder.
type Table struct {
	folder string
	now    func() time.Time
}

var _ lock.Table = (*Table)(nil)

// New returns the table below that folder, which need not exist yet: records are
// <folder>/locks/<stack>/<environment>.json. Its clock is the machine's.
func New(folder string, now func() time.Time) *Table {
	return &Table{filepath.Join(folder, "locks"), now}
}

// Now is the machine's wall clock.
func (t *Table) Now() time.Time { return t.now().Round(0) }

// Take implements lock.Table.
func (t *Table) Take(ctx context.Context, r lock.Record, seen *lock.Record) (lock.Record, error) {
	return t.change(ctx, r.Key, lock.Taking(r, seen))
}

// Beat implements lock.Table.
func (t *Table) Beat(ctx context.Context, r lock.Record) error {
	_, err := t.change(ctx, r.Key, lock.Beating(r))
	return err
}

// Raise implements lock.Table.
func (t *Table) Raise(ctx context.Context, r lock.Record, fence int64) error {
	_, err := t.change(ctx, r.Key, lock.Raising(r, fence))
	return err
}

// Free implements lock.Table.
func (t *Table) Free(ctx context.Context, r lock.Record) error {
	_, err := t.change(ctx, r.Key, lock.Freeing(r))
	return err
}

// Get implements lock.Table.
func (t *Table) Get(_ context.Context, key lock.Key) (lock.Record, error) {
	file, err := t.file(key)
	if err != nil {
		return lock.Record{}, err
	}
	return read(file, key)
}

var validName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

func (t *Table) file(key lock.Key) (string, error) {
	if !validName.MatchString(key.Stack) || !validName.MatchString(key.Environment) {
		return "", fmt.Errorf("lock: %q is no name of a stack and an environment", key)
	}
	return filepath.Join(t.folder, key.Stack, key.Environment+".json"), nil
}

// change makes one atomic step. It returns the record after it or, with the step's error, as it is.
func (t *Table) change(ctx context.Context, key lock.Key, step lock.Step) (lock.Record, error) {
	file, err := t.file(key)
	if err != nil {
		return lock.Record{}, err
	}
	var next lock.Record
	err = filelock.Do(ctx, file+".lock", func() error {
		now, err := read(file, key)
		if err != nil {
			return err
		}
		if next, err = step(now); err != nil {
			return err
		}
		body, err := next.Encode()
		if err != nil {
			return err
		}
		return filelock.Replace(file, body)
	})
	return next, err
}

func read(file string, key lock.Key) (lock.Record, error) {
	raw, err := regular.Read(file, 1<<20)
	if errors.Is(err, fs.ErrNotExist) {
		return lock.Record{Key: key}, nil
	}
	if err != nil {
		return lock.Record{}, err
	}
	r, err := lock.Decode(key, raw)
	if err != nil {
		return lock.Record{}, fmt.Errorf("lock file %s is damaged; remove it if no run is in progress: %w", file, err)
	}
	return r, nil
}

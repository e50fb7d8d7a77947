// Package local keeps states as files below a folder, with the same layout and the same conditions as the S3 backend.
//
// In: a folder. Out: a state.Backend for one machine. Files are 0600, replaced whole, and written under a lock file, so
// that two processes cannot both succeed in a write. It must not be used from several machines.
package local

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/company/deployer/internal/diag"
	regular "github.com/company/deployer/internal/file"
	"github.com/company/deployer/internal/lock/filelock"
	"github.com/company/deployer/internal/state"
)

// Backend keeps all states below one folder.
type Backend struct{ folder string }

var _ state.Backend = (*Backend)(nil)

// New returns the backend in that folder, which need not exist yet.
func New(folder string) *Backend { return &Backend{folder: folder} }

// Location is the folder.
func (b *Backend) Location() string { return b.folder }

// Store returns the place of one state.
func (b *Backend) Store(key state.Key) state.Store {
	return &store{key: key, folder: filepath.Join(b.folder, filepath.FromSlash(key.Path()))}
}

// List looks for state.json in the folder of every stack and environment.
func (b *Backend) List(context.Context) ([]state.Entry, error) {
	files, err := filepath.Glob(filepath.Join(escape(b.folder), "stacks", "*", "*", "state.json"))
	if err != nil {
		return nil, err
	}
	var out []state.Entry
	for _, file := range files {
		path, err := filepath.Rel(b.folder, file)
		if err != nil {
			return nil, err
		}
		key, ok := state.ParsePath(filepath.ToSlash(path))
		info, err := os.Stat(file)
		if !ok || err != nil {
			continue
		}
		out = append(out, state.Entry{Key: key, Size: info.Size(), Modified: info.ModTime()})
	}
	slices.SortFunc(out, func(a, b state.Entry) int { return strings.Compare(a.Key.String(), b.Key.String()) })
	return out, nil
}

// escape makes a folder's own [, * and ? literal in a pattern.
func escape(folder string) string {
	return strings.NewReplacer(`[`, `\[`, `*`, `\*`, `?`, `\?`).Replace(folder)
}

type store struct {
	key    state.Key
	folder string
}

func (s *store) file() string { return filepath.Join(s.folder, "state.json") }

func versionOf(raw []byte) state.Version {
	sum := sha256.Sum256(raw)
	return state.Version(hex.EncodeToString(sum[:]))
}

// Get reads without the lock file: the file is always whole.
func (s *store) Get(context.Context) (*state.Snapshot, error) {
	if err := s.key.Validate(); err != nil {
		return nil, err
	}
	return read(s.file())
}

func read(file string) (*state.Snapshot, error) {
	raw, version, err := load(file)
	if err != nil {
		return nil, err
	}
	return state.Open(raw, version, file)
}

// load returns the content of a file, and its version even if the file is too large to be read.
func load(file string) ([]byte, state.Version, error) {
	raw, err := regular.Read(file, state.MaxSize)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, "", state.NotFound(file)
	case errors.Is(err, regular.ErrNotRegular):
		d := diag.New(diag.Conflict, "State is not a file",
			file+" is a folder, a pipe or a device, so it cannot store the state.",
			"Nothing was changed. Move it to another place and run the command again. If there was a state: deployer "+
				"state restore")
		d.Cause = err
		return nil, "", d
	case errors.Is(err, regular.ErrTooLarge):
		info, err := os.Stat(file)
		if err != nil {
			return nil, "", err
		}
		version := state.Version(fmt.Sprintf("%d bytes of %s", info.Size(),
			info.ModTime().UTC().Format(time.RFC3339Nano)))
		return nil, version, state.TooLarge(file, version)
	case err != nil:
		return nil, "", err
	}
	return raw, versionOf(raw), nil
}

// Put compares and replaces under the lock file.
func (s *store) Put(ctx context.Context, e *state.Envelope, after state.Version) (state.Version, error) {
	if err := s.key.Validate(); err != nil {
		return "", err
	}
	body, err := e.Encode()
	if err != nil {
		return "", err
	}
	err = filelock.Do(ctx, s.file()+".lock", func() error {
		raw, version, err := load(s.file())
		switch {
		case errors.Is(err, state.ErrNotFound):
			if after != "" {
				return state.Gone(s.file())
			}
		case version == "":
			return err
		case version != after:
			current, err := state.Open(raw, version, s.file())
			if err != nil {
				current = nil
			}
			return state.Conflict(s.file(), current)
		}
		return filelock.Replace(s.file(), body)
	})
	if err != nil {
		return "", err
	}
	return versionOf(body), nil
}

// PutDerived writes below pulumi/.
func (s *store) PutDerived(_ context.Context, name string, body []byte) error {
	if err := s.key.Validate(); err != nil {
		return err
	}
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return &fs.PathError{Op: "write", Path: name, Err: fs.ErrInvalid}
	}
	file := filepath.Join(s.folder, "pulumi", filepath.FromSlash(name))
	if body != nil {
		return filelock.Replace(file, body)
	}
	if err := os.Remove(file); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

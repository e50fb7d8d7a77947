package local

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/company/deployer/internal/lock/filelock"
	"github.com/company/deployer/internal/state"
)

func (s *store) history(name string) string {
	return filepath.Join(s.folder, "history", name+".json")
}

// PutHistory takes the first free second; a file that exists is never replaced.
func (s *store) PutHistory(ctx context.Context, at time.Time, e *state.Envelope) (string, error) {
	if err := s.key.Validate(); err != nil {
		return "", err
	}
	body, err := e.Encode()
	if err != nil {
		return "", err
	}
	for ; ctx.Err() == nil; at = at.Add(time.Second) {
		name := state.HistoryName(at)
		err := filelock.Create(s.history(name), body)
		if !errors.Is(err, fs.ErrExist) {
			return name, err
		}
		if there, err := read(s.history(name)); err == nil && there.Envelope.Writer.OpID == e.Writer.OpID {
			return name, nil
		}
	}
	return "", context.Cause(ctx)
}

// ListHistory reads the folder's names.
func (s *store) ListHistory(context.Context) ([]state.HistoryEntry, error) {
	if err := s.key.Validate(); err != nil {
		return nil, err
	}
	files, err := os.ReadDir(filepath.Join(s.folder, "history"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var out []state.HistoryEntry
	for _, f := range files {
		name, isJSON := strings.CutSuffix(f.Name(), ".json")
		at, ok := state.ParseHistoryName(name)
		info, err := f.Info()
		if isJSON && ok && err == nil {
			out = append(out, state.HistoryEntry{Name: name, At: at, Size: info.Size()})
		}
	}
	slices.Reverse(out) // ReadDir sorts by name, which is by time
	return out, nil
}

// GetHistory reads one file.
func (s *store) GetHistory(_ context.Context, name string) (*state.Snapshot, error) {
	if err := s.key.Validate(); err != nil {
		return nil, err
	}
	if _, ok := state.ParseHistoryName(name); !ok {
		return nil, state.NotFound(s.history(filepath.Base(name)))
	}
	return read(s.history(name))
}

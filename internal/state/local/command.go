package local

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/company/deployer/internal/lock/filelock"
	"github.com/company/deployer/internal/state"
)

func (s *store) command(name string) string { return filepath.Join(s.folder, "commands", name+".json") }

// PutCommand replaces the record's file.
func (s *store) PutCommand(_ context.Context, name string, c state.Command) error {
	if err := s.key.Validate(); err != nil {
		return err
	}
	if _, ok := state.ParseCommandName(name); !ok {
		return state.NotFound(s.command(filepath.Base(name)))
	}
	body, err := c.Encode()
	if err != nil {
		return err
	}
	return filelock.Replace(s.command(name), body)
}

// ListCommands reads the folder's names.
func (s *store) ListCommands(context.Context) ([]state.CommandEntry, error) {
	if err := s.key.Validate(); err != nil {
		return nil, err
	}
	files, err := os.ReadDir(filepath.Join(s.folder, "commands"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var out []state.CommandEntry
	for _, f := range files {
		name, isJSON := strings.CutSuffix(f.Name(), ".json")
		if at, ok := state.ParseCommandName(name); isJSON && ok {
			out = append(out, state.CommandEntry{Name: name, At: at})
		}
	}
	slices.Reverse(out) // ReadDir sorts by name, which is by time
	return out, nil
}

// GetCommand reads one file.
func (s *store) GetCommand(_ context.Context, name string) (state.Command, error) {
	if err := s.key.Validate(); err != nil {
		return state.Command{}, err
	}
	if _, ok := state.ParseCommandName(name); !ok {
		return state.Command{}, state.NotFound(s.command(filepath.Base(name)))
	}
	body, err := os.ReadFile(s.command(name))
	if errors.Is(err, fs.ErrNotExist) {
		return state.Command{}, state.NotFound(s.command(name))
	}
	if err != nil {
		return state.Command{}, err
	}
	return state.DecodeCommand(body)
}

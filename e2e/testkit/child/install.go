package child

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Cache is the project's folder for programs that the tests install under that name: .cache/<name> in the module's
// root.
func Cache(name string) (string, error) {
	root, err := moduleRoot()
	return filepath.Join(root, ".cache", name), err
}

// Install returns the folder name below cache, which make fills once, even when several processes need it at the same
// time. An unfinished folder is made again.
func Install(cache, name string, progress func(string), make func(dir string) error) (dir string, err error) {
	dir = filepath.Join(cache, name)
	complete := filepath.Join(dir, ".complete")
	if exists(complete) {
		return dir, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil { //nolint:gosec // a cache, no secrets
		return "", err
	}
	unlock, err := lockFile(filepath.Join(cache, "lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	if exists(complete) { // another process was first
		return dir, nil
	}
	if progress != nil {
		progress("installing into " + dir + " (once)")
	}
	if err := make(dir); err != nil {
		return "", err
	}
	return dir, os.WriteFile(complete, nil, 0o644) //nolint:gosec // a marker
}

// Run runs commands in a folder, one after the other.
func Run(ctx context.Context, dir string, commands ...[]string) error {
	for _, command := range commands {
		cmd := exec.CommandContext(ctx, command[0], command[1:]...) //nolint:gosec // the caller's program
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", strings.Join(command, " "), err, out)
		}
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// moduleRoot is the nearest directory upward with a go.mod.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if exists(filepath.Join(dir, "go.mod")) {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no go.mod above the working directory: set the cache directory")
		}
		dir = parent
	}
}

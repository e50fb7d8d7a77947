// Package file reads small files that somebody else may have written: configuration, variables, what lies below .git,
// local state. It also replaces files as a whole.
//
// In: a path and the most bytes that make sense. Out: the content, or why not. It never waits for a pipe that nobody
// writes to, never reads from a device, and never holds more than the limit. It must not know what the content means.
package file

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// The errors of Read, inside of an *fs.PathError.
var (
	ErrNotRegular = errors.New("it is no regular file")
	ErrTooLarge   = errors.New("it is too large")
)

// Read returns the content of a regular file of at most limit bytes, links followed.
func Read(path string, limit int64) ([]byte, error) { return read(path, limit, false) }

// ReadGiven is Read for paths that a user gives, where a pipe of the shell is meant too: --var-file <(…), /dev/stdin.
func ReadGiven(path string, limit int64) ([]byte, error) {
	clean := filepath.Clean(path)
	return read(path, limit, clean == "/dev/stdin" || strings.HasPrefix(clean, "/dev/fd/") ||
		strings.HasPrefix(clean, "/proc/self/fd/"))
}

func read(path string, limit int64, pipe bool) ([]byte, error) {
	fail := func(err error) ([]byte, error) { return nil, &fs.PathError{Op: "read", Path: path, Err: err} }
	// Looked at before it is opened: that may already do something to a device.
	if info, err := os.Stat(path); err != nil {
		return nil, err
	} else if !readable(info, pipe) {
		return fail(ErrNotRegular)
	}
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // it may have become a pipe meanwhile
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // read only
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, err
	case !readable(info, pipe):
		return fail(ErrNotRegular)
	case info.Size() > limit:
		return fail(tooLarge(limit))
	}
	var data bytes.Buffer
	data.Grow(int(info.Size()) + bytes.MinRead) // at once: growing would leave copies behind
	n, err := data.ReadFrom(io.LimitReader(file, limit+1))
	switch {
	case err != nil:
		return nil, err
	case n > limit:
		return fail(tooLarge(limit))
	}
	return data.Bytes(), nil
}

func readable(info fs.FileInfo, pipe bool) bool {
	return info.Mode().IsRegular() || pipe && info.Mode()&(fs.ModeNamedPipe|fs.ModeCharDevice) != 0
}

func tooLarge(limit int64) error {
	unit, n := "KiB", limit>>10
	if n >= 10<<10 {
		unit, n = "MiB", n>>10
	}
	return fmt.Errorf("%w: more than %d %s", ErrTooLarge, n, unit)
}

package file

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrLink is an error of Private, inside of an *fs.PathError.
var ErrLink = errors.New("it is a symbolic link")

// Private makes sure that a file which this process goes on writing, such as a log, is a regular one, no link to
// somewhere else, and for its owner only. A file that is not there is as good; its folder is made, for the owner only.
func Private(path string) error {
	fail := func(err error) error { return &fs.PathError{Op: "write", Path: path, Err: err} }
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode()&fs.ModeSymlink != 0:
		return fail(ErrLink)
	case !info.Mode().IsRegular():
		return fail(ErrNotRegular)
	case info.Mode().Perm()&0o077 != 0:
		return os.Chmod(path, 0o600)
	}
	return nil
}

// Probe reports whether files can be written in a folder, which is made for the owner only if it is not there.
func Probe(folder string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	probe, err := os.CreateTemp(folder, ".probe-*")
	if err != nil {
		return err
	}
	_, err = probe.Write(make([]byte, 4096))
	return errors.Join(err, probe.Close(), os.Remove(probe.Name()))
}

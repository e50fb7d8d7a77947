// Package filelock makes processes of one machine take turns: a critical section guarded by an advisory lock on a file,
// and files that are replaced whole or not at all.
//
// In: a path. Out: mutual exclusion while the process lives, and durable writes. It must not decide anything
// about deployments; the kernel drops the lock when its process dies.
package filelock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// retry is the pause before a taken lock is tried again; its sections take milliseconds.
const retry = 5 * time.Millisecond

var errTaken = errors.New("taken")

// Do runs section while no other process or goroutine is in a section of the same path. The file at path is created
// (0600, its folders 0700) and stays: after a removal, two could be in a section at once.
func Do(ctx context.Context, path string, section func() error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close() // which also unlocks
	for {
		err := tryLock(f)
		if err == nil {
			break
		}
		if !errors.Is(err, errTaken) {
			return fmt.Errorf("locking %s: %w", path, err)
		}
		timer := time.NewTimer(retry)
		select {
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		case <-timer.C:
		}
	}
	return section()
}

// Replace writes body to path so that a crash at any moment leaves the old content or the new one: a temporary file
// beside it, fsync, rename, fsync of the folder. The file gets mode 0600, its folders 0700.
func Replace(path string, body []byte) error { return write(path, body, os.Rename) }

// Create is Replace for a file that must not be there yet; it fails with fs.ErrExist when it is.
func Create(path string, body []byte) error { return write(path, body, os.Link) }

func write(path string, body []byte, publish func(from, to string) error) error {
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(folder, "."+filepath.Base(path)+".*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone already after a rename
	_, err = f.Write(body)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = publish(f.Name(), path)
	}
	if err != nil {
		return err
	}
	return syncFolder(folder)
}

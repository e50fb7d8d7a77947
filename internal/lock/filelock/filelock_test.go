package filelock_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/lock/filelock"
)

func TestSectionsTakeTurns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b.lock")
	var inside, count atomic.Int32 // the race detector knows nothing of file locks
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			err := filelock.Do(t.Context(), path, func() error {
				if n := inside.Add(1); n != 1 {
					t.Errorf("%d sections at once", n)
				}
				count.Add(1)
				inside.Add(-1)
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	require.Equal(t, int32(20), count.Load())
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.lock")
	require.NoError(t, filelock.Do(t.Context(), path, func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		err := filelock.Do(ctx, path, func() error { t.Error("both inside"); return nil })
		require.ErrorIs(t, err, context.DeadlineExceeded)
		return nil
	}))
}

func TestReplaceAndCreate(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "deep", "file")
	require.NoError(t, filelock.Create(path, []byte("one")))
	require.True(t, errors.Is(filelock.Create(path, []byte("two")), fs.ErrExist))
	require.NoError(t, filelock.Replace(path, []byte("three")))
	body, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "three", string(body))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
	left, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, left, 1, "temporary files are left behind")
}

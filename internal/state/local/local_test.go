package local_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/state/local"
	"github.com/company/deployer/internal/testkit/statetest"
)

func TestConformance(t *testing.T) {
	statetest.Run(t, func(t *testing.T) statetest.Fixture {
		folder := filepath.Join(t.TempDir(), "with [brackets]")
		return statetest.Fixture{
			Backend: local.New(folder),
			Overwrite: func(t *testing.T, key state.Key, raw []byte) {
				file := filepath.Join(folder, key.Path(), "state.json")
				require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
				if raw == nil {
					require.NoError(t, os.Remove(file))
					return
				}
				require.NoError(t, os.WriteFile(file, raw, 0o600))
			},
		}
	})
}

func TestWhatIsNoFileIsLeftAlone(t *testing.T) {
	folder := t.TempDir()
	key := state.Key{Stack: "shop", Environment: "dev"}
	s := local.New(folder).Store(key)
	there := filepath.Join(folder, key.Path(), "state.json")
	require.NoError(t, os.MkdirAll(filepath.Join(there, "something"), 0o700))
	_, err := s.Get(t.Context())
	var d *diag.Diagnostic
	require.ErrorAs(t, err, &d)
	require.Equal(t, "State is not a file", d.Summary)
	require.Contains(t, d.Next, "Move it to another place")
	_, err = s.Put(t.Context(), statetest.Envelope(1, "op"), "")
	require.ErrorAs(t, err, &d)
	require.Equal(t, "State is not a file", d.Summary)
	require.DirExists(t, filepath.Join(there, "something"))
}

func TestEverythingIsPrivate(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "state")
	s := local.New(folder).Store(state.Key{Stack: "shop", Environment: "dev"})
	_, err := s.Put(t.Context(), statetest.Envelope(1, "op"), "")
	require.NoError(t, err)
	_, err = s.PutHistory(t.Context(), time.Unix(0, 0), statetest.Envelope(1, "op"))
	require.NoError(t, err)
	require.NoError(t, s.PutDerived(t.Context(), ".pulumi/meta.yaml", []byte("version: 1\n")))
	var files int
	require.NoError(t, filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		require.NoError(t, err)
		info, err := d.Info()
		require.NoError(t, err)
		require.Zero(t, info.Mode().Perm()&0o077, path)
		if !d.IsDir() {
			files++
		}
		return nil
	}))
	require.Equal(t, 4, files, "state, its lock file, history, derived copy")
}

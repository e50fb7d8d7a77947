package cli

import (
	"bytes"
	"errors"
	"io/fs"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// fullDisk has room for some lines.
type fullDisk struct{ lines int }

func (d *fullDisk) Write(line []byte) (int, error) {
	if d.lines--; d.lines < 0 {
		return 0, &fs.PathError{Op: "write", Path: "a.log", Err: syscall.ENOSPC}
	}
	return len(line), nil
}

func TestALogThatBreaksIsToldOnce(t *testing.T) {
	var said bytes.Buffer
	disk := &fullDisk{lines: 1}
	f := &Factory{
		Err: &said, Home: t.TempDir(), Size: func() (int, int) { return 80, 24 },
		logFile: &logFile{path: "/elsewhere/a.log", w: disk},
	}
	line := func() {
		n, err := f.logFile.Write([]byte("line\n"))
		require.NoError(t, err, "a run does not fail of its log")
		require.Equal(t, 5, n)
		f.tellNoLog()
	}
	line()
	require.Empty(t, said.String())
	for range 3 {
		line()
	}
	require.Equal(t, 1, bytes.Count(said.Bytes(), []byte("Warning: Cannot write the log")), said.String())
	require.Contains(t, said.String(), "a.log: no space left on device.")
	require.Equal(t, -1, disk.lines, "not tried again")
	require.False(t, f.noHome)
}

func TestAHomeThatCannotBeWrittenIsToldOnce(t *testing.T) {
	var said bytes.Buffer
	home := filepath.Join(t.TempDir(), "nowhere", "\x00") // a name that no file can have
	f := &Factory{
		Err: &said, Home: home, Size: func() (int, int) { return 80, 24 },
		logFile: &logFile{path: filepath.Join(home, ".deployer", "logs", "a.log"), err: errors.New("invalid argument")},
	}
	f.tellNoLog()
	f.tellNoLog()
	require.Equal(t, 1, bytes.Count(said.Bytes(), []byte("Warning: ")), said.String())
	require.Contains(t, said.String(), "no log")
	require.Contains(t, said.String(), "no journal")
	require.True(t, f.noHome)
}

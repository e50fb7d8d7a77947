//go:build unix

package file

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRead(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	write := func(name string, size int) string {
		if err := os.WriteFile(at(name), make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
		return at(name)
	}
	if err := syscall.Mkfifo(at("pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{
		"good": write("fits", 10), "zero": "/dev/zero", "loop": "loop",
		"piped": at("pipe"),
	} {
		if err := os.Symlink(target, at(link)); err != nil {
			t.Fatal(err)
		}
	}
	huge, err := os.Create(at("huge"))
	if err != nil {
		t.Fatal(err)
	}
	if err := huge.Truncate(1 << 40); err != nil {
		t.Skip("no sparse files here")
	}
	for path, want := range map[string]error{
		at("fits"): nil, at("good"): nil, write("over", 11): ErrTooLarge, at("huge"): ErrTooLarge,
		at("pipe"): ErrNotRegular, at("piped"): ErrNotRegular,
		"/dev/zero": ErrNotRegular, at("zero"): ErrNotRegular, dir: ErrNotRegular, at("none"): fs.ErrNotExist,
		at("loop"): syscall.ELOOP,
	} {
		for name, read := range map[string]func(string, int64) ([]byte, error){"Read": Read, "ReadGiven": ReadGiven} {
			if data, err := read(path, 10); !errors.Is(err, want) || err == nil && len(data) != 10 {
				t.Errorf("%s(%s): %d bytes, %v; want %v", name, path, len(data), err, want)
			}
		}
	}
}

func TestReadGivenTakesPipesOfTheShell(t *testing.T) {
	if _, err := os.Stat("/dev/fd/0"); err != nil {
		t.Skip(err)
	}
	reading, writing, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	go func() { writing.Write([]byte("A=1\n")); writing.Close() }()
	path := fmt.Sprint("/dev/fd/", reading.Fd())
	if _, err := Read(path, 10); !errors.Is(err, ErrNotRegular) {
		t.Errorf("Read: %v", err)
	}
	if data, err := ReadGiven(path, 10); err != nil || string(data) != "A=1\n" {
		t.Errorf("%q, %v", data, err)
	}
}

func TestPrivate(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "logs", "a.log")
	require.NoError(t, Private(path), "it is made by who writes it")
	info, err := os.Stat(filepath.Dir(path))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())

	require.NoError(t, os.WriteFile(path, []byte("x"), 0o600))
	require.NoError(t, os.Chmod(path, 0o666)) // whatever the umask
	require.NoError(t, Private(path))
	info, err = os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	link, pipe := filepath.Join(dir, "link"), filepath.Join(dir, "pipe")
	require.NoError(t, os.Symlink(path, link))
	require.ErrorIs(t, Private(link), ErrLink)
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	require.ErrorIs(t, Private(pipe), ErrNotRegular)
	require.ErrorIs(t, Private(dir), ErrNotRegular)
	require.ErrorIs(t, Private(os.DevNull), ErrNotRegular)
	require.ErrorIs(t, Private(filepath.Join(path, "a.log")), syscall.ENOTDIR)
}

func TestProbe(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "new")
	require.NoError(t, Probe(folder))
	left, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Empty(t, left)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "file"), nil, 0o600))
	require.Error(t, Probe(filepath.Join(folder, "file")))
}

func TestReplace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.yaml")
	require.NoError(t, os.WriteFile(path, []byte("old and longer"), 0o600))
	require.NoError(t, Replace(path, "new", 0o640))
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "new", string(got))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o640), info.Mode().Perm())
	left, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, left, 1, "no temporary file stays")
	require.Error(t, Replace(filepath.Join(path, "below"), "new", 0o600))
}

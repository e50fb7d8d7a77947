package file

import (
	"io/fs"
	"os"
	"path/filepath"
)

// Replace gives a file new content and a mode, all of it or nothing: whoever reads it sees the old content or the new
// one. Its folder must be there.
func Replace(path, content string, mode fs.FileMode) error {
	next, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(next.Name()) //nolint:errcheck // gone after the rename
	_, err = next.WriteString(content)
	if closing := next.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Chmod(next.Name(), mode)
	}
	if err == nil {
		err = os.Rename(next.Name(), path)
	}
	return err
}

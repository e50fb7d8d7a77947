package manifest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/company/deployer/internal/diag"
)

// Environments lists the environments of a stack, sorted, without reading a manifest: files and folders below
// environments/.
func Environments(root, stack string) ([]string, error) {
	folder := filepath.Join(root, stacksFolder, stack, "environments")
	found, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, diag.New(diag.Invalid, "Cannot read the stack",
			fmt.Sprintf("The folder %s cannot be read: %s.", path.Join(stacksFolder, stack, "environments"),
				plain(err)), "")
	}
	var names []string
	for _, e := range found {
		switch {
		case isManifest(e.Name()) && !e.IsDir():
			names = append(names, withoutEnding(e.Name()))
		case e.IsDir() && !strings.HasPrefix(e.Name(), ".") && holdsManifest(filepath.Join(folder, e.Name())):
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

func holdsManifest(folder string) bool {
	found := false
	_ = filepath.WalkDir(folder, func(_ string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && isManifest(e.Name()) {
			found = true
			return fs.SkipAll
		}
		return nil
	})
	return found
}

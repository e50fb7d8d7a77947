package child

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
)

// ErrNoNode says that this machine cannot run programs of Node.
var ErrNoNode = errors.New("node and npm are not on PATH")

// Package is a program of Node with the files that fix its version and those of all that it needs.
type Package struct {
	Name, Version    string
	Manifest, Locked []byte // package.json and package-lock.json
}

// InstallPackage installs a program of Node into the cache, once, without its install scripts. It returns the path of
// node and the folder of the installation, or ErrNoNode.
func InstallPackage(ctx context.Context, p Package, progress func(string)) (node, dir string, err error) {
	node, nodeErr := exec.LookPath("node")
	npm, npmErr := exec.LookPath("npm")
	if nodeErr != nil || npmErr != nil {
		return "", "", ErrNoNode
	}
	cache, err := Cache(p.Name)
	if err != nil {
		return "", "", err
	}
	dir, err = Install(cache, p.Version, progress, func(dir string) error {
		err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755),
			os.WriteFile(filepath.Join(dir, "package.json"), p.Manifest, 0o600),
			os.WriteFile(filepath.Join(dir, "package-lock.json"), p.Locked, 0o600))
		if err != nil {
			return err
		}
		return Run(ctx, dir, []string{npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"})
	})
	return node, dir, err
}

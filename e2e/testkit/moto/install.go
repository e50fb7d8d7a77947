package moto

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/company/deployer/e2e/testkit/child"
)

// Version is the only version of moto that the tests run against.
const Version = "5.2.1"

// find returns the path of a moto_server of the right version: from PATH, or else from the project's virtual
// environment, which is made on first use.
func find(ctx context.Context, opts Options) (string, error) {
	onPath, pathErr := exec.LookPath("moto_server")
	if pathErr == nil {
		version, err := versionOf(ctx, onPath)
		if err == nil && version == Version {
			return onPath, nil
		}
	}
	cache := opts.CacheDir
	if cache == "" {
		var err error
		if cache, err = child.Cache("moto"); err != nil {
			return "", err
		}
	}
	return install(ctx, cache, opts.Progress)
}

// versionOf asks the Python that the script uses.
func versionOf(ctx context.Context, script string) (string, error) {
	python, err := interpreterOf(ctx, script)
	if err != nil {
		return "", err
	}
	out, err := exec.CommandContext(ctx, python, "-c", "import importlib.metadata as m; print(m.version('moto'))").Output() //nolint:gosec // read from the script's first line
	return strings.TrimSpace(string(out)), err
}

// interpreterOf reads the first line of a console script. If pyenv has put a shell shim on PATH, it reads the real
// script.
func interpreterOf(ctx context.Context, script string) (string, error) {
	data, err := os.ReadFile(script) //nolint:gosec // found on PATH
	if err != nil {
		return "", err
	}
	first, err := bufio.NewReader(bytes.NewReader(data)).ReadString('\n')
	if err != nil || !strings.HasPrefix(first, "#!") {
		return "", fmt.Errorf("%s is not a script", script)
	}
	fields := strings.Fields(first[2:])
	if len(fields) > 0 && strings.Contains(filepath.Base(fields[0]), "python") {
		return fields[0], nil
	}
	if len(fields) > 1 && filepath.Base(fields[0]) == "env" && strings.HasPrefix(fields[1], "python") {
		return exec.LookPath(fields[1])
	}
	if !bytes.Contains(data, []byte("pyenv")) {
		return "", fmt.Errorf("%s is not a Python script", script)
	}
	out, err := exec.CommandContext(ctx, "pyenv", "which", "moto_server").Output()
	if err != nil {
		return "", fmt.Errorf("pyenv which moto_server: %w", err)
	}
	target := strings.TrimSpace(string(out))
	if target == script {
		return "", errors.New("pyenv leads back to its own shim")
	}
	return interpreterOf(ctx, target)
}

// install makes the virtual environment in the cache directory.
func install(ctx context.Context, cache string, progress func(string)) (string, error) {
	venv, err := child.Install(cache, "venv-"+Version, progress, func(venv string) error {
		python, err := exec.LookPath("python3")
		if err != nil {
			return errors.New("no moto_server " + Version +
				" on PATH and no python3 to install it with: install Python 3.10 or newer")
		}
		return child.Run(ctx, "", []string{python, "-m", "venv", "--clear", venv},
			[]string{
				filepath.Join(venv, "bin", "python"), "-m", "pip", "install", "--quiet",
				"--disable-pip-version-check", "moto[server]==" + Version,
			})
	})
	return filepath.Join(venv, "bin", "moto_server"), err
}

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
)

// Version is the only version of moto that the tests run against.
const Version = "5.2.1"

// find returns the path of a moto_server of the right version: the one on
// PATH, else that of the project's virtual environment, which is made on
// first use.
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
		root, err := moduleRoot()
		if err != nil {
			return "", err
		}
		cache = filepath.Join(root, ".cache", "moto")
	}
	return install(ctx, cache, opts.Progress)
}

// versionOf asks the Python that the script runs with.
func versionOf(ctx context.Context, script string) (string, error) {
	python, err := interpreterOf(ctx, script)
	if err != nil {
		return "", err
	}
	out, err := exec.CommandContext(ctx, python, "-c", "import importlib.metadata as m; print(m.version('moto'))").Output() //nolint:gosec // read from the script's first line
	return strings.TrimSpace(string(out)), err
}

// interpreterOf reads the first line of a console script. pyenv puts shell
// shims on PATH, which have to be looked through.
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

// install makes the virtual environment, once per cache directory, also when
// several processes want it at the same time.
func install(ctx context.Context, cache string, progress func(string)) (string, error) {
	if progress == nil {
		progress = func(string) {}
	}
	venv := filepath.Join(cache, "venv-"+Version)
	program := filepath.Join(venv, "bin", "moto_server")
	complete := filepath.Join(venv, ".complete")
	if exists(complete) {
		return program, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil { //nolint:gosec // a cache, no secrets
		return "", err
	}
	unlock, err := lockFile(filepath.Join(cache, "lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	if exists(complete) { // another process was first
		return program, nil
	}
	progress("installing moto " + Version + " into " + venv + " (once)")
	python, err := exec.LookPath("python3")
	if err != nil {
		return "", errors.New("no moto_server " + Version + " on PATH and no python3 to install it with: install Python 3.10 or newer")
	}
	steps := [][]string{
		{python, "-m", "venv", "--clear", venv},
		{filepath.Join(venv, "bin", "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "moto[server]==" + Version},
	}
	for _, step := range steps {
		out, err := exec.CommandContext(ctx, step[0], step[1:]...).CombinedOutput() //nolint:gosec // fixed arguments
		if err != nil {
			return "", fmt.Errorf("%s: %w\n%s", strings.Join(step, " "), err, out)
		}
	}
	return program, os.WriteFile(complete, []byte(Version+"\n"), 0o644) //nolint:gosec // a marker
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// moduleRoot is the nearest directory upward with a go.mod.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if exists(filepath.Join(dir, "go.mod")) {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no go.mod above the working directory: set the cache directory")
		}
		dir = parent
	}
}

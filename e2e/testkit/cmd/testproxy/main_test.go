package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func emulator(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "fine")
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestExecRunsInTheEnvironmentAndPassesTheCodeOn(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("AWS_PROFILE", "production")
	script := `env | grep ^AWS_ > "$0/env"; exit 7`
	code, err := run([]string{
		"-moto-upstream", emulator(t), "-region", "eu-north-1", "-exec", "--", "sh", "-c", script,
		dir,
	}, io.Discard, io.Discard)
	require.NoError(t, err)
	assert.Equal(t, 7, code)
	env, err := os.ReadFile(filepath.Join(dir, "env"))
	require.NoError(t, err)
	assert.Contains(t, string(env), "AWS_ENDPOINT_URL=http://127.0.0.1:")
	assert.Contains(t, string(env), "AWS_REGION=eu-north-1")
	assert.NotContains(t, string(env), "AWS_PROFILE")
}

func TestRunsUntilSIGTERMAndTellsItsEnvironment(t *testing.T) {
	dir := t.TempDir()
	envFile, record := filepath.Join(dir, "env"), filepath.Join(dir, "record")
	reader, writer := io.Pipe()
	done := make(chan int, 1)
	go func() {
		code, err := run([]string{"-moto-upstream", emulator(t), "-env-file", envFile, "-record", record}, writer,
			io.Discard)
		assert.NoError(t, err)
		assert.NoError(t, writer.Close())
		done <- code
	}()
	first := make([]byte, 4096)
	n, err := reader.Read(first)
	require.NoError(t, err)
	written, err := os.ReadFile(envFile)
	require.NoError(t, err)
	assert.Equal(t, string(written), string(first[:n]))
	_, rest, found := strings.Cut(string(written), "export AWS_ENDPOINT_URL='")
	require.True(t, found)
	endpoint, _, _ := strings.Cut(rest, "'")
	resp, err := http.Get(endpoint + "/bucket/key")
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGTERM))
	assert.Zero(t, <-done)
	line, err := os.ReadFile(record)
	require.NoError(t, err)
	assert.Contains(t, string(line), `"operation":"GetObject","resource":"bucket/key"`)
}

func TestWrongUseIsCodeTwo(t *testing.T) {
	for _, args := range [][]string{{"-exec"}, {"stray"}, {"-no-such-flag"}} {
		var stderr bytes.Buffer
		code, err := run(args, io.Discard, &stderr)
		require.Error(t, err)
		assert.Equal(t, 2, code)
	}
}

func TestExportsQuoteForTheShell(t *testing.T) {
	assert.Equal(t, "export A='it'\\''s'\n", exports([]string{"A=it's"}))
}

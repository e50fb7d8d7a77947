package packaging

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// machine is where the script runs: a home, a folder for programs, temporary files.
type machine struct {
	t                      *testing.T
	home, bin, target, tmp string
	shell                  []string
	environ                []string
}

// tools are the programs that the script may use, beside the shell.
var tools = []string{
	"awk", "cat", "chmod", "curl", "cut", "gzip", "mkdir", "mktemp", "mv", "printf", "rm", "sed", "sh", "sha256sum",
	"shasum", "sysctl", "tar", "uname",
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("the script is for systems with a POSIX shell")
	}
	root := t.TempDir()
	m := &machine{
		t: t, home: filepath.Join(root, "home"), bin: filepath.Join(root, "bin"), target: filepath.Join(root, "target"),
		tmp: filepath.Join(root, "tmp"), shell: []string{"sh"},
	}
	for _, dir := range []string{m.home, m.bin, m.tmp} {
		require.NoError(t, os.Mkdir(dir, 0o755))
	}
	for _, tool := range tools {
		m.give(tool)
	}
	if !m.has("curl") {
		m.give("wget")
		require.True(t, m.has("wget"), "the test needs curl or wget")
	}
	return m
}

// give puts a program of this machine on the script's PATH.
func (m *machine) give(tool string) {
	if path, err := exec.LookPath(tool); err == nil {
		require.NoError(m.t, os.Symlink(path, filepath.Join(m.bin, tool)))
	}
}

func (m *machine) has(tool string) bool {
	_, err := os.Stat(filepath.Join(m.bin, tool))
	return err == nil
}

// fake puts a shell script in place of a program.
func (m *machine) fake(tool, text string) {
	_ = os.Remove(filepath.Join(m.bin, tool))
	m.write(filepath.Join(m.bin, tool), "#!/bin/sh\n"+text)
}

func (m *machine) write(path, text string) {
	m.t.Helper()
	require.NoError(m.t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(m.t, os.WriteFile(path, []byte(text), 0o755))
}

func (m *machine) read(path string) string {
	m.t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(m.t, err)
	return string(raw)
}

// pipe runs a script from stdin, as `curl … | sh -s -- ARGUMENTS` does, and returns its output.
func (m *machine) pipe(text string, args ...string) (string, error) {
	m.t.Helper()
	command := append(append(append([]string{}, m.shell...), "-s", "--"), args...)
	cmd := exec.CommandContext(m.t.Context(), command[0], command[1:]...)
	cmd.Env = append([]string{"HOME=" + m.home, "PATH=" + m.bin, "TMPDIR=" + m.tmp}, m.environ...)
	cmd.Stdin = strings.NewReader(text)
	out, err := cmd.CombinedOutput()
	left, readErr := os.ReadDir(m.tmp)
	require.NoError(m.t, readErr)
	require.Empty(m.t, left, "temporary files stay behind")
	hidden, globErr := filepath.Glob(filepath.Join(m.target, ".*"))
	require.NoError(m.t, globErr)
	require.Empty(m.t, hidden, "half a program stays behind")
	return string(out), err
}

// install runs the script of the repository with a server and a target folder.
func (m *machine) install(r *releases, args ...string) (string, error) {
	m.t.Helper()
	return m.pipe(m.read(script), append([]string{"-u", r.URL + "/releases", "-b", m.target}, args...)...)
}

// refuses runs the script, which must fail and leave the target as it was.
func (m *machine) refuses(r *releases, says string, args ...string) {
	m.t.Helper()
	const before = "#!/bin/sh\necho the one that was there\n"
	installed := filepath.Join(m.target, "deployer")
	m.write(installed, before)
	out, err := m.install(r, args...)
	require.Error(m.t, err, out)
	require.Contains(m.t, out, says)
	require.Contains(m.t, out, "Error: ")
	require.Equal(m.t, before, m.read(installed))
}

package git

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func run(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "GIT_CONFIG_NOSYSTEM=1")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return strings.TrimSpace(string(out))
}

func TestReadAgreesWithGit(t *testing.T) {
	dir, home := t.TempDir(), t.TempDir()
	run(t, dir, "init", "-q", "-b", "main")
	require.Equal(t, Facts{Branch: "main"}, Read(dir, home), "no commit yet")
	run(t, dir, "config", "user.email", "dev@example.com")
	run(t, dir, "-c", "user.name=x", "commit", "-q", "--allow-empty", "-m", "one")
	run(t, dir, "-c", "user.name=x", "tag", "-a", "v1.0", "-m", "v1.0")
	require.NoError(t, os.Mkdir(filepath.Join(dir, "sub"), 0o755))
	commit := run(t, dir, "rev-parse", "HEAD")

	run(t, dir, "pack-refs", "--all")
	want := Facts{Commit: commit, Short: commit[:7], Branch: "main", Tag: "v1.0", Email: "dev@example.com"}
	require.Equal(t, want, Read(filepath.Join(dir, "sub"), home), "from packed refs")

	tree := filepath.Join(t.TempDir(), "tree")
	run(t, dir, "worktree", "add", "-q", "--detach", tree)
	want.Branch = ""
	require.Equal(t, want, Read(tree, home), "a linked worktree, detached")
	require.Equal(t, commit, Read(tree, home).Map()["commit"])
}

func TestReadOutsideOfGit(t *testing.T) {
	home := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(home, ".gitconfig"),
		[]byte("[core]\n\teditor = x\n[user]\n\tEmail = \"me@example.com\"\n"), 0o600))
	require.Equal(t, Facts{Email: "me@example.com"}, Read(t.TempDir(), home))
}

package packaging

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The comment of a plan is written once and then changed in place, among any number of others.
func TestActionPlan(t *testing.T) {
	t.Parallel()
	g := newGitHub(t)
	for i := range 250 {
		g.add("ann", fmt.Sprint("comment ", i))
	}
	g.add("mallory", "<!-- deployer plan shop/dev -->\nnot a plan\n<sub>Plan `"+second+"`</sub>")
	j := newJob(t, g, map[string]string{"command": "plan", "stack": "shop", "environment": "dev"})
	j.deployer(planned("shop/dev", first, "* `web/api` create"))
	out, outputs, err := j.run()
	require.NoError(t, err, out)
	require.Equal(t, "plan --markdown --detailed-exitcode --stack shop --environment dev\n",
		j.read(filepath.Join(j.home, "calls")))
	require.Equal(t, map[string]string{
		"hash": first, "changes": "true", "comment": "https://github.com/o/r/pull/7#issuecomment-252",
	}, outputs)
	require.Contains(t, out, "**4 to create**")
	require.Contains(t, j.read(filepath.Join(j.home, "summary")), first)
	require.Len(t, g.of("deployer plan"), 1)

	for i := range 120 { // the comment is now in the middle
		g.add("bob", fmt.Sprint("more ", i))
	}
	j.deployer(planned("shop/dev", second, ""))
	out, outputs, err = j.run()
	require.NoError(t, err, out)
	require.Equal(t, "https://github.com/o/r/pull/7#issuecomment-252", outputs["comment"])
	require.Len(t, g.of("deployer plan"), 1)
	require.Contains(t, g.of("deployer plan")[0], second)
	require.NotContains(t, g.of("deployer plan")[0], first)

	// Another stack has a comment of its own.
	other := newJob(t, g, map[string]string{"command": "plan", "stack": "shop", "environment": "live"})
	other.deployer(planned("shop/live", first, ""))
	out, _, err = other.run()
	require.NoError(t, err, out)
	require.Len(t, g.of("deployer plan shop/dev "), 1)
	require.Len(t, g.of("deployer plan shop/live "), 1)

	// A plan that fails takes the place of the one before, which is no plan for the newest commit.
	j.deployer("echo 'Error: Unknown key' >&2\necho '``` @everybody' >&2\nexit 3\n")
	out, outputs, err = j.run()
	require.Equal(t, 3, code(err), out)
	require.Empty(t, outputs["hash"])
	require.Len(t, g.of("deployer plan shop/dev "), 1)
	require.Contains(t, g.of("deployer plan shop/dev ")[0], "**The plan failed.** Nothing was changed.\n\n````\n"+
		"Error: Unknown key\n``` @everybody\n````")
	require.NotContains(t, g.of("deployer plan shop/dev ")[0], second)
}

// A plan that is too long for one comment continues in others; nothing of it is cut off.
func TestActionPlanIsNeverCut(t *testing.T) {
	t.Parallel()
	g := newGitHub(t)
	j := newJob(t, g, map[string]string{"command": "plan", "stack": "shop", "environment": "dev"})
	var lines strings.Builder
	for i := range 6000 {
		fmt.Fprintf(&lines, "* `web/component-%04d` cr\u00e9ate\n", i)
	}
	j.deployer(planned("shop/dev", first, lines.String()+strings.Repeat("x", 70_000)))
	out, _, err := j.run()
	require.NoError(t, err, out)
	parts := g.of("deployer plan shop/dev ")
	require.Equal(t, 4, len(parts)) // without printing them
	require.True(t, strings.HasPrefix(parts[0], "<!-- deployer plan shop/dev -->\n### Plan"))
	require.True(t, strings.HasPrefix(parts[1], "<!-- deployer plan shop/dev part 2 -->\n* "))
	all := strings.Join(parts, "")
	for i := range 6000 {
		require.True(t, strings.Contains(all, fmt.Sprintf("component-%04d`", i)), i)
	}
	require.Equal(t, 70_000, strings.Count(all, "x")) // no other x is in it
	require.True(t, strings.Contains(parts[3], first))

	// The hash of the whole is found, and a shorter plan leaves no parts behind.
	g.merged["c0ffee"] = 7
	a := newJob(t, g, map[string]string{
		"command": "apply", "stack": "shop", "environment": "dev", "approved": "pull-request",
	})
	a.deployer("echo \"$@\"\n")
	out, _, err = a.run()
	require.NoError(t, err, out)
	require.Contains(t, out, "--plan-hash "+first)
	j.deployer(planned("shop/dev", second, ""))
	out, _, err = j.run()
	require.NoError(t, err, out)
	require.Len(t, g.of("deployer plan shop/dev "), 1)
}

func TestActionPlanElsewhere(t *testing.T) {
	t.Parallel()
	with := map[string]string{"command": "plan", "stack": "shop", "environment": "dev"}
	t.Run("a fork, whose token may only read", func(t *testing.T) {
		t.Parallel()
		g := newGitHub(t)
		g.readOnly = true
		j := newJob(t, g, with)
		j.deployer(planned("shop/dev", first, ""))
		out, outputs, err := j.run()
		require.NoError(t, err, out)
		require.Contains(t, out, "::warning::The plan could not be written as a comment: GitHub answered 403")
		require.Equal(t, first, outputs["hash"])
		require.Contains(t, j.read(filepath.Join(j.home, "summary")), "**4 to create**")
	})
	t.Run("no pull request", func(t *testing.T) {
		t.Parallel()
		g := newGitHub(t)
		j := newJob(t, g, with)
		j.event = `{"ref": "refs/heads/main"}`
		j.deployer(planned("shop/dev", first, ""))
		out, _, err := j.run()
		require.NoError(t, err, out)
		require.Empty(t, g.calls)
	})
	t.Run("no comment wanted", func(t *testing.T) {
		t.Parallel()
		g := newGitHub(t)
		j := newJob(t, g, map[string]string{
			"command": "plan", "stack": "shop", "environment": "dev", "comment": "false",
		})
		j.deployer(planned("shop/dev", first, ""))
		out, _, err := j.run()
		require.NoError(t, err, out)
		require.Empty(t, g.calls)
	})
}

// Variables reach deployer through the environment, the token does not.
func TestActionVariables(t *testing.T) {
	t.Parallel()
	j := newJob(t, newGitHub(t), map[string]string{
		"command": "apply", "variables": "VERSION=1.10\n\nURL=https://x/?a=b\n",
	})
	j.deployer(`echo "args: $*"; echo "V=$DEPLOYER_VAR_VERSION U=$DEPLOYER_VAR_URL T=${TOKEN-none}"` + "\nexit 4\n")
	out, _, err := j.run()
	require.Equal(t, 4, code(err), "the exit code is that of deployer")
	require.Contains(t, out, "args: apply --auto-approve\nV=1.10 U=https://x/?a=b T=none")
	j.with["variables"] = "VERSION: hunter2"
	out, _, err = j.run()
	require.Equal(t, 3, code(err))
	require.Contains(t, out, "::error::Each line of the input variables is KEY=VALUE.")
	require.NotContains(t, out, "hunter2")
}

// Only what the pull request showed is applied.
func TestActionApplyApproved(t *testing.T) {
	t.Parallel()
	with := map[string]string{"command": "apply", "stack": "shop", "environment": "dev", "approved": "pull-request"}
	const body = "<!-- deployer plan shop/dev -->\n### Plan\n<sub>Plan `" + first + "`</sub>\n"
	for _, c := range []struct {
		name, says string
		prepare    func(*github)
	}{
		{"no pull request", "was not merged by a pull request", func(*github) {}},
		{"no comment", "has no comment with a plan for shop/dev", func(g *github) { g.merged["c0ffee"] = 7 }},
		{"another stack", "has no comment with a plan for shop/dev", func(g *github) {
			g.merged["c0ffee"] = 7
			g.add(bot, strings.ReplaceAll(body, "shop/dev", "shop/live"))
		}},
		{"somebody else's comment", "has no comment with a plan for shop/dev", func(g *github) {
			g.merged["c0ffee"] = 7
			g.add("mallory", body)
		}},
		{"a plan that failed", "has no comment with a plan for shop/dev", func(g *github) {
			g.merged["c0ffee"] = 7
			g.add(bot, "<!-- deployer plan shop/dev -->\n**The plan failed.**\n")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g := newGitHub(t)
			c.prepare(g)
			j := newJob(t, g, with)
			j.deployer("touch \"$HOME/applied\"\n")
			out, _, err := j.run()
			require.Equal(t, 3, code(err), out)
			require.Contains(t, out, "::error::")
			require.Contains(t, out, c.says)
			require.NoFileExists(t, filepath.Join(j.home, "applied"))
		})
	}
	t.Run("approved", func(t *testing.T) {
		t.Parallel()
		g := newGitHub(t)
		g.merged["c0ffee"] = 7
		for range 130 {
			g.add("ann", "talk")
		}
		g.add(bot, strings.ReplaceAll(body, "\n", "\r\n"))
		j := newJob(t, g, with)
		j.deployer("echo \"$@\"\n")
		out, _, err := j.run()
		require.NoError(t, err, out)
		require.Contains(t, out, "apply --auto-approve --plan-hash "+first+" --stack shop --environment dev\n")
	})
	t.Run("a hash", func(t *testing.T) {
		t.Parallel()
		j := newJob(t, newGitHub(t), map[string]string{"command": "apply", "approved": second})
		j.deployer("echo \"$@\"\n")
		out, _, err := j.run()
		require.NoError(t, err, out)
		require.Contains(t, out, "--plan-hash "+second)
	})
}

func TestActionStatus(t *testing.T) {
	t.Parallel()
	j := newJob(t, newGitHub(t), map[string]string{"command": "status", "stack": "shop", "environment": "dev"})
	j.deployer("echo \"web/api unhealthy\"\nexit 1\n")
	out, _, err := j.run()
	require.Equal(t, 1, code(err))
	require.Contains(t, out, "web/api unhealthy")
	require.Contains(t, j.read(filepath.Join(j.home, "summary")),
		"### Status of `shop/dev`\n\n```\nweb/api unhealthy\n```\n")
}

func TestActionWrongCommand(t *testing.T) {
	t.Parallel()
	j := newJob(t, newGitHub(t), map[string]string{"command": "destroy"})
	out, _, err := j.run()
	require.Equal(t, 3, code(err))
	require.Contains(t, out, `"destroy" is no command of this action`)
}

// The step that installs puts the wanted version on the PATH of the next steps, and downloads it once.
func TestActionInstall(t *testing.T) {
	t.Parallel()
	j, r := newJob(t, newGitHub(t), nil), serve(t)
	paths, folder := filepath.Join(j.home, "path"), filepath.Join(j.home, "bin")
	install := func(version string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "bash", "action/install.sh")
		cmd.Env = []string{
			"HOME=" + j.home, "PATH=" + j.path(), "TMPDIR=" + j.tmp, "GITHUB_PATH=" + paths, "FOLDER=" + folder,
			"VERSION=" + version, "RELEASES=" + r.URL + "/releases",
		}
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
	}
	install("v1.2.3")
	require.Equal(t, folder+"\n", j.read(paths))
	asked := len(r.asked)
	install("v1.2.3")
	require.Len(t, r.asked, asked)
	install("v1.3.0-rc.1")
	require.Equal(t, program("1.3.0-rc.1"), j.read(filepath.Join(folder, "deployer")))
}

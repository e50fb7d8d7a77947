package packaging

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"
)

// github is a server that has the comments of one pull request, as GitHub's API gives them.
type github struct {
	*httptest.Server
	t        *testing.T
	mutex    sync.Mutex
	next     int
	comments []*comment
	merged   map[string]int // pull requests by the commit that merged them
	readOnly bool
	calls    []string
}

type comment struct {
	ID     int    `json:"id"`
	Body   string `json:"body"`
	Author struct {
		Login string `json:"login"`
	} `json:"user"`
	URL string `json:"html_url"`
}

const bot = "github-actions[bot]"

func newGitHub(t *testing.T) *github {
	t.Helper()
	g := &github{t: t, merged: map[string]int{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /repos/o/r/issues/7/comments", func(w http.ResponseWriter, r *http.Request) {
		g.page(w, r, len(g.comments), func(i int) any { return g.comments[i] })
	})
	mux.HandleFunc("POST /repos/o/r/issues/7/comments", func(w http.ResponseWriter, r *http.Request) {
		g.write(w, r, g.add(bot, ""))
	})
	mux.HandleFunc("PATCH /repos/o/r/issues/comments/{id}", func(w http.ResponseWriter, r *http.Request) {
		for _, c := range g.comments {
			if strconv.Itoa(c.ID) == r.PathValue("id") {
				g.write(w, r, c)
				return
			}
		}
		http.NotFound(w, r)
	})
	mux.HandleFunc("DELETE /repos/o/r/issues/comments/{id}", func(w http.ResponseWriter, r *http.Request) {
		for i, c := range g.comments {
			if strconv.Itoa(c.ID) == r.PathValue("id") {
				g.comments = append(g.comments[:i], g.comments[i+1:]...)
				break
			}
		}
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /repos/o/r/commits/{sha}/pulls", func(w http.ResponseWriter, r *http.Request) {
		sha := r.PathValue("sha")
		var found []map[string]any
		if number, ok := g.merged[sha]; ok { // an open one that has the commit is listed, too
			found = append(found, map[string]any{"number": 1, "merged_at": nil, "merge_commit_sha": "x"},
				map[string]any{"number": number, "merged_at": "2026-01-01T00:00:00Z", "merge_commit_sha": sha})
		}
		g.page(w, r, len(found), func(i int) any { return found[i] })
	})
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.mutex.Lock()
		defer g.mutex.Unlock()
		g.calls = append(g.calls, r.Method)
		switch {
		case r.Header.Get("Authorization") != "Bearer t0ken":
			http.Error(w, `{"message": "Bad credentials"}`, http.StatusUnauthorized)
		case g.readOnly && r.Method != http.MethodGet:
			http.Error(w, `{"message": "Resource not accessible by integration"}`, http.StatusForbidden)
		default:
			mux.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(g.Close)
	return g
}

func (g *github) page(w http.ResponseWriter, r *http.Request, total int, item func(int) any) {
	size, page := 30, 1
	if n, err := strconv.Atoi(r.FormValue("per_page")); err == nil {
		size = min(n, 100)
	}
	if n, err := strconv.Atoi(r.FormValue("page")); err == nil {
		page = n
	}
	items := []any{}
	for i := (page - 1) * size; i < min(page*size, total); i++ {
		items = append(items, item(i))
	}
	_ = json.NewEncoder(w).Encode(items)
}

func (g *github) write(w http.ResponseWriter, r *http.Request, c *comment) {
	var in struct{ Body string }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || len([]rune(in.Body)) > 65_536 {
		http.Error(w, `{"message": "Body is too long"}`, http.StatusUnprocessableEntity)
		return
	}
	c.Body = strings.ReplaceAll(in.Body, "\n", "\r\n") // as GitHub returns what was written in a browser
	_ = json.NewEncoder(w).Encode(c)
}

func (g *github) add(author, body string) *comment {
	g.next++
	c := &comment{ID: g.next, Body: body, URL: fmt.Sprint("https://github.com/o/r/pull/7#issuecomment-", g.next)}
	c.Author.Login = author
	g.comments = append(g.comments, c)
	return c
}

// of returns the bodies of the bot's comments that have a text.
func (g *github) of(text string) []string {
	var out []string
	for _, c := range g.comments {
		if c.Author.Login == bot && strings.Contains(c.Body, text) {
			out = append(out, strings.ReplaceAll(c.Body, "\r\n", "\n"))
		}
	}
	return out
}

// job runs the action as a runner does: its steps, with the expressions of its file.
type job struct {
	*machine
	github *github
	with   map[string]string
	event  string
	sha    string
}

func newJob(t *testing.T, g *github, with map[string]string) *job {
	t.Helper()
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("bash is not installed")
	}
	j := &job{machine: newMachine(t), github: g, with: with, sha: "c0ffee", event: `{"pull_request": {"number": 7}}`}
	return j
}

// path is the PATH of a runner: all that this machine has.
func (j *job) path() string { return j.bin + ":" + os.Getenv("PATH") }

// deployer puts a script in the place of the program.
func (j *job) deployer(text string) { j.fake("deployer", text) }

type action struct {
	Inputs map[string]struct {
		Default string
	}
	Outputs map[string]struct {
		Value string
	}
	Runs struct {
		Steps []step
	}
}

type step struct {
	Name, ID, If, Run, Uses, Shell string
	Env, With                      map[string]string
}

func readYAML(t *testing.T, path string, into any) {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(raw, into), path)
}

var expression = regexp.MustCompile(`\$\{\{ *([^ }]+) *}}`)

// run runs the steps of the action after that which installs. It returns what they print, and the outputs.
func (j *job) run() (out string, outputs map[string]string, err error) {
	j.t.Helper()
	var a action
	readYAML(j.t, "../action.yml", &a)
	for name := range j.with {
		require.Contains(j.t, a.Inputs, name)
	}
	value := func(text string) string {
		return expression.ReplaceAllStringFunc(text, func(found string) string {
			switch name := expression.FindStringSubmatch(found)[1]; {
			case name == "github.token":
				return "t0ken"
			case strings.HasPrefix(name, "inputs."):
				name = strings.TrimPrefix(name, "inputs.")
				require.Contains(j.t, a.Inputs, name)
				if given, ok := j.with[name]; ok {
					return given
				}
				return strings.Replace(a.Inputs[name].Default, "${{ github.token }}", "t0ken", 1)
			default:
				require.Fail(j.t, "unknown expression", name)
				return ""
			}
		})
	}
	here, err := filepath.Abs("..")
	require.NoError(j.t, err)
	for _, file := range []string{"output", "summary"} {
		j.write(filepath.Join(j.home, file), "")
	}
	j.write(filepath.Join(j.home, "event.json"), j.event)
	ran := 0
	for _, s := range a.Runs.Steps {
		if s.ID != "run" {
			continue
		}
		ran++
		require.Equal(j.t, "bash", s.Shell)
		require.NotContains(j.t, s.Run, "${{", "a text of a user must not become a part of a script")
		cmd := exec.CommandContext(j.t.Context(), "bash", "-eo", "pipefail", "-c", s.Run)
		cmd.Env = append([]string{
			"HOME=" + j.home, "PATH=" + j.path(), "GITHUB_ACTION_PATH=" + here, "GITHUB_API_URL=" + j.github.URL,
			"GITHUB_REPOSITORY=o/r", "GITHUB_SHA=" + j.sha, "GITHUB_EVENT_PATH=" + j.home + "/event.json",
			"GITHUB_OUTPUT=" + j.home + "/output", "GITHUB_STEP_SUMMARY=" + j.home + "/summary",
			"PYTHONDONTWRITEBYTECODE=1",
		}, j.environ...)
		for name, text := range s.Env {
			cmd.Env = append(cmd.Env, name+"="+value(text))
		}
		var raw []byte
		raw, err = cmd.CombinedOutput()
		out = string(raw)
	}
	require.Equal(j.t, 1, ran)
	outputs = map[string]string{}
	for _, line := range strings.Fields(j.read(filepath.Join(j.home, "output"))) {
		name, text, _ := strings.Cut(line, "=")
		outputs[name] = text
		require.Contains(j.t, a.Outputs, name)
	}
	return out, outputs, err
}

func code(err error) int {
	if exit, ok := err.(*exec.ExitError); ok {
		return exit.ExitCode()
	}
	return 0
}

const (
	first  = "sha256:1111111111111111111111111111111111111111111111111111111111111111"
	second = "sha256:2222222222222222222222222222222222222222222222222222222222222222"
)

// planned is a deployer that plans.
func planned(name, hash, more string) string {
	return fmt.Sprintf(`echo "$@" >>"$HOME/calls"
cat <<'END'
<!-- deployer plan %s -->
### Plan for %[2]s%[1]s%[2]s

**4 to create**, 0 unchanged.
%[3]s

<sub>Plan %[2]s%[4]s%[2]s</sub>
END
exit 2
`, name, "`", more, hash)
}

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

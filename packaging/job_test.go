package packaging

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"
)

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

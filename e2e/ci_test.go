package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/rogpeppe/go-internal/testscript"
)

// flow is as much of a workflow of GitHub, a pipeline of GitLab and a build of CodeBuild as the examples use.
type flow struct {
	Jobs map[string]struct {
		Env   map[string]string
		Steps []struct{ Run string }
	}
	Variables map[string]string // GitLab
	Phases    map[string]struct{ Commands []string }
}

var githubExpression = regexp.MustCompile(`\$\{\{ *([^ }]+) *}}`)

// flowCommand runs what a job of an example runs, without a terminal and with the variables of the file:
//
//	flow FILE JOB [NAME=VALUE...]
//
// NAME is inputs.x or vars.x of GitHub, or a variable of the project for the other systems. Steps that install deployer
// or get credentials are left out.
func flowCommand(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg, "flow")
	if len(args) < 2 {
		ts.Fatalf("usage: flow FILE JOB [NAME=VALUE...]")
	}
	raw, err := os.ReadFile(filepath.Join("..", "examples", "ci", args[0]))
	ts.Check(err)
	var file flow
	ts.Check(yaml.Unmarshal(raw, &file))
	given := map[string]string{}
	for _, pair := range args[2:] {
		name, value, _ := strings.Cut(pair, "=")
		given[name] = value
	}
	script, env := file.job(ts, raw, args[1], given)
	var words []string
	for name, value := range env {
		words = append(words, name+"="+value)
	}
	slices.Sort(words)
	ts.Check(ts.Exec("env", append(words, "CI=true", "bash", "-eo", "pipefail", "-c", script)...))
}

// job returns the lines and the variables of a job.
func (f *flow) job(
	ts *testscript.TestScript, raw []byte, name string, given map[string]string,
) (script string, env map[string]string) {
	env = map[string]string{}
	switch {
	case f.Jobs != nil:
		job, found := f.Jobs[name]
		if !found {
			ts.Fatalf("there is no job %s", name)
		}
		for key, text := range job.Env {
			env[key] = githubExpression.ReplaceAllStringFunc(text, func(e string) string {
				value, known := given[githubExpression.FindStringSubmatch(e)[1]]
				if !known {
					ts.Fatalf("%s: the script gives no value", e)
				}
				return value
			})
		}
		for _, step := range job.Steps {
			if step.Run != "" {
				script += "(\n" + step.Run + "\n)\n"
			}
		}
	case f.Phases != nil:
		var build struct {
			Env struct{ Variables map[string]string }
		}
		ts.Check(yaml.Unmarshal(raw, &build))
		env = build.Env.Variables
		script = strings.Join(append(f.Phases["build"].Commands, f.Phases["post_build"].Commands...), "\n")
	default:
		var jobs map[string]struct {
			Variables map[string]string
			Script    []string
		}
		var all map[string]any
		ts.Check(yaml.Unmarshal(raw, &all))
		for _, key := range []string{"stages", "variables"} {
			delete(all, key)
		}
		text, err := yaml.Marshal(all)
		ts.Check(err)
		ts.Check(yaml.Unmarshal(text, &jobs))
		for _, variables := range []map[string]string{f.Variables, jobs[name].Variables} {
			for key, value := range variables {
				env[key] = os.Expand(value, func(v string) string { return given[v] })
			}
		}
		script = strings.Join(jobs[name].Script, "\n")
	}
	if script == "" {
		ts.Fatalf("%s runs nothing", name)
	}
	for key, value := range given { // what the project sets wins over what the file says
		if !strings.Contains(key, ".") {
			env[key] = value
		}
	}
	return script, env
}

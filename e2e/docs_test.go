package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/company/deployer/e2e/testkit"
	"github.com/company/deployer/e2e/testkit/pages"
)

// What pages say in place of what each run has of its own. Names of buckets have the account in them, so that they are
// the page's own, too.
const (
	pageAccount = testkit.DefaultAccount
	pageHome    = "/home/ada"
)

// story is a page that is being run.
type story struct {
	*pages.Page
	file    string
	outputs map[int][]string // of all steps that were run with -update
	differs bool             // one of them at least is not as on the page
	stands  []string         // texts of the page, each followed by what it is in this run
}

// real is a text of the page as it is in this run.
func (s *story) real(text string) string { return strings.NewReplacer(s.stands...).Replace(text) }

// shown is an output of this run as it is on the page.
func (s *story) shown(output string) string {
	back := []string{"\r\n", "\n"}
	for i := 0; i < len(s.stands); i += 2 {
		back = append(back, s.stands[i+1], s.stands[i])
	}
	return strings.NewReplacer(back...).Replace(output)
}

type storyKey struct{}

// TestPages runs every command of the tutorial and the how-to pages, each page with an AWS and a home of its own, and
// compares the outputs with those on the page. With -update it writes them into the page: all of them if one differs,
// so that the ids and hashes of a page are of one run.
func TestPages(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("the pages have questions, and pseudo-terminals are made as on Linux")
	}
	files, err := filepath.Glob("../docs/how-to/*.md")
	if err != nil {
		t.Fatal(err)
	}
	stories, scripts := map[string]*story{}, t.TempDir()
	for _, file := range append(files, "../docs/tutorial.md") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		page, err := pages.Parse(string(text))
		if err != nil {
			t.Errorf("%s:\n%v", file, err)
			continue
		}
		if len(page.Steps) == 0 {
			continue // a list of pages
		}
		name := strings.TrimSuffix(filepath.Base(file), ".md")
		stories[name] = &story{Page: page, file: file, outputs: map[int][]string{}}
		if err := os.WriteFile(filepath.Join(scripts, name+".txtar"), script(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if len(stories) == 0 {
		t.Fatal("no pages")
	}
	words := map[string]func(*testscript.TestScript, bool, []string){
		"step": stepCommand, "stands": standsCommand,
		"shop": func(ts *testscript.TestScript, _ bool, _ []string) {
			backendCommand(ts, false, nil)
			writeFiles(ts, stories["tutorial"].Page)
		},
	}
	for name, command := range commands {
		words[name] = command
	}
	testscript.Run(t, testscript.Params{Dir: scripts, Cmds: words, Setup: func(env *testscript.Env) error {
		name := strings.TrimPrefix(filepath.Base(env.WorkDir), "script-")
		return setupPage(env, stories[name])
	}})
}

// script is a page in the words of scripts.
func script(page *pages.Page) []byte {
	var b strings.Builder
	for i, step := range page.Steps {
		if step.Directive != "" {
			fmt.Fprintln(&b, step.Directive)
			continue
		}
		fmt.Fprintf(&b, "step %d\n", i)
	}
	return []byte(b.String())
}

func setupPage(env *testscript.Env, s *story) error {
	if err := setupWorld(env, testkit.InRegion("eu-central-1")); err != nil {
		return err
	}
	env.Setenv("GITHUB_ACTOR", "ada") // who deployed, in the history
	env.Setenv("BUCKET", "deployer-state-"+env.Getenv("ACCOUNT"))
	env.Setenv("TABLE", "deployer-locks")
	home := env.Getenv("HOME")
	s.stands = []string{
		pageAccount, env.Getenv("ACCOUNT"), pageHome, home, filepath.Dir(pageHome), filepath.Dir(home),
	}
	env.Values[storyKey{}] = s
	env.Defer(func() { // also after a failure: what was run is right
		if !s.differs {
			return
		}
		if err := os.WriteFile(s.file, []byte(s.With(s.outputs)), 0o644); err != nil {
			env.T().Log(err)
		}
	})
	return nil
}

// standsCommand says what a text of the page is in this run: stands TEXT REAL. Texts as long as the real ones break
// lines at the same places.
func standsCommand(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg, "stands")
	s := ts.Value(storyKey{}).(*story)
	s.stands = append(s.stands, args...)
}

// writeFiles writes all files of a page, as they are at its end.
func writeFiles(ts *testscript.TestScript, page *pages.Page) {
	for _, step := range page.Steps {
		if step.Path != "" {
			writeFile(ts, step)
		}
	}
}

func writeFile(ts *testscript.TestScript, step pages.Step) {
	path := ts.MkAbs(step.Path)
	ts.Check(os.MkdirAll(filepath.Dir(path), 0o755))
	ts.Check(os.WriteFile(path, []byte(ts.Value(storyKey{}).(*story).real(step.Text)), 0o644))
}

// stepCommand does one step of the page: step N.
func stepCommand(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg, "step")
	s := ts.Value(storyKey{}).(*story)
	var n int
	_, err := fmt.Sscan(args[0], &n)
	ts.Check(err)
	step := s.Steps[n]
	if step.Path != "" {
		writeFile(ts, step)
		return
	}
	ts.Logf("%s:%d: $ %s", s.file, step.Line, step.Command)
	output, code := typedByReader(ts, s.real(step.Command), step.Typed)
	output = s.shown(output)
	if bad := never.FindString(output); bad != "" {
		ts.Fatalf("the output holds %q:\n%s", bad, output)
	}
	var got []string
	if output != "" {
		got = strings.Split(strings.TrimSuffix(output, "\n"), "\n")
	}
	if code != step.Exit {
		ts.Fatalf("%s:%d: exit code %d, but the page says %d:\n%s", s.file, step.Line, code, step.Exit, output)
	}
	same := pages.Same(step.Want, got)
	if !same && !*update {
		ts.Fatalf("%s:%d: the output is not that of the page (-page +now):\n%s", s.file, step.Line,
			cmp.Diff(step.Want, got))
	}
	s.differs = s.differs || !same
	s.outputs[n] = pages.Shorten(step.Want, got)
}

// typedByReader runs a line as a shell would that stays open: cd and export last.
func typedByReader(ts *testscript.TestScript, line string, typed []string) (output string, code int) {
	if folder, ok := strings.CutPrefix(line, "cd "); ok {
		ts.Check(ts.Chdir(strings.Replace(folder, "~", ts.Getenv("HOME"), 1)))
		return "", 0
	}
	if pair, ok := strings.CutPrefix(line, "export "); ok {
		name, value, _ := strings.Cut(pair, "=")
		ts.Setenv(name, strings.Trim(value, `"'`))
		return "", 0
	}
	if len(typed) > 0 {
		cmd := exec.Command("sh", "-c", line)
		cmd.Env = append(scriptEnvironment(ts), "GITHUB_ACTOR="+ts.Getenv("GITHUB_ACTOR"),
			"TERM=dumb") // plain lines, whatever the speed
		screen, code := onTerminal(ts, cmd, 80, 24, typed)
		return string(screen), code
	}
	err := ts.Exec("sh", "-c", "exec 2>&1\n"+line)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return ts.ReadFile("stdout"), exit.ExitCode()
	}
	ts.Check(err)
	return ts.ReadFile("stdout"), 0
}

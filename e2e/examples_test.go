package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/company/deployer/e2e/testkit"
	"github.com/company/deployer/internal/testkit/shell"
)

// inOrder are the commands whose examples need what others made, or destroy it. All others run between plan and
// rollback.
var (
	examplesFirst = []string{"backend create", "validate", "plan", "apply"}
	examplesLast  = []string{
		"drift remediate", "rollback", "state pull", "state push", "state restore", "state rm", "state mv", "destroy",
	}
	// examplesElsewhere run in a repository of their own, each in an empty one or in one with the stack shop.
	examplesElsewhere = map[string]bool{"stack init": false, "component add": true, "environment add": true}
)

// examplesThat say what is expected of an example other than exit code 0. The key is a part of its line.
var examplesThat = []struct {
	part string
	exit int    // -1: not run
	why  string // for people
}{
	{"--watch", -1, "does not end"},
	{"--follow", -1, "does not end"},
	{"port-forward", -1, "does not end"},
	{"exec web/api", -1, "asks a terminal, or a task that has another name"},
	{"source <(", -1, "is for bash"},
	{"deployer completion", -1, "writes where the shell keeps its files"},
	{"aws iam", -1, "needs another program"},
	{"version --check", -1, "asks GitHub: help.txtar"},
	{"deployer init", -1, "asks, or has a bucket of its own: init.txtar"},
	{"--bucket acme-state", -1, "names a bucket of its own: backend.txtar"},
	{"VERSION=1.4.2 --detailed-exitcode", 2, "something would change"},
}

// Every example of every help does what it says, in a stack that is deployed.
func TestExamplesOfHelp(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/reference/commands.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := map[string][]string{}
	var middle []string
	known := strings.Join(append(append([]string{}, examplesFirst...), examplesLast...), "\n")
	section := regexp.MustCompile("(?s)\n## ([a-z -]+)\n(.*?)```sh\n(.*?)```")
	for _, m := range section.FindAllStringSubmatch(string(page), -1) {
		examples[m[1]] = shell.Lines(m[3])
		if _, elsewhere := examplesElsewhere[m[1]]; !elsewhere && !strings.Contains("\n"+known+"\n", "\n"+m[1]+"\n") {
			middle = append(middle, m[1])
		}
	}
	if len(middle) < 20 {
		t.Fatalf("the page has too few examples: %v", middle)
	}
	e := &exampleShell{t: t, aws: testkit.Start(t), home: t.TempDir(), repo: t.TempDir()}
	shop := *e
	shop.repo = t.TempDir()
	shop.run("deployer stack init shop --yes", 0)
	for command, inShop := range examplesElsewhere {
		for _, line := range examples[command] {
			one := *e
			one.repo = t.TempDir()
			if inShop {
				one.repo = filepath.Join(one.repo, "repo")
				if err := os.CopyFS(one.repo, os.DirFS(shop.repo)); err != nil {
					t.Fatal(err)
				}
			}
			one.run(line, 0)
			one.run("deployer validate", 0)
		}
	}
	e.prepare()
	for _, command := range append(append(append([]string{}, examplesFirst...), middle...), examplesLast...) {
		if len(examples[command]) == 0 {
			t.Errorf("the page has no examples of %s", command)
		}
		for _, line := range examples[command] {
			e.try(line)
		}
	}
}

// exampleShell runs lines as a user types them.
type exampleShell struct {
	t          *testing.T
	aws        *testkit.Env
	home, repo string
}

// prepare makes what the examples speak of: the stack shop, deployed in production and dev.
func (e *exampleShell) prepare() {
	e.run("deployer stack init shop --template web --image 'acme/shop:${VERSION}' --region "+e.aws.Region, 0)
	e.run("deployer component add SQS --service jobs", 0)
	e.run("deployer component add Worker --service jobs", 0)
	e.run("deployer backend create", 0)
	e.run("deployer apply -e dev --var VERSION=1.4.1", 0)
	e.run("deployer apply -e production --var VERSION=1.4.1", 0)
	if err := os.WriteFile(filepath.Join(e.repo, "api.yaml"), []byte("kind:   SQS\n"), 0o644); err != nil {
		e.t.Fatal(err)
	}
}

// try runs an example, with versions that this stack has.
func (e *exampleShell) try(line string) {
	want := 0
	for _, special := range examplesThat {
		if strings.Contains(line, special.part) {
			want = special.exit
			break
		}
	}
	if want < 0 {
		return
	}
	e.run(strings.NewReplacer("v41", "v1", "v42", "v2", "123456789012", e.aws.Account).Replace(line), want)
}

func (e *exampleShell) run(line string, want int) {
	e.t.Helper()
	cmd := exec.CommandContext(e.t.Context(), "sh", "-c", line)
	cmd.Dir = e.repo
	cmd.Env = append(e.aws.Environ(), "PATH="+filepath.Dir(binary)+string(filepath.ListSeparator)+os.Getenv("PATH"),
		"HOME="+e.home, "NO_COLOR=1", "CI=", "DEPLOYER_PREFERENCES_AUTO_APPROVE=true",
		"DEPLOYER_BACKEND_BUCKET=state-"+e.aws.Account, "DEPLOYER_BACKEND_REGION="+e.aws.Region,
		"DEPLOYER_RELEASES_URL=http://127.0.0.1:1", // doctor asks for the newest release
		"DEPLOYER_LOCKS_TABLE=locks", "DEPLOYER_LOCKS_REGION="+e.aws.Region)
	started := time.Now()
	out, err := cmd.CombinedOutput()
	e.t.Logf("%5.1f s  %s", time.Since(started).Seconds(), line)
	if code := cmd.ProcessState.ExitCode(); code != want {
		e.t.Errorf("%s: exit %d, want %d (%v)\n%s", line, code, want, err, out)
	}
}

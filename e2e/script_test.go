// Package e2e drives the real binary against the AWS emulator behind the test proxy, one script per topic.
//
// In: testdata/script/*.txtar. Each runs in an account, a region, a home and a repository of its own, with the commands
// of commands_test.go beside those of testscript. Out: passed or not. It must not look inside the product: what users
// see is all that it checks.
package e2e

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/company/deployer/e2e/testkit"
)

// binaryVariable names the binary to be tested; without it one is built.
const binaryVariable = "DEPLOYER_TEST_BINARY"

var update = flag.Bool("update", false, "rewrite golden files of the scripts from what the binary says now")

// binary is the absolute path of what is tested.
var binary string

func TestMain(m *testing.M) {
	if code, ran := measured(); ran {
		os.Exit(code)
	}
	flag.Parse()
	chosen := false
	flag.Visit(func(f *flag.Flag) { chosen = chosen || f.Name == "test.parallel" })
	cores := runtime.GOMAXPROCS(0)
	testkit.Spread(min(cores, 4))
	if !chosen && cores < 8 {
		_ = flag.Set("test.parallel", "8") // scripts wait more than they compute; a number is always accepted
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "deployer-e2e")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }() // a temporary folder
	if binary, err = prepare(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if err := judgeScripts(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	crashTable.Print(os.Stdout)
	return code
}

// prepare makes dir/deployer: a link to the given binary, or a new build.
func prepare(dir string) (string, error) {
	path := filepath.Join(dir, "deployer")
	if given := os.Getenv(binaryVariable); given != "" {
		given, err := filepath.Abs(given)
		if err == nil {
			_, err = os.Stat(given)
		}
		if err != nil {
			return "", fmt.Errorf("%s: %w", binaryVariable, err)
		}
		return path, os.Symlink(given, path)
	}
	build := exec.Command("go", "build", "-trimpath", "-o", path, "../cmd/deployer")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the binary: %w\n%s", err, out)
	}
	return path, nil
}

func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		Cmds:                commands,
		Setup:               setup,
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// setup gives a script its world: an AWS, a home, a repository, and names that no other script uses.
func setup(env *testscript.Env) error { return setupWorld(env) }

func setupWorld(env *testscript.Env, opts ...testkit.Option) error {
	tb, ok := env.T().(testing.TB)
	if !ok {
		return fmt.Errorf("%T is no testing.TB", env.T())
	}
	aws := testkit.Start(tb, opts...)
	if err := transcribeScript(aws.Proxy); err != nil {
		return err
	}
	for _, pair := range aws.Environ() {
		if strings.HasPrefix(pair, "AWS_") || strings.HasPrefix(pair, testkit.ResolveVariable) {
			env.Vars = append(env.Vars, pair)
		}
	}
	home, repo := filepath.Join(env.WorkDir, "home"), filepath.Join(env.WorkDir, "repo")
	for _, dir := range []string{home, filepath.Join(repo, "stacks")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	env.Cd = repo
	env.Setenv("HOME", home)
	env.Setenv("NO_COLOR", "1")
	env.Setenv("PATH", filepath.Dir(binary)+string(filepath.ListSeparator)+os.Getenv("PATH"))
	env.Setenv("ACCOUNT", aws.Account)
	env.Setenv("OTHER_ACCOUNT", "0"+aws.Account[1:]) // no test's account starts with 0
	env.Setenv("BUCKET", "state-"+aws.Account)       // bucket names are everybody's
	env.Setenv("TABLE", "locks")
	env.Values[worldKey{}] = newWorld(aws, env)
	return nil
}

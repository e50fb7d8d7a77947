package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/diag"
)

// Both are EPIPE: a reader that closes the output early, and a server that hangs up in the middle of a request. Only
// the first is not an error.
func TestABrokenPipeIsASuccessOnlyWhereItIsTheOutput(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		code int
	}{
		"the output": {
			fmt.Errorf("writing: %w", &fs.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.EPIPE}),
			exitOK,
		},
		"AWS": {diag.List{{Code: diag.Failed, Summary: "AWS call failed", Cause: fmt.Errorf("s3:PutObject: %w",
			&net.OpError{Op: "write", Net: "tcp", Err: os.NewSyscallError("write", syscall.EPIPE)})}}, exitFailed},
	} {
		var told bytes.Buffer
		f := NewFactory()
		f.Err, f.Soft = &told, t.Context()
		require.Equal(t, c.code, reportError(f, c.err), name)
		require.Equal(t, c.code != exitOK, told.Len() > 0, name)
	}
}

// run runs a command line in an empty folder.
func run(t *testing.T, line string) (stdout, stderr string, code int) {
	t.Helper()
	var out, told bytes.Buffer
	f := NewFactory()
	f.Out, f.Err, f.Env, f.Home, f.Workdir = &out, &told, map[string]string{}, t.TempDir(), t.TempDir()
	code = Run(f, strings.Fields(line))
	return out.String(), told.String(), code
}

func TestEveryCommandSaysInJSONWhyItHasNoAnswer(t *testing.T) {
	for _, line := range []string{
		"validate --json", "plan --json", "apply --json", "destroy --json", "status --json", "show --json",
		"outputs --json", "graph --json",
		"history --json", "stack list --json", "stack validate --json", "state list --json", "state show --json",
		"state push x --json",
		"state rm web/api --json", "state restore v1 --json", "locks list --json", "locks show --json", "unlock --json",
		"iam policy --json", "stack init a/b --json", "component add --json", "environment add a/b --json",
		"plan --nonsense --json", "plan --json --nonsense", "plan nonsense --json", "nonsense --json",
		"state nonsense --json", "plan --json=true --parallelism x",
	} {
		out, told, code := run(t, line)
		var doc struct {
			Succeeded   *bool
			Diagnostics diag.List
		}
		require.NoError(t, json.Unmarshal([]byte(out), &doc), "%s: %s%s", line, out, told)
		require.NotNil(t, doc.Succeeded, line)
		require.False(t, *doc.Succeeded, line)
		require.NotEmpty(t, doc.Diagnostics, line)
		require.Equal(t, exitInvalid, code, line)
		require.Contains(t, told, doc.Diagnostics[0].Summary, "and in words for the log")
	}
	for _, line := range []string{"plan --nonsense", "plan --json=false", "plan -- --json", "nonsense"} {
		out, _, _ := run(t, line)
		require.Empty(t, out, line)
	}
}

func TestWhatOtherToolsCallItIsUnderstood(t *testing.T) {
	for line, want := range map[string]string{
		"deploy":                  `Did you mean "deployer apply"?`,
		"deploy --env dev":        `Did you mean "deployer apply"?`,
		"--config c.yaml deploy":  `Did you mean "deployer apply"?`,
		"svc deploy":              `Did you mean "deployer apply"?`,
		"svc status":              `Did you mean "deployer status"?`,
		"environment list":        `Did you mean "deployer stack list"?`,
		"environment init x":      `Did you mean "deployer environment add"?`,
		"component deploy":        `Did you mean "deployer apply"?`,
		"component ad":            `Did you mean "add"?`,
		"delete --json":           `Did you mean "deployer destroy"?`,
		"log":                     `Did you mean "logs"?`,
		"stack ls":                `Did you mean "deployer stack list"?`,
		"stack new shop":          `Did you mean "deployer stack init"?`,
		"state delete web/api":    `Did you mean "deployer state rm"?`,
		"config get":              `Did you mean "deployer config show"?`,
		"env init":                `Did you mean "deployer environment add"?`,
		"component ls":            `Did you mean "deployer show"?`,
		"component rm web/api":    "There are: add.",
		"svc delete":              "There are: apply",
		"aply --json":             `Did you mean "apply"?`,
		"apply -auto-approve":     "-auto-approve needs two dashes: --auto-approve.",
		"plan -var-file x":        "-var-file needs two dashes: --var-file.",
		"plan -environment dev":   "-environment needs two dashes: --environment.",
		"plan -environment=dev":   "-environment needs two dashes: --environment.",
		"plan -env dev":           "-env needs two dashes: --environment.",
		"plan --env dev":          `Did you mean "--environment"?`,
		"apply --yes":             `Did you mean "--auto-approve"?`,
		"apply -y":                `Did you mean "--auto-approve"?`,
		"apply --dry-run":         "To see what would change: deployer plan",
		"status --format json":    `Did you mean "--json"?`,
		"state list --everything": "See: deployer state list --help",
	} {
		_, told, code := run(t, line)
		require.Equal(t, exitInvalid, code, line)
		require.Contains(t, told, want, line)
	}
	_, told, _ := run(t, "plan -e dev -v")
	require.NotContains(t, told, "two dashes")
}

func TestEveryHabitLeadsToSomethingThatIsThere(t *testing.T) {
	root := newRoot(NewFactory())
	for word, here := range commandHabits {
		cmd, _, err := root.Find(strings.Fields(here))
		require.NoError(t, err, word)
		require.NotEqual(t, root, cmd, word)
		own, _, err := root.Find([]string{word})
		require.True(t, err != nil || own == root, "%s is a command of ours", word)
	}
	flags := map[string]bool{}
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		cmd.Flags().VisitAll(func(f *pflag.Flag) { flags[f.Name] = true })
		cmd.PersistentFlags().VisitAll(func(f *pflag.Flag) { flags[f.Name] = true })
		for _, c := range cmd.Commands() {
			walk(c)
		}
	}
	walk(root)
	for _, habits := range []map[string]string{flagHabits, shortHabits} {
		for name, here := range habits {
			require.True(t, flags[here], "%s leads to --%s", name, here)
		}
	}
}

// 80 columns are what a terminal has at least. Help of completion is cobra's own.
func TestTheHelpOfEveryCommandFitsIn80Columns(t *testing.T) {
	n := 0
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		if c.Name() == "completion" {
			return
		}
		n++
		path := strings.TrimPrefix(strings.TrimPrefix(c.CommandPath(), "deployer"), " ")
		out, told, code := run(t, strings.TrimSpace("help "+path))
		require.Equal(t, exitOK, code, "%s: %s", path, told)
		for line := range strings.Lines(out) {
			require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")), 80, "%s: %s", path, line)
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(newRoot(NewFactory()))
	require.Greater(t, n, 30)
}

package cli

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/testkit/shell"
)

// Each help teaches by two to four commands, and all of them are right: the command, its flags and its arguments. What
// they do is tried in e2e/examples_test.go.
func TestTheHelpOfEveryCommandHasExamples(t *testing.T) {
	left := maps.Clone(examples)
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		path := c.CommandPath()
		delete(left, strings.TrimPrefix(strings.TrimPrefix(path, "deployer"), " "))
		commands := shell.Commands(c.Example)
		own := 0
		for _, words := range commands {
			if words[0] != "deployer" {
				continue
			}
			about := parses(t, words[1:])
			if path == "deployer stack validate" && about == "deployer validate" {
				about = path // the same command
			}
			if about == path || strings.HasPrefix(about, path+" ") {
				own++
			}
		}
		least := min(2, max(1, len(c.Commands()))) // of a parent, one of each of its commands
		if !c.HasSubCommands() {
			least = 2
		}
		require.GreaterOrEqual(t, own, least, "%s has no %d examples of its own", path, least)
		require.LessOrEqual(t, own, 4, path)
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(newRoot(NewFactory()))
	require.Empty(t, slices.Collect(maps.Keys(left)), "examples of commands that are not there")
}

// parses makes sure that a command line is right, and returns the command.
func parses(t *testing.T, args []string) string {
	t.Helper()
	root := newRoot(NewFactory())
	cmd, rest, err := root.Find(args)
	require.NoError(t, err, args)
	cmd.InitDefaultHelpFlag()
	require.NoError(t, cmd.ParseFlags(rest), args)
	require.NoError(t, cmd.ValidateArgs(cmd.Flags().Args()), args)
	given, _ := singleDash(cmd, rest)
	require.Empty(t, given, args)
	return cmd.CommandPath()
}

func TestAnExampleThatIsWrongIsFound(t *testing.T) {
	for line, wrong := range map[string]bool{
		"plan -e dev": false, "plan --bogus": true, "plan extra": true, "outputs a b": true,
	} {
		root := newRoot(NewFactory())
		cmd, rest, err := root.Find(strings.Fields(line))
		require.NoError(t, err)
		err = cmd.ParseFlags(rest)
		if err == nil {
			err = cmd.ValidateArgs(cmd.Flags().Args())
		}
		require.Equal(t, wrong, err != nil, line)
	}
}

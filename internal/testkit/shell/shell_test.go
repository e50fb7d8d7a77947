package shell_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/testkit/shell"
)

func TestCommands(t *testing.T) {
	require.Equal(t, [][]string{
		{"deployer", "plan", "--out", "p.plan"},
		{"deployer", "apply", "p.plan"},
		{"source"},
		{"deployer", "completion", "bash"},
		{"deployer", "logs", "--include", "A|B > c", "-f"},
		{"deployer", "state", "push", "-"},
	}, shell.Commands("  # First\n  deployer plan --out p.plan && deployer apply p.plan\n"+
		"  source <(deployer completion bash)\n  deployer logs --include 'A|B > c' \\\n    -f\n"+
		"  deployer state push - < \"a file\" > out\n"))
}

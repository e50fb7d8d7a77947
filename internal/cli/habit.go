package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// Words that users of Terraform, Pulumi, Copilot, kubectl and Helm type by habit, and the equivalent command here.
var (
	commandHabits = map[string]string{
		"deploy": "apply", "up": "apply", "update": "apply", "create": "apply", "sync": "apply", "install": "apply",
		"upgrade": "apply",
		"preview": "plan", "diff": "plan", "delete": "destroy", "down": "destroy", "rm": "destroy", "remove": "destroy",
		"uninstall": "destroy",
		"refresh":   "plan --refresh", "ps": "status", "rollout": "status", "health": "status",
		"watch":    "status --watch",
		"describe": "show", "get": "show", "output": "outputs", "releases": "history",
		"ls": "stack list", "list": "stack list", "stacks": "stack list", "workspace": "stack list",
		"lint": "validate", "check": "validate", "new": "stack init", "force-unlock": "unlock",
		"bootstrap": "backend create",
		"import":    "apply", // apply adopts objects that have deployer's names
	}
	// childHabits are words for the commands below another one: deployer stack ls. The first that exists is meant.
	childHabits = map[string][]string{
		"ls": {"list", "show"}, "list": {"show"}, "get": {"show"}, "cat": {"pull", "show"}, "view": {"show"},
		"new": {"init", "add", "create"}, "create": {"init", "add"}, "init": {"add", "create"}, "make": {"create"},
		"delete": {"rm"}, "remove": {"rm"}, "rename": {"mv"}, "move": {"mv"}, "download": {"pull"}, "upload": {"push"},
	}
	// groups are words that other tools have before their commands: copilot svc deploy.
	groups = []string{"svc", "service", "job", "app", "env", "environment", "component"}
	// parts are those groups that mean a part of a stack.
	parts = []string{"svc", "service", "job", "component"}

	flagHabits = map[string]string{
		"env": "environment", "environment-name": "environment", "workspace": "environment", "namespace": "environment",
		"app": "stack", "application": "stack", "project": "stack", "yes": "auto-approve", "force": "auto-approve",
		"approve":           "auto-approve",
		"skip-confirmation": "auto-approve", "no-confirm": "auto-approve", "service": "component", "svc": "component",
		"set": "var", "values": "var-file", "debug": "verbose", "follow": "watch", "exit-code": "detailed-exitcode",
		"bucket": "backend-bucket", "table": "lock-table", "timeout": "lock-timeout", "output": "json",
		"format": "json",
	}
	shortHabits = map[string]string{"y": "auto-approve", "n": "environment", "w": "watch", "f": "var-file", "o": "json"}
	// flagAdvice is the advice for flags of other tools.
	flagAdvice = map[string]string{
		"dry-run":      "To see what would change: deployer plan",
		"destroy":      "To delete everything: deployer destroy",
		"refresh-only": "To compare with the objects in AWS: deployer plan --refresh",
		"profile":      "Set AWS_PROFILE, or aws.profile in the configuration.",
		"region": "Set AWS_REGION, or spec.provider.region in stack.yaml; --backend-region is the region of " +
			"bucket and table.",
		"chdir": "Change into the folder first.",
	}
)

// meant is the command that a user probably meant with words that are no command; "" when it is not clear.
func meant(root *cobra.Command, words []string) string {
	if len(words) > 1 && words[0] == "env" && slices.Contains([]string{"init", "new", "create", "add"}, words[1]) {
		return "environment add" // copilot env init
	}
	for i, word := range words {
		if i > 1 {
			break
		}
		if here := commandHabits[word]; here != "" {
			if here == "destroy" && i > 0 && slices.Contains(parts, words[0]) {
				return "" // copilot svc delete: destroy deletes more than that
			}
			return here
		}
		if i > 0 { // copilot svc status
			if found, _, err := root.Find([]string{word}); err == nil && found != root {
				return word
			}
		}
		if !slices.Contains(groups, word) {
			break
		}
	}
	return ""
}

// meantBelow is the command that a user probably meant with words after cmd; "" when it is not clear.
func meantBelow(cmd *cobra.Command, words []string) string {
	if !cmd.HasParent() {
		return meant(cmd, words)
	}
	for _, name := range childHabits[words[0]] {
		if found, _, err := cmd.Find([]string{name}); err == nil && found != cmd {
			return strings.TrimPrefix(found.CommandPath(), cmd.Root().Name()+" ")
		}
	}
	switch {
	case !slices.Contains(groups, cmd.Name()):
		return ""
	case cmd.Name() == "component" && commandHabits[words[0]] == "stack list": // component ls
		return "show"
	}
	return meant(cmd.Root(), append([]string{cmd.Name()}, words...))
}

// meantFlag is the advice for a flag that a command does not have; "" when there is none. name is without dashes.
func meantFlag(cmd *cobra.Command, name string) string {
	for _, habits := range []map[string]string{flagHabits, shortHabits} {
		if here := habits[name]; here != "" && cmd.Flags().Lookup(here) != nil {
			return fmt.Sprintf("Did you mean \"--%s\"?", here)
		}
	}
	return flagAdvice[name]
}

// singleDash finds a long flag with one dash, as Terraform accepts it. pflag reads -environment as -e nvironment.
func singleDash(cmd *cobra.Command, args []string) (given, want string) {
	for _, arg := range args {
		if arg == "--" {
			break
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(arg, "-"), "=")
		if !strings.HasPrefix(arg, "-") || len(name) < 2 || name[0] == '-' {
			continue
		}
		if cmd.Flags().Lookup(name) != nil {
			return "-" + name, name
		}
		if here := flagHabits[name]; here != "" && cmd.Flags().Lookup(here) != nil {
			return "-" + name, here
		}
	}
	return "", ""
}

// refuseSingleDash refuses a long flag with a single dash: pflag would read it as several short flags.
func refuseSingleDash(cmd *cobra.Command, args []string) error {
	given, want := singleDash(cmd, args)
	if given == "" {
		return nil
	}
	return usageError{cmd, fmt.Errorf("%s needs two dashes: --%s", given, want)}
}

// strayWord returns the words from the first one that is no command, where only a command may stand.
func strayWord(cmd *cobra.Command, args []string) []string {
	if !cmd.HasSubCommands() {
		return nil
	}
	_, rest, err := cmd.Root().Find(args)
	if err != nil {
		return nil
	}
	for i := 0; i < len(rest); i++ {
		arg := rest[i]
		if !strings.HasPrefix(arg, "-") {
			return rest[i:]
		}
		name, _, given := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if flag := cmd.Flags().Lookup(name); flag != nil && flag.NoOptDefVal == "" && !given {
			i++ // the flag's value
		}
	}
	return nil
}

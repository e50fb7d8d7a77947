package cli

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/manifest"
	"github.com/company/deployer/internal/state"
)

// environmentVariable selects the environment when no flag does.
const environmentVariable = "DEPLOYER_ENVIRONMENT"

// target is the stack and the environment of a command.
type target struct {
	factory            *Factory
	stack, environment string
}

func (t *target) flags(cmd *cobra.Command) {
	t.stackFlag(cmd)
	cmd.Flags().StringVarP(&t.environment, "environment", "e", "",
		"the `environment`; also "+environmentVariable+"; inferred when there is one")
	_ = cmd.RegisterFlagCompletionFunc("environment", completeNames(func() []string {
		stack, err := t.Stack()
		if err != nil {
			return nil
		}
		e, _ := manifest.Environments(t.factory.Root(), stack)
		return e
	}))
}

// stackFlag is for commands that concern all environments of a stack.
func (t *target) stackFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&t.stack, "stack", "", "the `stack`; inferred inside its folder, or when there is one")
	_ = cmd.RegisterFlagCompletionFunc("stack",
		completeNames(func() []string { s, _ := manifest.Stacks(t.factory.Root()); return s }))
}

// completeNames completes names of folders. The shell gets them unchanged, so only valid names are offered.
func completeNames(list func() []string) func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return slices.DeleteFunc(list(), func(name string) bool {
			wrong, _ := manifest.CheckName(name)
			return wrong != ""
		}), cobra.ShellCompDirectiveNoFileComp
	}
}

// addresses returns the addresses of the components in the manifests, for completion. It uses no network, and returns
// none when the manifests have errors.
func (t *target) addresses() []string {
	stack, err := t.Stack()
	if err != nil {
		return nil
	}
	bundle, _ := manifest.Load(t.factory.Root(), stack)
	if bundle == nil {
		return nil
	}
	return bundle.Addresses()
}

// completeAddress completes the only argument of a command.
func (t *target) completeAddress(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return t.addresses(), cobra.ShellCompDirectiveNoFileComp
}

func (t *target) completeAddresses(cmd *cobra.Command, flag string) {
	_ = cmd.RegisterFlagCompletionFunc(flag, func(*cobra.Command, []string, string) ([]string,
		cobra.ShellCompDirective,
	) {
		return t.addresses(), cobra.ShellCompDirectiveNoFileComp
	}) // the flag is there
}

// Stack returns the stack: the given one, that of the current folder, or the only one.
func (t *target) Stack() (string, error) {
	root, err := t.factory.RequireRoot()
	if err != nil {
		return "", err
	}
	stacks, err := manifest.Stacks(root)
	if err != nil {
		return "", err
	}
	if t.stack != "" {
		if !slices.Contains(stacks, t.stack) {
			return "", choose("stack", "--stack", t.stack, stacks, "Create it: deployer stack init NAME")
		}
		return t.stack, nil
	}
	if rel, err := filepath.Rel(filepath.Join(root, "stacks"), t.factory.Workdir); err == nil &&
		!strings.HasPrefix(rel, "..") && rel != "." {
		first, _, _ := strings.Cut(filepath.ToSlash(rel), "/")
		if slices.Contains(stacks, first) {
			return first, nil
		}
	}
	if len(stacks) == 1 {
		return stacks[0], nil
	}
	return "", choose("stack", "--stack", "", stacks, "Create one: deployer stack init NAME")
}

// Key returns stack and environment for a command that needs both in the manifests.
func (t *target) Key() (state.Key, error) {
	stack, err := t.Stack()
	if err != nil {
		return state.Key{}, err
	}
	environments, err := manifest.Environments(t.factory.Root(), stack)
	if err != nil {
		return state.Key{}, err
	}
	wanted := t.Environment()
	switch {
	case wanted == "" && len(environments) == 1:
		wanted = environments[0]
	case wanted == "" || !slices.Contains(environments, wanted):
		return state.Key{}, choose("environment", "-e", wanted, environments,
			"Create it: deployer environment add NAME")
	}
	return state.Key{Stack: stack, Environment: wanted}, nil
}

// StoredKey returns stack and environment for a command that works from the state, even if the manifests no longer have
// them.
func (t *target) StoredKey() (state.Key, error) {
	wanted := t.Environment()
	if t.stack != "" && wanted != "" {
		key := state.Key{Stack: t.stack, Environment: wanted}
		return key, key.Validate()
	}
	if wanted == "" {
		return t.Key()
	}
	stack, err := t.Stack()
	if err != nil {
		return state.Key{}, err
	}
	key := state.Key{Stack: stack, Environment: wanted}
	return key, key.Validate()
}

// Environment returns the environment as given by flag or variable, "" when neither is.
func (t *target) Environment() string {
	if t.environment != "" {
		return t.environment
	}
	return t.factory.Env[environmentVariable]
}

func choose(what, flag, wanted string, have []string, none string) error {
	if len(have) == 0 {
		return diag.New(diag.Invalid, "No "+what, "There is no "+what+" here.", none)
	}
	list := strings.Join(have, ", ")
	if wanted == "" {
		return diag.New(diag.Invalid, "Which "+what+"?", fmt.Sprintf("There are several: %s.", list),
			fmt.Sprintf("Name one with %s.", flag))
	}
	next := diag.DidYouMean(wanted, have)
	if next == "" {
		next = none
	}
	return diag.New(diag.Invalid, "Unknown "+what, fmt.Sprintf("%q is not one of %s.", wanted, list), next)
}

// variables are the flags --var and --var-file.
type variables struct {
	pairs, files []string
}

func (v *variables) flags(f *pflag.FlagSet) {
	f.StringArrayVar(&v.pairs, "var", nil, "set a variable: `KEY=VALUE` (repeatable)")
	f.StringArrayVar(&v.files, "var-file", nil, "read variables from a `file` (repeatable)")
}

func (v *variables) given() bool { return len(v.pairs)+len(v.files) > 0 }

func (v *variables) values() (out map[string]string, found diag.List) {
	out = map[string]string{}
	for _, pair := range v.pairs {
		key, text, ok := strings.Cut(pair, "=")
		if !ok || key == "" {
			if ok {
				key = "=…" // not the value: it may be a secret
			}
			found.Add(diag.New(diag.Invalid, "Invalid --var", fmt.Sprintf("%q is not KEY=VALUE.", key),
				"For instance: --var VERSION=1.2.3"))
			continue
		}
		out[key] = text
	}
	return out, found
}

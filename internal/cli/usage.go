package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/company/deployer/internal/diag"
)

// usageError is an error in the words of a command line, with the command.
type usageError struct {
	command *cobra.Command
	err     error
}

func (u usageError) Error() string { return u.err.Error() }
func (u usageError) Unwrap() error { return u.err }

// usage turns a usageError into a diagnostic; other errors stay unchanged.
func usage(err error, args []string) error {
	var bad usageError
	if !errors.As(err, &bad) {
		return err
	}
	var known *diag.Diagnostic
	if errors.As(refuseSingleDash(bad.command, args), &bad) { // pflag's own error would only confuse
		return diag.New(diag.Invalid, "Invalid usage", bad.Error()+".", "See: "+bad.command.CommandPath()+" --help")
	}
	if word := strayWord(bad.command, args); word != nil { // report the word, not an unknown flag
		if errors.As(onlyCommands(bad.command, word), &known) {
			return known
		}
	}
	d := diag.New(diag.Invalid, "Invalid usage", "", "See: "+bad.command.CommandPath()+" --help")
	var (
		unknown *pflag.NotExistError
		value   *pflag.InvalidValueError
		missing *pflag.ValueRequiredError
	)
	switch {
	case errors.As(bad.err, &known):
		return known
	case errors.As(bad.err, &unknown):
		name := unknown.GetSpecifiedName()
		if unknown.GetSpecifiedShortnames() != "" {
			d.Detail = fmt.Sprintf("%s has no flag -%s.", bad.command.CommandPath(), name)
			if near := meantFlag(bad.command, name); near != "" {
				d.Next = near
			}
			break
		}
		d.Detail = fmt.Sprintf("%s has no flag --%s.", bad.command.CommandPath(), name)
		var names []string
		bad.command.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
		if near := meantFlag(bad.command, name); near != "" {
			d.Next = near
		} else if near := diag.DidYouMean("--"+name, names); near != "" {
			d.Next = near
		}
	case errors.As(bad.err, &value):
		f := value.GetFlag()
		d.Summary = "Invalid --" + f.Name
		d.Detail = fmt.Sprintf("%q is not %s.", value.GetValue(), wanted(f))
	case errors.As(bad.err, &missing):
		d.Detail = fmt.Sprintf("--%s needs %s after it.", missing.GetFlag().Name, wanted(missing.GetFlag()))
	default:
		d.Detail = bad.Error() + "."
	}
	return d
}

// wanted describes the value of a flag.
func wanted(f *pflag.Flag) string {
	switch f.Value.Type() {
	case "bool":
		return "true or false"
	case "int":
		return "a whole number"
	case "duration":
		return "a duration such as 30s, 5m or 1h"
	}
	return "a value"
}

// arguments checks the number of arguments; say names them, as in "FILE".
func arguments(least, most int, say string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return fmt.Errorf("%s needs %s", cmd.CommandPath(), say)
		case len(args) > most && most == 0:
			return fmt.Errorf("%s takes no argument, but got %q", cmd.CommandPath(), args[0])
		case len(args) > most:
			return fmt.Errorf("%s takes one argument (%s), but got also %q", cmd.CommandPath(), say, args[most])
		}
		return nil
	}
}

var noArguments = arguments(0, 0, "")

// onlyCommands is for commands with subcommands: any other word is a typing error.
func onlyCommands(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	next := diag.Candidates(args[0], names)
	if here := meantBelow(cmd, args); here != "" {
		next = "Did you mean \"deployer " + here + "\"?"
	}
	return diag.New(diag.Invalid, "Unknown command", fmt.Sprintf("%s has no command %q.", cmd.CommandPath(), args[0]),
		next)
}

// wrapArgs turns errors about arguments into usage errors.
func wrapArgs(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				return usageError{c, err}
			}
			return nil
		}
	}
	for _, c := range cmd.Commands() {
		wrapArgs(c)
	}
}

// newHelp is cobra's help command, but a word that is not a command is an error.
func newHelp(f *Factory) *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Show the help of a command",
		// cobra adds this command when it runs, after all others have got theirs
		Example: "  deployer help apply\n  deployer help state rm",
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			about, _, err := cmd.Root().Find(args)
			if err != nil {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			var names []string
			for _, c := range about.Commands() {
				if c.IsAvailableCommand() {
					names = append(names, c.Name()+"\t"+c.Short)
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			about := f.root
			for _, word := range args {
				i := slices.IndexFunc(about.Commands(), func(c *cobra.Command) bool {
					return c.Name() == word && c.IsAvailableCommand() || c == cmd && word == "help"
				})
				if i < 0 {
					return usageError{about, onlyCommands(about, []string{word})}
				}
				about = about.Commands()[i]
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		},
	}
}

// newCompletion prints completion scripts.
func newCompletion() *cobra.Command {
	shells := map[string]func(*cobra.Command) error{
		"bash":       func(c *cobra.Command) error { return c.Root().GenBashCompletionV2(c.OutOrStdout(), true) },
		"zsh":        func(c *cobra.Command) error { return c.Root().GenZshCompletion(c.OutOrStdout()) },
		"fish":       func(c *cobra.Command) error { return c.Root().GenFishCompletion(c.OutOrStdout(), true) },
		"powershell": func(c *cobra.Command) error { return c.Root().GenPowerShellCompletionWithDesc(c.OutOrStdout()) },
	}
	names := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use:       "completion bash|zsh|fish|powershell",
		Short:     "Print a completion script for a shell",
		Long:      "Print a script that completes commands, flags, stacks, environments and addresses of components.",
		ValidArgs: names,
		Args: func(cmd *cobra.Command, args []string) error {
			if err := arguments(1, 1, "the name of a shell: "+strings.Join(names, ", "))(cmd, args); err != nil {
				return err
			}
			if shells[args[0]] == nil {
				return diag.New(diag.Invalid, "Unknown shell", fmt.Sprintf("There is no completion for %q.", args[0]),
					diag.Candidates(args[0], names))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return shells[args[0]](cmd) },
	}
}

// refuseNoFile refuses a flag that names no file, which a script writes when its variable is empty: a plan would not be
// saved, and the script would not get to know.
func refuseNoFile(cmd *cobra.Command) error {
	var found diag.List
	cmd.Flags().Visit(func(flag *pflag.Flag) {
		kind, _ := pflag.UnquoteUsage(flag)
		if flag.Value.String() == "" && (kind == "file" || kind == "folder") {
			found.Add(diag.New(diag.Invalid, "Invalid usage", "--"+flag.Name+" is empty, and must name a "+kind+".",
				"Name the "+kind+", or leave out --"+flag.Name+"."))
		}
	})
	return found.Err()
}

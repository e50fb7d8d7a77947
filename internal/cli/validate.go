package cli

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/company/deployer/internal/config"
	"github.com/company/deployer/internal/deploy"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/git"
	"github.com/company/deployer/internal/manifest"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/view"
)

type validateOptions struct {
	target
	variables
	json   bool
	format string
}

func newValidate(f *Factory) *cobra.Command {
	o := &validateOptions{target: target{factory: f}}
	cmd := &cobra.Command{
		Use:   "validate",
		Short: "Show all problems of the manifests",
		Long: "Show all problems of the manifests, each with its place and what to do. Needs no network.\n" +
			"Without -e every environment is checked, and variables without a value are taken as unknown.",
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			if err := o.choose(); err != nil {
				return err
			}
			return validateRun(o)
		},
	}
	o.target.flags(cmd)
	o.variables.flags(cmd.Flags())
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON")
	cmd.Flags().StringVar(&o.format, "format", view.FormatText, "print `text`, json, sarif (for code scanning) or "+
		"github (annotations of a workflow)")
	_ = cmd.RegisterFlagCompletionFunc("format",
		cobra.FixedCompletions(view.DiagnosticFormats, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// choose makes one form of --json and --format.
func (o *validateOptions) choose() error {
	if !slices.Contains(view.DiagnosticFormats, o.format) {
		return diag.New(diag.Invalid, "Unknown format", fmt.Sprintf("There is no format %q.", o.format),
			diag.Candidates(o.format, view.DiagnosticFormats))
	}
	if o.json && o.format != view.FormatText && o.format != view.FormatJSON {
		return diag.New(diag.Invalid, "Two formats",
			fmt.Sprintf("--json and --format %s exclude each other.", o.format), "Give one of them.")
	}
	if o.json {
		o.format = view.FormatJSON
	}
	return nil
}

func validateRun(o *validateOptions) error {
	f := o.factory
	root, err := f.RequireRoot()
	if err != nil {
		return err
	}
	stacks := []string{}
	if stack, err := o.Stack(); err == nil {
		stacks = append(stacks, stack)
	} else if o.stack != "" {
		return err
	} else if stacks, err = manifest.Stacks(root); err != nil {
		return err
	}
	if len(stacks) == 0 {
		_, err := o.Stack()
		return err
	}
	flags := runFlags{target: o.target, variables: o.variables}
	req, err := flags.request(view.Quiet{})
	if err != nil {
		return err
	}
	req.Shared = len(stacks) > 1
	var found diag.List
	if f.global.configFile != "" { // a file that the user did not name may be for another machine
		_, err := f.Config()
		found.Add(diag.From(err)...)
	}
	found.Add(f.unknownVariables()...)
	checked := 0
	for _, stack := range stacks {
		found.Add(f.stackSettings(root, stack)...)
		environments := []string{o.Environment()}
		if o.Environment() == "" {
			if environments, err = manifest.Environments(root, stack); err != nil {
				return err
			}
		} else {
			one := target{factory: f, stack: stack, environment: o.environment}
			if _, err := one.Key(); err != nil {
				return err
			}
		}
		if len(environments) == 0 {
			environments = []string{""}
		}
		req.Key = state.Key{Stack: stack}
		found.Add(deploy.ValidateAll(f.world(config.Settings{}), req, environments,
			o.Environment() != "" || o.given())...)
		if environments[0] != "" {
			checked += len(environments)
		}
	}
	found = found.Sort()
	switch o.format {
	case view.FormatJSON:
		err = view.DiagnosticsJSON(f.Out, found)
	case view.FormatSARIF:
		err = view.SARIF(f.Out, found, git.Within(root), version)
	case view.FormatGitHub:
		err = view.Annotations(f.Out, found, git.Within(root))
	default:
		view.Diagnostics(f.Stderr(), f.worth(found))
		if !found.HasErrors() {
			view.Valid(f.Stdout(), stacks, checked)
		}
	}
	if err == nil && found.HasErrors() {
		return &exitError{exitInvalid}
	}
	return err
}

package cli

import (
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/manifest"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/view"
)

func newStack(f *Factory) *cobra.Command {
	cmd := parent("stack", "Create, list and check stacks")
	check := newValidate(f)
	check.GroupID = ""
	cmd.AddCommand(newStackInit(f), newStackList(f), check)
	return cmd
}

// parent is a command with subcommands only.
func parent(use, short string) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: onlyCommands,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
}

type stackListOptions struct {
	factory *Factory
	json    bool
}

func newStackList(f *Factory) *cobra.Command {
	o := &stackListOptions{factory: f}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List stacks, their environments and last deployments",
		Args:  noArguments,
		RunE:  func(*cobra.Command, []string) error { return stackListRun(o) },
	}
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON")
	return cmd
}

func stackListRun(o *stackListOptions) error {
	f := o.factory
	root, err := f.RequireRoot()
	if err != nil {
		return err
	}
	stacks, err := manifest.Stacks(root)
	if err != nil {
		return err
	}
	list := []report.StackEntry{}
	var unreadable []error // states that could not be read: the others are still listed
	deployed := deployedStates{}
	add := func(stack, path string, environments []string) error {
		entries, err := f.lastDeployments(stack, environments, deployed)
		if err != nil && exitCode(diag.From(err), f.Soft) != exitConflict {
			return err
		}
		unreadable = append(unreadable, err)
		if path != "" || len(entries) > 0 {
			list = append(list, report.StackEntry{Stack: stack, Path: path, Environments: entries})
		}
		return nil
	}
	for _, stack := range stacks {
		environments, err := manifest.Environments(root, stack)
		if err != nil {
			return err
		}
		if err := add(stack, filepath.ToSlash(filepath.Join("stacks", stack)), environments); err != nil {
			return err
		}
	}
	lost, err := f.stacksWithoutFolder(stacks, deployed)
	if err != nil {
		return err
	}
	for _, stack := range lost {
		if err := add(stack, "", nil); err != nil {
			return err
		}
	}
	if !o.json {
		view.Stacks(f.Stdout(), list, f.Now())
	} else if err := view.JSON(f.Out, list); err != nil {
		return err
	}
	return diag.Join(unreadable...)
}

package cli

import (
	"github.com/spf13/cobra"

	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/observe"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/view"
)

type historyOptions struct {
	target
	limit    int
	commands bool
	json     bool
}

func newHistory(f *Factory) *cobra.Command {
	o := &historyOptions{target: target{factory: f}}
	cmd := &cobra.Command{
		Use:   "history",
		Short: "Show the deployments, newest first",
		Args:  onlyCommands,
		RunE:  func(*cobra.Command, []string) error { return historyRun(o) },
	}
	cmd.AddCommand(newHistoryDiff(f))
	o.target.flags(cmd)
	cmd.Flags().IntVar(&o.limit, "limit", 20, "show at most so many; 0: all")
	cmd.Flags().BoolVar(&o.commands, "commands", false,
		"show instead what people ran in components: run, exec, port-forward")
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON: an array, newest first")
	return cmd
}

func historyRun(o *historyOptions) error {
	f := o.factory
	key, back, err := o.open()
	if o.limit < 0 {
		err = diag.Join(err, diag.New(diag.Invalid, "Invalid --limit", "A number of deployments cannot be negative.",
			"Give 0 to see all."))
	}
	if err != nil {
		return err
	}
	if o.commands {
		return o.showCommands(back, key)
	}
	past, err := observe.History(f.Soft, back, key, o.limit)
	if err == nil && len(past) == 0 {
		err = o.neverDeployed(back, key)
	}
	if err != nil {
		return err
	}
	if o.json {
		return view.JSON(f.Out, past)
	}
	view.History(f.Stdout(), key, past)
	return nil
}

// showCommands shows who ran what in the components.
func (o *historyOptions) showCommands(back *backend.Backend, key state.Key) error {
	f := o.factory
	past, err := observe.Commands(f.Soft, back, key, o.limit)
	if err == nil && len(past) == 0 {
		err = o.neverDeployed(back, key)
	}
	switch {
	case err != nil:
		return err
	case o.json:
		return view.JSON(f.Out, past)
	}
	view.Commands(f.Stdout(), key, past)
	return nil
}

type historyDiffOptions struct {
	target
	from, to string
	json     bool
}

func newHistoryDiff(f *Factory) *cobra.Command {
	o := &historyDiffOptions{target: target{factory: f}}
	cmd := &cobra.Command{
		Use:   "diff VERSION VERSION",
		Short: "Show in what two versions differ",
		Args:  arguments(2, 2, "VERSION VERSION"),
		RunE: func(_ *cobra.Command, args []string) error {
			o.from, o.to = args[0], args[1]
			return historyDiffRun(o)
		},
	}
	o.target.flags(cmd)
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON")
	return cmd
}

func historyDiffRun(o *historyDiffOptions) error {
	f := o.factory
	key, back, err := o.open()
	if err != nil {
		return err
	}
	found, err := observe.CompareVersions(f.Soft, back, key, o.from, o.to)
	if err != nil {
		return o.slip(err)
	}
	if o.json {
		return view.VersionComparisonJSON(f.Out, found)
	}
	view.VersionComparison(f.Stdout(), found)
	return nil
}

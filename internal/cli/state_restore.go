package cli

import (
	"github.com/spf13/cobra"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/repair"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/view"
)

type stateRestoreOptions struct {
	stateChange
	version string
	limit   int
	force   bool
}

func newStateRestore(f *Factory) *cobra.Command {
	o := &stateRestoreOptions{}
	o.factory = f
	cmd := &cobra.Command{
		Use:   "restore [VERSION]",
		Short: "Restore an earlier version of the state",
		Long: "Restore an earlier version of the state, also if state.json is damaged or deleted. VERSION " +
			"is a version in the history (v3, or the name of a\n" +
			"history file) or the id of an object version in the bucket. Without VERSION, they are listed. Nothing " +
			"changes in AWS: the next plan reads which objects exist.",
		Args: arguments(0, 1, "VERSION"),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.version = args[0]
			}
			return stateRestoreRun(o)
		},
	}
	o.register(cmd)
	cmd.Flags().BoolVar(&o.autoApprove, "auto-approve", false, "do not ask (preferences.autoApprove)")
	cmd.Flags().BoolVar(&o.force, "force", false, "even if its lineage differs from the last state's")
	cmd.Flags().IntVar(&o.limit, "limit", 20, "list at most so many of each sort; 0: all")
	return cmd
}

func stateRestoreRun(o *stateRestoreOptions) error {
	f := o.factory
	back, req, progress, err := o.open()
	if err != nil {
		return err
	}
	if o.version == "" {
		versions, warnings, err := repair.Versions(f.Soft, back, req.Key, max(o.limit, 0))
		if err != nil {
			return err
		}
		f.warn(warnings)
		if o.json {
			return view.JSON(f.Out, versions)
		}
		view.StateVersions(f.Stdout(), req.Key, versions)
		return nil
	}
	asked, told := false, 0
	written, err := repair.Restore(f.Soft, back, req, o.version, o.force,
		func(c *report.StateComparison, warnings diag.List) (bool, error) {
			progress.pause()
			asked = true
			if !o.json {
				f.warn(warnings)
				told = len(warnings)
			}
			if !o.json && !f.global.quiet {
				view.StateComparison(f.Stdout(), c)
			}
			return o.approved("Do you want to restore this version?")
		})
	progress.Close()
	if asked && !o.json {
		written.Comparison, written.Warnings = nil, written.Warnings[told:] // they were shown before
		if err == nil && !f.global.quiet {
			f.Stdout().Printf("\n")
		}
	}
	there := err == nil && written.Serial == 0
	if there && !o.json {
		written.Comparison = nil // there is nothing to compare
	}
	if err := reportWritten(&o.stateChange, written, err, o.version, "Restored "+o.version); err != nil || o.json ||
		there {
		return err
	}
	f.Stdout().Printf("The next plan reads which objects exist in AWS.\n")
	return nil
}

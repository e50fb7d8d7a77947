package cli

import (
	"github.com/spf13/cobra"

	"github.com/company/deployer/internal/observe"
	"github.com/company/deployer/internal/view"
)

type stateRestoreOptions struct {
	stateChange
	version string
	limit   int
}

func newStateRestore(f *Factory, runF func(*stateRestoreOptions) error) *cobra.Command {
	o := &stateRestoreOptions{}
	o.factory = f
	cmd := &cobra.Command{
		Use:   "restore [VERSION]",
		Short: "Bring back an earlier version of the state",
		Long: "Bring back an earlier version of the state, also when state.json is damaged or gone. VERSION is one of the history (v3, or the name of a\n" +
			"history file) or the id of an object version in the bucket; without it they are listed. AWS is left alone: the next plan starts from what is there.",
		Args: arguments(0, 1, "VERSION"),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.version = args[0]
			}
			if runF != nil {
				return runF(o)
			}
			return stateRestoreRun(o)
		},
	}
	o.register(cmd)
	cmd.Flags().BoolVar(&o.autoApprove, "auto-approve", false, "do not ask (preferences.autoApprove)")
	cmd.Flags().IntVar(&o.limit, "limit", 20, "how many to list at most, of each sort; 0: all")
	return cmd
}

func stateRestoreRun(o *stateRestoreOptions) error {
	f := o.factory
	road, req, progress, err := o.open()
	if err != nil {
		return err
	}
	if o.version == "" {
		versions, warnings, err := road.Versions(f.Soft, req.Key, max(o.limit, 0))
		if err != nil {
			return err
		}
		if o.json {
			return view.JSON(f.Out, versions)
		}
		f.warn(warnings)
		view.StateVersions(f.Stdout(), req.Key, versions)
		return nil
	}
	asked := false
	written, err := road.Restore(f.Soft, req, o.version, func(c *observe.StateComparison) (bool, error) {
		progress.pause()
		asked = true
		if !o.json && !f.global.quiet {
			view.StateComparison(f.Stdout(), c)
		}
		return o.approved("Do you want to bring this version back?", "state restore "+o.version)
	})
	progress.Close()
	if asked && !o.json {
		written.Comparison = nil // it is on the screen
		if err == nil && !f.global.quiet {
			f.Stdout().Printf("\n")
		}
	}
	if err == nil && written.Serial == 0 && !o.json {
		f.Stdout().Printf("%s is what is there; nothing was changed.\n", o.version)
		return nil
	}
	if err := reportWritten(&o.stateChange, written, err, "Restored "+o.version); err != nil || o.json {
		return err
	}
	f.Stdout().Printf("The next plan starts from what AWS has now.\n")
	return nil
}

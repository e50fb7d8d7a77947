package cli

import (
	"github.com/spf13/cobra"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/observe"
	"github.com/company/deployer/internal/view"
)

type historyOptions struct {
	target
	limit int
	json  bool
}

func newHistory(f *Factory, runF func(*historyOptions) error) *cobra.Command {
	o := &historyOptions{target: target{factory: f}}
	cmd := &cobra.Command{
		Use:   "history",
		Short: "Show the deployments, newest first",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			if runF != nil {
				return runF(o)
			}
			return historyRun(o)
		},
	}
	o.target.flags(cmd)
	cmd.Flags().IntVar(&o.limit, "limit", 20, "show at most so many; 0: all")
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON: an array, newest first")
	return cmd
}

func historyRun(o *historyOptions) error {
	f := o.factory
	key, err := o.StoredKey()
	if o.limit < 0 {
		err = diag.Join(err, diag.New(diag.Invalid, "Invalid --limit", "A number of deployments cannot be negative.",
			"Give 0 to see all."))
	}
	if err != nil {
		return err
	}
	back, err := f.StoredBackend(key)
	if err != nil {
		return err
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

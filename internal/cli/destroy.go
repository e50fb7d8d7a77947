package cli

import (
	"github.com/spf13/cobra"

	"github.com/company/deployer/internal/deploy"
	"github.com/company/deployer/internal/view"
)

type destroyOptions struct {
	runFlags
	autoApprove bool
}

func newDestroy(f *Factory) *cobra.Command {
	o := &destroyOptions{}
	o.factory = f
	cmd := &cobra.Command{
		Use:   "destroy",
		Short: "Delete everything that a stack has in an environment",
		Long: "Delete everything that the state of a stack in an environment holds, or with --target only some " +
			"components. Works from the state\n" +
			"alone: the YAML may be invalid or deleted. What other components need is not deleted, and shared " +
			"components stay.",
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error { return destroyRun(o) },
	}
	o.register(cmd, false)
	o.registerLocking(cmd)
	cmd.Flags().StringArrayVar(&o.targets, "target", nil, "delete only this component: its `address` (repeatable)")
	o.completeAddresses(cmd, "target")
	cmd.Flags().BoolVar(&o.autoApprove, "auto-approve", false, "do not ask (preferences.autoApprove)")
	return cmd
}

func destroyRun(o *destroyOptions) error {
	f := o.factory
	live := f.newProgress()
	key, err := o.StoredKey()
	_, req, err := o.prepare(key, err, live)
	if err != nil {
		return err
	}
	back, err := f.StoredBackend(key)
	if err != nil {
		return err
	}
	if err := o.mustExist(back, key); err != nil {
		return err
	}
	return change(&o.runFlags, live, req, changing{
		run:     func(req deploy.Request) (*deploy.Applied, error) { return deploy.Destroy(f.Soft, back, req) },
		ask:     "Do you want to delete all of this?",
		approve: o.autoApprove,
		done: func(w *view.Writer, a *deploy.Applied) {
			view.Destroyed(w, a.Plan, a.Version, a.Outcome, a.Changed, o.targets)
		},
	})
}

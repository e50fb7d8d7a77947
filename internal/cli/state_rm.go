package cli

import (
	"github.com/spf13/cobra"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/repair"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/view"
)

type stateRemoveOptions struct {
	stateChange
	which repair.Selection
}

func newStateRemove(f *Factory) *cobra.Command {
	o := &stateRemoveOptions{}
	o.factory = f
	cmd := &cobra.Command{
		Use:   "rm ADDRESS | --resource ID",
		Short: "Remove a component or a resource from the state; AWS keeps it",
		Long: "Remove a component (user-service/api) or one resource (user-service/api:queue) from the state. " +
			"Nothing is deleted in AWS: the objects that stay\n" +
			"there are listed first. --resource also accepts the object's ARN, URL or id in AWS.",
		Args: arguments(0, 1, "ADDRESS"),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.which.Address = args[0]
			}
			return stateRemoveRun(o)
		},
	}
	o.register(cmd)
	cmd.Flags().BoolVar(&o.autoApprove, "auto-approve", false, "do not ask (preferences.autoApprove)")
	cmd.Flags().StringVar(&o.which.ID, "resource", "",
		"one resource: its address with the resource's name, or its `ID` in AWS")
	return cmd
}

func stateRemoveRun(o *stateRemoveOptions) error {
	if (o.which.Address == "") == (o.which.ID == "") {
		return diag.New(diag.Invalid, "Invalid usage",
			"Name what to remove from the state: the address of a component or a resource, or --resource with one ID.",
			"deployer state show lists them.")
	}
	f := o.factory
	back, req, progress, err := o.open()
	if err != nil {
		return err
	}
	forgotten, written, err := repair.Forget(f.Soft, back, req, o.which, func(what *report.Forgotten) (bool, error) {
		progress.pause()
		if !o.json {
			view.Forgetting(f.Stdout(), what) // also with --quiet: it is the purpose of this command
		}
		return o.approved("Do you want to remove this from the state?")
	})
	progress.Close()
	if o.json && forgotten != nil {
		if jsonErr := view.ForgottenJSON(f.Out, forgotten, written.Serial, written.Warnings, err); jsonErr != nil {
			return jsonErr
		}
	}
	if err != nil || o.json {
		return err
	}
	f.warn(written.Warnings)
	f.Stdout().Printf("\n")
	view.Forgot(f.Stdout(), forgotten, written.Serial)
	return nil
}

package cli

import (
	"github.com/spf13/cobra"

	"github.com/company/deployer/internal/repair"
	"github.com/company/deployer/internal/view"
)

type stateMoveOptions struct {
	stateChange
	from, to string
}

func newStateMove(f *Factory, runF func(*stateMoveOptions) error) *cobra.Command {
	o := &stateMoveOptions{}
	o.factory = f
	cmd := &cobra.Command{
		Use:   "mv OLD NEW",
		Short: "Rename a component in the state; AWS keeps its objects",
		Long: "Give a component of the state another address (user-service/api to accounts/api). Its objects stay, " +
			"and so do their names in AWS. Rename it in\n" +
			"the manifests, too, before the next plan; `moved: {from: OLD}` in the manifest does both in one step.",
		Args: arguments(2, 2, "OLD NEW"),
		RunE: func(_ *cobra.Command, args []string) error {
			o.from, o.to = args[0], args[1]
			if runF != nil {
				return runF(o)
			}
			return stateMoveRun(o)
		},
	}
	o.register(cmd)
	return cmd
}

func stateMoveRun(o *stateMoveOptions) error {
	f := o.factory
	back, req, progress, err := o.open()
	if err != nil {
		return err
	}
	moved, written, err := repair.Move(f.Soft, back, req, o.from, o.to)
	progress.Close()
	if o.json && moved != nil {
		if jsonErr := view.MovedJSON(f.Out, moved, written.Serial, written.Warnings, err); jsonErr != nil {
			return jsonErr
		}
	}
	if err != nil || o.json {
		return err
	}
	f.warn(written.Warnings)
	view.Moved(f.Stdout(), moved, written.Serial)
	return nil
}

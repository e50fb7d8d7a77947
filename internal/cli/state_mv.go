package cli

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/repair"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/view"
)

type stateMoveOptions struct {
	stateChange
	from, to string
}

func newStateMove(f *Factory) *cobra.Command {
	o := &stateMoveOptions{}
	o.factory = f
	cmd := &cobra.Command{
		Use:   "mv OLD NEW",
		Short: "Rename a component in the state; its objects in AWS stay",
		Long: "Give a component in the state another address (user-service/api to accounts/api). Its objects stay, " +
			"with their names in AWS. Rename it in\n" +
			"the manifests, too, before the next apply; `moved: {from: OLD}` in the manifest does both in one step.",
		Args: arguments(2, 2, "OLD NEW"),
		RunE: func(_ *cobra.Command, args []string) error {
			o.from, o.to = args[0], args[1]
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
	if err == nil {
		written.Warnings.Add(inManifests(moved, o.addresses())...)
	}
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

// inManifests warns of what the next apply does to a moved component while the manifests do not have its new address.
// addresses are those of the manifests; none: they cannot be read.
func inManifests(moved *report.Moved, addresses []string) diag.List {
	if slices.Contains(addresses, moved.To) {
		return nil
	}
	detail := "The manifests were not found here. If they do not have " + moved.To + ", the next apply deletes it."
	switch back := slices.IndexFunc(moved.Former, func(a string) bool { return slices.Contains(addresses, a) }); {
	case back >= 0:
		detail = fmt.Sprintf("The manifests have %s and not %s: the next apply moves it back.",
			moved.Former[back], moved.To)
	case slices.Contains(addresses, moved.From):
		detail = fmt.Sprintf("The manifests have %s and not %s: the next apply deletes %s and creates %s.",
			moved.From, moved.To, moved.To, moved.From)
	case len(addresses) > 0:
		detail = fmt.Sprintf("The manifests do not have %s: the next apply deletes it.", moved.To)
	}
	d := diag.New(diag.Invalid, "Rename it in the manifests, too", detail,
		"Give the component that name in its YAML file before the next apply.")
	d.Severity = diag.Warning
	return diag.List{d.For(moved.To)}
}

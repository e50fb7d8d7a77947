package cli

import (
	"github.com/spf13/cobra"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/observe"
	"github.com/company/deployer/internal/view"
)

type showOptions struct {
	target
	component string
	version   string // "": the present state
	json      bool
}

func newShow(f *Factory) *cobra.Command {
	o := &showOptions{target: target{factory: f}}
	cmd := &cobra.Command{
		Use:   "show [ADDRESS]",
		Short: "Show components with resources and outputs, as the state has them",
		Args:  arguments(0, 1, "ADDRESS"),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				if o.component != "" && o.component != args[0] {
					return diag.New(diag.Invalid, "Two components",
						"ADDRESS and --component name different components.",
						"Give one of them.")
				}
				o.component = args[0]
			}
			return showRun(o)
		},
	}
	o.target.flags(cmd)
	cmd.ValidArgsFunction = o.completeAddress
	cmd.Flags().StringVar(&o.component, "component", "", "only this component: its `address`")
	o.completeAddresses(cmd, "component")
	cmd.Flags().StringVar(&o.version, "version", "", "as this `version` of the history had them, with configuration: v41")
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON")
	return cmd
}

func showRun(o *showOptions) error {
	s, err := o.read()
	if err != nil {
		return err
	}
	wanted, err := observe.Select(s, o.component)
	if err != nil {
		return err
	}
	details := observe.Details(s, wanted)
	if o.version != "" {
		if details, err = observe.VersionDetails(s, wanted); err != nil {
			return err
		}
	}
	if o.json {
		return view.JSON(o.factory.Out, details)
	}
	view.Details(o.factory.Stdout(), &details)
	return nil
}

// read reads the present state, or that of the version that was asked for.
func (o *showOptions) read() (*observe.Deployed, error) {
	if o.version == "" {
		return o.stored()
	}
	key, back, err := o.open()
	if err != nil {
		return nil, err
	}
	s, err := observe.ReadVersion(o.factory.Soft, back, key, o.version)
	return s, o.slip(err)
}

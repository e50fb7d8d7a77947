package cli

import (
	"github.com/spf13/cobra"

	"github.com/company/deployer/internal/view"
)

func newConfig(f *Factory) *cobra.Command {
	cmd := parent("config", "Show the configuration")
	cmd.AddCommand(newConfigShow(f))
	return cmd
}

type configShowOptions struct {
	factory      *Factory
	stack        string
	origin, json bool
}

func newConfigShow(f *Factory) *cobra.Command {
	o := &configShowOptions{factory: f}
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Print the effective settings",
		Long: "Print the effective settings. Highest first: flags, DEPLOYER_ variables, stack.yaml, " +
			".deployer/config.yaml of the\nrepository, ~/.deployer/config.yaml, defaults. --origin says where each " +
			"comes from.",
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error { return configShowRun(o) },
	}
	cmd.Flags().StringVar(&o.stack, "stack", "",
		"include the settings of this `stack`'s stack.yaml; inferred inside its folder, or when there is only one")
	cmd.Flags().BoolVar(&o.origin, "origin", false, "show the source of each setting")
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON")
	return cmd
}

func configShowRun(o *configShowOptions) error {
	stack, err := (&target{factory: o.factory, stack: o.stack}).Stack()
	if err != nil && o.stack != "" {
		return err
	} // without a stack: the settings without a stack.yaml
	effective, err := o.factory.ConfigFor(stack)
	if err != nil {
		return err
	}
	if o.json {
		return view.ConfigJSON(o.factory.Out, effective)
	}
	view.Config(o.factory.Stdout(), effective, o.origin)
	return nil
}

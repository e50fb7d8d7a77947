package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/observe"
	"github.com/company/deployer/internal/view"
)

type outputsOptions struct {
	target
	name   string
	format string
	json   bool
}

func newOutputs(f *Factory) *cobra.Command {
	o := &outputsOptions{target: target{factory: f}}
	cmd := &cobra.Command{
		Use:   "outputs [NAME]",
		Short: "Show the outputs of components: URLs, ARNs, names",
		Long: "Show the outputs of components. NAME is <service>/<component>.<output>, which prints only " +
			"that value, or <service>/<component>.",
		Args: arguments(0, 1, "NAME"),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.name = args[0]
			}
			return outputsRun(o)
		},
	}
	o.target.flags(cmd)
	cmd.ValidArgsFunction = o.completeAddress
	cmd.Flags().StringVar(&o.format, "format", "text", "text or env (KEY=value lines for a shell)")
	// the flag is there
	_ = cmd.RegisterFlagCompletionFunc("format",
		cobra.FixedCompletions([]string{"text", "env"}, cobra.ShellCompDirectiveNoFileComp))
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON: an object keyed by component address")
	return cmd
}

func outputsRun(o *outputsOptions) error {
	f := o.factory
	switch {
	case !slices.Contains([]string{"text", "env"}, o.format):
		return diag.New(diag.Invalid, "Invalid --format", `"`+o.format+`" is not text or env.`, "For JSON: --json")
	case o.json && o.format != "text":
		return diag.New(diag.Invalid, "Two formats", "--json and --format "+o.format+" exclude each other.",
			"Give one of them.")
	}
	s, err := o.stored()
	if err != nil {
		return err
	}
	address, output, single := strings.Cut(o.name, ".")
	wanted, err := observe.Select(s, address)
	if err != nil {
		return err
	}
	if single {
		data, ok := wanted[0].Outputs[output]
		if !ok {
			var names []string
			for name := range wanted[0].Outputs {
				names = append(names, name)
			}
			slices.Sort(names)
			return diag.New(diag.Invalid, "Unknown output", address+` has no output "`+output+`".`,
				diag.Candidates(output, names))
		}
		if o.json {
			return view.JSON(f.Out, data)
		}
		if o.format == "env" {
			view.OutputsEnv(f.Stdout(), map[string]map[string]any{address: {output: data}})
			return nil
		}
		view.Raw(f.Stdout(), data)
		return nil
	}
	all := map[string]map[string]any{}
	for _, c := range wanted {
		// Outputs of shared components are for other components, except those that DNS records need. Users see all of
		// them when they ask for the component.
		given := c.Outputs
		if c.Synthetic && !o.json && o.name == "" {
			given = observe.ForDNS(c)
		}
		if len(given) > 0 {
			all[c.Address] = given
		}
	}
	switch {
	case o.json:
		return view.JSON(f.Out, all)
	case o.format == "env":
		view.OutputsEnv(f.Stdout(), all)
	default:
		view.Outputs(f.Stdout(), all)
	}
	return nil
}

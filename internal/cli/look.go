package cli

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/company/deployer/internal/deploy"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/view"
)

// stored reads the state of a command's target; every looking command starts with it.
func (t *target) stored() (*deploy.Road, state.Key, *deploy.Stored, error) {
	key, err := t.StoredKey()
	if err != nil {
		return nil, key, nil, err
	}
	road, err := t.factory.StoredRoad(key)
	if err != nil {
		return nil, key, nil, err
	}
	s, err := road.Read(t.factory.Soft, key)
	return road, key, s, t.slip(err)
}

// mustExist is an error when neither the manifests nor the backend know a key. Those that the manifests have cost no call.
func (t *target) mustExist(road *deploy.Road, key state.Key) error {
	if t.factory.Root() != "" {
		if known, err := t.Key(); err == nil && known == key {
			return nil
		}
	}
	_, err := road.Read(t.factory.Soft, key)
	return t.slip(err)
}

// neverDeployed is an error when something without a history has a state all the same, or its state is elsewhere, or nobody knows it.
func (t *target) neverDeployed(road *deploy.Road, key state.Key) error {
	_, err := road.Read(t.factory.Soft, key)
	var nothing *deploy.NothingError
	if err = t.slip(err); errors.As(err, &nothing) {
		return nil
	}
	return err
}

// slip says what is wrong with the name of something that has no state: one that the manifests do not have either is a slip of the pen,
// not something to deploy.
func (t *target) slip(err error) error {
	var nothing *deploy.NothingError
	if errors.As(err, &nothing) && t.factory.Root() != "" {
		if _, wrong := t.Key(); wrong != nil {
			return wrong
		}
	}
	return err
}

type showOptions struct {
	target
	component string
	json      bool
}

func newShow(f *Factory, runF func(*showOptions) error) *cobra.Command {
	o := &showOptions{target: target{factory: f}}
	cmd := &cobra.Command{
		Use:   "show [ADDRESS]",
		Short: "Show components, their resources and outputs as the state has them",
		Args:  arguments(0, 1, "ADDRESS"),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				if o.component != "" && o.component != args[0] {
					return diag.New(diag.Invalid, "Two components", "ADDRESS and --component name different ones.", "Give one of them.")
				}
				o.component = args[0]
			}
			if runF != nil {
				return runF(o)
			}
			return showRun(o)
		},
	}
	o.target.flags(cmd)
	cmd.ValidArgsFunction = o.completeAddress
	cmd.Flags().StringVar(&o.component, "component", "", "only this component: its `address`")
	o.completeAddresses(cmd, "component")
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON")
	return cmd
}

func showRun(o *showOptions) error {
	_, _, s, err := o.stored()
	if err != nil {
		return err
	}
	wanted, err := deploy.Select(s, o.component)
	if err != nil {
		return err
	}
	details := deploy.Details(s, wanted)
	if o.json {
		return view.JSON(o.factory.Out, details)
	}
	view.Details(o.factory.Stdout(), &details)
	return nil
}

type outputsOptions struct {
	target
	name   string
	format string
	json   bool
}

func newOutputs(f *Factory, runF func(*outputsOptions) error) *cobra.Command {
	o := &outputsOptions{target: target{factory: f}}
	cmd := &cobra.Command{
		Use:   "outputs [NAME]",
		Short: "Show what components give: URLs, ARNs, names",
		Long:  "Show what components give. NAME is <service>/<component>.<output> and prints that value raw, or <service>/<component>.",
		Args:  arguments(0, 1, "NAME"),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.name = args[0]
			}
			if runF != nil {
				return runF(o)
			}
			return outputsRun(o)
		},
	}
	o.target.flags(cmd)
	cmd.ValidArgsFunction = o.completeAddress
	cmd.Flags().StringVar(&o.format, "format", "text", "text or env (KEY=value lines for a shell)")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"text", "env"}, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON: an object keyed by component address")
	return cmd
}

func outputsRun(o *outputsOptions) error {
	f := o.factory
	switch {
	case !slices.Contains([]string{"text", "env"}, o.format):
		return diag.New(diag.Invalid, "Invalid --format", `"`+o.format+`" is not text or env.`, "For JSON: --json")
	case o.json && o.format != "text":
		return diag.New(diag.Invalid, "Two formats", "--json and --format "+o.format+" exclude each other.", "Give one of them.")
	}
	_, _, s, err := o.stored()
	if err != nil {
		return err
	}
	address, output, single := strings.Cut(o.name, ".")
	wanted, err := deploy.Select(s, address)
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
			return diag.New(diag.Invalid, "Unknown output", address+` has no output "`+output+`".`, diag.Candidates(output, names))
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
		// What shared components give is for other components, but for what DNS records need; people see it all when they ask for it.
		given := c.Outputs
		if c.Synthetic && !o.json && o.name == "" {
			given = deploy.ForDNS(c)
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
	cmd.Flags().IntVar(&o.limit, "limit", 20, "how many at most; 0: all")
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON: an array, newest first")
	return cmd
}

func historyRun(o *historyOptions) error {
	f := o.factory
	key, err := o.StoredKey()
	if o.limit < 0 {
		err = diag.Join(err, diag.New(diag.Invalid, "Invalid --limit", "A number of deployments cannot be negative.", "Give 0 to see all."))
	}
	if err != nil {
		return err
	}
	road, err := f.StoredRoad(key)
	if err != nil {
		return err
	}
	past, err := road.History(f.Soft, key, o.limit)
	if err == nil && len(past) == 0 {
		err = o.neverDeployed(road, key)
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

package cli

import (
	"github.com/spf13/cobra"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/observe"
	"github.com/company/deployer/internal/view"
)

type blameOptions struct {
	target
	address string
	limit   int
	json    bool
}

func newBlame(f *Factory) *cobra.Command {
	o := &blameOptions{target: target{factory: f}}
	cmd := &cobra.Command{
		Use:   "blame ADDRESS",
		Short: "Show which version, commit and person last changed each property",
		Long: "Show which version, commit and person last changed each property of a component (user-service/api) or " +
			"of one\nof its resources (user-service/api:service).",
		Args: arguments(1, 1, "ADDRESS"),
		RunE: func(_ *cobra.Command, args []string) error {
			o.address = args[0]
			return blameRun(o)
		},
	}
	o.target.flags(cmd)
	cmd.ValidArgsFunction = o.completeAddress
	cmd.Flags().IntVar(&o.limit, "limit", 100, "look at most at so many versions; 0: all")
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON")
	return cmd
}

func blameRun(o *blameOptions) error {
	f := o.factory
	key, back, err := o.open()
	if o.limit < 0 {
		err = diag.Join(err, diag.New(diag.Invalid, "Invalid --limit", "A number of versions cannot be negative.",
			"Give 0 to look at all."))
	}
	if err != nil {
		return err
	}
	found, err := observe.Blame(f.Soft, back, key, o.address, o.limit)
	if err != nil {
		return o.slip(err)
	}
	if o.json {
		return view.JSON(f.Out, found)
	}
	view.Blame(f.Stdout(), found)
	return nil
}

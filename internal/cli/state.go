package cli

import (
	"github.com/spf13/cobra"

	"github.com/company/deployer/internal/observe"
	"github.com/company/deployer/internal/view"
)

func newState(f *Factory) *cobra.Command {
	cmd := parent("state", "Show, correct and restore the state")
	cmd.AddCommand(newStateList(f), newStateShow(f), newStatePull(f), newStatePush(f),
		newStateRemove(f), newStateMove(f), newStateRestore(f))
	return cmd
}

type stateListOptions struct {
	factory *Factory
	json    bool
}

func newStateList(f *Factory) *cobra.Command {
	o := &stateListOptions{factory: f}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List every stack and environment in the backend",
		Args:  noArguments,
		RunE:  func(*cobra.Command, []string) error { return stateListRun(o) },
	}
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON")
	return cmd
}

func stateListRun(o *stateListOptions) error {
	f := o.factory
	back, err := f.BackendHere()
	if err != nil {
		return err
	}
	states, err := observe.States(f.Soft, back)
	if err != nil {
		return err
	}
	if o.json {
		return view.JSON(f.Out, states)
	}
	view.States(f.Stdout(), back.Location(), states)
	return nil
}

type stateShowOptions struct {
	target
	json bool
}

func newStateShow(f *Factory) *cobra.Command {
	o := &stateShowOptions{target: target{factory: f}}
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Show a summary of a state and its resources",
		Args:  noArguments,
		RunE:  func(*cobra.Command, []string) error { return stateShowRun(o) },
	}
	o.target.flags(cmd)
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON")
	return cmd
}

func stateShowRun(o *stateShowOptions) error {
	s, err := o.stored()
	if err != nil {
		return err
	}
	summary := observe.Summary(s)
	if o.json {
		return view.JSON(o.factory.Out, summary)
	}
	view.State(o.factory.Stdout(), summary)
	return nil
}

func newStatePull(f *Factory) *cobra.Command {
	o := &target{factory: f}
	cmd := &cobra.Command{
		Use:   "pull",
		Short: "Print state.json",
		Args:  noArguments,
		RunE:  func(*cobra.Command, []string) error { return statePullRun(o) },
	}
	o.flags(cmd)
	return cmd
}

func statePullRun(o *target) error {
	s, err := o.stored()
	if err != nil {
		return err
	}
	if o.factory.OutTTY { // escaped only on a terminal: elsewhere an escape would break the digest of the stored state
		return view.Document(o.factory.Out, s.Snapshot.Raw)
	}
	_, err = o.factory.Out.Write(s.Snapshot.Raw)
	return err
}

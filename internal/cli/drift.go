package cli

import (
	"github.com/spf13/cobra"

	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/deploy"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/view"
)

func newDrift(f *Factory) *cobra.Command {
	cmd := parent("drift", "Find and undo changes that were made outside of deployer")
	cmd.AddCommand(newDriftDetect(f), newDriftRemediate(f))
	return cmd
}

type driftDetectOptions struct {
	runFlags
	detailedExitCode, markdown bool
}

func newDriftDetect(f *Factory) *cobra.Command {
	o := &driftDetectOptions{}
	o.factory = f
	cmd := &cobra.Command{
		Use:   "detect",
		Short: "Show what differs between AWS, the state and the manifests",
		Long: "Read every object in AWS, and show what somebody changed, deleted or added outside of deployer, with " +
			"the value that AWS, the state and the manifests have. Changes of the manifests that are not deployed " +
			"yet are listed apart: they are no drift. What could not be compared is listed with the reason. " +
			"Detect takes no lock and changes nothing.",
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error { return driftDetectRun(o) },
	}
	o.registerDrift(cmd)
	cmd.Flags().BoolVar(&o.markdown, "markdown", false, "print Markdown, for a comment or a chat")
	cmd.Flags().BoolVar(&o.detailedExitCode, "detailed-exitcode", false, "exit with code 2 if there is drift")
	return cmd
}

// registerDrift adds the flags that both commands about drift have.
func (r *runFlags) registerDrift(cmd *cobra.Command) {
	r.target.flags(cmd)
	r.variables.flags(cmd.Flags())
	r.given = cmd.Flags().Changed
	for _, name := range []string{"component", "target"} {
		cmd.Flags().StringArrayVar(&r.targets, name, nil,
			"only this component: its `address`, or the ID of a resource (repeatable)")
		r.completeAddresses(cmd, name)
	}
	cmd.Flags().BoolVar(&r.json, "json", false, "print JSON")
}

func driftDetectRun(o *driftDetectOptions) error {
	f := o.factory
	if o.json && o.markdown {
		return diag.New(diag.Invalid, "Two formats", "--json and --markdown do not go together.",
			"Leave one of them out.")
	}
	_, _, found, err := o.detect(f.newProgress())
	if err != nil {
		return err
	}
	switch {
	case o.json:
		err = view.DriftJSON(f.Out, found)
	case o.markdown:
		err = view.DriftMarkdown(f.Out, found, f.Now())
	default:
		view.Drift(f.Stdout(), found, f.Now())
	}
	if err == nil && o.detailedExitCode && found.HasDrift() {
		return &exitError{exitChanges}
	}
	return err
}

// detect looks for drift. It also returns what a change of it needs.
func (r *runFlags) detect(live *lateProgress) (*backend.Backend, deploy.Request, *report.Drift, error) {
	key, err := r.StoredKey()
	changing, reqErr := r.request(live) // once: a file of variables may be a pipe
	looking := changing
	looking.Progress = func(e plan.Event) {
		if e.Kind == plan.Phase {
			changing.Progress(e)
		}
	}
	if err := diag.Join(err, reqErr); err != nil {
		return nil, changing, nil, err
	}
	back, err := r.factory.StoredBackend(key)
	if err != nil {
		return nil, changing, nil, err
	}
	looking.Key, changing.Key = key, key
	found, err := deploy.Detect(r.factory.Soft, back, looking)
	live.pause()
	return back, changing, found, r.slip(err)
}

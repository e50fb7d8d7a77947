package cli

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/company/deployer/internal/deploy"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/view"
)

type planOptions struct {
	runFlags
	detailedExitCode bool
	out              string
	markdown         bool
}

func newPlan(f *Factory) *cobra.Command {
	o := &planOptions{}
	o.factory = f
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Show what apply would change, and why",
		Long: "Show what apply would change, per component and resource, with the consequence of each change. " +
			"Plan takes no lock and changes nothing.",
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error { return planRun(o) },
	}
	o.register(cmd, true)
	o.registerDataLoss(cmd)
	cmd.Flags().StringVar(&o.out, "out", "", "save the plan in a `file`, for deployer apply FILE")
	cmd.Flags().BoolVar(&o.markdown, "markdown", false, "print Markdown, for the comment of a pull request")
	cmd.Flags().BoolVar(&o.detailedExitCode, "detailed-exitcode", false, "exit with code 2 if there are changes")
	return cmd
}

func planRun(o *planOptions) error {
	f := o.factory
	if o.json && o.markdown {
		return diag.New(diag.Invalid, "Two formats", "--json and --markdown do not go together.",
			"Leave one of them out.")
	}
	key, err := o.Key()
	live := f.newProgress() // it shows nothing before the first event, so errors can come first
	progress := view.Progress(phases{live})
	back, req, err := o.prepare(key, err, progress)
	if err != nil {
		return err
	}
	planned, err := deploy.Plan(f.Soft, back, req)
	progress.Close()
	if err != nil {
		if planned != nil {
			f.aside = planned.Warnings
		}
		return err
	}
	if o.out != "" {
		if err := savePlan(o.out, planned.Saved); err != nil {
			return err
		}
	}
	switch {
	case o.json:
		err = view.PlanJSON(f.Out, planned.Plan, planned.Saved.Hash, planned.Warnings)
	case o.markdown:
		err = view.PlanMarkdown(f.Out, planned.Plan, planned.Saved.Hash, planned.Warnings)
	default:
		f.warn(planned.Warnings)
		view.Plan(f.Stdout(), planned.Plan)
		if o.out != "" {
			view.Saved(f.Stdout(), o.out, planned.Saved.Hash)
		}
	}
	if err == nil && o.detailedExitCode && planned.Plan.HasChanges() {
		return &exitError{exitChanges}
	}
	return err
}

// savePlan writes the file of a plan, for its owner only: a plan shows how everything is configured.
func savePlan(path string, saved *deploy.Saved) error {
	raw, err := saved.Encode()
	if err != nil {
		return err
	}
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return diag.New(diag.Invalid, "Cannot write the plan", path+" is no regular file.",
			"Choose another file for --out.")
	}
	if err := writePrivate(path, string(raw)); err != nil {
		return unwritable("Cannot write the plan", err)
	}
	return nil
}

package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/company/deployer/internal/deploy"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/observe"
	"github.com/company/deployer/internal/view"
)

type applyOptions struct {
	runFlags
	autoApprove bool
	localState  bool
}

func newApply(f *Factory, runF func(*applyOptions) error) *cobra.Command {
	o := &applyOptions{}
	o.factory = f
	cmd := &cobra.Command{
		Use:   "apply",
		Short: "Deploy, and wait until the new revision really runs",
		Long: "Lock, plan, show, ask, execute, wait until everything is healthy, save. \"Applied\" means that the " +
			"planned revision is what runs;\n" +
			"if not, the cause and the next step are on the screen. An interrupted run is picked up by the next one.",
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			if runF != nil {
				return runF(o)
			}
			return applyRun(o)
		},
	}
	o.register(cmd, true)
	o.registerLocking(cmd)
	cmd.Flags().BoolVar(&o.autoApprove, "auto-approve", false, "do not ask (preferences.autoApprove)")
	cmd.Flags().BoolVar(&o.localState, "local-state", false, "allow state on this machine although CI is set")
	return cmd
}

func applyRun(o *applyOptions) error {
	f := o.factory
	// The tree starts after the question, because a terminal has one cursor.
	live := f.newProgress()
	key, err := o.Key()
	back, req, err := o.prepare(key, err, live)
	if err != nil {
		return err
	}
	if err := f.refuseLocalStateInCI(o.localState); err != nil {
		return err
	}
	return change(&o.runFlags, live, req, changing{
		run:     func(req deploy.Request) (*deploy.Applied, error) { return deploy.Apply(f.Soft, back, req) },
		ask:     "Do you want to apply this plan?",
		verb:    "apply",
		approve: o.autoApprove,
		done: func(w *view.Writer, a *deploy.Applied) {
			view.Applied(w, a.Plan, a.Version, a.Outcome, a.Outputs, observe.Balancers(a.Outputs))
		},
	})
}

// changing is one way to change things: apply or destroy.
type changing struct {
	run       func(deploy.Request) (*deploy.Applied, error)
	ask, verb string
	approve   bool
	done      func(*view.Writer, *deploy.Applied)
}

// change shows the plan, asks, runs and reports.
func change(o *runFlags, live *lateProgress, req deploy.Request, c changing) error {
	f := o.factory
	told, shown := 0, false
	req.Approve = func(ctx context.Context, q deploy.Question) (bool, error) {
		auto := c.approve || f.loaded.Settings.Preferences.AutoApprove && !q.Required
		live.pause()
		told, shown = len(q.Warnings), true
		if !o.json {
			f.warn(q.Warnings)
		}
		if !o.json && !(f.global.quiet && auto) {
			view.Plan(f.Stdout(), q.Plan)
		}
		switch {
		case auto:
		case !f.InTTY:
			detail := "There is no terminal to ask on; nothing was changed."
			if q.Required && f.loaded.Settings.Preferences.AutoApprove {
				detail += " The environment says approval: required, so preferences.autoApprove does not count."
			}
			return false, diag.New(diag.Failed, "Not approved", detail,
				"Run deployer "+c.verb+" --auto-approve once the plan above is what you want.")
		default:
			f.Stderr().Printf("\n")
			yes, err := newPrompter(f).yes(ctx, c.ask)
			if err != nil || !yes {
				switch {
				case err == nil:
					err = diag.New(diag.Failed, "Not approved", "Nothing was changed.", "")
				case errors.Is(err, errInterrupted):
					err = diag.New(diag.Interrupted, "Interrupted", "Nothing was changed.", "")
				}
				return false, err
			}
		}
		live.Planned(q.Plan)
		return true, nil
	}
	applied, err := c.run(req)
	live.Close()
	switch {
	case applied == nil || applied.Plan == nil:
	case o.json:
		if jsonErr := view.AppliedJSON(f.Out, applied.Plan, applied.Version, applied.Outcome, applied.Outputs,
			applied.Warnings, err); jsonErr != nil && err == nil {
			return jsonErr
		}
	default:
		f.warn(applied.Warnings[min(told, len(applied.Warnings)):])
		// The plan explains why something must not be changed (protected data).
		if err != nil && !shown && applied.Plan.HasChanges() && !f.global.quiet {
			view.Plan(f.Stdout(), applied.Plan)
		}
	}
	if err != nil {
		if applied != nil && applied.Outcome != nil {
			f.Stderr().Printf("\n") // an empty line after the progress
			f.after = func(w *view.Writer) {
				view.Unfinished(w, applied.Plan, applied.Version, applied.Outcome, applied.Again)
			}
		}
		return err
	}
	if !o.json {
		if shown && !f.global.quiet {
			f.Stdout().Printf("\n") // an empty line after the plan
		}
		c.done(f.Stdout(), applied)
	}
	return nil
}

package cli

import (
	"context"
	"errors"

	"github.com/company/deployer/internal/deploy"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/view"
)

// changing is one way to change things: apply or destroy.
type changing struct {
	run     func(deploy.Request) (*deploy.Applied, error)
	ask     string
	approve bool
	// approved: a saved plan was approved when it was given. An environment that demands approvals wants one now, too.
	approved bool
	done     func(*view.Writer, *deploy.Applied)
}

// showBack shows the plan of a rollback after a failed apply. It was approved with the apply.
func (f *Factory) showBack(live *lateProgress, q deploy.Question, asJSON bool) {
	live.pause()
	if !asJSON {
		f.warn(q.Warnings)
	}
	if !asJSON && !f.global.quiet {
		f.Stdout().Printf("\n")
		view.Plan(f.Stdout(), q.Plan)
	}
	live.Planned(q.Plan)
}

// change shows the plan, asks, runs and reports.
func change(o *runFlags, live *lateProgress, req deploy.Request, c changing) error {
	d := &dialog{runFlags: o, changing: c, live: live}
	req.Approve = d.confirm
	applied, err := c.run(req)
	live.Close()
	return d.report(applied, err)
}

// dialog is what a run has told its user so far.
type dialog struct {
	*runFlags
	changing
	live           *lateProgress
	told, toldBack int // warnings of the plan, and of the plan of a rollback
	shown          bool
}

// confirm shows a plan, and asks whether it may be done.
func (d *dialog) confirm(ctx context.Context, q deploy.Question) (bool, error) {
	f := d.factory
	if q.Automatic {
		d.toldBack = len(q.Warnings)
		f.showBack(d.live, q, d.json)
		return true, nil
	}
	auto := d.approve || (d.approved || f.loaded.Settings.Preferences.AutoApprove) && !q.Required
	d.live.pause()
	d.told, d.shown = len(q.Warnings), true
	if !d.json {
		f.warn(q.Warnings)
	}
	if !d.json && !(f.global.quiet && auto) {
		view.Plan(f.Stdout(), q.Plan)
	}
	if !auto {
		if err := d.question(ctx, q.Required); err != nil {
			return false, err
		}
	}
	d.live.Planned(q.Plan)
	return true, nil
}

// question asks the user, and returns an error unless the answer is yes.
func (d *dialog) question(ctx context.Context, required bool) error {
	f := d.factory
	if !f.InTTY {
		detail := "There is no terminal for the question. Nothing was changed."
		if required && f.loaded.Settings.Preferences.AutoApprove {
			detail += " The environment says approval: required, so preferences.autoApprove does not count."
		}
		return diag.New(diag.Failed, "Not approved", detail,
			"If the plan above is what you want, run the same command with --auto-approve.")
	}
	f.Stderr().Printf("\n")
	yes, err := newPrompter(f).yes(ctx, d.ask)
	switch {
	case errors.Is(err, errInterrupted):
		return diag.New(diag.Interrupted, "Interrupted", "Nothing was changed.", "")
	case err == nil && !yes:
		return diag.New(diag.Failed, "Not approved", "Nothing was changed.", "")
	}
	return err
}

// report tells what was done. It returns err, the error of the run.
func (d *dialog) report(applied *deploy.Applied, err error) error {
	f := d.factory
	switch {
	case applied == nil || applied.Plan == nil:
	case d.json:
		if jsonErr := view.AppliedJSON(f.Out, applied.Plan, applied.Version, applied.Outcome, applied.Outputs,
			applied.Warnings, err, backOf(applied)); jsonErr != nil && err == nil {
			return jsonErr
		}
	default:
		f.warn(applied.Warnings[min(d.told, len(applied.Warnings)):])
		if back := applied.Back; back != nil {
			f.warn(back.Warnings[min(d.toldBack, len(back.Warnings)):])
		}
		// The plan explains why something must not be changed (protected data).
		if err != nil && !d.shown && applied.Plan.HasChanges() && !f.global.quiet {
			view.Plan(f.Stdout(), applied.Plan)
		}
	}
	if err != nil {
		if applied != nil && applied.Outcome != nil {
			f.Stderr().Printf("\n") // an empty line after the progress
			f.after = func(w *view.Writer) { unfinished(w, applied) }
		}
		return err
	}
	if !d.json {
		if d.shown && !f.global.quiet {
			f.Stdout().Printf("\n") // an empty line after the plan
		}
		d.done(f.Stdout(), applied)
	}
	return nil
}

// unfinished says what was done, how to continue, and how to go back.
func unfinished(w *view.Writer, applied *deploy.Applied) {
	back := backOf(applied)
	if back != nil {
		applied.Again, applied.GoBack = "", ""
	}
	view.Unfinished(w, applied.Plan, applied.Version, applied.Outcome, applied.Again)
	if len(applied.Outcome.Failed) > 0 {
		view.WayBack(w, applied.GoBack)
	}
	view.WentBack(w, back)
}

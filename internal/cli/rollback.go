package cli

import (
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"github.com/company/deployer/internal/deploy"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/view"
)

type rollbackOptions struct {
	runFlags
	version     string // "": the default
	autoApprove bool
}

func newRollback(f *Factory) *cobra.Command {
	o := &rollbackOptions{}
	o.factory = f
	cmd := &cobra.Command{
		Use:   "rollback [VERSION]",
		Short: "Deploy an earlier version again, and hold the one that runs",
		Long: "Plan and apply the configuration of an earlier version, with the images of that time. Without " +
			"VERSION it is the last one that\n" +
			"succeeded before the one that runs; on a terminal you choose. Rollouts that are in progress are stopped " +
			"first.\n\n" +
			"The rollback is a new version. It holds the version that it leaves: an apply of the same configuration " +
			"stops until\ndeployer apply --release-hold. The manifests are not read.",
		Args: arguments(0, 1, "VERSION"),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				if o.version != "" && o.version != args[0] {
					return diag.New(diag.Invalid, "Two versions", "VERSION and --to-version name different versions.",
						"Give one of them.")
				}
				o.version = args[0]
			}
			return rollbackRun(o)
		},
	}
	o.register(cmd, false)
	o.registerLocking(cmd)
	cmd.Flags().StringVar(&o.version, "to-version", "", "go back to this `version`: v41")
	cmd.Flags().BoolVar(&o.noResolve, "no-resolve", false,
		"do not ask registries whether they still have the images (preferences.resolveImages)")
	cmd.Flags().BoolVar(&o.offline, "offline", false,
		"do not check beforehand what the plan needs, and ask no registries")
	cmd.Flags().BoolVar(&o.autoApprove, "auto-approve", false, "do not ask (preferences.autoApprove)")
	return cmd
}

func rollbackRun(o *rollbackOptions) error {
	f := o.factory
	live := f.newProgress()
	key, err := o.StoredKey()
	_, req, err := o.prepare(key, err, live)
	if err != nil {
		return err
	}
	back, err := f.StoredBackend(key)
	if err != nil {
		return err
	}
	ways, err := deploy.FindWaysBack(f.Soft, back, key)
	if err != nil {
		return o.slip(err)
	}
	auto := o.autoApprove || f.loaded.Settings.Preferences.AutoApprove
	if o.version == "" && f.InTTY && !auto && !o.json && len(ways.Versions) > 1 {
		if err := o.choose(ways); err != nil {
			return err
		}
	}
	req.StopRollouts = func(ctx context.Context, rollouts []deploy.Rollout) (bool, error) {
		return o.stop(ctx, live, rollouts, auto)
	}
	return change(&o.runFlags, live, req, changing{
		run: func(req deploy.Request) (*deploy.Applied, error) {
			return deploy.Rollback(f.Soft, back, ways, o.version, req)
		},
		ask: "Do you want to roll back?", approve: o.autoApprove,
		done: func(w *view.Writer, a *deploy.Applied) {
			view.Applied(w, a.Plan, a.Version, a.Outcome, a.Outputs)
			if a.Changed {
				view.Holds(w, a.Holds)
			}
		},
	})
}

// choose asks for the version.
func (o *rollbackOptions) choose(ways *deploy.WaysBack) error {
	f := o.factory
	var versions []report.Deployment
	for _, v := range ways.Versions {
		if !v.Runs {
			versions = append(versions, v.Deployment)
		}
	}
	view.WaysBack(f.Stderr(), ways.Key, versions, f.Now())
	fallback := ""
	if ways.Default > 0 {
		fallback = ways.Default.String()
	}
	var err error
	o.version, err = newPrompter(f).line(f.Soft, "Go back to", fallback)
	switch {
	case errors.Is(err, errInterrupted):
		return diag.New(diag.Interrupted, "Interrupted", "Nothing was changed.", "")
	case errors.Is(err, io.EOF) || err == nil && o.version == "":
		return diag.New(diag.Failed, "No version chosen", "Nothing was changed.", "")
	}
	return err
}

// stop asks whether rollouts of another run may be stopped.
func (o *rollbackOptions) stop(
	ctx context.Context, live *lateProgress, rollouts []deploy.Rollout, auto bool,
) (bool, error) {
	f := o.factory
	live.pause()
	if !o.json {
		lines := make([]string, len(rollouts))
		for i, r := range rollouts {
			lines[i] = r.Resource + ", " + r.What
		}
		view.Rollouts(f.Stderr(), lines)
	}
	refused := diag.New(diag.Failed, "Not approved", "Nothing was changed.", "")
	switch {
	case auto:
		return true, nil
	case !f.InTTY:
		refused.Detail = "There is no terminal for the question whether to stop them. Nothing was changed."
		refused.Next = "To stop them and go back at once, run the same command with --auto-approve."
		return false, refused
	}
	yes, err := newPrompter(f).yes(ctx, "Do you want to stop them now? ECS then goes back at once.")
	switch {
	case errors.Is(err, errInterrupted):
		return false, diag.New(diag.Interrupted, "Interrupted", "Nothing was changed.", "")
	case err != nil:
		return false, err
	case !yes:
		return false, refused
	}
	return true, nil
}

// backOf is the rollback that followed a failed apply, for its result; nil: there was none.
func backOf(a *deploy.Applied) *view.Back {
	if a == nil || a.Back == nil {
		return nil
	}
	return &view.Back{
		Plan: a.Back.Plan, Version: a.Back.Version, Outcome: a.Back.Outcome, Outputs: a.Back.Outputs,
		Warnings: a.Back.Warnings, Err: a.BackErr, Again: a.Back.Again,
	}
}

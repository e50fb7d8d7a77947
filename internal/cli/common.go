package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/config"
	"github.com/company/deployer/internal/deploy"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/manifest"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/view"
)

// runFlags are what plan, apply and destroy have in common.
type runFlags struct {
	target
	variables
	targets, allowDataLoss []string
	lockTimeout            time.Duration
	parallelism            int
	refresh, json          bool
	noPrevious             bool
	noResolve, offline     bool
	given                  func(flag string) bool
}

func (r *runFlags) register(cmd *cobra.Command, withVariables bool) {
	r.target.flags(cmd)
	r.given = cmd.Flags().Changed
	if withVariables {
		r.variables.flags(cmd.Flags())
		cmd.Flags().StringArrayVar(&r.targets, "target", nil,
			"only this component and what it needs: an `address` (repeatable)")
		r.completeAddresses(cmd, "target")
		cmd.Flags().BoolVar(&r.noResolve, "no-resolve", false,
			"do not ask registries what tags mean now (preferences.resolveImages)")
		cmd.Flags().BoolVar(&r.offline, "offline", false,
			"do not check beforehand what the plan needs, and ask no registries")
		cmd.Flags().BoolVar(&r.noPrevious, "no-previous-variables", false,
			"do not use the last deployment's values for variables that are not given")
		cmd.Flags().BoolVar(&r.refresh, "refresh", false, "read every object in AWS, instead of trusting the state")
	}
	cmd.Flags().IntVar(&r.parallelism, "parallelism", 0, "how many resources change at once (preferences.parallelism)")
	cmd.Flags().BoolVar(&r.json, "json", false, "print JSON")
}

func (r *runFlags) registerLocking(cmd *cobra.Command) {
	cmd.Flags().DurationVar(&r.lockTimeout, "lock-timeout", 8*time.Minute,
		"how long to wait for the lock; 0: fail at once")
	r.registerDataLoss(cmd)
}

func (r *runFlags) registerDataLoss(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&r.allowDataLoss, "allow-data-loss", nil,
		"a protected component that may be deleted or replaced: its `address` (repeatable)")
	r.completeAddresses(cmd, "allow-data-loss")
}

// prepare opens the backend and makes the Request for the target of the command line (key, or the error of finding it).
// It reports errors of flags and configuration at once.
func (r *runFlags) prepare(
	key state.Key, wrong error, progress view.Progress,
) (*backend.Backend, deploy.Request, error) {
	f := r.factory
	req, reqErr := r.request(progress)
	_, configErr := f.ConfigFor(key.Stack)
	if err := diag.Join(wrong, reqErr, configErr); err != nil {
		return nil, req, err
	}
	req.Key = key
	back, err := f.Backend(key)
	return back, req, err
}

// request makes a Request. The command fills in the key.
func (r *runFlags) request(progress view.Progress) (deploy.Request, error) {
	values, found := r.values()
	if r.given != nil && r.given("parallelism") && (r.parallelism < 1 || r.parallelism > config.MaxParallelism) {
		found.Add(diag.New(diag.Invalid, "Invalid --parallelism",
			fmt.Sprintf("%d resources at once is not between 1 and %d.", r.parallelism, config.MaxParallelism),
			"Leave it out for preferences.parallelism."))
	}
	if r.lockTimeout < 0 {
		found.Add(negativeTimeout())
	}
	req := deploy.Request{
		Variables: values, Targets: r.targets, AllowDataLoss: r.allowDataLoss, Refresh: r.refresh,
		NoPrevious: r.noPrevious, NoResolve: r.noResolve, Offline: r.offline,
		LockTimeout: r.lockTimeout, Parallelism: r.parallelism,
		Progress: func(e plan.Event) {
			if log := r.factory.log; log != nil {
				logEvent(log, e)
			}
			progress.Event(e)
		},
	}
	for _, name := range r.files {
		data, err := r.factory.ReadFile(name, manifest.MaxFileSize)
		if err != nil {
			found.Add(diag.From(unreadable("Cannot read the variable file", err))...)
			continue
		}
		req.VarFiles = append(req.VarFiles, manifest.VarFile{Name: name, Data: data})
	}
	return req, found.Err()
}

func negativeTimeout() *diag.Diagnostic {
	return diag.New(diag.Invalid, "Invalid --lock-timeout", "A waiting time cannot be negative.",
		"Give 0 to fail at once, or a duration such as 8m.")
}

// phases is a progress that forwards events, and for plans only phases.
type phases struct{ view.Progress }

func (p phases) Event(e plan.Event) {
	if e.Kind == plan.Phase {
		p.Progress.Event(e)
	}
}

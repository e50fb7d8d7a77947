package cli

import (
	"slices"

	"github.com/spf13/cobra"

	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/deploy"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/ignore"
	"github.com/company/deployer/internal/repair"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/view"
)

type driftRemediateOptions struct {
	runFlags
	autoApprove, accept, ignore bool
	reason                      string
}

func newDriftRemediate(f *Factory) *cobra.Command {
	o := &driftRemediateOptions{}
	o.factory = f
	cmd := &cobra.Command{
		Use:   "remediate",
		Short: "Put back what was changed outside, accept it, or ignore it",
		Long: "Show the drift, ask, and put back what the last deployment wanted: only the objects that were " +
			"changed or deleted outside of deployer. Changes of the manifests that are not deployed yet stay where " +
			"they are. --accept takes the objects into the state as they are instead, and changes nothing in AWS. " +
			"--ignore adds the differences to " + ignore.Name + ", and changes nothing else.",
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error { return driftRemediateRun(o) },
	}
	o.registerDrift(cmd)
	o.registerLocking(cmd)
	cmd.Flags().IntVar(&o.parallelism, "parallelism", 0, "how many resources change at once (preferences.parallelism)")
	cmd.Flags().BoolVar(&o.autoApprove, "auto-approve", false, "do not ask (preferences.autoApprove)")
	cmd.Flags().BoolVar(&o.accept, "accept", false, "take the objects into the state as they are in AWS")
	cmd.Flags().BoolVar(&o.ignore, "ignore", false, "ignore the differences from now on")
	cmd.Flags().StringVar(&o.reason, "reason", "", "why the differences are ignored: a `text` for the file")
	return cmd
}

func driftRemediateRun(o *driftRemediateOptions) error {
	f := o.factory
	switch {
	case o.accept && o.ignore:
		return diag.New(diag.Invalid, "Two ways", "--accept and --ignore do not go together.", "Leave one of them out.")
	case o.reason != "" && !o.ignore:
		return diag.New(diag.Invalid, "Flag has no effect", "--reason belongs to --ignore.", "Leave it out.")
	}
	live := f.newProgress()
	back, req, found, err := o.detect(live)
	if err != nil {
		return err
	}
	if !found.HasDrift() {
		if o.json {
			return view.DriftJSON(f.Out, found)
		}
		view.Drift(f.Stdout(), found, f.Now())
		return nil
	}
	if !o.json && !f.global.quiet {
		view.Drift(f.Stdout(), found, f.Now())
	}
	if o.ignore {
		return o.ignoring(back, found)
	}
	ids := changedOutside(found)
	if len(ids) == 0 {
		return diag.New(diag.Failed, "Nothing to put back",
			"Everything that was found was made outside of deployer, and deployer deletes only what it has made.",
			"Remove it with the commands above, or ignore it: "+
				back.CommandLine(req.Key, "drift remediate", "--ignore"))
	}
	if o.accept {
		return o.accepting(back, req, ids, live)
	}
	if !o.json && !f.global.quiet {
		f.Stdout().Printf("\n") // an empty line before the plan
	}
	return change(&o.runFlags, live, req, changing{
		run: func(req deploy.Request) (*deploy.Applied, error) {
			return deploy.Remediate(f.Soft, back, found, req)
		},
		ask: "Do you want to put this back?", approve: o.autoApprove,
		done: func(w *view.Writer, a *deploy.Applied) { view.Remediated(w, a.Plan, a.Version, a.Outcome, found) },
	})
}

// changedOutside are the IDs of the resources that were changed or deleted.
func changedOutside(found *report.Drift) []string {
	var ids []string
	for _, d := range found.Drifted {
		if d.Kind != report.DriftMade && !slices.Contains(ids, d.Resource) {
			ids = append(ids, d.Resource)
		}
	}
	return ids
}

// accepting takes objects into the state as they are.
func (o *driftRemediateOptions) accepting(
	back *backend.Backend, req deploy.Request, ids []string, live *lateProgress,
) error {
	f := o.factory
	state := stateChange{target: o.target, autoApprove: o.autoApprove}
	ok, err := state.approved("Do you want to take the changed and deleted objects into the state as they are?")
	if !ok || err != nil {
		return err
	}
	written, err := repair.Accept(f.Soft, back,
		backend.Request{Key: req.Key, LockTimeout: req.LockTimeout, Progress: req.Progress}, ids)
	live.Close()
	if err != nil {
		return err
	}
	if o.json {
		return view.AcceptedJSON(f.Out, ids, written.Serial, written.Warnings)
	}
	f.warn(written.Warnings)
	view.Accepted(f.Stdout(), ids, written.Serial)
	return nil
}

// ignoring adds differences to the file of the repository.
func (o *driftRemediateOptions) ignoring(back *backend.Backend, found *report.Drift) error {
	f := o.factory
	root, err := f.RequireRoot()
	if err != nil {
		return err
	}
	var rules []ignore.Rule
	for _, d := range found.Drifted {
		rule := ignore.Rule{
			Stack: found.Stack, Environment: found.Environment, Resource: d.Resource, Reason: o.reason,
		}
		switch d.Kind {
		case report.DriftMade:
			rule.Object = d.ID
		case report.DriftDeleted:
			rule.Deleted = true
		case report.DriftChanged:
			for _, s := range d.Properties {
				rule.Property = s.Name()
				rules = append(rules, rule)
			}
			if d.Problem == "" {
				continue
			}
			rule.Property = "tags"
		}
		rules = append(rules, rule)
	}
	added, err := ignore.Add(root, rules)
	if err != nil {
		return err
	}
	if o.json {
		return view.IgnoredJSON(f.Out, ignore.Name, len(added))
	}
	view.IgnoredFrom(f.Stdout(), ignore.Name, len(added))
	return nil
}

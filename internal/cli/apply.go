package cli

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/company/deployer/internal/deploy"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/manifest"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/view"
)

type applyOptions struct {
	runFlags
	autoApprove bool
	localState  bool
	releaseHold bool
	goBack      bool   // after a failure
	file        string // of a saved plan; "": plan now
	hash        string // of the plan that was approved
}

func newApply(f *Factory) *cobra.Command {
	o := &applyOptions{}
	o.factory = f
	cmd := &cobra.Command{
		Use:   "apply [PLANFILE]",
		Short: "Deploy, and wait until the new revision really runs",
		Long: "Lock, plan, show, ask, execute, wait until everything is healthy, save. \"Applied\" means that the " +
			"planned revision is what runs;\n" +
			"if not, the output tells the cause and the next step. The next run continues an interrupted one.\n\n" +
			"With PLANFILE (written by deployer plan --out), exactly that plan is applied, without a " +
			"question unless the\nenvironment has approval: required. If the state or AWS has changed since the plan " +
			"was made, nothing is done (exit code 5).",
		Args: arguments(0, 1, "PLANFILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.file = args[0]
			}
			return applyRun(o)
		},
	}
	o.register(cmd, true)
	o.registerLocking(cmd)
	cmd.Flags().BoolVar(&o.autoApprove, "auto-approve", false, "do not ask (preferences.autoApprove)")
	cmd.Flags().StringVar(&o.hash, "plan-hash", "",
		"apply only the plan with this `hash`, which deployer plan prints: the one that was approved")
	cmd.Flags().BoolVar(&o.releaseHold, "release-hold", false, "deploy also a version that a rollback holds")
	cmd.Flags().BoolVar(&o.goBack, "rollback-on-failure", false,
		"when the apply fails, go back to the last version that succeeded")
	cmd.Flags().BoolVar(&o.localState, "local-state", false, "allow state on this machine although CI is set")
	return cmd
}

func applyRun(o *applyOptions) error {
	f := o.factory
	if o.file != "" {
		return applySaved(o)
	}
	// The tree starts after the question, because a terminal has one cursor.
	live := f.newProgress()
	key, err := o.Key()
	back, req, err := o.prepare(key, diag.Join(err, o.badHash()), live)
	if err != nil {
		return err
	}
	req.Hash = o.hash
	if err := f.refuseLocalStateInCI(o.localState); err != nil {
		return err
	}
	req.ReleaseHold, req.RollbackOnFailure = o.releaseHold, o.goBack
	return change(&o.runFlags, live, req, o.changing(
		func(req deploy.Request) (*deploy.Applied, error) { return deploy.Apply(f.Soft, back, req) }))
}

// noPlan is the error for a file that cannot be read. Other tools take the name of a stack there.
func (o *applyOptions) noPlan(err error) error {
	root := o.factory.Root()
	var stacks []string
	if root != "" {
		stacks, _ = manifest.Stacks(root) // if they cannot be read, there is nothing to suggest
	}
	for _, stack := range stacks {
		var flag string
		environments, _ := manifest.Environments(root, stack)
		switch {
		case stack == o.file:
			flag = "--stack"
		case slices.Contains(environments, o.file):
			flag = "-e"
		default:
			continue
		}
		return diag.New(diag.Invalid, "Not a plan",
			"The argument of apply is the file of a saved plan. There is no file "+strconv.Quote(o.file)+".",
			fmt.Sprintf("Did you mean \"deployer apply %s %s\"?", flag, o.file))
	}
	return unreadable("Cannot read the plan", err)
}

var planHash = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// badHash returns an error if --plan-hash is given and is no hash: an empty one must not mean that any plan will do.
func (o *applyOptions) badHash() error {
	if !o.given("plan-hash") || planHash.MatchString(o.hash) {
		return nil
	}
	return diag.New(diag.Invalid, "Invalid --plan-hash", fmt.Sprintf("%q is not the hash of a plan.", o.hash),
		"Give sha256: and 64 digits, as deployer plan --markdown, --json and --out print them.")
}

func (o *applyOptions) changing(run func(deploy.Request) (*deploy.Applied, error)) changing {
	return changing{
		run: run, ask: "Do you want to apply this plan?", approve: o.autoApprove,
		done: func(w *view.Writer, a *deploy.Applied) {
			view.Applied(w, a.Plan, a.Version, a.Outcome, a.Outputs)
		},
	}
}

// decided are the flags of apply that say what is planned: a saved plan has all of that.
var decided = []string{
	"var", "var-file", "target", "allow-data-loss", "refresh", "no-previous-variables", "no-resolve", "offline",
}

// applySaved carries out a saved plan. The file says which stack and environment it is for. The manifests are not read.
func applySaved(o *applyOptions) error {
	f := o.factory
	live := f.newProgress()
	var found diag.List
	for _, flag := range decided {
		if o.given(flag) {
			found.Add(diag.New(diag.Invalid, "Flag cannot be used with a saved plan",
				"--"+flag+" belongs to deployer plan: the plan in "+o.file+" is carried out as it is.",
				"Remove the flag, or make a new plan with it."))
		}
	}
	raw, err := f.ReadFile(o.file, deploy.MaxSavedSize)
	var saved *deploy.Saved
	if err != nil {
		err = o.noPlan(err)
	} else {
		saved, err = deploy.ReadSaved(o.file, raw)
	}
	if err := diag.Join(found.Err(), o.badHash(), err); err != nil {
		return err
	}
	if o.given("plan-hash") {
		if err := saved.Approved(o.hash); err != nil {
			return err
		}
	}
	if err := o.meant(saved.Key); err != nil {
		return err
	}
	_, req, err := o.prepare(saved.Key, nil, live)
	if err != nil {
		return err
	}
	back, err := f.StoredBackend(saved.Key)
	if err != nil {
		return err
	}
	if err := f.refuseLocalStateInCI(o.localState); err != nil {
		return err
	}
	req.ReleaseHold, req.RollbackOnFailure = o.releaseHold, o.goBack
	c := o.changing(func(req deploy.Request) (*deploy.Applied, error) {
		return deploy.ApplySaved(f.Soft, back, saved, req)
	})
	c.approved = true
	if !o.json && !f.global.quiet {
		view.Applying(f.Stderr(), o.file, saved.Hash, saved.At)
	}
	return change(&o.runFlags, live, req, c)
}

// meant returns an error if the flags or the environment name another stack or environment than a saved plan.
func (o *applyOptions) meant(key state.Key) error {
	given := state.Key{Stack: o.stack, Environment: o.Environment()}
	if (given.Stack == "" || given.Stack == key.Stack) &&
		(given.Environment == "" || given.Environment == key.Environment) {
		return nil
	}
	return diag.New(diag.Invalid, "Plan of another stack",
		fmt.Sprintf("%s is a plan for %s, and the command names %s. Nothing was changed.", o.file, key,
			strings.Trim(given.String(), "/")),
		"Remove --stack and -e, because the plan file names both. Or make a plan of the stack that you mean.")
}

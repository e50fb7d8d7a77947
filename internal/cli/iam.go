package cli

import (
	"fmt"
	"regexp"

	"github.com/spf13/cobra"

	"github.com/company/deployer/internal/config"
	"github.com/company/deployer/internal/deploy"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/manifest"
	"github.com/company/deployer/internal/permission"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/view"
)

func newIAM(f *Factory) *cobra.Command {
	cmd := parent("iam", "Print the permissions that a stack needs")
	cmd.AddCommand(newIAMPolicy(f))
	return cmd
}

type iamPolicyOptions struct {
	target
	variables
	ask  deploy.PolicyRequest
	part int
	json bool
}

func newIAMPolicy(f *Factory) *cobra.Command {
	o := &iamPolicyOptions{target: target{factory: f}}
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "Print the IAM policy that deploying a stack needs",
		Long: "Print the IAM policy with exactly the permissions that deploying a stack needs, from the " +
			"manifests and the configuration alone. " +
			"Without -e, the policy covers all environments. A managed policy has at most 6,144 characters. Attach a " +
			"longer one to " +
			"a role as its inline policy, or split it into several managed policies: --part prints one of them.",
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error { return iamPolicyRun(o) },
	}
	o.target.flags(cmd)
	o.variables.flags(cmd.Flags())
	cmd.Flags().StringVar(&o.ask.Account, "account", "",
		"the AWS `account` that is deployed to (spec.provider.account; else any)")
	cmd.Flags().StringVar(&o.ask.Region, "region", "",
		"the AWS `region` that is deployed to (spec.provider.region, aws.region; else any)")
	cmd.Flags().BoolVar(&o.ask.ReadOnly, "read-only", false,
		"only the permissions of plan, status and other commands that only read")
	cmd.Flags().BoolVar(&o.ask.Operate, "operate", false,
		"only the permissions of run, exec and port-forward, which deploying does not need")
	cmd.MarkFlagsMutuallyExclusive("read-only", "operate")
	cmd.Flags().StringVar(&o.ask.StateKMSKey, "state-kms-key", "",
		"`ARN` of the KMS key of the state bucket, if it uses your own key")
	cmd.Flags().IntVar(&o.part, "part", 0, "print the `Nth` of the managed policies")
	cmd.Flags().BoolVar(&o.json, "json", false, "print all managed policies as a JSON array")
	return cmd
}

var (
	accountForm = regexp.MustCompile(`^[0-9]{12}$`)
	kmsKeyForm  = regexp.MustCompile(`^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$`)
)

// check refuses values with which IAM would accept the policy but the policy would allow nothing.
func (o *iamPolicyOptions) check() error {
	var found diag.List
	if o.ask.Account != "" && !accountForm.MatchString(o.ask.Account) {
		found.Add(diag.New(diag.Invalid, "Invalid account", fmt.Sprintf("%q is not an AWS account.", o.ask.Account),
			"Give its 12 digits."))
	}
	if why, next := config.Unfit("aws.region", o.ask.Region); why != "" && o.ask.Region != "" {
		found.Add(diag.New(diag.Invalid, "Invalid region", why+".", next))
	}
	if o.ask.StateKMSKey != "" && !kmsKeyForm.MatchString(o.ask.StateKMSKey) {
		found.Add(diag.New(diag.Invalid, "Invalid KMS key",
			fmt.Sprintf("%q is not the ARN of a KMS key. IAM needs the ARN.", o.ask.StateKMSKey),
			"For instance arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"))
	}
	if o.part < 0 || o.part > 0 && o.json {
		found.Add(diag.New(diag.Invalid, "Invalid --part",
			"--part prints one policy, counted from 1, and --json prints all of them: they exclude each other.", ""))
	}
	return found.Err()
}

func iamPolicyRun(o *iamPolicyOptions) error {
	f := o.factory
	if err := o.check(); err != nil {
		return err
	}
	stack, err := o.Stack()
	if err != nil {
		return err
	}
	if o.Environment() != "" {
		key, err := o.Key()
		if err != nil {
			return err
		}
		o.ask.Environments = []string{key.Environment}
	} else if o.ask.Environments, err = manifest.Environments(f.Root(), stack); err != nil {
		return err
	}
	if len(o.ask.Environments) == 0 {
		_, err := o.Key() // reports that there is no environment
		return err
	}
	effective, err := f.ConfigFor(stack)
	if err != nil {
		return err
	}
	flags := runFlags{target: o.target, variables: o.variables}
	req, err := flags.request(view.Quiet{})
	if err != nil {
		return err
	}
	req.Key = state.Key{Stack: stack}
	policy, err := deploy.PolicyFor(f.world(effective.Settings), req, o.ask)
	if err != nil {
		return err
	}
	f.warn(policy.Warnings)
	switch {
	case o.json:
		return view.JSON(f.Out, policy.Parts)
	case o.part > len(policy.Parts):
		return diag.New(diag.Invalid, "No such part", fmt.Sprintf("The policy has %d.", len(policy.Parts)), "")
	case o.part > 0:
		return view.Policy(f.Stdout(), policy.Parts[o.part-1])
	case len(policy.Parts) > 1:
		f.warn(diag.List{tooLong(policy)})
	}
	return view.Policy(f.Stdout(), policy.Whole)
}

// tooLong says what to do with a policy that is too long for a managed policy.
func tooLong(policy *deploy.Policy) *diag.Diagnostic {
	length, parts := policy.Whole.Length(), len(policy.Parts)
	d := &diag.Diagnostic{
		Severity: diag.Warning, Code: diag.Invalid, Summary: "Policy is too long for one managed policy",
		Detail: fmt.Sprintf("The policy has %d characters, and a managed policy has at most %d.", length,
			permission.ManagedLimit),
		Next: fmt.Sprintf("Print it as %d managed policies, and attach all of them: --part 1 to --part "+
			"%d, or --json for an array.", parts, parts),
	}
	if length <= permission.InlineLimit {
		d.Next += fmt.Sprintf(" Or attach it to a role as its inline policy (at most %d characters): aws iam "+
			"put-role-policy.",
			permission.InlineLimit)
	}
	return d
}

package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/manifest"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/scaffold"
)

func newEnvironment(f *Factory) *cobra.Command {
	cmd := parent("environment", "Add environments to a stack")
	cmd.AddCommand(newEnvironmentAdd(f))
	return cmd
}

type environmentAddOptions struct {
	target
	production, json bool
}

func newEnvironmentAdd(f *Factory) *cobra.Command {
	o := &environmentAddOptions{target: target{factory: f}}
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Add an environment to a stack, with comments",
		Long: "Write environments/NAME.yaml of a stack, with an example of an overlay. Each environment has its own " +
			"objects in AWS and its own state. No existing file is changed.",
		Args: arguments(1, 1, "NAME"),
		RunE: func(_ *cobra.Command, args []string) error { return environmentAddRun(o, args[0]) },
	}
	o.target.stackFlag(cmd)
	cmd.Flags().BoolVar(&o.production, "production", false,
		"protect queues and load balancers, too, and keep logs for 90 days")
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON")
	return cmd
}

func environmentAddRun(o *environmentAddOptions, name string) error {
	f := o.factory
	stack, wrong := o.Stack()
	if detail, next := manifest.CheckName(name); detail != "" {
		return errors.Join(diag.New(diag.Invalid, "Invalid environment name", detail, next), wrong)
	}
	if wrong != nil {
		return wrong
	}
	root := f.Root()
	environments, err := manifest.Environments(root, stack)
	if err != nil {
		return err
	}
	if slices.Contains(environments, name) {
		return diag.New(diag.Invalid, "Environment exists",
			fmt.Sprintf("The stack %s has an environment %s already. Nothing was changed.", stack, name), "")
	}
	environment := scaffold.Environment{Name: name, Production: o.production}
	if bundle, _ := manifest.Load(root, stack); bundle != nil {
		kinds := bundle.Kinds()
		for _, address := range bundle.Addresses() {
			service, component, _ := strings.Cut(address, "/")
			if environment.Example.Kind == "" && !scaffold.Shared(kinds[address]) {
				environment.Example = scaffold.Example{Kind: kinds[address], Service: service, Name: component}
			}
		}
	}
	s := &scaffolding{f: f, root: root, stack: stack, json: o.json}
	if err := s.write([]scaffold.File{environment.File()}); err != nil {
		return err
	}
	return s.done(&report.Written{Stack: stack, Environment: name},
		"deployer validate --stack "+stack+" -e "+name,
		"deployer plan --stack "+stack+" -e "+name)
}

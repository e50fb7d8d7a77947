package cli

import (
	"github.com/spf13/cobra"

	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/config"
	"github.com/company/deployer/internal/doctor"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/view"
)

type doctorOptions struct {
	target
	json bool
}

func newDoctor(f *Factory) *cobra.Command {
	o := &doctorOptions{target: target{factory: f}}
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Examine what deployments need, and say what to do",
		Long: "Examine the version, the editor's schema, the configuration, credentials, region, clock, bucket and " +
			"locks, the permissions for the state and the lock of a stack in an environment, and quotas. Each line " +
			"says ok, or what to do. Doctor changes nothing. The exit code is 1 if something is wrong.",
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error { return doctorRun(o) },
	}
	o.flags(cmd)
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON")
	return cmd
}

func doctorRun(o *doctorOptions) error {
	f := o.factory
	p := doctor.Patient{Newest: f.newestRelease, Schemas: schemas(), SchemaFolder: schemaFolder}
	key, err := o.Key()
	if err != nil && (o.stack != "" || o.environment != "") {
		return err // what was asked for by name must exist
	}
	if err == nil {
		p.Key = key
	} else {
		p.Choose = "give --stack and -e to examine those of one stack and environment"
	}
	if stack, err := o.Stack(); err == nil {
		p.Stack = stack // also where the environment is not chosen
	}
	var effective *config.Effective
	if effective, p.Problem = f.ConfigFor(p.Stack); p.Problem == nil {
		p.World = f.world(effective.Settings)
	} else {
		p.World = backend.World{Root: f.Root(), Version: version}
	}
	found := p.Examine(f.Soft)
	if o.json {
		err = view.JSON(f.Out, found)
	} else {
		view.Examination(f.Stdout(), found)
		err = nil
	}
	for _, e := range found {
		if e.Result == report.Wrong && err == nil {
			return &exitError{exitFailed}
		}
	}
	return err
}

package cli

import (
	"github.com/spf13/cobra"

	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/view"
)

func newBackend(f *Factory) *cobra.Command {
	cmd := parent("backend", "Create and check where state and locks are kept")
	cmd.AddCommand(newBackendCreate(f), newBackendCheck(f))
	return cmd
}

type backendOptions struct {
	factory                              *Factory
	bucket, table, locks, region, kmsKey string
	tags                                 map[string]string
	json                                 bool
}

func newBackendCreate(f *Factory) *cobra.Command {
	o := &backendOptions{factory: f}
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Create the bucket and the table, or correct their settings",
		Long: "Create a versioned, encrypted, private, TLS-only bucket and an on-demand table with point-in-time " +
			"recovery. If one exists already,\nonly its wrong settings are corrected. A second run changes nothing. " +
			"With --locks s3 there is no table: the locks are in the bucket,\nand a lifecycle rule deletes their old " +
			"versions.",
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error { return backendRun(o, true) },
	}
	o.flags(cmd)
	cmd.Flags().StringVar(&o.kmsKey, "kms-key", "", "encrypt the bucket with this KMS `key` instead of the one of S3")
	cmd.Flags().StringToStringVar(&o.tags, "tag", nil,
		"tag (`KEY=VALUE`) of the new bucket and table; may be repeated")
	return cmd
}

func newBackendCheck(f *Factory) *cobra.Command {
	o := &backendOptions{factory: f}
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check the settings of the bucket and the table",
		Args:  noArguments,
		RunE:  func(*cobra.Command, []string) error { return backendRun(o, false) },
	}
	o.flags(cmd)
	return cmd
}

func (o *backendOptions) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.bucket, "bucket", "", "name of the `bucket` (backend.bucket)")
	cmd.Flags().StringVar(&o.table, "table", "", "name of the `table` (locks.table)")
	cmd.Flags().StringVar(&o.locks, "locks", "",
		"`where` the locks are kept: dynamodb, or s3 for the bucket (locks.type)")
	cmd.Flags().StringVar(&o.region, "region", "", "`region` of both (backend.region)")
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON")
}

func backendRun(o *backendOptions, create bool) error {
	f := o.factory
	// These flags are aliases of the global ones.
	for _, alias := range []struct{ own, global *string }{
		{&o.bucket, &f.global.bucket},
		{&o.table, &f.global.lockTable},
		{&o.locks, &f.global.locks},
		{&o.region, &f.global.region},
	} {
		if *alias.own != "" {
			*alias.global = *alias.own
		}
	}
	stack, _ := (&target{factory: f}).Stack() // without one, the backend of the configuration
	config, err := f.ConfigFor(stack)
	if err != nil {
		return err
	}
	if s := config.Settings; s.Backend.Bucket == "" || s.Locks.Table == "" && s.Locks.Type != "s3" {
		return diag.New(diag.Invalid, "No bucket or table", "No bucket and no table are configured.",
			"Give --bucket and --table, or set backend.bucket and locks.table (deployer init does). With --locks s3 "+
				"the bucket alone is enough.")
	}
	var findings []report.Finding
	if create {
		findings, err = backend.Create(f.Soft, f.world(config.Settings), backend.Making{KMSKey: o.kmsKey, Tags: o.tags})
	} else {
		findings, err = backend.Check(f.Soft, f.world(config.Settings))
	}
	// Findings before a failure are useful, too.
	if !o.json {
		view.Findings(f.Stdout(), findings)
	} else if jsonErr := view.JSON(f.Out, findings); err == nil {
		err = jsonErr
	}
	for _, finding := range findings {
		if !finding.OK && err == nil {
			return &exitError{exitInvalid}
		}
	}
	return err
}

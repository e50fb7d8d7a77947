package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/config"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/file"
	"github.com/company/deployer/internal/view"
)

type initOptions struct {
	factory                               *Factory
	region, bucket, table, locks, profile string
	yes, repository                       bool
}

func newInit(f *Factory) *cobra.Command {
	o := &initOptions{factory: f}
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Write ~/.deployer/config.yaml and check access",
		Long: "Ask for region, bucket, table and profile (or take them from flags with --yes), write " +
			"~/.deployer/config.yaml, and check bucket and\n" +
			"table: exit code 3 if something is missing. In a repository, also write bucket and table to its " +
			".deployer/config.yaml, unless it\n" +
			"exists: everybody who clones the repository then uses the same state. With --locks s3 (or the answer " +
			"s3) there is no table:\nthe locks are in the bucket.",
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error { return initRun(o) },
	}
	cmd.Flags().StringVar(&o.region, "region", "", "AWS `region` of bucket, table and deployments")
	cmd.Flags().StringVar(&o.bucket, "bucket", "", "S3 `bucket` for the state")
	cmd.Flags().StringVar(&o.table, "table", "", "DynamoDB `table` for the locks")
	cmd.Flags().StringVar(&o.locks, "locks", "", "`where` the locks are kept: dynamodb, or s3 for the bucket")
	cmd.Flags().StringVar(&o.profile, "profile", "", "`profile` of ~/.aws/config")
	cmd.Flags().BoolVar(&o.repository, "repository", true,
		"in a repository, write bucket and table to its .deployer/config.yaml too")
	cmd.Flags().BoolVarP(&o.yes, "yes", "y", false, "do not ask, and replace an existing file")
	return cmd
}

func initRun(o *initOptions) error {
	f := o.factory
	if f.Home == "" {
		return diag.New(diag.Invalid, "No home directory",
			"The variable HOME is not set, so there is no place for the configuration.",
			"Set HOME, or write .deployer/config.yaml in the repository.")
	}
	path := filepath.Join(f.Home, ".deployer", "config.yaml")
	if o.region == "" && o.yes {
		o.region = o.usualRegion()
	}
	if !o.yes {
		if !f.InTTY {
			return diag.New(diag.Invalid, "No terminal", "There is no terminal for the questions.",
				"Give the answers as flags: deployer init --yes --region REGION --bucket BUCKET --table TABLE")
		}
		if err := o.ask(path); err != nil {
			return err
		}
	}
	var missing []string
	for _, answer := range []struct{ flag, text string }{
		{"--region", o.region},
		{"--bucket", o.bucket},
		{"--table", o.table},
	} {
		if answer.text == "" && (answer.flag != "--table" || !o.inBucket()) {
			missing = append(missing, answer.flag)
		}
	}
	if len(missing) > 0 {
		return diag.New(diag.Invalid, "Missing answers", "There is no "+strings.Join(missing, ", no ")+".",
			"Give them as flags, or run deployer init on a terminal.")
	}
	if err := o.check(); err != nil {
		return err
	}
	if err := writePrivate(path, o.file()); err != nil {
		return unwritable("Cannot write the configuration", err)
	}
	w := f.Stdout()
	w.Printf("Wrote %s\n", path)
	if err := o.share(w); err != nil {
		return err
	}
	f.base = nil
	settings, err := f.Config()
	if err != nil {
		return err
	}
	findings, err := backend.Check(f.Soft, f.world(settings.Settings))
	view.Findings(w, findings)
	if err != nil {
		return err
	}
	for _, finding := range findings {
		if !finding.OK {
			w.Printf("\nNext: deployer backend create --bucket %s %s\n", o.bucket, o.lockFlags())
			return &exitError{exitInvalid}
		}
	}
	return nil
}

// inBucket reports whether the locks are in the bucket.
func (o *initOptions) inBucket() bool { return o.locks == "s3" }

func (o *initOptions) lockFlags() string {
	if o.inBucket() {
		return "--locks s3"
	}
	return "--table " + o.table
}

// shared is the configuration of the current repository, "" outside of one.
func (o *initOptions) shared() string {
	root := o.factory.Root()
	if root == "" || root == o.factory.Home {
		return ""
	}
	return filepath.Join(root, ".deployer", "config.yaml")
}

// share writes bucket and table to the configuration of the repository. An existing file stays unchanged.
func (o *initOptions) share(w *view.Writer) error {
	path := o.shared()
	if path == "" || !o.repository {
		return nil
	}
	name := shown(o.factory.Workdir, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return unwritable("Cannot write the configuration of the repository", err)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		w.Printf("Kept %s, which overrides that file\n", name)
		return nil
	}
	if err == nil {
		_, err = file.WriteString("# Where the state of this repository is, for everybody who clones it: deployer " +
			"init made this file. Commit it.\n" + o.backend())
		err = errors.Join(err, file.Close())
	}
	if err != nil {
		return unwritable("Cannot write the configuration of the repository", err)
	}
	w.Printf("Wrote %s: commit it, so that everybody who clones the repository uses the same state\n", name)
	return nil
}

func (o *initOptions) ask(path string) error {
	f := o.factory
	p := newPrompter(f)
	if exists(path) {
		yes, err := p.yes(f.Soft, path+" exists. Replace it?")
		if err != nil || !yes {
			if errors.Is(err, errInterrupted) {
				return diag.New(diag.Interrupted, "Interrupted", path+" was left as it is.", "")
			}
			return errors.Join(err, diag.New(diag.Failed, "Not replaced", path+" was left as it is.", ""))
		}
	}
	for _, q := range []struct {
		question, fallback string
		answer             *string
		path               string
	}{
		{"AWS region", cmp.Or(o.region, o.usualRegion(), "us-east-1"), &o.region, "aws.region"},
		{"S3 bucket for the state", o.bucket, &o.bucket, "backend.bucket"},
		{
			"DynamoDB table for the locks (s3: keep them in the bucket)",
			cmp.Or(o.table, o.locks, "deployer-locks"), &o.table, "locks.table",
		},
		{"AWS profile (empty: the usual chain)", cmp.Or(o.profile, f.Env["AWS_PROFILE"]), &o.profile, ""},
	} {
		for {
			text, err := answerTo(f.Soft, p, q.question, q.fallback)
			if err != nil {
				return err
			}
			if q.path == "locks.table" {
				o.table, o.locks = "", ""
				if text == "s3" { // too short for a table
					o.locks = text
					break
				}
			}
			why, next := config.Unfit(q.path, text)
			if why == "" {
				*q.answer = text
				break
			}
			f.Stderr().Printf("  %s\n", strings.TrimSpace(why+". "+next))
		}
	}
	if shared := o.shared(); shared == "" || !o.repository || exists(shared) {
		return nil
	}
	for {
		text, err := answerTo(f.Soft, p, "Write bucket and table to .deployer/config.yaml of this repository, too "+
			"(yes or no)", "yes")
		switch {
		case err != nil:
			return err
		case text == "yes" || text == "no":
			o.repository = text == "yes"
			return nil
		}
	}
}

// answerTo asks the user, before anything is written.
func answerTo(ctx context.Context, p *prompter, question, fallback string) (string, error) {
	text, err := p.line(ctx, question, fallback)
	switch {
	case errors.Is(err, io.EOF):
		return "", diag.New(diag.Failed, "No answer", "The input ended; nothing was written.", "")
	case errors.Is(err, errInterrupted):
		return "", diag.New(diag.Interrupted, "Interrupted", "Nothing was written.", "")
	}
	return text, err
}

// usualRegion is the region from the environment.
func (o *initOptions) usualRegion() string {
	return cmp.Or(o.factory.Env["AWS_REGION"], o.factory.Env["AWS_DEFAULT_REGION"])
}

// check refuses values that AWS would never accept, before they are written.
func (o *initOptions) check() error {
	var found diag.List
	for _, answer := range []struct{ what, path, text string }{
		{"region", "aws.region", o.region}, {"bucket", "backend.bucket", o.bucket}, {"table", "locks.table", o.table},
	} {
		if answer.what == "table" && o.inBucket() {
			if o.table != "" {
				found.Add(diag.New(diag.Invalid, "Invalid table", "With --locks s3 the locks are in the bucket.",
					"Leave out --table or --locks."))
			}
			continue
		}
		if why, next := config.Unfit(answer.path, answer.text); why != "" {
			found.Add(diag.New(diag.Invalid, "Invalid "+answer.what, why+".", next))
		}
	}
	if !slices.Contains([]string{"", "dynamodb", "s3"}, o.locks) {
		found.Add(diag.New(diag.Invalid, "Invalid --locks", fmt.Sprintf("%q is not a place of locks.", o.locks),
			"Give dynamodb or s3."))
	}
	return found.Err()
}

// backend is the part of the configuration that the repository shares.
func (o *initOptions) backend() string {
	if o.inBucket() {
		return fmt.Sprintf("version: v1\nbackend:\n  type: s3\n  region: %q\n  bucket: %q\nlocks:\n  type: s3\n",
			o.region, o.bucket)
	}
	return fmt.Sprintf("version: v1\nbackend:\n  type: s3\n  region: %q\n  bucket: %q\nlocks:\n  type: dynamodb\n  "+
		"region: %q\n  table: %q\n",
		o.region, o.bucket, o.region, o.table)
}

func (o *initOptions) file() string {
	var b strings.Builder
	b.WriteString(o.backend())
	fmt.Fprintf(&b, "aws:\n  region: %q\n", o.region)
	if o.profile != "" {
		fmt.Fprintf(&b, "  profile: %q\n", o.profile)
	}
	return b.String()
}

// writePrivate writes a file that only its owner may read, atomically.
func writePrivate(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return file.Replace(path, text, 0o600)
}

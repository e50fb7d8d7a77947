package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/file"
	"github.com/company/deployer/internal/manifest"
	"github.com/company/deployer/internal/view"
)

type fmtOptions struct {
	factory     *Factory
	paths       []string
	check, diff bool
}

func newFmt(f *Factory) *cobra.Command {
	o := &fmtOptions{factory: f}
	cmd := &cobra.Command{
		Use:   "fmt [FILE]...",
		Short: "Format the manifests",
		Long: "Format manifests: two spaces for each level, lists indented below their key, quotes " +
			"around texts that hold ${...}, at most one empty line in a row. Order, words and comments stay. The " +
			"names of changed files are printed. Without FILE, all manifests of all stacks are meant; `-` reads " +
			"standard input and prints the result. With --check nothing is written, and the exit code is 1 if a " +
			"file would change.",
		Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error {
			o.paths = args
			return fmtRun(o)
		},
	}
	cmd.Flags().BoolVar(&o.check, "check", false, "write nothing; exit code 1 if a file would change")
	cmd.Flags().BoolVar(&o.diff, "diff", false, "print the changes")
	return cmd
}

func fmtRun(o *fmtOptions) error {
	f := o.factory
	if len(o.paths) == 1 && o.paths[0] == "-" {
		return o.standardInput()
	}
	folder, layouts, found, err := o.layouts()
	if err != nil {
		return err
	}
	changed := false
	for _, l := range layouts {
		if !l.Changed() {
			continue
		}
		changed = true
		path := l.Path
		if folder != "" {
			path = filepath.Join(folder, filepath.FromSlash(l.Path))
		}
		if !o.check {
			if err := rewrite(path, l.After); err != nil {
				return unwritable("Cannot write the manifest", err)
			}
		}
		if o.diff {
			view.Diff(f.Stdout(), l.Path, l.Before, l.After)
		} else {
			f.Stdout().Printf("%s\n", shown(f.Workdir, path))
		}
	}
	view.Diagnostics(f.Stderr(), f.worth(found))
	switch {
	case found.HasErrors():
		return &exitError{exitInvalid}
	case o.check && changed:
		return &exitError{exitFailed}
	}
	return nil
}

// layouts are the files that are meant, and the folder to which their paths are relative ("": the working directory).
func (o *fmtOptions) layouts() (folder string, out []manifest.Layout, found diag.List, err error) {
	f := o.factory
	if len(o.paths) == 0 {
		root, err := f.RequireRoot()
		if err != nil {
			return "", nil, nil, err
		}
		stacks, err := manifest.Stacks(root)
		if err != nil {
			return "", nil, nil, err
		}
		for _, stack := range stacks {
			layouts, problems := manifest.Layouts(root, stack)
			out = append(out, layouts...)
			found.Add(problems...)
		}
		return root, out, found, nil
	}
	for _, path := range o.paths {
		where := path
		if !filepath.IsAbs(where) {
			where = filepath.Join(f.Workdir, where)
		}
		if info, err := os.Lstat(where); err == nil && !info.Mode().IsRegular() {
			return "", nil, nil, diag.New(diag.Invalid, "Not a regular file",
				fmt.Sprintf("%s is a folder, a link or a device.", path),
				"Name the manifests, or none: then all manifests of all stacks are meant.")
		}
		data, err := file.Read(where, manifest.MaxFileSize)
		if err != nil {
			return "", nil, nil, unreadable("Cannot read the manifest", err)
		}
		l := manifest.Layout{Path: where, Before: string(data)}
		var problems diag.List
		l.After, problems = manifest.Format(path, l.Before)
		found.Add(problems...)
		if !problems.HasErrors() {
			out = append(out, l)
		}
	}
	return "", out, found, nil
}

func (o *fmtOptions) standardInput() error {
	f := o.factory
	data, err := io.ReadAll(io.LimitReader(f.In, manifest.MaxFileSize+1))
	if err != nil {
		return unreadable("Cannot read standard input", err)
	}
	after, found := manifest.Format("standard input", string(data))
	view.Diagnostics(f.Stderr(), f.worth(found))
	if found.HasErrors() {
		return &exitError{exitInvalid}
	}
	switch {
	case o.diff:
		view.Diff(f.Stdout(), "standard input", string(data), after)
	case !o.check:
		if _, err := io.WriteString(f.Out, after); err != nil {
			return err
		}
	default:
	}
	if o.check && after != string(data) {
		return &exitError{exitFailed}
	}
	return nil
}

// rewrite replaces a file and keeps its mode.
func rewrite(path, content string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	return file.Replace(path, content, info.Mode().Perm())
}

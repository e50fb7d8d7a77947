package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/manifest"
	"github.com/company/deployer/internal/schema"
)

type stackInitOptions struct {
	factory *Factory
	name    string
}

func newStackInit(f *Factory) *cobra.Command {
	o := &stackInitOptions{factory: f}
	return &cobra.Command{
		Use:   "init [NAME]",
		Short: "Create a stack that can be deployed as it is",
		Long: "With NAME, create stacks/NAME in this repository. Without NAME, create a stack in the working " +
			"directory (below stacks/), named after it. Each file names its JSON Schema in " + schemaFolder +
			" for editors; `deployer schema` brings it up to date.",
		Args: arguments(0, 1, "NAME"),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.name = args[0]
			}
			return stackInitRun(o)
		},
	}
}

// scaffold is the files of a new stack; NAME is replaced by its name.
var scaffold = map[string]string{
	"stack.yaml": `apiVersion: core.deployer.io/v1
kind: Stack
metadata:
  name: NAME
  description: What this stack is for, and who runs it.
spec:
  provider:
    name: aws
    region: us-east-1
    # account: "123456789012"   # refuse to deploy anywhere else
  variables: {}
  tags:
    project: NAME
`,
	"infra/defaults.yaml": `# Merged under every component of a kind, before the component itself.
apiVersion: infra.deployer.io/v1
kind: Defaults
metadata:
  name: defaults
spec:
  SQS:
    retention: 4d
`,
	"services/hello/queue.yaml": `# A component. Every *.yaml below services/<service>/ belongs to that service; its address is hello/queue.
apiVersion: components.deployer.io/v1
kind: SQS
metadata:
  name: queue
spec:
  visibilityTimeout: 30s
  deadLetter:
    maxReceives: 5
`,
	"environments/dev.yaml": `apiVersion: core.deployer.io/v1
kind: Environment
metadata:
  name: dev
spec: {}
`,
	"environments/production.yaml": `apiVersion: core.deployer.io/v1
kind: Environment
metadata:
  name: production
spec:
  production: true
---
# An overlay: same kind and name as a component, only what differs here.
apiVersion: components.deployer.io/v1
kind: SQS
metadata:
  name: queue
  service: hello
spec:
  retention: 14d
`,
}

func stackInitRun(o *stackInitOptions) error {
	f := o.factory
	dir, name := f.Workdir, o.name
	if name == "" {
		name = filepath.Base(dir)
		if filepath.Base(filepath.Dir(dir)) != "stacks" {
			return diag.New(diag.Invalid, "Not in a folder for a stack",
				dir+" is not in a folder named stacks, so no command would find the stack.",
				"Give a name, to create stacks/NAME: deployer stack init NAME")
		}
	} else {
		root := f.Root()
		if root == "" {
			root = f.Workdir
		}
		if root == "" {
			_, err := f.RequireRoot()
			return err
		}
		dir = filepath.Join(root, "stacks", name)
	}
	if detail, next := manifest.CheckName(name); detail != "" {
		return diag.New(diag.Invalid, "Invalid stack name", detail, next)
	}
	if _, err := os.Stat(filepath.Join(dir, "stack.yaml")); err == nil {
		return diag.New(diag.Invalid, "Stack exists",
			filepath.Join(dir, "stack.yaml")+" exists already. Nothing was changed.", "")
	}
	w := f.Stdout()
	made := func(path, text string) error {
		created, err := createFile(path, text)
		switch {
		case err != nil:
			return unwritable("Cannot create the stack", err)
		case created:
			w.Printf("created  %s\n", shown(f.Workdir, path))
		default:
			w.Printf("kept     %s\n", shown(f.Workdir, path))
		}
		return nil
	}
	for _, path := range []string{
		"stack.yaml", "infra/defaults.yaml", "services/hello/queue.yaml",
		"environments/dev.yaml", "environments/production.yaml",
	} {
		text := modelined(path, strings.ReplaceAll(scaffold[path], "NAME", name))
		if err := made(filepath.Join(dir, filepath.FromSlash(path)), text); err != nil {
			return err
		}
	}
	files := schemas()
	for _, file := range []string{schema.Manifest, schema.Overlay} {
		path := filepath.Join(dir, "..", "..", filepath.FromSlash(schemaFolder), file)
		if err := made(path, string(files[file])); err != nil {
			return err
		}
	}
	w.Printf("\nNext: deployer validate --stack %s\n      deployer plan --stack %s -e dev\n", name, name)
	return nil
}

// createFile writes a new file; created is false when the file exists.
func createFile(path, text string) (created bool, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return false, err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if os.IsExist(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	_, err = file.WriteString(text)
	return true, errors.Join(err, file.Close())
}

// modelined adds a line before each document of a stack's file that tells editors where its schema is. The address is
// relative, so that it works without a network and in every clone.
func modelined(path, text string) string {
	file := schema.Manifest
	if strings.HasPrefix(path, "environments/") {
		file = schema.Overlay
	}
	up := strings.Repeat("../", 2+strings.Count(path, "/"))
	line := "# yaml-language-server: $schema=" + up + schemaFolder + "/" + file + "\n"
	return line + strings.ReplaceAll(text, "---\n", "---\n"+line)
}

// shown is a path relative to the working directory, if that is shorter.
func shown(workdir, path string) string {
	if rel, err := filepath.Rel(workdir, path); err == nil && !strings.HasPrefix(rel, "..") {
		return rel
	}
	return path
}

package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"

	"github.com/company/deployer/internal/aws/catalog"
	"github.com/company/deployer/internal/component/kinds"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/schema"
)

// schemaFolder is the folder for the schemas of a repository; stack init writes them.
const schemaFolder = ".deployer/schema"

type schemaOptions struct {
	factory *Factory
	name    string
	out     string
}

func newSchema(f *Factory) *cobra.Command {
	o := &schemaOptions{factory: f}
	cmd := &cobra.Command{
		Use:   "schema [NAME]",
		Short: "Print the JSON Schema of the manifests, for editors",
		Long: "Print a JSON Schema (draft-07): manifest (every document; the default), overlay " +
			"(documents below environments/), " +
			"config (the configuration file), or one kind, such as SQS. With --out, write it to a folder, and " +
			"without NAME all of them: " +
			"`deployer schema --out " + schemaFolder + "` brings those up to date that stack init made.",
		Args: arguments(0, 1, "NAME"),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return schemaNames(schemas()), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.name = args[0]
			}
			return schemaRun(o)
		},
	}
	cmd.Flags().StringVar(&o.out, "out", "", "write to files in this `folder`")
	return cmd
}

// schemas are all schemas of this version, by file name.
func schemas() map[string][]byte { return schema.All(kinds.Registry(), catalog.New(aws.Config{})) }

func schemaNames(files map[string][]byte) []string {
	names := schema.Names(files)
	for i, name := range names {
		names[i] = strings.TrimSuffix(name, ".json")
	}
	return names
}

func schemaRun(o *schemaOptions) error {
	files := schemas()
	if o.name != "" {
		text, ok := files[o.name+".json"]
		if !ok {
			return diag.New(diag.Invalid, "Unknown schema", fmt.Sprintf("There is no schema %q.", o.name),
				diag.Candidates(o.name, schemaNames(files)))
		}
		files = map[string][]byte{o.name + ".json": text}
	} else if o.out == "" {
		o.name = strings.TrimSuffix(schema.Manifest, ".json")
	}
	if o.out == "" {
		_, err := o.factory.Out.Write(files[o.name+".json"])
		return err
	}
	w := o.factory.Stdout()
	for _, name := range schema.Names(files) {
		path := filepath.Join(o.factory.Workdir, o.out, name)
		if filepath.IsAbs(o.out) {
			path = filepath.Join(o.out, name)
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return unwritable("Cannot write the schema", err)
		}
		if err := os.WriteFile(path, files[name], 0o644); err != nil {
			return unwritable("Cannot write the schema", err)
		}
		w.Printf("wrote    %s\n", shown(o.factory.Workdir, path))
	}
	return nil
}

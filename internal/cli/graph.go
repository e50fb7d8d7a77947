package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/company/deployer/internal/deploy"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/view"
)

type graphOptions struct {
	runFlags
	output string
}

func newGraph(f *Factory, runF func(*graphOptions) error) *cobra.Command {
	o := &graphOptions{}
	o.factory = f
	cmd := &cobra.Command{
		Use:   "graph",
		Short: "Draw what needs what",
		Long: "Draw the components of a stack and what needs what, from the manifests alone: a tree of text, or by " +
			"the extension of\n--output a .dot (Graphviz), .mmd (Mermaid) or .json file.",
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			if runF != nil {
				return runF(o)
			}
			return graphRun(o)
		},
	}
	o.target.flags(cmd)
	o.variables.flags(cmd.Flags())
	cmd.Flags().StringVarP(&o.output, "output", "o", "", "write to this `file`: .dot, .mmd or .json")
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON")
	return cmd
}

func graphRun(o *graphOptions) error {
	f := o.factory
	key, err := o.Key()
	back, req, err := o.prepare(key, err, view.Quiet{})
	if err != nil {
		return err
	}
	resources, err := deploy.Graph(back, req)
	if err != nil {
		return err
	}
	picture, err := view.NewGraph(key.Stack, key.Environment, resources)
	if err != nil {
		return err
	}
	if o.output == "" {
		if o.json {
			return view.JSON(f.Out, picture)
		}
		view.GraphText(f.Stdout(), picture)
		return nil
	}
	var b bytes.Buffer
	switch ext := strings.ToLower(filepath.Ext(o.output)); ext {
	case ".dot", ".gv":
		err = view.GraphDOT(&b, picture)
	case ".mmd", ".mermaid":
		err = view.GraphMermaid(&b, picture)
	case ".json":
		err = view.JSON(&b, picture)
	default:
		return diag.New(diag.Invalid, "Unknown picture format", `"`+ext+`" is none of .dot, .mmd, .json.`,
			"For instance: deployer graph --output graph.dot")
	}
	if err != nil {
		return err
	}
	path := o.output
	if !filepath.IsAbs(path) {
		path = filepath.Join(f.Workdir, path)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		return unwritable("Cannot write the picture", err)
	}
	return nil
}

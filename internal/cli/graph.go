package cli

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/company/deployer/internal/deploy"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/observe"
	"github.com/company/deployer/internal/picture"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/view"
)

type graphOptions struct {
	runFlags
	output string
}

func newGraph(f *Factory) *cobra.Command {
	o := &graphOptions{}
	o.factory = f
	cmd := &cobra.Command{
		Use:   "graph",
		Short: "Draw the dependencies of components",
		Long: "Draw the components of a stack and their dependencies, from the manifests: a text tree, or by the " +
			"extension of --output a picture (.svg, .png), a page to move and search in (.html; it also shows what " +
			"the state says of each component), or a .dot (Graphviz), .mmd (Mermaid) or .json file.",
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error { return graphRun(o) },
	}
	o.target.flags(cmd)
	o.variables.flags(cmd.Flags())
	cmd.Flags().StringVarP(&o.output, "output", "o", "", "write to this `file`: .svg, .png, .html, .dot, .mmd or .json")
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
	graph, err := view.NewGraph(key.Stack, key.Environment, resources)
	if err != nil {
		return err
	}
	if o.output == "" {
		if o.json {
			return view.JSON(f.Out, graph)
		}
		view.GraphText(f.Stdout(), graph)
		return nil
	}
	var b bytes.Buffer
	switch ext := strings.ToLower(filepath.Ext(o.output)); ext {
	case ".dot", ".gv":
		err = view.GraphDOT(&b, graph)
	case ".mmd", ".mermaid":
		err = view.GraphMermaid(&b, graph)
	case ".json":
		err = view.JSON(&b, graph)
	case ".svg":
		b.Write(picture.SVG(graph.Diagram(nil)))
	case ".png":
		var pixels []byte
		pixels, err = picture.PNG(graph.Diagram(nil))
		if errors.Is(err, picture.ErrTooLarge) {
			return diag.New(diag.Invalid, "Picture too large", "The picture would have more than 100 million pixels.",
				"Draw it as .svg or .html.")
		}
		b.Write(pixels)
	case ".html":
		b.Write(picture.HTML(graph.Diagram(o.deployed())))
	default:
		return diag.New(diag.Invalid, "Unknown picture format",
			`"`+ext+`" is none of .svg, .png, .html, .dot, .mmd, .json.`,
			"For instance: deployer graph --output graph.svg")
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

// deployed is what the state says of the components; nil with a word on stderr when it cannot be read.
func (o *graphOptions) deployed() *report.Details {
	stored, err := o.stored()
	if err != nil {
		o.factory.Stderr().Printf("The page shows no state: %s\n", diag.From(err)[0].Summary)
		return nil
	}
	details := observe.Details(stored, stored.Payload.Components)
	return &details
}

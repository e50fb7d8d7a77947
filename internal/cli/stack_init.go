package cli

import (
	"cmp"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/manifest"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/scaffold"
)

type stackInitOptions struct {
	factory  *Factory
	template string
	stack    scaffold.Stack
	yes      bool
	json     bool
	given    func(flag string) bool
}

func newStackInit(f *Factory) *cobra.Command {
	o := &stackInitOptions{factory: f}
	var about strings.Builder
	for _, t := range scaffold.Templates() {
		about.WriteString(t.Name + " (" + t.About + "), ")
	}
	cmd := &cobra.Command{
		Use:   "init [NAME]",
		Short: "Create a stack that can be deployed as it is",
		Long: "With NAME, create stacks/NAME in this repository. Without NAME, create a stack in the working " +
			"directory (below stacks/), named after it. Start from a template: " +
			strings.TrimSuffix(about.String(), ", ") + ". On a terminal, ask for what no flag gives; elsewhere, and " +
			"with --yes, take " + scaffold.Templates()[0].Name + " and an image that anybody can pull. " +
			"Existing files are kept. Each file names its JSON Schema in " + schemaFolder + " for editors; `deployer schema` brings " +
			"it up to date.",
		Args: arguments(0, 1, "NAME"),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.stack.Name = args[0]
			}
			return stackInitRun(o)
		},
	}
	o.given = cmd.Flags().Changed
	cmd.Flags().StringVarP(&o.template, "template", "t", "", "what to start from: a `template`, "+
		strings.Join(scaffold.TemplateNames(), ", "))
	cmd.Flags().StringVar(&o.stack.Image, "image", "",
		"the `image` to run; ${VERSION} in it becomes a variable of the stack")
	cmd.Flags().IntVar(&o.stack.Port, "port", 0, "the `port` that the image listens on (default "+
		strconv.Itoa(scaffold.UsualPort)+" with --image)")
	cmd.Flags().StringVar(&o.stack.Region, "region", "", "AWS `region` (default: that of the configuration)")
	cmd.Flags().BoolVarP(&o.yes, "yes", "y", false, "do not ask")
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON")
	_ = cmd.RegisterFlagCompletionFunc("template",
		cobra.FixedCompletions(scaffold.TemplateNames(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// place is the folder of the new stack, and its name.
func (o *stackInitOptions) place() (dir, name string, err error) {
	f := o.factory
	dir, name = f.Workdir, o.stack.Name
	switch {
	case f.Workdir == "":
		_, err := f.RequireRoot()
		return "", "", err
	case name != "":
		dir = filepath.Join(cmp.Or(f.Root(), f.Workdir), "stacks", name)
	case filepath.Base(filepath.Dir(dir)) == "stacks":
		name = filepath.Base(dir)
	default:
		return "", "", diag.New(diag.Invalid, "Not in a folder for a stack",
			dir+" is not in a folder named stacks, so no command would find the stack.",
			"Give a name, to create stacks/NAME: deployer stack init NAME")
	}
	if detail, next := manifest.CheckName(name); detail != "" {
		return "", "", diag.New(diag.Invalid, "Invalid stack name", detail, next)
	}
	if _, err := os.Stat(filepath.Join(dir, "stack.yaml")); err == nil {
		return "", "", diag.New(diag.Invalid, "Stack exists",
			filepath.Join(dir, "stack.yaml")+" exists already. Nothing was changed.",
			"To add to it: deployer component add KIND, or deployer environment add NAME")
	}
	return dir, name, nil
}

func stackInitRun(o *stackInitOptions) error {
	f := o.factory
	dir, name, err := o.place()
	if err != nil {
		return err
	}
	o.stack.Name = name
	if f.InTTY && !o.yes && !o.json {
		if err := o.ask(); err != nil {
			return err
		}
	}
	template, err := scaffold.Find(cmp.Or(o.template, scaffold.Templates()[0].Name))
	if err != nil {
		return err
	}
	if err := o.checkFlags(template); err != nil {
		return err
	}
	o.stack.Region = cmp.Or(o.stack.Region, f.usualRegion())
	files, err := template.Files(o.stack)
	if err != nil {
		return err
	}
	s := &scaffolding{f: f, root: filepath.Dir(filepath.Dir(dir)), stack: name, keep: true, json: o.json}
	if err := s.write(files); err != nil {
		return err
	}
	values := ""
	for _, v := range scaffold.Variables(o.stack.Image) {
		values += " --var " + v + "=VALUE"
	}
	if o.template == "empty" {
		return s.done(&report.Written{Stack: name}, "deployer component add MicroService --stack "+name+
			" --service web", "deployer validate --stack "+name)
	}
	return s.done(&report.Written{Stack: name}, "deployer validate --stack "+name,
		"deployer plan --stack "+name+" -e dev"+values, "deployer apply --stack "+name+" -e dev"+values)
}

// checkFlags refuses flags that the template does not use, and values that nothing accepts.
func (o *stackInitOptions) checkFlags(t scaffold.Template) error {
	var found diag.List
	refuse := func(flag string) {
		found.Add(diag.New(diag.Invalid, "Flag without a use",
			"The template "+t.Name+" has nothing that --"+flag+" could say something about.",
			"Leave it out, or choose another template."))
	}
	if !t.Image && o.given("image") {
		refuse("image")
	}
	if !t.Port && o.given("port") {
		refuse("port")
	}
	found.Add(checkPort(o.given("port"), o.stack.Port)...)
	found.Add(checkRegion(o.stack.Region)...)
	return found.Err()
}

// ask asks for what no flag gives.
func (o *stackInitOptions) ask() error {
	f := o.factory
	p := newPrompter(f)
	w := f.Stderr()
	if o.template == "" {
		w.Printf("What does the stack %s start from?\n", o.stack.Name)
		for _, t := range scaffold.Templates() {
			w.Printf("  %-14s%s\n", t.Name, t.About)
		}
		if err := o.askFor(p, "Template", scaffold.Templates()[0].Name, func(text string) error {
			o.template = text
			_, err := scaffold.Find(text)
			return err
		}); err != nil {
			return err
		}
	}
	template, err := scaffold.Find(o.template)
	if err != nil {
		return err
	}
	if template.Image && o.stack.Image == "" {
		w.Printf("With ${VERSION} in the name of the image, the tag comes from the command line.\n")
		if err := o.askFor(p, "Image (empty: a sample that anybody can pull)", "", func(text string) error {
			o.stack.Image = text
			_, err := template.Files(o.stack)
			return err
		}); err != nil {
			return err
		}
	}
	if template.Port && o.stack.Image != "" && !o.given("port") {
		return o.askFor(p, "Port that the image listens on", strconv.Itoa(scaffold.UsualPort), func(text string) error {
			port, err := strconv.Atoi(text)
			if err != nil {
				port = -1
			}
			o.stack.Port = port
			return checkPort(true, port).Err()
		})
	}
	return nil
}

// askFor repeats a question until the answer is accepted.
func (o *stackInitOptions) askFor(p *prompter, question, fallback string, accept func(string) error) error {
	for {
		text, err := answerTo(o.factory.Soft, p, question, fallback)
		if err != nil {
			return err
		}
		wrong := accept(text)
		if wrong == nil {
			return nil
		}
		for _, d := range diag.From(wrong) {
			o.factory.Stderr().Printf("  %s\n", strings.TrimSpace(d.Detail+" "+d.Next))
		}
	}
}

package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/manifest"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/scaffold"
)

func newComponent(f *Factory) *cobra.Command {
	cmd := parent("component", "Add components to a stack")
	cmd.AddCommand(newComponentAdd(f))
	return cmd
}

type componentAddOptions struct {
	target
	component scaffold.Component
	json      bool
	given     func(flag string) bool
}

func newComponentAdd(f *Factory) *cobra.Command {
	o := &componentAddOptions{target: target{factory: f}}
	cmd := &cobra.Command{
		Use:   "add KIND [NAME]",
		Short: "Add a component to a stack, with comments",
		Long: "Write the file of a new component into the folder of a service: the fields that most users need, each " +
			"with a comment, and how others use it. It validates as it is. KIND is one of " +
			strings.Join(scaffold.Kinds(), ", ") + ". The service is that of --service, of the working directory, " +
			"or the only one; a new service is a new folder. Network, Ingress and Cluster, and everything with " +
			"--service infra, belong to all services. No existing file is changed.",
		Args: arguments(1, 2, "KIND"),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return scaffold.Kinds(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error { return componentAddRun(o, args) },
	}
	o.given = cmd.Flags().Changed
	o.target.stackFlag(cmd)
	cmd.Flags().StringVar(&o.component.Service, "service", "", "the `service` that the component belongs to")
	_ = cmd.RegisterFlagCompletionFunc("service", func(*cobra.Command, []string, string) ([]string,
		cobra.ShellCompDirective,
	) {
		stack, _ := o.Stack()
		return append(servicesOf(f.Root(), stack), manifest.Infra), cobra.ShellCompDirectiveNoFileComp
	})
	cmd.Flags().StringVar(&o.component.Image, "image", "", "the `image` of a MicroService or Worker")
	cmd.Flags().IntVar(&o.component.Port, "port", 0, "the `port` that the image of a MicroService listens on")
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON")
	return cmd
}

func componentAddRun(o *componentAddOptions, args []string) error {
	f, c := o.factory, &o.component
	kind, usual, err := scaffold.Kind(args[0])
	if err != nil {
		return err
	}
	stack, err := o.Stack()
	if err != nil {
		return err
	}
	root := f.Root()
	c.Kind, c.Name = kind, usual
	if len(args) > 1 {
		c.Name = args[1]
	}
	if err := o.check(usual); err != nil {
		return err
	}
	if c.Service, err = o.service(root, stack); err != nil {
		return err
	}
	bundle, _ := manifest.Load(root, stack) // its problems are those of validate
	kinds := map[string]string{}
	if bundle != nil {
		kinds = bundle.Kinds()
	}
	address := c.Service + "/" + c.Name
	place := filepath.Join(root, "stacks", stack, filepath.FromSlash(c.Place()))
	if _, err := os.Lstat(place); err == nil || kinds[address] != "" {
		return diag.New(diag.Invalid, "Component exists",
			fmt.Sprintf("The stack has a component %s already. Nothing was changed.", address),
			"Give another name: deployer component add "+kind+" NAME")
	}
	o.fit(kinds)
	file, err := c.File()
	if err != nil {
		return err
	}
	s := &scaffolding{f: f, root: root, stack: stack, json: o.json}
	if err := s.write([]scaffold.File{file}); err != nil {
		return err
	}
	next := []string{"deployer validate --stack " + stack}
	environments, err := manifest.Environments(root, stack)
	switch {
	case err != nil || len(environments) == 0:
		next = append(next, "deployer environment add dev --stack "+stack)
	default:
		plan := "deployer plan --stack " + stack + " -e " + environments[0]
		for _, v := range scaffold.Variables(c.Image) {
			plan += " --var " + v + "=VALUE"
		}
		next = append(next, plan)
	}
	return s.done(&report.Written{Stack: stack, Address: address, Kind: kind}, next...)
}

// check refuses names and flags that cannot be, all at once.
func (o *componentAddOptions) check(usual string) error {
	c := o.component
	var found diag.List
	if scaffold.Shared(c.Kind) {
		if c.Name != usual || c.Service != "" && c.Service != manifest.Infra {
			found.Add(diag.New(diag.Invalid, "Invalid address",
				fmt.Sprintf("A stack has one %s, and its address is infra/%s.", c.Kind, usual),
				"Leave out the name and --service: deployer component add "+c.Kind))
		}
	} else if detail, next := manifest.CheckName(c.Name); detail != "" {
		found.Add(diag.New(diag.Invalid, "Invalid component name", detail, next))
	}
	if c.Service != "" && c.Service != manifest.Infra {
		if detail, next := manifest.CheckName(c.Service); detail != "" {
			found.Add(diag.New(diag.Invalid, "Invalid service name", detail, next))
		}
	}
	image, port := scaffold.Runs(c.Kind)
	for _, flag := range []struct {
		name string
		used bool
	}{{"image", image}, {"port", port}} {
		if o.given(flag.name) && !flag.used {
			found.Add(diag.New(diag.Invalid, "Flag without a use",
				fmt.Sprintf("A component of the kind %s has no %s.", c.Kind, flag.name), "Leave out --"+flag.name+"."))
		}
	}
	found.Add(checkPort(o.given("port"), c.Port)...)
	return found.Err()
}

// service is the service of the new component: the given one, that of the working directory, or the only one.
func (o *componentAddOptions) service(root, stack string) (string, error) {
	if scaffold.Shared(o.component.Kind) {
		return manifest.Infra, nil
	}
	if o.component.Service != "" {
		return o.component.Service, nil
	}
	folder := filepath.Join(root, "stacks", stack)
	if rel, err := filepath.Rel(folder, o.factory.Workdir); err == nil {
		parts := strings.Split(filepath.ToSlash(rel), "/")
		switch {
		case parts[0] == manifest.Infra:
			return manifest.Infra, nil
		case len(parts) > 1 && parts[0] == "services":
			return parts[1], nil
		}
	}
	services := servicesOf(root, stack)
	if len(services) == 1 {
		return services[0], nil
	}
	if len(services) == 0 {
		return "", diag.New(diag.Invalid, "No service", "The stack has no service yet.",
			"Name a new one: deployer component add "+o.component.Kind+" --service NAME")
	}
	return "", choose("service", "--service", "", services, "")
}

// fit lets a new component fit those that exist, by address.
func (o *componentAddOptions) fit(kinds map[string]string) {
	c := &o.component
	var queues []string
	for address, kind := range kinds {
		service, name, _ := strings.Cut(address, "/")
		if c.Kind == "MicroService" && kind == c.Kind {
			c.Path = "/" + c.Name // the requests of / go to the other one, probably
		}
		if kind == "SQS" && service == c.Service {
			queues = append(queues, name)
		}
	}
	if c.Kind == "Worker" && len(queues) == 1 {
		c.Queue = queues[0]
	}
}

// servicesOf lists the services of a stack: the folders below services/.
func servicesOf(root, stack string) []string {
	found, err := os.ReadDir(filepath.Join(root, "stacks", stack, "services"))
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range found {
		if wrong, _ := manifest.CheckName(e.Name()); e.IsDir() && wrong == "" {
			names = append(names, e.Name())
		}
	}
	return names
}

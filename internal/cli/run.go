package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/follow"
	"github.com/company/deployer/internal/observe"
	"github.com/company/deployer/internal/operate"
	"github.com/company/deployer/internal/view"
)

type runOptions struct {
	target
	address string
	run     operate.Run
	json    bool
}

func newRun(f *Factory) *cobra.Command {
	o := &runOptions{target: target{factory: f}}
	cmd := &cobra.Command{
		Use:   "run ADDRESS [-- COMMAND...]",
		Short: "Run a command in a task of its own",
		Long: "Run a command in a new task with the image, environment, secrets, network and roles that a component " +
			"runs with now. Its log is shown to the last line, and its exit code is that of deployer. Ctrl-C stops " +
			"the task. Without a command, the container runs its own. The history records who ran what.",
		Args: addressAndWords,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			o.address = args[0]
			if o.run.Command, err = commandOf(cmd, args[1:]); err != nil {
				return err
			}
			return runRun(o)
		},
	}
	o.target.flags(cmd)
	cmd.ValidArgsFunction = o.completeAddress
	commandFlag(cmd)
	cmd.Flags().StringVar(&o.run.Container, "container", "", "run it in this `container`, with its image; "+
		"the main one by default")
	cmd.Flags().IntVar(&o.run.CPU, "cpu", 0, "CPU `units` of the task; 1024 are one vCPU (default: as the component)")
	cmd.Flags().IntVar(&o.run.Memory, "memory", 0, "`MiB` of the task (default: as the component)")
	cmd.Flags().BoolVar(&o.run.Detach, "detach", false, "start the task and do not wait for its end")
	cmd.Flags().BoolVar(&o.json, "json", false, "print the result as JSON, and the log to stderr")
	return cmd
}

// commandFlag is the other form of a command: one line, for a shell.
func commandFlag(cmd *cobra.Command) {
	cmd.Flags().String("command", "", "a command `line` for the shell sh, instead of words after a double dash")
}

// commandOf returns the words after the double dash, or those that give the line of --command to a shell.
func commandOf(cmd *cobra.Command, words []string) ([]string, error) {
	line, err := cmd.Flags().GetString("command")
	switch {
	case err != nil || line == "" && !cmd.Flags().Changed("command"):
		return words, err
	case len(words) > 0:
		return nil, diag.New(diag.Invalid, "Two commands", "There is a command in --command and one after the "+
			"double dash.", "Give one of them.")
	case strings.TrimSpace(line) == "":
		return nil, diag.New(diag.Invalid, "Invalid --command", "It is empty.", "For instance: --command 'date'")
	}
	return []string{"sh", "-c", line}, nil
}

// addressAndWords takes an address, and a command after a double dash.
func addressAndWords(cmd *cobra.Command, args []string) error {
	dash := cmd.ArgsLenAtDash()
	switch {
	case len(args) == 0 || dash == 0:
		return diag.New(diag.Invalid, "Invalid usage", cmd.CommandPath()+" needs the address of a component.",
			"For instance: "+cmd.CommandPath()+" shop/api -- date")
	case dash < 0 && len(args) > 1 || dash > 1:
		return diag.New(diag.Invalid, "Invalid usage", "The command comes after a double dash.",
			"For instance: "+cmd.CommandPath()+" "+args[0]+" -- "+args[1])
	}
	return nil
}

// component reads the state and finds out what a component runs.
func (t *target) component(address string) (*operate.Component, error) {
	key, back, err := t.open()
	if err != nil {
		return nil, err
	}
	s, err := observe.ReadPlace(t.factory.Soft, back, key)
	if err != nil {
		return nil, t.slip(err)
	}
	chosen, err := observe.Select(s, address)
	if err != nil {
		return nil, err
	}
	return operate.Find(t.factory.Soft, back, key, s.Stored, chosen[0])
}

func runRun(o *runOptions) error {
	f := o.factory
	if o.run.CPU < 0 || o.run.Memory < 0 {
		return diag.New(diag.Invalid, "Invalid size", "CPU units and MiB are positive numbers.", "")
	}
	c, err := o.component(o.address)
	if err != nil {
		return err
	}
	lines := f.Stdout()
	if o.json {
		lines = f.Stderr()
	}
	news := func(text string) {
		if !f.global.quiet {
			view.News(f.Stderr(), c.Address, text)
		}
	}
	show := operate.Show{
		Line: func(e follow.Event) { view.Output(lines, e.Text) },
		Tell: func(status string) { news("task is " + status) },
		Warn: func(d *diag.Diagnostic) { f.warn(diag.List{d}) },
	}
	// The first signal stops the task, and its last lines are still shown. The second one ends the wait.
	ran, err := c.Run(f.Hard, o.run, f.Soft.Done(), show)
	if err != nil {
		return err
	}
	if o.json {
		err = view.JSON(f.Out, ran)
	} else if o.run.Detach {
		view.Detached(f.Stdout(), ran)
	}
	switch {
	case err != nil || o.run.Detach:
		return err
	case f.Soft.Err() != nil:
		return diag.New(diag.Interrupted, "Interrupted", "The task was stopped.", "").For(c.Address)
	case ran.ExitCode == nil:
		return diag.New(diag.Failed, "Task did not run", ran.Problem, ran.Next).For(c.Address)
	case *ran.ExitCode != 0:
		return &exitError{*ran.ExitCode}
	}
	return nil
}

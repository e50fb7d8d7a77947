package cli

import (
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/operate"
	"github.com/company/deployer/internal/view"
)

type execOptions struct {
	target
	address string
	exec    operate.Exec
}

func newExec(f *Factory) *cobra.Command {
	o := &execOptions{target: target{factory: f}}
	cmd := &cobra.Command{
		Use:   "exec ADDRESS [-- COMMAND...]",
		Short: "Run a shell or a command in a running container",
		Long: "Run a command in a running container by ECS Exec, or a shell without a command. No other program is " +
			"needed on this machine. The exit code of the command is that of deployer. On a terminal, keys and the " +
			"size of the window go to the command. Elsewhere stdin goes to the command with its end, and stdout is " +
			"what the command wrote. The component needs `exec: true`, and the container needs the program sh; for " +
			"stdin also base64, sed and stty. The history records who ran what.",
		Args: addressAndWords,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			o.address = args[0]
			if o.exec.Command, err = commandOf(cmd, args[1:]); err != nil {
				return err
			}
			return execRun(o)
		},
	}
	o.target.flags(cmd)
	cmd.ValidArgsFunction = o.completeAddress
	commandFlag(cmd)
	cmd.Flags().StringVar(&o.exec.Task, "task", "", "the task whose `id` begins so; the newest one by default")
	cmd.Flags().StringVar(&o.exec.Container, "container", "", "the `container`; the main one by default")
	return cmd
}

func execRun(o *execOptions) error {
	f := o.factory
	terminal := operate.Terminal{Out: f.Out}
	keys, isFile := f.In.(*os.File)
	interactive := isFile && term.IsTerminal(int(keys.Fd())) && f.OutTTY
	if !interactive && len(o.exec.Command) == 0 {
		return diag.New(diag.Invalid, "No terminal", "A shell needs a terminal, and stdin or stdout is none.",
			"Give a command: deployer exec "+o.address+" -- COMMAND")
	}
	c, err := o.component(o.address)
	if err != nil {
		return err
	}
	restore := func() {}
	switch {
	case interactive:
		terminal.In, terminal.Size = keys, f.Size
	case !isFile || !term.IsTerminal(int(keys.Fd())): // nobody types for a command whose output they do not see
		terminal.In = f.In
	}
	show := operate.Show{
		Tell: func(text string) {
			if !f.global.quiet {
				view.News(f.Stderr(), c.Address, text)
			}
			if interactive { // the last line before the terminal belongs to the command
				if before, err := term.MakeRaw(int(keys.Fd())); err == nil {
					restore = func() { _ = term.Restore(int(keys.Fd()), before) } // nothing can be done about it
				}
			}
		},
		Warn: func(d *diag.Diagnostic) { f.warn(diag.List{d}) },
	}
	code, err := c.Exec(f.Hard, o.exec, terminal, f.Soft.Done(), show)
	restore()
	if err == nil && code != 0 {
		err = &exitError{code}
	}
	return err
}

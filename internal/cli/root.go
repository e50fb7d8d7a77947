package cli

import (
	"context"
	"errors"
	"io/fs"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/company/deployer/internal/cli/startup"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/view"
)

// Main runs the command line of this process and returns its exit code.
func Main() int {
	startup.Done()
	f := NewFactory()
	if f.Env["GOGC"] == "" {
		// A run is short and its heap is small: collecting less often makes a plan a third faster, for a tenth more
		// memory.
		debug.SetGCPercent(400)
	}
	// Signals come in bursts. A signal at the end of the run must not change the exit code, so signals are caught until
	// the process ends.
	soft, hard, gone, _ := watchSignals(f.Now)
	f.OnLock = outliveReaders
	f.Soft, f.Hard = soft, hard
	code := make(chan int, 1)
	run := Run
	if isPlugin() {
		run = servePlugin
	}
	go func() { code <- run(f, processArgs()) }()
	select {
	case code := <-code:
		return code
	case <-gone.Done():
		return exitInterrupted
	}
}

// Run runs one command line and returns its exit code.
func Run(f *Factory, args []string) int {
	f.Args = args
	f.answer = &answer{Writer: f.Out}
	f.Out = f.answer
	f.Soft = resource.WithNote(resource.WithTell(f.Soft, f.tellTrouble), f.tellFact)
	root := newRoot(f)
	f.root = root
	root.SetArgs(args)
	root.SetContext(f.Soft)
	ran, err := root.ExecuteC()
	f.wantsJSON = jsonWanted(ran, args)
	code := reportError(f, err)
	if f.log != nil {
		f.log.Info("ended", "command", f.command(), "exit", code)
		f.tellNoLog()
	}
	return code
}

// reportError shows an error, if there is one, and decides the exit code.
func reportError(f *Factory, err error) int {
	if err == nil {
		return exitOK
	}
	var quiet *exitError
	if errors.As(err, &quiet) {
		return quiet.code
	}
	var output *fs.PathError // only of the output: a broken connection to a server makes the run fail
	if errors.As(err, &output) && errors.Is(output.Err, syscall.EPIPE) {
		return exitOK // the reader closed the output: deployer history --json | head
	}
	problems := diag.From(interruption(usage(err, f.Args), f.Soft))
	for _, d := range problems {
		if f.log != nil {
			f.log.Error(d.Summary, "code", string(d.Code), "component", d.Component, "operation", d.Operation,
				"request", d.RequestID, "detail", d.Detail)
		}
	}
	view.Diagnostics(f.Stderr(), problems.Sort())
	if f.after != nil {
		f.after(f.Stderr())
	}
	if f.wantsJSON && !f.answer.begun {
		_ = view.FailureJSON(f.Out, append(f.aside, problems...).Sort()) // nobody is left to see an error
	}
	return exitCode(problems, f.Soft)
}

func newRoot(f *Factory) *cobra.Command {
	root := &cobra.Command{
		Use:   "deployer",
		Short: "Deploy applications to AWS from YAML",
		Long: "deployer reads the YAML of a stack, plans, locks, deploys to AWS, waits until the new " +
			"revision really runs, and exits.",
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          onlyCommands,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if err := refuseSingleDash(cmd, f.Args); err != nil {
				return err
			}
			return refuseNoFile(cmd)
		},
	}
	root.SetIn(f.In)
	root.SetOut(f.Out)
	root.SetErr(f.Err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usageError{cmd, err} })
	flags := root.PersistentFlags()
	flags.BoolVarP(&f.global.verbose, "verbose", "v", false, "show debug messages on the terminal")
	flags.BoolVarP(&f.global.quiet, "quiet", "q", false, "show only results and errors")
	flags.StringVar(&f.global.configFile, "config", "", "read this configuration `file` too")
	flags.StringVar(&f.global.bucket, "backend-bucket", "", "S3 `bucket` that keeps the state")
	flags.StringVar(&f.global.region, "backend-region", "", "`region` of that bucket and of the lock table")
	flags.StringVar(&f.global.lockTable, "lock-table", "", "DynamoDB `table` that keeps the locks")
	flags.BoolVar(&f.global.noColor, "no-color", false, "do not use colours")

	const deploying, looking, acting, setup = "deploy", "look", "act", "setup"
	root.AddGroup(
		&cobra.Group{ID: deploying, Title: "Deploy:"},
		&cobra.Group{ID: looking, Title: "Look:"},
		&cobra.Group{ID: acting, Title: "Act on what runs:"},
		&cobra.Group{ID: setup, Title: "Set up and administer:"},
	)
	group := func(id string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = id
			root.AddCommand(c)
		}
	}
	group(deploying, newValidate(f), newPlan(f), newApply(f), newRollback(f),
		newDestroy(f))
	group(acting, newRun(f), newExec(f), newPortForward(f))
	group(looking, newStatus(f), newLogs(f), newMetrics(f), newShow(f), newOutputs(f),
		newGraph(f), newHistory(f), newBlame(f), newDrift(f))
	group(setup, newInit(f), newDoctor(f), newStack(f), newComponent(f), newEnvironment(f), newBackend(f), newState(f),
		newLocks(f), newUnlock(f), newIAM(f), newConfig(f), newSchema(f), newFmt(f), newVersion(f), newCompletion())
	root.SetHelpCommand(newHelp(f))
	root.SetHelpCommandGroupID(setup)
	root.CompletionOptions.DisableDefaultCmd = true
	wrapArgs(root)
	fitHelp(root)
	addExamples(root)
	root.SetUsageTemplate(strings.NewReplacer("Flags.FlagUsages ", "Flags.FlagUsagesWrapped 80 ",
		" for more information about a command", " for more about a command").Replace(root.UsageTemplate()))
	return root
}

// fitHelp breaks the lines of help texts at the width of a plain terminal.
func fitHelp(cmd *cobra.Command) {
	cmd.Long = view.Wrap(strings.Join(strings.Fields(cmd.Long), " "), 80)
	for _, c := range cmd.Commands() {
		fitHelp(c)
	}
}

// Exit codes, as the spec gives them.
const (
	exitOK          = 0
	exitFailed      = 1
	exitChanges     = 2
	exitInvalid     = 3
	exitLocked      = 4
	exitConflict    = 5
	exitInterrupted = 130
)

// exitError ends the process with a code and without a message.
type exitError struct{ code int }

func (e *exitError) Error() string { return "" }

// exitCode maps problems to the exit code: the worst problem decides.
func exitCode(problems diag.List, soft context.Context) int {
	codes := map[diag.Code]int{
		diag.Failed: exitFailed, diag.Invalid: exitInvalid, diag.Locked: exitLocked,
		diag.Conflict: exitConflict, diag.Interrupted: exitInterrupted,
	}
	code := exitFailed
	// A run that lost its lock also stops its running changes.
	worst := []diag.Code{diag.Invalid, diag.Locked, diag.Interrupted, diag.Conflict}
	if errors.Is(context.Cause(soft), errInterrupted) {
		worst = []diag.Code{diag.Invalid, diag.Locked, diag.Conflict, diag.Interrupted}
	}
	for _, want := range worst {
		for _, d := range problems {
			if d.Severity != diag.Warning && d.Code == want {
				code = codes[want]
			}
		}
	}
	if errors.Is(context.Cause(soft), errInterrupted) && code == exitFailed {
		return exitInterrupted
	}
	return code
}

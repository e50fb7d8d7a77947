package cli

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/file"
	"github.com/company/deployer/internal/repair"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/view"
)

// stateChange is the common part of commands that write the state.
type stateChange struct {
	target
	lockTimeout       time.Duration
	autoApprove, json bool
}

func (s *stateChange) register(cmd *cobra.Command) {
	s.target.flags(cmd)
	cmd.Flags().DurationVar(&s.lockTimeout, "lock-timeout", 8*time.Minute,
		"how long to wait for the lock; 0: fail at once")
	cmd.Flags().BoolVar(&s.json, "json", false, "print JSON")
}

// open returns the backend and the request of a change, and ends the display of its progress.
func (s *stateChange) open() (*backend.Backend, backend.Request, *lateProgress, error) {
	f := s.factory
	if s.lockTimeout < 0 {
		return nil, backend.Request{}, nil, negativeTimeout()
	}
	key, err := s.StoredKey()
	if err != nil {
		return nil, backend.Request{}, nil, err
	}
	back, err := f.Backend(key)
	progress := f.newProgress()
	return back, backend.Request{Key: key, LockTimeout: s.lockTimeout, Progress: progress.Event}, progress, err
}

// approved asks whether to do what the screen shows.
func (s *stateChange) approved(question string) (bool, error) {
	f := s.factory
	settings, err := f.Config()
	switch {
	case err != nil:
		return false, err
	case s.autoApprove || settings.Settings.Preferences.AutoApprove:
		return true, nil
	case !f.InTTY:
		return false, diag.New(diag.Failed, "Not approved",
			"There is no terminal for the question. Nothing was changed.",
			"To do it, run the same command with --auto-approve.")
	}
	yes, err := newPrompter(f).yes(f.Soft, "\n"+question)
	if err == nil && !yes {
		err = diag.New(diag.Failed, "Not approved", "Nothing was changed.", "")
	}
	return yes, err
}

type statePushOptions struct {
	stateChange
	file  string
	force bool
}

func newStatePush(f *Factory) *cobra.Command {
	o := &statePushOptions{}
	o.factory = f
	cmd := &cobra.Command{
		Use:   "push FILE",
		Short: "Write a rescued state to the backend",
		Long: "Write a state file to the backend: a run that cannot save its state leaves one. - reads " +
			"standard input. The file must be of the same stack, account and\n" +
			"lineage. If it is older than the state in the backend, the differences are shown, and only " +
			"--force writes it.",
		Args: arguments(1, 1, "FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			o.file = args[0]
			return statePushRun(o)
		},
	}
	o.register(cmd)
	cmd.Flags().BoolVar(&o.force, "force", false, "even if it is older than the state in the backend")
	return cmd
}

func statePushRun(o *statePushOptions) error {
	f := o.factory
	back, req, progress, err := o.open()
	if err != nil {
		return err
	}
	var raw []byte
	name := o.file
	if name == "-" {
		name = "stdin"
		raw, err = io.ReadAll(io.LimitReader(f.In, state.MaxSize+1))
	} else {
		raw, err = f.ReadFile(o.file, state.MaxSize)
	}
	if errors.Is(err, file.ErrTooLarge) {
		return repair.TooLarge(name, fmt.Sprintf("it has more than %d MiB", state.MaxSize>>20))
	}
	if err != nil {
		return unreadable("Cannot read the state", err)
	}
	written, err := repair.Push(f.Soft, back, req, name, raw, o.force)
	progress.Close()
	return reportWritten(&o.stateChange, written, err, name, "Wrote the state")
}

// reportWritten shows the result of a command that writes a state.
func reportWritten(o *stateChange, written *repair.Written, err error, name, did string) error {
	f := o.factory
	if o.json {
		if jsonErr := view.WrittenJSON(f.Out, written.Comparison, written.Serial, written.Version, written.Warnings,
			err); jsonErr != nil {
			return jsonErr
		}
		return err
	}
	f.warn(written.Warnings)
	if written.Comparison != nil && !(f.global.quiet && err == nil) {
		view.StateComparison(f.Stdout(), written.Comparison)
		f.Stdout().Printf("\n")
	}
	if err != nil {
		return err
	}
	if written.Serial == 0 {
		f.Stdout().Printf("The backend has %s already. Nothing was changed.\n", name)
		return nil
	}
	key, keyErr := o.StoredKey()
	f.Stdout().Printf("%s of %s: serial %d.\n", did, key, written.Serial)
	return keyErr
}

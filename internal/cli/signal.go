package cli

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/company/deployer/internal/diag"
)

// errInterrupted is the cause of a context that a signal ended.
var errInterrupted error = diag.New(diag.Interrupted, "Interrupted", "The run was stopped before everything was done.",
	"Run the command again. It continues from here.")

// lastResort is how long after the second signal the process may continue: longer than saving and releasing may take.
const lastResort = 12 * time.Second

// watchSignals ends soft at the first SIGINT, SIGTERM or SIGHUP (the terminal is gone), and hard at the second. It ends
// gone at the third, or some time after the second, for code that listens to neither. Signals within a second of the
// one before count once, because shells and CI systems send them in bursts. A SIGHUP that nohup blocks stays blocked.
func watchSignals(now func() time.Time) (soft, hard, gone context.Context, stop func()) {
	var ends []context.CancelCauseFunc
	next := func() context.Context {
		ctx, end := context.WithCancelCause(context.Background())
		ends = append(ends, end)
		return ctx
	}
	soft, hard, gone = next(), next(), next()
	received := make(chan os.Signal, 4)
	signal.Notify(received, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(received, syscall.SIGHUP)
	}
	go func() {
		var last time.Time
		for range received {
			if at := now(); len(ends) > 0 && at.Sub(last) > time.Second {
				last = at
				ends[0](errInterrupted)
				if ends = ends[1:]; len(ends) == 1 {
					end := ends[0]
					time.AfterFunc(lastResort, func() { end(errInterrupted) })
				}
			}
		}
	}()
	return soft, hard, gone, func() { signal.Stop(received) }
}

// interruption is the error of a command that a signal stopped, whatever error came with it.
func interruption(err error, soft context.Context) error {
	if context.Cause(soft) == nil || !errors.Is(err, context.Canceled) {
		return err
	}
	var known *diag.Diagnostic
	if errors.As(err, &known) && (known.Code == diag.Interrupted || !errors.Is(known.Cause, context.Canceled)) {
		return err
	}
	d := diag.New(diag.Interrupted, "Interrupted", "The command was stopped before the end.",
		"Run it again: it starts from the beginning.")
	d.Cause = err
	return d
}

// outliveReaders keeps the process alive when nobody reads its output any more. Other programs die from SIGPIPE, as
// users expect of `deployer plan | head`. But a run with a lock must save and release it: Ctrl-C in `deployer apply |
// tee log` ends tee first.
func outliveReaders() { signal.Ignore(syscall.SIGPIPE) }

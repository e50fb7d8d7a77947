package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/company/deployer/internal/diag"
)

// errInterrupted is the cause of contexts that a signal ended.
var errInterrupted error = diag.New(diag.Interrupted, "Interrupted", "The run was stopped before everything was done.",
	"Run the command again: it goes on from where this one stopped.")

// watchSignals ends soft at the first SIGINT, SIGTERM or SIGHUP (the terminal is gone) and hard at the second. Signals within a second of the
// first count once: shells and CI systems send them in bursts. A SIGHUP that nohup keeps away stays away.
func watchSignals(now func() time.Time) (soft, hard context.Context, stop func()) {
	softCtx, endSoft := context.WithCancelCause(context.Background())
	hardCtx, endHard := context.WithCancelCause(context.Background())
	received := make(chan os.Signal, 4)
	signal.Notify(received, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(received, syscall.SIGHUP)
	}
	go func() {
		var first time.Time
		for range received {
			switch {
			case first.IsZero():
				first = now()
				endSoft(errInterrupted)
			case now().Sub(first) > time.Second:
				endHard(errInterrupted)
			}
		}
	}()
	return softCtx, hardCtx, func() { signal.Stop(received) }
}

// outliveReaders keeps the process alive when nobody reads its output any more. Programs die of that (SIGPIPE), which is what people
// expect of `deployer plan | head`. A run that holds a lock must save and release it: Ctrl-C in `deployer apply | tee log` ends tee first.
func outliveReaders() { signal.Ignore(syscall.SIGPIPE) }

package cli

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// errInterrupted is the cause of contexts that a signal ended.
var errInterrupted = errors.New("interrupted")

// watchSignals ends soft at the first SIGINT or SIGTERM and hard at the second. Signals within a second of the first count once:
// shells and CI systems send them in bursts.
func watchSignals(now func() time.Time) (soft, hard context.Context, stop func()) {
	softCtx, endSoft := context.WithCancelCause(context.Background())
	hardCtx, endHard := context.WithCancelCause(context.Background())
	received := make(chan os.Signal, 4)
	signal.Notify(received, os.Interrupt, syscall.SIGTERM)
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

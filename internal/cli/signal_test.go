//go:build unix

package cli

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/diag"
)

// The third signal ends a process that does not handle the first two. A closed terminal counts as a signal.
func TestSignals(t *testing.T) {
	var seconds atomic.Int64
	soft, hard, gone, stop := watchSignals(func() time.Time { return time.Unix(seconds.Add(2), 0) })
	defer stop()
	send := func(s syscall.Signal) { require.NoError(t, syscall.Kill(syscall.Getpid(), s)) }
	for i, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGTERM, syscall.SIGINT} {
		all := []context.Context{soft, hard, gone}
		send(s)
		<-all[i].Done()
		for _, later := range all[i+1:] {
			require.NoError(t, later.Err())
		}
	}
}

func TestAnInterruptionIsSaidInOneWay(t *testing.T) {
	soft, end := context.WithCancelCause(t.Context())
	sdk := fmt.Errorf("operation error S3: GetObject, %w", context.Canceled)
	require.Equal(t, sdk, interruption(sdk, soft), "not interrupted")
	end(errInterrupted)
	for _, err := range []error{sdk, errInterrupted, diag.List{{Summary: "AWS call failed", Cause: sdk}}} {
		var d *diag.Diagnostic
		require.ErrorAs(t, interruption(err, soft), &d)
		require.Equal(t, "Interrupted", d.Summary)
	}
	told := diag.New(diag.Interrupted, "Rollout still in progress", "", "")
	require.Equal(t, error(told), interruption(told, soft))
	other := errors.New("disk full")
	require.Equal(t, other, interruption(other, soft))
}

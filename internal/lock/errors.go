package lock

import (
	"fmt"
	"time"

	"github.com/company/deployer/internal/diag"
)

// HeldError says that somebody else holds the lock.
type HeldError struct{ Holder Record }

func (e *HeldError) Error() string { return "locked by " + e.Holder.Holder() }

func held(holder Record, now time.Time, waited time.Duration) error {
	detail := fmt.Sprintf("%s is held by %s since %s, %s ago; its last heartbeat was %s ago.",
		holder.Key, holder.Holder(), holder.LockedAt.UTC().Format("2006-01-02 15:04:05 UTC"), ago(now, holder.LockedAt),
		ago(now, holder.LastHeartbeat))
	if waited > 0 {
		detail += fmt.Sprintf(" Waited %s for it.", waited)
	}
	d := diag.New(diag.Locked, "State is locked", detail,
		"Wait until that run ends, or give a longer --lock-timeout. If the run was killed, the next run takes "+
			"over its lock within minutes. "+
			"To break the lock: deployer unlock "+holder.ID+" --stack "+holder.Key.Stack+" -e "+holder.Key.Environment)
	d.Cause = &HeldError{holder}
	return d
}

func ago(now, then time.Time) time.Duration {
	return max(now.Sub(then).Round(time.Second), 0)
}

// LostError says that this run may not rely on its lock any more.
type LostError struct{ Reason string }

func (e *LostError) Error() string { return "the lock was lost: " + e.Reason }

func lost(key Key, reason string) error {
	d := diag.New(diag.Conflict, "Lock was lost",
		fmt.Sprintf("%s: %s. This run makes no more calls to AWS.", key, reason),
		"Run the command again: it reads what this run has done, and continues.")
	d.Cause = &LostError{reason}
	return d
}

// NotLockedError is what ForceUnlock returns when there is nothing to unlock.
type NotLockedError struct{ Key Key }

func (e *NotLockedError) Error() string { return e.Key.String() + " is not locked" }

package backend

import (
	"context"
	"time"
)

// How long things may take after a signal. CI systems send SIGTERM and kill 7.5 s later. In that time there must be
// room for three calls in a row: the one in flight, the save, the release.
const (
	// AbortAfter is how long calls in flight may go on after the first signal. A call that then still waits (for a
	// rollout, a database) is recorded as in progress, and the next run goes on waiting.
	AbortAfter = 3300 * time.Millisecond
	// releaseTime is how long saving may go on after the second signal, and how long a release may take.
	releaseTime = 5 * time.Second
	// finishing limits the work on the history, the derived copy and the release of the lock. hurried is the limit
	// counted from the first signal. By then everything is saved, and the next run repairs what is missing. After the
	// limit, each call is still sent, and goes on for lastWord.
	finishing = 30 * time.Second
	hurried   = 6500 * time.Millisecond
	lastWord  = 300 * time.Millisecond
	// untold is how long a lock table may have trouble before the user is told.
	untold = 3 * time.Second
)

// Hurry returns a context that ends when a run has to be over because of the first signal, or the second.
func (b *Backend) Hurry(soft context.Context) context.Context { return b.Patience(soft, hurried) }

// Ending returns the context of the work that is left once everything is saved.
func Ending(hurry context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(hurry), finishing)
	said := time.NewTimer(lastWord)
	context.AfterFunc(hurry, func() {
		select {
		case <-said.C:
		case <-ctx.Done():
		}
		cancel()
	})
	return ctx, cancel
}

// Patience returns a context with the values of soft that ends at the second signal. With a grace it also ends that
// long after soft, and at the second signal at once. Without a grace it outlives soft, and the second signal by
// releaseTime.
func (b *Backend) Patience(soft context.Context, grace time.Duration) context.Context {
	ctx, end := context.WithCancelCause(context.WithoutCancel(soft))
	after := func(from context.Context, d time.Duration) {
		context.AfterFunc(from, func() {
			time.AfterFunc(d, func() { end(context.Cause(from)) })
		})
	}
	if grace > 0 {
		after(soft, grace)
		after(b.World.Hard, 0)
	} else {
		after(b.World.Hard, releaseTime)
	}
	return ctx
}

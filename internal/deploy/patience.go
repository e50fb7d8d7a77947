package deploy

import (
	"context"
	"time"
)

// How long things may take when somebody wants to go. CI systems send SIGTERM and kill 7.5 s later.
const (
	// abortAfter is how long calls in flight may go on after the first signal; what then still waits (for a rollout, a database) is
	// recorded as in progress, and the next run goes on waiting.
	abortAfter = 4 * time.Second
	// releaseTime is how long saving may go on after the second signal, and how long a release may take.
	releaseTime = 5 * time.Second
	// finishing is how long a run may work on the history and the derived copy, and hurried for how long of that after the first signal:
	// everything is saved, and the next run makes good what is missing.
	finishing = 30 * time.Second
	// untold is how long a lock table may have trouble before anybody hears of it.
	untold  = 3 * time.Second
	hurried = 3 * time.Second
)

// ending returns the context of what is left to do once everything is saved.
func (r *Road) ending(soft context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(r.patience(soft, hurried), finishing)
}

// patience returns a context with the values of soft that ends at the second signal. With a grace it ends that long after soft does, too, and at
// the second signal at once; without, it outlives soft, and the second signal by releaseTime.
func (r *Road) patience(soft context.Context, grace time.Duration) context.Context {
	ctx, end := context.WithCancelCause(context.WithoutCancel(soft))
	after := func(from context.Context, d time.Duration) {
		context.AfterFunc(from, func() {
			time.AfterFunc(d, func() { end(context.Cause(from)) })
		})
	}
	if grace > 0 {
		after(soft, grace)
		after(r.world.Hard, 0)
	} else {
		after(r.world.Hard, releaseTime)
	}
	return ctx
}

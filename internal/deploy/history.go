package deploy

import (
	"context"
	"errors"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/state"
)

// keepLast makes sure that the deployment which the run starts from is in the history: the run that made it may have died, or failed, between
// saving it and that.
func (u *run) keepLast(ctx context.Context) error {
	if u.stored == nil || u.stored.Payload.Status == state.InProgress || u.stored.Payload.Deployment == 0 {
		return nil
	}
	return keep(ctx, u.road.backend.Store(u.req.Key), u.stored)
}

// keep writes the state of a finished deployment to the history unless that has it.
func keep(ctx context.Context, store state.Store, s *Stored) error {
	past, err := store.GetHistory(ctx, state.HistoryName(s.Payload.At))
	if err == nil {
		// Not the writer is compared: a takeover writes a deployment again as it was.
		if p, err := past.Envelope.Decode(); err == nil && p.Deployment == s.Payload.Deployment {
			return nil
		}
	} else if !errors.Is(err, state.ErrNotFound) {
		return err
	}
	_, err = store.PutHistory(ctx, s.Payload.At, s.Snapshot.Envelope)
	return err
}

// loose are the warnings of what is done once everything is saved. What there was no time for is no news of its own.
func loose(err error) diag.List {
	cut := false
	for _, part := range split(err) {
		cut = cut || errors.Is(part, context.Canceled)
	}
	out := asWarnings(err)
	if cut {
		d := diag.New(diag.Interrupted, "Stopped before everything was tidied up",
			"The state is saved. There was no time to hear that the lock is released, or to write the history and the copy "+
				"for pulumi.",
			"The next run makes that good. If the lock is still held, it is taken over: on this machine at once, elsewhere "+
				"within minutes.")
		d.Severity = diag.Warning
		out.Add(d)
	}
	return out
}

// asWarnings are problems that do not make a run fail.
// What was cut off is none: what cut it off is told.
func asWarnings(err error) diag.List {
	var out diag.List
	for _, part := range split(err) {
		if errors.Is(part, context.Canceled) {
			continue
		}
		for _, d := range diag.From(part) {
			w := *d
			w.Severity = diag.Warning
			out.Add(&w)
		}
	}
	return out
}

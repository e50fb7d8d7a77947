package backend

import (
	"context"
	"errors"

	"github.com/company/deployer/internal/state"
)

// Keep writes the state of a finished deployment to the history unless it is already there.
func Keep(ctx context.Context, store state.Store, s *state.Stored) error {
	past, err := store.GetHistory(ctx, state.HistoryName(s.Payload.At))
	if err == nil {
		// The writer is not compared: a takeover writes a deployment again as it was.
		if p, err := past.Envelope.Decode(); err == nil && p.Deployment == s.Payload.Deployment {
			return nil
		}
	} else if !errors.Is(err, state.ErrNotFound) {
		return err
	}
	_, err = store.PutHistory(ctx, s.Payload.At, s.Snapshot.Envelope)
	return err
}

package deploy

import (
	"context"

	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/state"
)

// keepLast makes sure that the history has the deployment that the run starts from. The run that made that deployment
// may have been interrupted, or failed, after it saved the state and before it wrote the history.
func (u *run) keepLast(ctx context.Context) error {
	if u.Stored == nil || u.Stored.Payload.Status == state.InProgress || u.Stored.Payload.Deployment == 0 {
		return nil
	}
	return backend.Keep(ctx, u.back.Store(u.req.Key), u.Stored)
}

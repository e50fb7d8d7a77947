package deploy

import (
	"context"

	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/state"
)

// keepLast makes sure that the deployment which the run starts from is in the history: the run that made it may have
// died, or failed, between saving it and that.
func (u *run) keepLast(ctx context.Context) error {
	if u.Stored == nil || u.Stored.Payload.Status == state.InProgress || u.Stored.Payload.Deployment == 0 {
		return nil
	}
	return backend.Keep(ctx, u.back.Store(u.req.Key), u.Stored)
}

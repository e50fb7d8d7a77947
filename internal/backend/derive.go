package backend

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/state"
)

// Derive writes the copy of a state that the stock pulumi CLI opens.
func (b *Backend) Derive(ctx context.Context, key state.Key, engineState []byte) error {
	if len(engineState) == 0 {
		return nil
	}
	files, err := engine.DIY(engineState, key.Stack, key.Environment)
	if err != nil {
		return err
	}
	var all errgroup.Group
	for name, body := range files {
		all.Go(func() error { return b.Store(key).PutDerived(ctx, name, body) })
	}
	return all.Wait()
}

package observe

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/state"
)

// Commands lists what people ran in the components, newest first, at most limit of it; 0: all.
func Commands(ctx context.Context, b *backend.Backend, key state.Key, limit int) ([]report.Command, error) {
	store := b.Store(key)
	entries, err := store.ListCommands(ctx)
	if err != nil {
		return nil, err
	}
	if limit > 0 && len(entries) > limit {
		entries = entries[:limit]
	}
	out := make([]report.Command, len(entries))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(asking)
	for i, entry := range entries {
		group.Go(func() error {
			c, err := store.GetCommand(ctx, entry.Name)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				out[i] = report.Command{At: entry.At, Command: []string{}, Problem: err.Error()}
				return nil
			}
			out[i] = report.Command{
				At: c.At, Who: c.Who, What: c.What, Component: c.Component, Command: c.Words, Task: c.Task,
				Container: c.Container, Version: report.Version(c.Version), Ended: c.Ended, ExitCode: c.ExitCode,
				Problem: c.Problem, Detached: c.Detached,
			}
			if out[i].Command == nil {
				out[i].Command = []string{}
			}
			return nil
		})
	}
	return out, group.Wait()
}

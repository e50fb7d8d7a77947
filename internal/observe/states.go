package observe

import (
	"context"
	"sync"

	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/state"
)

// States lists every state of the backend.
func States(ctx context.Context, b *backend.Backend) ([]report.State, error) {
	entries, err := b.List(ctx)
	if err != nil {
		return nil, err
	}
	out := []report.State{}
	for _, e := range entries {
		out = append(out, report.State{
			Stack: e.Key.Stack, Environment: e.Key.Environment, Size: e.Size,
			Modified: e.Modified,
		})
	}
	return out, nil
}

// Last returns the last deployment of each environment, read in parallel. An environment without a state gets the place
// where it was looked for. One whose state cannot be read gets a Problem; the errors are returned, too.
func Last(ctx context.Context, b *backend.Backend, stack string, environments []string) ([]report.Environment, error) {
	out := make([]report.Environment, len(environments))
	errs := make([]error, len(environments))
	var all sync.WaitGroup
	for i, name := range environments {
		all.Go(func() {
			s, err := b.Get(ctx, state.Key{Stack: stack, Environment: name})
			out[i].Name, errs[i] = name, err
			switch {
			case err == nil && s == nil:
				out[i].Absent = b.Location()
			case err != nil:
				out[i].Problem = diag.From(err)[0].Summary
			case s != nil:
				out[i] = report.Environment{
					Name: name, Version: report.Version(s.Payload.Deployment),
					Result: string(s.Payload.Status), At: s.Payload.At,
				}
			}
		})
	}
	all.Wait()
	return out, diag.Join(errs...)
}

package ecs

import (
	"context"

	"github.com/company/deployer/internal/aws/rollout"
)

// underway says which rollout of a service is in progress.
func (s *service) underway(ctx context.Context, o watchedService) (string, error) {
	return s.watcher.Underway(ctx, rollout.Ref{Cluster: o.Props.Cluster.Get(), Service: o.Props.Name})
}

// stop ends a rollout that is in progress; ECS goes back to the revision that ran before.
func (s *service) stop(ctx context.Context, o watchedService) error {
	return s.watcher.Stop(ctx, rollout.Ref{Cluster: o.Props.Cluster.Get(), Service: o.Props.Name})
}

package ecs

import (
	"context"

	"github.com/company/deployer/internal/resource"
)

// added lists the services that others made in the cluster. Tasks without a service end by themselves.
func (k *cluster) added(
	ctx context.Context, c clusterCall, stack resource.Neighbours,
) ([]resource.Addition, error) {
	services, err := k.foreignServices(ctx, c.ID, stack)
	var out []resource.Addition
	for _, name := range services {
		out = append(out, resource.Addition{
			ID: name, What: "the service " + name,
			Remove: "aws ecs delete-service --force --cluster " + c.ID + " --service " + name,
		})
	}
	return out, err
}

// Package ecs makes ECS clusters, task definitions and services: the behaviours of the types in resource/ecs.
//
// In: desired properties and the recorded state. Out: the objects as they really are; a service only after its rollout
// is decided (package rollout). It must not decide what is desired, nor make roles, networks or load balancers.
package ecs

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/rollout"
	"github.com/company/deployer/internal/aws/task"
	"github.com/company/deployer/internal/resource"
)

// api is the client, and reads that share calls.
type api struct {
	cfg      aws.Config
	client   *sdk.Client
	roles    *iam.Client
	clusters *call.Batch[string, types.Cluster] // by name or ARN
	services *call.Batch[serviceKey, types.Service]
}

// Behaviours returns the resource types of ECS.
func Behaviours(cfg aws.Config) []resource.Behaviour {
	c := sdk.NewFromConfig(cfg)
	calls := &api{
		cfg: cfg, client: c, roles: iam.NewFromConfig(cfg),
		clusters: &call.Batch[string, types.Cluster]{
			Size: 100,
			Ask: func(ctx context.Context, ids []string) (map[string]types.Cluster, error) {
				return clustersByID(ctx, c, ids)
			},
		},
		services: &call.Batch[serviceKey, types.Service]{
			Size: 10,
			Ask: func(ctx context.Context, keys []serviceKey) (map[serviceKey]types.Service, error) {
				return servicesByKey(ctx, c, keys)
			},
		},
	}
	runner := task.New(cfg)
	return []resource.Behaviour{
		newCluster(calls), newTaskDefinition(calls), newRelease(runner), newService(calls, rollout.New(cfg), runner),
	}
}

// newRoles is how long AWS may need until a new role or service-linked role can be used.
const newRoles = 2 * time.Minute

// serviceKey is what DescribeServices needs.
type serviceKey struct{ cluster, name string }

// servicesByKey asks for services with their tags; services of the same cluster share a call.
func servicesByKey(ctx context.Context, c *sdk.Client, keys []serviceKey) (map[serviceKey]types.Service, error) {
	byCluster := map[string][]string{}
	for _, key := range keys {
		byCluster[key.cluster] = append(byCluster[key.cluster], key.name)
	}
	found := make(map[serviceKey]types.Service, len(keys))
	for cluster, names := range byCluster {
		out, err := c.DescribeServices(ctx, &sdk.DescribeServicesInput{
			Cluster: &cluster, Services: names, Include: []types.ServiceField{types.ServiceFieldTags},
		})
		if err != nil {
			return nil, err
		}
		for _, service := range out.Services {
			found[serviceKey{cluster, aws.ToString(service.ServiceName)}] = service
		}
	}
	return found, nil
}

// clustersByID asks for clusters with their tags and settings.
func clustersByID(ctx context.Context, c *sdk.Client, ids []string) (map[string]types.Cluster, error) {
	out, err := c.DescribeClusters(ctx, &sdk.DescribeClustersInput{
		Clusters: ids, Include: []types.ClusterField{types.ClusterFieldTags, types.ClusterFieldSettings},
	})
	if err != nil {
		return nil, err
	}
	found := make(map[string]types.Cluster, len(ids))
	for _, cluster := range out.Clusters {
		found[aws.ToString(cluster.ClusterName)], found[aws.ToString(cluster.ClusterArn)] = cluster, cluster
	}
	return found, nil
}

// Package ecs makes ECS clusters, task definitions and services: the behaviours behind the types of resource/ecs.
//
// In: desired properties and what the state says. Out: the objects as they really are; a service only once its rollout is
// decided (package rollout). It must not decide what is desired, nor make roles, networks or load balancers.
package ecs

import (
	"context"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/rollout"
	"github.com/company/deployer/internal/resource"
)

// api is the SDK calls of this package.
type api struct {
	createCluster       func(context.Context, *sdk.CreateClusterInput, ...func(*sdk.Options)) (*sdk.CreateClusterOutput, error)
	updateCluster       func(context.Context, *sdk.UpdateClusterInput, ...func(*sdk.Options)) (*sdk.UpdateClusterOutput, error)
	putClusterProviders func(context.Context, *sdk.PutClusterCapacityProvidersInput, ...func(*sdk.Options)) (*sdk.PutClusterCapacityProvidersOutput, error)
	deleteCluster       func(context.Context, *sdk.DeleteClusterInput, ...func(*sdk.Options)) (*sdk.DeleteClusterOutput, error)

	registerTaskDefinition   func(context.Context, *sdk.RegisterTaskDefinitionInput, ...func(*sdk.Options)) (*sdk.RegisterTaskDefinitionOutput, error)
	describeTaskDefinition   func(context.Context, *sdk.DescribeTaskDefinitionInput, ...func(*sdk.Options)) (*sdk.DescribeTaskDefinitionOutput, error)
	listTaskDefinitions      func(context.Context, *sdk.ListTaskDefinitionsInput, ...func(*sdk.Options)) (*sdk.ListTaskDefinitionsOutput, error)
	deregisterTaskDefinition func(context.Context, *sdk.DeregisterTaskDefinitionInput, ...func(*sdk.Options)) (*sdk.DeregisterTaskDefinitionOutput, error)
	deleteTaskDefinitions    func(context.Context, *sdk.DeleteTaskDefinitionsInput, ...func(*sdk.Options)) (*sdk.DeleteTaskDefinitionsOutput, error)

	clusters *call.Batch[string, types.Cluster] // by name or ARN
	services *call.Batch[serviceKey, types.Service]

	listServices     func(context.Context, *sdk.ListServicesInput, ...func(*sdk.Options)) (*sdk.ListServicesOutput, error)
	listTasks        func(context.Context, *sdk.ListTasksInput, ...func(*sdk.Options)) (*sdk.ListTasksOutput, error)
	describeTasks    func(context.Context, *sdk.DescribeTasksInput, ...func(*sdk.Options)) (*sdk.DescribeTasksOutput, error)
	describeServices func(context.Context, *sdk.DescribeServicesInput, ...func(*sdk.Options)) (*sdk.DescribeServicesOutput, error)
	createService    func(context.Context, *sdk.CreateServiceInput, ...func(*sdk.Options)) (*sdk.CreateServiceOutput, error)
	updateService    func(context.Context, *sdk.UpdateServiceInput, ...func(*sdk.Options)) (*sdk.UpdateServiceOutput, error)
	deleteService    func(context.Context, *sdk.DeleteServiceInput, ...func(*sdk.Options)) (*sdk.DeleteServiceOutput, error)

	tagResource   func(context.Context, *sdk.TagResourceInput, ...func(*sdk.Options)) (*sdk.TagResourceOutput, error)
	untagResource func(context.Context, *sdk.UntagResourceInput, ...func(*sdk.Options)) (*sdk.UntagResourceOutput, error)
}

// Behaviours returns the resource types of ECS. Clients are made at the first call.
func Behaviours(cfg aws.Config) []resource.Behaviour {
	calls := sync.OnceValue(func() api {
		c := sdk.NewFromConfig(cfg)
		return api{
			clusters: &call.Batch[string, types.Cluster]{Size: 100, Ask: func(ctx context.Context, ids []string) (map[string]types.Cluster, error) {
				return clustersByID(ctx, c, ids)
			}},
			services: &call.Batch[serviceKey, types.Service]{Size: 10, Ask: func(ctx context.Context, keys []serviceKey) (map[serviceKey]types.Service, error) {
				return servicesByKey(ctx, c, keys)
			}},

			createCluster:       c.CreateCluster,
			updateCluster:       c.UpdateCluster,
			putClusterProviders: c.PutClusterCapacityProviders,
			deleteCluster:       c.DeleteCluster,

			registerTaskDefinition:   c.RegisterTaskDefinition,
			describeTaskDefinition:   c.DescribeTaskDefinition,
			listTaskDefinitions:      c.ListTaskDefinitions,
			deregisterTaskDefinition: c.DeregisterTaskDefinition,
			deleteTaskDefinitions:    c.DeleteTaskDefinitions,

			listServices:     c.ListServices,
			listTasks:        c.ListTasks,
			describeTasks:    c.DescribeTasks,
			describeServices: c.DescribeServices,
			createService:    c.CreateService,
			updateService:    c.UpdateService,
			deleteService:    c.DeleteService,

			tagResource:   c.TagResource,
			untagResource: c.UntagResource,
		}
	})
	return []resource.Behaviour{newCluster(calls), newTaskDefinition(calls), newService(calls, rollout.New(cfg))}
}

// rolesSettle is how long AWS may take until a fresh role or service-linked role can be used.
const rolesSettle = 2 * time.Minute

// serviceKey is what DescribeServices asks for.
type serviceKey struct{ cluster, name string }

// servicesByKey asks for services with their tags, those of one cluster in one call.
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

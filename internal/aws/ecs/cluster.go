package ecs

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/tagging"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	wanted "github.com/company/deployer/internal/resource/ecs"
	"github.com/company/deployer/internal/value"
)

type clusterCall = resource.Call[wanted.Cluster, wanted.ClusterOutputs]

type cluster struct{ api *api }

func newCluster(calls *api) resource.Behaviour {
	c := &cluster{calls}
	return &resource.Typed[wanted.Cluster, wanted.ClusterOutputs]{
		Def: resource.Definition{
			Type: wanted.ClusterType, Version: 1,
			ReplaceOn: []string{"name"},
			FindFirst: true, // CreateCluster answers an existing cluster as if it were new
			// The first ECS call of an account makes ECS's service-linked role, which is not usable at once.
			NotYet: []resource.NotYet{{
				Operations: []string{"ecs:CreateCluster", "ecs:PutClusterCapacityProviders"},
				Codes:      []string{"InvalidParameterException"},
				Says:       []string{"service linked role", "service-linked role"}, Within: newRoles,
			}},
			Permissions: func(s resource.Scope) []resource.Statement {
				return []resource.Statement{
					{On: own(s, "cluster/"), Actions: append([]string{
						"ecs:CreateCluster", "ecs:DescribeClusters", "ecs:UpdateCluster",
						"ecs:PutClusterCapacityProviders", "ecs:DeleteCluster",
					}, tagActions...)},
					{On: own(s, "service/"), Actions: []string{"ecs:DescribeServices"}},
					{On: own(s, "task/"), Actions: []string{"ecs:DescribeTasks"}},
					{When: inCluster(s), Actions: []string{"ecs:ListServices", "ecs:ListTasks"}},
					s.ServiceLinkedRole("ecs.amazonaws.com"),
				}
			},
		},
		CheckProps:   checkCluster,
		CreateObject: c.create,
		ReadObject:   c.read,
		UpdateObject: c.update,
		DeleteObject: c.delete,
		InTheWay:     c.inTheWay,
		Added:        c.added,
		Find:         c.find,
		Taggable:     true,
	}
}

func checkCluster(p *wanted.Cluster) []value.Problem {
	if p.ContainerInsights == "" {
		p.ContainerInsights = "enabled"
	}
	if p.CapacityProviders == nil {
		p.CapacityProviders = []string{wanted.Fargate, wanted.FargateSpot}
	}
	return nil
}

func (k *cluster) create(ctx context.Context, c clusterCall) (string, wanted.ClusterOutputs, error) {
	input := &sdk.CreateClusterInput{
		ClusterName: &c.Props.Name, CapacityProviders: c.Props.CapacityProviders,
		Tags:     tagList(c.Request, c.Props.Tags),
		Settings: []types.ClusterSetting{insights(c.Props.ContainerInsights)},
	}
	if _, err := k.api.client.CreateCluster(ctx, input); err != nil {
		return "", wanted.ClusterOutputs{}, call.Error(err)
	}
	found, err := k.usable(ctx, c.Props.Name, true)
	if err != nil {
		return aws.ToString(found.ClusterArn), clusterOutputs(found), err
	}
	// AWS may return a deleted cluster of that name, brought back with its old settings.
	c.ID = aws.ToString(found.ClusterArn)
	c.Old = fromCluster(found, c.Props)
	if c.Old.ContainerInsights == c.Props.ContainerInsights &&
		slices.Equal(c.Old.CapacityProviders, c.Props.CapacityProviders) &&
		resource.Ours(tagging.Map(found.Tags, tag), c.Tags) {
		return c.ID, clusterOutputs(found), nil
	}
	out, err := k.update(ctx, c)
	if err != nil {
		err = &resource.Unfinished[wanted.Cluster, wanted.ClusterOutputs]{
			ID: c.ID, Props: c.Old, Out: clusterOutputs(found), Err: err,
		}
	}
	return c.ID, out, err
}

func (k *cluster) find(ctx context.Context, c clusterCall) (string, map[string]string, error) {
	found, err := k.describe(ctx, c.Props.Name)
	return aws.ToString(found.ClusterArn), tagging.Map(found.Tags, tag), err
}

func (k *cluster) read(ctx context.Context, c clusterCall) (wanted.Cluster, wanted.ClusterOutputs, error) {
	found, err := k.describe(ctx, c.ID)
	if err != nil {
		return wanted.Cluster{}, wanted.ClusterOutputs{}, err
	}
	recorded := c.Old
	if recorded.Name == "" {
		recorded = c.Props
	}
	tagging.Seen(c.Request, tagging.Map(found.Tags, tag))
	return fromCluster(found, recorded), clusterOutputs(found), nil
}

// fromCluster returns the cluster's properties, with its sets in the order of recorded.
func fromCluster(found types.Cluster, recorded wanted.Cluster) wanted.Cluster {
	props := wanted.Cluster{
		Name: aws.ToString(found.ClusterName), ContainerInsights: "disabled",
		CapacityProviders: inOrder(found.CapacityProviders, recorded.CapacityProviders),
		Tags:              tagging.User(tagging.Map(found.Tags, tag)),
	}
	for _, s := range found.Settings {
		if s.Name == types.ClusterSettingNameContainerInsights {
			props.ContainerInsights = aws.ToString(s.Value)
		}
	}
	return props
}

func (k *cluster) update(ctx context.Context, c clusterCall) (wanted.ClusterOutputs, error) {
	missing := call.NotFound("ClusterNotFoundException")
	actual, err := k.describe(ctx, c.ID)
	if err != nil { // for a while AWS accepts changes of a deleted cluster
		return c.Out, err
	}
	if err := k.api.retag(ctx, c.Request, aws.ToString(actual.ClusterArn), c.Old.Tags, c.Props.Tags); err != nil {
		return c.Out, err
	}
	if c.Props.ContainerInsights != c.Old.ContainerInsights {
		_, err := k.api.client.UpdateCluster(ctx,
			&sdk.UpdateClusterInput{
				Cluster:  &c.ID,
				Settings: []types.ClusterSetting{insights(c.Props.ContainerInsights)},
			})
		if err != nil {
			return c.Out, call.Error(err, missing)
		}
	}
	err = call.Wait(ctx, call.Slowly, "changing the capacity providers of "+c.Props.Name,
		func(ctx context.Context) (bool, error) {
			_, err := k.api.client.PutClusterCapacityProviders(ctx, &sdk.PutClusterCapacityProvidersInput{
				Cluster: &c.ID, CapacityProviders: append([]string{}, c.Props.CapacityProviders...),
				DefaultCapacityProviderStrategy: []types.CapacityProviderStrategyItem{},
			})
			if call.HasCode(err, "UpdateInProgressException") {
				return false, nil
			}
			return true, call.Error(err, missing)
		})
	if err != nil {
		return c.Out, err
	}
	found, err := k.usable(ctx, c.ID, false)
	return clusterOutputs(found), err
}

func (k *cluster) delete(ctx context.Context, c clusterCall) error {
	waiting, accepted := false, false
	return call.Wait(ctx, call.Slowly, "deleting cluster "+c.ID, func(ctx context.Context) (bool, error) {
		if !accepted {
			_, err := k.api.client.DeleteCluster(ctx, &sdk.DeleteClusterInput{Cluster: &c.ID})
			if call.HasCode(err, "ClusterContainsServicesException", "ClusterContainsTasksException",
				"UpdateInProgressException") {
				if !waiting {
					waiting = true
					c.Progress("waiting until the cluster is empty")
				}
				return false, nil
			}
			if err != nil {
				return true, call.Error(err, call.NotFound("ClusterNotFoundException"))
			}
			accepted = true
		}
		_, err := k.describe(ctx, c.ID)
		return false, err // until it is ErrNotFound, which counts as done
	})
}

// inTheWay finds what runs in the cluster but does not belong to the stack.
func (k *cluster) inTheWay(ctx context.Context, c clusterCall, stack resource.Neighbours) ([]plan.Obstacle, error) {
	found, err := k.describe(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	var out []plan.Obstacle
	name := aws.ToString(found.ClusterName)
	if n := found.RegisteredContainerInstancesCount; n > 0 {
		out = append(out, plan.Obstacle{
			What: fmt.Sprintf("%d container instances are registered in the cluster %s", n, name),
			Next: "deregister the container instances of the cluster " + name,
		})
	}
	services, err := k.foreignServices(ctx, c.ID, stack)
	if err != nil {
		return nil, err
	}
	if len(services) > 0 {
		out = append(out, plan.Obstacle{
			What: "the cluster " + name + " has services that were created outside of deployer: " + few(services),
			Next: "delete these services of the cluster " + name,
		})
	}
	tasks, err := k.looseTasks(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	if len(tasks) > 0 {
		out = append(out, plan.Obstacle{
			What: "tasks that belong to no service run in the cluster " + name + ": " + few(tasks),
			Next: "wait until these tasks end, or stop them",
		})
	}
	return out, nil
}

// foreignServices are the names of the cluster's services that are not ours. Draining services disappear by themselves.
func (k *cluster) foreignServices(ctx context.Context, cluster string, stack resource.Neighbours) ([]string, error) {
	in := &sdk.ListServicesInput{Cluster: &cluster, MaxResults: aws.Int32(100)}
	arns, err := call.All(ctx, k.api.client.ListServices, in, &in.NextToken,
		func(page *sdk.ListServicesOutput) ([]string, *string) { return page.ServiceArns, page.NextToken })
	if err != nil {
		return nil, call.Error(err, call.NotFound("ClusterNotFoundException"))
	}
	var out []string
	for some := range slices.Chunk(slices.DeleteFunc(arns, stack.Has), 10) { // as many as DescribeServices takes
		found, err := k.api.client.DescribeServices(ctx,
			&sdk.DescribeServicesInput{Cluster: &cluster, Services: some})
		if err != nil {
			return nil, call.Error(err, call.NotFound("ClusterNotFoundException"))
		}
		for _, s := range found.Services {
			if aws.ToString(s.Status) == "ACTIVE" {
				out = append(out, aws.ToString(s.ServiceName))
			}
		}
	}
	return out, nil
}

// looseTasks are the ids of tasks that neither a service nor a release started: the delete of a release stops its own.
func (k *cluster) looseTasks(ctx context.Context, cluster string) ([]string, error) {
	in := &sdk.ListTasksInput{Cluster: &cluster, MaxResults: aws.Int32(100)}
	arns, err := call.All(ctx, k.api.client.ListTasks, in, &in.NextToken,
		func(page *sdk.ListTasksOutput) ([]string, *string) { return page.TaskArns, page.NextToken })
	if err != nil {
		return nil, call.Error(err, call.NotFound("ClusterNotFoundException"))
	}
	var out []string
	for some := range slices.Chunk(arns, 100) { // as many as DescribeTasks takes
		tasks, err := k.api.client.DescribeTasks(ctx, &sdk.DescribeTasksInput{Cluster: &cluster, Tasks: some})
		if err != nil {
			return nil, call.Error(err, call.NotFound("ClusterNotFoundException"))
		}
		for _, t := range tasks.Tasks {
			if !strings.HasPrefix(aws.ToString(t.Group), "service:") && !releases(t) &&
				aws.ToString(t.LastStatus) != "STOPPED" {
				out = append(out, path.Base(aws.ToString(t.TaskArn)))
			}
		}
	}
	return out, nil
}

// few shortens a list of names to the first ones.
func few(names []string) string {
	const most = 3
	if more := len(names) - most; more > 0 {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(names, ", ")
}

// describe takes a name or an ARN. A deleted cluster stays visible for a while as INACTIVE.
func (k *cluster) describe(ctx context.Context, id string) (types.Cluster, error) {
	cluster, found, err := k.api.clusters.Get(ctx, id)
	if err != nil {
		return types.Cluster{}, call.Error(err, call.NotFound("ClusterNotFoundException"))
	}
	if !found || aws.ToString(cluster.Status) == "INACTIVE" {
		return types.Cluster{}, fmt.Errorf("cluster %s: %w", id, resource.ErrNotFound)
	}
	return cluster, nil
}

var usablePace = call.Pace{First: 500 * time.Millisecond, Longest: 5 * time.Second, Limit: 5 * time.Minute}

// usable waits until the cluster and its capacity providers can be used.
func (k *cluster) usable(ctx context.Context, id string, fresh bool) (types.Cluster, error) {
	var found types.Cluster
	err := call.Wait(ctx, usablePace, "cluster "+id+" to become active", func(ctx context.Context) (bool, error) {
		var err error
		if found, err = k.describe(ctx, id); fresh && errors.Is(err, resource.ErrNotFound) {
			return false, nil // ECS is eventually consistent
		} else if err != nil {
			return false, err
		}
		switch status := aws.ToString(found.Status); status {
		case "FAILED":
			return false, fmt.Errorf("ecs:DescribeClusters: cluster %s has failed: its capacity providers could not "+
				"be attached", id)
		case "ACTIVE", "":
			return aws.ToString(found.AttachmentsStatus) != "UPDATE_IN_PROGRESS", nil
		}
		return false, nil
	})
	return found, err
}

func insights(how string) types.ClusterSetting {
	return types.ClusterSetting{Name: types.ClusterSettingNameContainerInsights, Value: &how}
}

func clusterOutputs(c types.Cluster) wanted.ClusterOutputs {
	return wanted.ClusterOutputs{Name: aws.ToString(c.ClusterName), Arn: aws.ToString(c.ClusterArn)}
}

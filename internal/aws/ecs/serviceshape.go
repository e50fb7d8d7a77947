package ecs

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/company/deployer/internal/aws/rollout"
	"github.com/company/deployer/internal/resource"
	wanted "github.com/company/deployer/internal/resource/ecs"
	"github.com/company/deployer/internal/value"
)

// unproven stands for a task definition whose rollout nobody watched to its end.
var unproven = value.Lit("")

// checkService fills in AWS's defaults, so that what is read back equals what was wanted.
func checkService(p *wanted.Service) []value.Problem {
	var problems []value.Problem
	d := &p.Deployment
	if d.MinHealthyPercent == nil {
		d.MinHealthyPercent = aws.Int(100)
	}
	if d.MaxPercent == nil {
		d.MaxPercent = aws.Int(200)
	}
	if d.CircuitBreaker == nil {
		d.CircuitBreaker = aws.Bool(true)
	}
	if d.Timeout == 0 {
		d.Timeout = 900
	}
	if *d.MinHealthyPercent >= 100 && *d.MaxPercent <= 100 {
		problems = append(problems, value.Problem{
			Kind: value.BadValue, Path: []string{"deployment"},
			Message: "minHealthyPercent 100 with maxPercent 100 does not allow to replace a task: lower the first or " +
				"raise the second",
		})
	}
	if p.Subnets.Known() && len(p.Subnets.Get()) == 0 {
		problems = append(problems, value.Problem{
			Kind: resource.NetworkUnfit, Path: []string{"subnets"},
			Message: "no subnet of the Network has a default route to a NAT or internet gateway, which " +
				"tasks need to pull their image",
		})
	}
	if p.PlatformVersion == "" {
		p.PlatformVersion = "LATEST"
	}
	if p.AvailabilityZoneRebalancing == nil {
		p.AvailabilityZoneRebalancing = aws.Bool(*d.MaxPercent > 100)
	}
	if !p.AssignPublicIP.IsSet() {
		p.AssignPublicIP = value.Lit(false)
	}
	if p.DesiredCount != nil && p.InitialCount != nil {
		problems = append(problems, value.Problem{
			Kind: value.BadValue, Path: []string{"initialCount"},
			Message: "is for services whose count belongs to autoscaling, but desiredCount is set",
		})
	}
	return problems
}

// startCount is the number of tasks at the start.
func startCount(p wanted.Service) int32 {
	switch {
	case p.DesiredCount != nil:
		return int32(*p.DesiredCount)
	case p.InitialCount != nil:
		return int32(*p.InitialCount)
	}
	return 1
}

func toCreate(p wanted.Service) *sdk.CreateServiceInput {
	input := &sdk.CreateServiceInput{
		ServiceName: &p.Name, Cluster: aws.String(p.Cluster.Get()), TaskDefinition: aws.String(p.TaskDefinition.Get()),
		DesiredCount: aws.Int32(startCount(p)), PlatformVersion: &p.PlatformVersion,
		SchedulingStrategy:   types.SchedulingStrategyReplica,
		NetworkConfiguration: network(p), LoadBalancers: loadBalancers(p), ServiceRegistries: registries(p),
		DeploymentConfiguration:       deployment(p),
		DeploymentController:          &types.DeploymentController{Type: types.DeploymentControllerTypeEcs},
		HealthCheckGracePeriodSeconds: optional(int32(p.HealthCheckGracePeriod)),
		EnableExecuteCommand:          p.EnableExecuteCommand,
		EnableECSManagedTags:          true, PropagateTags: types.PropagateTagsService,
		AvailabilityZoneRebalancing: rebalancing(p),
	}
	if input.CapacityProviderStrategy = strategy(p); len(input.CapacityProviderStrategy) == 0 {
		input.LaunchType = types.LaunchTypeFargate
	}
	return input
}

// toUpdate sends properties that start a deployment only if they differ.
func toUpdate(p, actual wanted.Service, svc types.Service) *sdk.UpdateServiceInput {
	input := &sdk.UpdateServiceInput{
		DeploymentConfiguration: deployment(p), EnableExecuteCommand: &p.EnableExecuteCommand,
		AvailabilityZoneRebalancing:   rebalancing(p),
		HealthCheckGracePeriodSeconds: aws.Int32(int32(p.HealthCheckGracePeriod)),
		EnableECSManagedTags:          aws.Bool(true), PropagateTags: types.PropagateTagsService,
	}
	if p.HealthCheckGracePeriod == 0 && actual.HealthCheckGracePeriod == 0 {
		input.HealthCheckGracePeriodSeconds = nil // AWS has none where nothing checks
	}
	if p.DesiredCount != nil {
		input.DesiredCount = aws.Int32(int32(*p.DesiredCount))
	}
	if primary := rollout.Primary(svc); primary == nil ||
		!rollout.SameRevision(aws.ToString(primary.TaskDefinition), p.TaskDefinition.Get()) {
		input.TaskDefinition = aws.String(p.TaskDefinition.Get())
	}
	if p.PlatformVersion != actual.PlatformVersion {
		input.PlatformVersion = &p.PlatformVersion
	}
	if !same(p.Subnets, actual.Subnets) || !same(p.SecurityGroups, actual.SecurityGroups) ||
		!same(p.AssignPublicIP, actual.AssignPublicIP) {
		input.NetworkConfiguration = network(p)
	}
	if !value.Equal(value.Encode(p.TargetGroups), value.Encode(actual.TargetGroups)) {
		input.LoadBalancers = append([]types.LoadBalancer{}, loadBalancers(p)...) // an empty list removes them
	}
	if !value.Equal(value.Encode(p.ServiceRegistries), value.Encode(actual.ServiceRegistries)) {
		input.ServiceRegistries = append([]types.ServiceRegistry{}, registries(p)...)
	}
	if !slices.Equal(p.CapacityProviders, actual.CapacityProviders) {
		// An empty list returns to the launch type. AWS moves running tasks only in a new deployment.
		input.CapacityProviderStrategy = append([]types.CapacityProviderStrategyItem{}, strategy(p)...)
		input.ForceNewDeployment = true
	}
	if p.EnableExecuteCommand != actual.EnableExecuteCommand {
		input.ForceNewDeployment = true // running tasks do not change: shells would stay open, or closed
	}
	return input
}

// afresh reports whether a deployment must be forced: the PRIMARY already has the wanted task definition, but its
// rollout failed.
func afresh(svc types.Service, c serviceCall) bool {
	primary := rollout.Primary(svc)
	if primary == nil || !rollout.SameRevision(aws.ToString(primary.TaskDefinition), c.Props.TaskDefinition.Get()) {
		return false
	}
	return primary.RolloutState == types.DeploymentRolloutStateFailed || c.Out.Rollout == wanted.RolloutFailed ||
		c.Out.Rollout == "" && svc.DesiredCount == 0 && startCount(c.Props) > 0
}

// underWay returns the deployment in progress if it is not the last one in the state: it is somebody else's, or of a
// run that was interrupted before it recorded the deployment. Nil: none. A state without a deployment cannot tell whose
// it is.
func underWay(svc types.Service, known wanted.ServiceOutputs) *types.Deployment {
	primary := rollout.Primary(svc)
	if primary == nil || primary.RolloutState != types.DeploymentRolloutStateInProgress || known.DeploymentID == "" ||
		aws.ToString(primary.Id) == known.DeploymentID {
		return nil
	}
	return primary
}

// previous returns the task definition to which a failed rollout can return: one that ran, not one that failed before.
// It may be the wanted one, if only network or load balancers change.
func previous(svc types.Service, c serviceCall) string {
	if svc.RunningCount == 0 && (c.Out.Rollout == wanted.RolloutFailed || c.Out.Rollout == "") {
		return ""
	}
	return rollout.Running(svc)
}

// fromService returns the service's properties. What ECS does not return comes from recorded, and so does the order of
// sets.
func fromService(svc types.Service, recorded wanted.Service) wanted.Service {
	p := recorded
	p.Name = aws.ToString(svc.ServiceName)
	if given := recorded.Cluster.Get(); given != aws.ToString(svc.ClusterArn) &&
		given != nameOf(aws.ToString(svc.ClusterArn)) {
		p.Cluster = value.Lit(aws.ToString(svc.ClusterArn))
	}
	if !rollout.SameRevision(rollout.Running(svc), recorded.TaskDefinition.Get()) {
		p.TaskDefinition = value.Lit(rollout.Running(svc))
	}
	if recorded.DesiredCount != nil {
		p.DesiredCount = aws.Int(int(svc.DesiredCount))
	}
	if least := recorded.MinCount; least != nil && int(svc.DesiredCount) < *least {
		p.MinCount = aws.Int(int(svc.DesiredCount))
	}
	if svc.PlatformVersion != nil && recorded.PlatformVersion != "LATEST" {
		// AWS may return it as the number that it stands for
		p.PlatformVersion = *svc.PlatformVersion
	}
	p.CapacityProviders = nil
	for _, item := range svc.CapacityProviderStrategy {
		p.CapacityProviders = append(p.CapacityProviders,
			wanted.CapacityProvider{
				Name: aws.ToString(item.CapacityProvider), Base: int(item.Base),
				Weight: int(item.Weight),
			})
	}
	if n := svc.NetworkConfiguration; n != nil && n.AwsvpcConfiguration != nil {
		p.Subnets = value.Lit(inOrder(n.AwsvpcConfiguration.Subnets, recorded.Subnets.Get()))
		if groups := n.AwsvpcConfiguration.SecurityGroups; len(groups) > 0 || recorded.SecurityGroups.IsSet() {
			p.SecurityGroups = value.Lit(inOrder(groups, recorded.SecurityGroups.Get()))
		}
		p.AssignPublicIP = value.Lit(n.AwsvpcConfiguration.AssignPublicIp == types.AssignPublicIpEnabled)
	}
	p.TargetGroups = nil
	for _, lb := range svc.LoadBalancers {
		p.TargetGroups = append(p.TargetGroups, wanted.TargetGroup{
			Arn:           value.Lit(aws.ToString(lb.TargetGroupArn)),
			ContainerName: aws.ToString(lb.ContainerName), ContainerPort: int(aws.ToInt32(lb.ContainerPort)),
		})
	}
	if sameItems(p.TargetGroups, recorded.TargetGroups) {
		p.TargetGroups = recorded.TargetGroups
	}
	p.ServiceRegistries = nil
	for _, r := range svc.ServiceRegistries {
		p.ServiceRegistries = append(p.ServiceRegistries,
			wanted.ServiceRegistry{Arn: value.Lit(aws.ToString(r.RegistryArn))})
	}
	if d := svc.DeploymentConfiguration; d != nil {
		if d.MinimumHealthyPercent != nil {
			p.Deployment.MinHealthyPercent = aws.Int(int(*d.MinimumHealthyPercent))
		}
		if d.MaximumPercent != nil {
			p.Deployment.MaxPercent = aws.Int(int(*d.MaximumPercent))
		}
		p.Deployment.CircuitBreaker = aws.Bool(d.DeploymentCircuitBreaker != nil && d.DeploymentCircuitBreaker.Enable)
	}
	p.HealthCheckGracePeriod = int(aws.ToInt32(svc.HealthCheckGracePeriodSeconds))
	p.EnableExecuteCommand = svc.EnableExecuteCommand
	if svc.AvailabilityZoneRebalancing != "" {
		p.AvailabilityZoneRebalancing = aws.Bool(
			svc.AvailabilityZoneRebalancing == types.AvailabilityZoneRebalancingEnabled)
	}
	return p
}

func serviceOutputs(svc types.Service, how string) wanted.ServiceOutputs {
	out := wanted.ServiceOutputs{
		Name: aws.ToString(svc.ServiceName), Arn: aws.ToString(svc.ServiceArn),
		ClusterName:    nameOf(aws.ToString(svc.ClusterArn)),
		TaskDefinition: rollout.Running(svc), DesiredCount: int(svc.DesiredCount), Rollout: how,
	}
	out.ResourceID = "service/" + out.ClusterName + "/" + out.Name
	if primary := rollout.Primary(svc); primary != nil {
		out.DeploymentID = aws.ToString(primary.Id)
	}
	return out
}

func network(p wanted.Service) *types.NetworkConfiguration {
	public := types.AssignPublicIpDisabled
	if p.AssignPublicIP.Get() {
		public = types.AssignPublicIpEnabled
	}
	return &types.NetworkConfiguration{AwsvpcConfiguration: &types.AwsVpcConfiguration{
		Subnets: p.Subnets.Get(), SecurityGroups: p.SecurityGroups.Get(), AssignPublicIp: public,
	}}
}

func loadBalancers(p wanted.Service) []types.LoadBalancer {
	var list []types.LoadBalancer
	for _, t := range p.TargetGroups {
		list = append(list, types.LoadBalancer{
			TargetGroupArn: aws.String(t.Arn.Get()),
			ContainerName:  aws.String(t.ContainerName), ContainerPort: aws.Int32(int32(t.ContainerPort)),
		})
	}
	return list
}

func registries(p wanted.Service) []types.ServiceRegistry {
	var list []types.ServiceRegistry
	for _, r := range p.ServiceRegistries {
		list = append(list, types.ServiceRegistry{RegistryArn: aws.String(r.Arn.Get())})
	}
	return list
}

func strategy(p wanted.Service) []types.CapacityProviderStrategyItem {
	var list []types.CapacityProviderStrategyItem
	for _, c := range p.CapacityProviders {
		list = append(list, types.CapacityProviderStrategyItem{
			CapacityProvider: aws.String(c.Name),
			Base:             int32(c.Base), Weight: int32(c.Weight),
		})
	}
	return list
}

func deployment(p wanted.Service) *types.DeploymentConfiguration {
	d := &types.DeploymentConfiguration{
		DeploymentCircuitBreaker: &types.DeploymentCircuitBreaker{
			Enable:   aws.ToBool(p.Deployment.CircuitBreaker),
			Rollback: aws.ToBool(p.Deployment.CircuitBreaker),
		},
	}
	if n := p.Deployment.MinHealthyPercent; n != nil {
		d.MinimumHealthyPercent = aws.Int32(int32(*n))
	}
	if n := p.Deployment.MaxPercent; n != nil {
		d.MaximumPercent = aws.Int32(int32(*n))
	}
	return d
}

func rebalancing(p wanted.Service) types.AvailabilityZoneRebalancing {
	if aws.ToBool(p.AvailabilityZoneRebalancing) {
		return types.AvailabilityZoneRebalancingEnabled
	}
	return types.AvailabilityZoneRebalancingDisabled
}

func same[T any](a, b value.Of[T]) bool { return value.Equal(a.Value(), b.Value()) }

// sameItems compares two lists as sets.
func sameItems[T any](a, b []T) bool {
	if len(a) != len(b) {
		return false
	}
	for _, x := range a {
		if !slices.ContainsFunc(b, func(y T) bool { return value.Equal(value.Encode(x), value.Encode(y)) }) {
			return false
		}
	}
	return true
}

func nameOf(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }

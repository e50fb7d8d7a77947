package container

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/component/cluster"
	"github.com/company/deployer/internal/component/network"
	"github.com/company/deployer/internal/resource"
	autoscaling "github.com/company/deployer/internal/resource/applicationautoscaling"
	"github.com/company/deployer/internal/resource/ec2"
	"github.com/company/deployer/internal/resource/ecs"
	"github.com/company/deployer/internal/resource/iam"
	"github.com/company/deployer/internal/resource/logs"
	"github.com/company/deployer/internal/value"
)

// Parts are what a kind adds to the shared part of a service.
type Parts struct {
	Ports         []ecs.Port
	HealthCommand []string // in the main container; nil: none
	TargetGroups  []ecs.TargetGroup
	Registries    []ecs.ServiceRegistry
	GracePeriod   time.Duration // in which failing checks of the load balancer do not count
	Scaling       *Scaling
	Tracked       bool     // the kind scales by a metric of its own: no default CPU target
	After         []string // IDs of resources that must exist before the ECS service
}

// Service is an ECS service with its own resources.
type Service struct {
	Resources     []*resource.Resource
	LogGroup      *resource.Resource
	TaskRole      *resource.Resource
	SecurityGroup *resource.Resource
	Service       *resource.Resource
}

// Resources are what Build may make.
func Resources() []component.Generated {
	return []component.Generated{
		{Name: "service", Type: ecs.ServiceType},
		{Name: "task-definition", Type: ecs.TaskDefinitionType},
		{Name: "release", Type: ecs.ReleaseType, When: "with `release`"},
		{Name: "log-group", Type: logs.LogGroupType},
		{Name: SecurityGroup, Type: ec2.SecurityGroupType},
		{Name: "execution-role", Type: iam.RoleType},
		{Name: "execution-policy", Type: iam.RolePolicyType},
		{Name: "task-role", Type: iam.RoleType},
		{Name: "task-policy", Type: iam.RolePolicyType, When: "with `uses` or `exec`"},
		{Name: "to-*", Type: ec2.SecurityGroupRuleType, When: "with `uses: {x: [connect]}`, one for each port"},
		{Name: target, Type: autoscaling.TargetType, When: "with max above min"},
		{Name: "scale-by-*", Type: autoscaling.PolicyType, When: "with max above min, one for each metric"},
		{Name: "schedule-*", Type: autoscaling.ScheduledActionType, When: "one for each entry of `scaling.schedule`"},
	}
}

// Words describe the outputs that both MicroService and Worker have.
func Words() map[string]string {
	return map[string]string{
		"serviceName": "Name of the ECS service.", "clusterName": "Name of the ECS cluster.",
		"securityGroupId": "Id of the security group of the tasks.",
		"taskRoleArn":     "ARN of the role of the containers.",
		"logGroup":        "Name of the log group.",
	}
}

// SecurityGroup is the resource name of the service's security group. Rules of the kind and of other components refer
// to it.
const SecurityGroup = "security-group"

// LogGroupName is the log group of a component's containers.
func LogGroupName(in component.Instance) string {
	in = in.Original()
	return logs.Name(in.Stack, in.Environment, in.Service, in.Name)
}

// Demands are the shared components that every service needs.
func (s *Spec) Demands(in component.Instance, need cluster.Need) []component.Demand {
	return []component.Demand{s.reach(in).Demand(), need.Demand()}
}

// reach is what the tasks must reach to start. A value that is not known yet is left out, except that of a secret.
func (s *Spec) reach(in component.Instance) network.Need {
	need := network.Need{Services: []string{"logs"}, Elsewhere: len(s.Subnets) > 0}
	images, secrets := []value.Of[string]{s.Image}, slices.Collect(maps.Values(s.Secrets))
	for _, c := range s.Sidecars {
		images, secrets = append(images, c.Image), slices.AppendSeq(secrets, maps.Values(c.Secrets))
	}
	for _, image := range images {
		if image.IsSet() && image.Known() {
			need.Image(image.Get())
		}
	}
	for _, entry := range secrets {
		if found, err := parseSecret(in, entry.Value()); err == nil {
			service, _, _ := strings.Cut(found.action, ":")
			need.Services = append(need.Services, service)
		}
	}
	if s.Exec {
		need.Services = append(need.Services, "ssmmessages")
	}
	return need
}

// Build makes an ECS service and all resources of its own.
func (s *Spec) Build(in component.Instance, granted []component.Granted, parts Parts) Service {
	var made Service
	add := func(r *resource.Resource) *resource.Resource {
		made.Resources = append(made.Resources, r)
		return r
	}
	made.LogGroup = add(in.Resource("log-group", logs.LogGroupType,
		logs.LogGroup{Name: LogGroupName(in), RetentionDays: in.LogDays()}))

	// A task that starts before its roles have their policies fails, and so does its deployment.
	var policies []string
	found := newSecrets(in)
	containers := s.containers(in, parts, made.LogGroup, found)
	made.Resources = append(made.Resources, found.lookups...)
	executionRole := add(role(in, "execution-role",
		"Starts the tasks of "+in.Address+": pulls images, reads secrets, writes logs"))
	policies = append(policies,
		add(policy(in, "execution-policy", executionRole, s.executionStatements(in, made.LogGroup, found.read))).ID())
	made.TaskRole = add(role(in, "task-role", "What the containers of "+in.Address+" may do"))
	if statements := s.taskStatements(granted); len(statements) > 0 {
		policies = append(policies, add(policy(in, "task-policy", made.TaskRole, statements)).ID())
	}

	made.SecurityGroup = add(securityGroup(in))
	connections := connections(in, made.SecurityGroup, granted)
	made.Resources = append(made.Resources, connections...)

	cpu, memory := s.Size()
	architecture := ecs.X8664
	if s.Architecture == "arm64" {
		architecture = ecs.ARM64
	}
	definition := add(in.Resource("task-definition", ecs.TaskDefinitionType, ecs.TaskDefinition{
		Family: in.ResourceName(ecs.NameLimit, nil), CPU: cpu, Memory: memory, Architecture: architecture,
		Containers:       containers,
		ExecutionRoleArn: value.Expr[string](executionRole.Output("arn")),
		TaskRoleArn:      value.Expr[string](made.TaskRole.Output("arn")),
	}, policies...))

	begin := append(policies, made.LogGroup.ID()) // what any task needs
	after := append(slices.Clone(begin), parts.After...)
	for _, c := range connections {
		begin, after = append(begin, c.ID()), append(after, c.ID())
	}
	place := s.place(in, granted, add)
	place.groups = s.securityGroups(in, made.SecurityGroup, add)
	if s.Release != nil {
		after = append(
			after,
			add(
				in.Resource("release", ecs.ReleaseType, s.release(in, definition, place), begin...),
			).ID(),
		)
	}
	made.Service = add(
		in.Resource("service", ecs.ServiceType, s.service(in, parts, definition, place), after...),
	)
	made.Resources = append(made.Resources, parts.Scaling.resources(in, made.Service, parts.Tracked)...)
	return made
}

// place is where tasks run.
type place struct {
	subnets  value.Of[[]string]
	publicIP value.Of[bool]
	groups   value.Of[[]string]
}

// place is what the Network says, or the subnets of the spec.
func (s *Spec) place(
	in component.Instance, granted []component.Granted, add func(*resource.Resource) *resource.Resource,
) place {
	if len(s.Subnets) == 0 {
		return place{
			subnets:  value.Expr[[]string](network.Output(network.TaskSubnetIDs)),
			publicIP: value.Expr[bool](network.Output(network.AssignPublicIP)),
		}
	}
	found := add(in.Data("subnets", ec2.SubnetsLookupType, network.Chosen(in, s.Subnets, s.reach(in), granted)))
	return place{
		subnets:  value.Expr[[]string](found.Output("taskSubnetIds")),
		publicIP: value.Expr[bool](found.Output("assignPublicIp")),
	}
}

// service are the properties of the ECS service.
func (s *Spec) service(
	in component.Instance, parts Parts, definition *resource.Resource, at place,
) ecs.Service {
	least, _ := parts.Scaling.Limits()
	props := ecs.Service{
		Name: in.ResourceName(ecs.NameLimit, nil), Cluster: value.Expr[string](cluster.Output(cluster.Name)),
		TaskDefinition: value.Expr[string](definition.Output("arn")),
		Subnets:        at.subnets,
		AssignPublicIP: at.publicIP,
		SecurityGroups: at.groups,
		TargetGroups:   parts.TargetGroups, ServiceRegistries: parts.Registries,
		Deployment: s.Deployment.properties(), EnableExecuteCommand: s.Exec,
	}
	if len(parts.TargetGroups) > 0 {
		props.HealthCheckGracePeriod = int(parts.GracePeriod.Seconds())
	}
	if s.Spot {
		props.CapacityProviders = []ecs.CapacityProvider{{Name: ecs.FargateSpot, Weight: 1}}
	}
	if parts.Scaling.Automatic() {
		first := max(least, 1) // start one task even when min is 0: metrics begin with a running task
		props.InitialCount = &first
		if least > 0 && len(parts.Scaling.Schedule) == 0 {
			// A schedule changes the limits, and its next action moves the count between them.
			props.MinCount = &least
		}
	} else {
		props.DesiredCount = &least
	}
	return props
}

// release are the properties of the release task. It runs in the service's network, with the same roles.
func (s *Spec) release(
	in component.Instance, definition *resource.Resource, at place,
) ecs.Release {
	return ecs.Release{
		Name: in.ResourceName(ecs.NameLimit, nil), Cluster: value.Expr[string](cluster.Output(cluster.Name)),
		TaskDefinition: value.Expr[string](definition.Output("arn")),
		Container:      in.Original().Name, Command: s.Release.Command, Timeout: s.Release.Timeout.Seconds(),
		Subnets:        at.subnets,
		AssignPublicIP: at.publicIP,
		SecurityGroups: at.groups,
	}
}

// securityGroups are those of the tasks: their own, and those that others have made. The plan checks that these exist.
func (s *Spec) securityGroups(
	in component.Instance, own *resource.Resource, add func(*resource.Resource) *resource.Resource,
) value.Of[[]string] {
	if len(s.SecurityGroups) == 0 {
		return value.Expr[[]string](value.NewList(own.Output("id")))
	}
	found := add(in.Data("security-groups", ec2.GroupsLookupType, ec2.GroupsLookup{
		VPCID: value.Expr[string](network.Output(network.VPCID)), IDs: s.SecurityGroups,
	}))
	return value.Expr[[]string](value.Flatten(own.Output("id"), found.Output("ids")))
}

func (d *Deployment) properties() ecs.Deployment {
	return ecs.Deployment{
		MinHealthyPercent: &d.MinHealthyPercent, MaxPercent: &d.MaxPercent, CircuitBreaker: &d.CircuitBreaker,
		Timeout: d.Timeout.Seconds(), Bake: d.Bake.Seconds(),
	}
}

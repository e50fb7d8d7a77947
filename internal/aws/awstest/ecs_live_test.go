package awstest

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	model "github.com/company/deployer/internal/resource/ecs"
	"github.com/company/deployer/internal/value"
)

var _ = liveObjects(answerECS,
	liveType{
		file: "ECS-Cluster", typ: model.ClusterType, explicit: []string{"containerInsights", "capacityProviders"},
		props: func(l live) (any, string, string) {
			name := l.Live.text("ClusterName")
			return model.Cluster{
				Name: name, CapacityProviders: l.Declared.texts("CapacityProviders"), Tags: l.Declared.tags(),
				ContainerInsights: l.Declared.pairs("ClusterSettings", "Name", "Value")["containerInsights"],
			}, name, ""
		},
	},
	liveType{
		file: "ECS-ClusterCapacityProviderAssociations", typ: model.ClusterType,
		explicit: []string{"containerInsights"},
		props: func(l live) (any, string, string) {
			name := l.Live.text("Cluster")
			return model.Cluster{Name: name, CapacityProviders: l.Declared.texts("CapacityProviders")}, name, ""
		},
	},
	liveType{file: "ECS-Service", typ: model.ServiceType, props: liveService},
	liveType{file: "ECS-TaskDefinition", typ: model.TaskDefinitionType, props: liveTaskDefinition},
)

func liveService(l live) (any, string, string) {
	d, network := l.Declared, l.Declared.at("NetworkConfiguration", "AwsvpcConfiguration")
	if len(network.texts("Subnets")) == 0 {
		return nil, "", "no tasks with network interfaces of their own"
	}
	if launch := d.text("LaunchType"); launch != "" && launch != "FARGATE" {
		return nil, "", "the launch type " + launch
	}
	deployment := d.at("DeploymentConfiguration")
	breaker := deployment.at("DeploymentCircuitBreaker").is("Enable")
	s := model.Service{
		Name: l.Live.text("ServiceName"), Cluster: lit(d.text("Cluster")),
		TaskDefinition: lit(d.text("TaskDefinition")),
		DesiredCount:   d.number("DesiredCount"), PlatformVersion: d.text("PlatformVersion"),
		Subnets:        value.Lit(network.texts("Subnets")),
		AssignPublicIP: value.Lit(network.text("AssignPublicIp") == "ENABLED"),
		Deployment: model.Deployment{
			MinHealthyPercent: deployment.number("MinimumHealthyPercent"),
			MaxPercent:        deployment.number("MaximumPercent"),
			CircuitBreaker:    &breaker,
		},
		HealthCheckGracePeriod: d.int("HealthCheckGracePeriodSeconds"),
		EnableExecuteCommand:   d.is("EnableExecuteCommand"), Tags: d.tags(),
	}
	if groups := network.texts("SecurityGroups"); len(groups) > 0 {
		s.SecurityGroups = value.Lit(groups)
	}
	for _, item := range d.list("CapacityProviderStrategy") {
		s.CapacityProviders = append(s.CapacityProviders, model.CapacityProvider{
			Name: item.text("CapacityProvider"), Base: item.int("Base"), Weight: item.int("Weight"),
		})
	}
	for _, lb := range d.list("LoadBalancers") {
		s.TargetGroups = append(s.TargetGroups, model.TargetGroup{
			Arn: lit(lb.text("TargetGroupArn")), ContainerName: lb.text("ContainerName"),
			ContainerPort: lb.int("ContainerPort"),
		})
	}
	return s, l.Live.text("ServiceArn"), ""
}

func liveTaskDefinition(l live) (any, string, string) {
	d := l.Declared
	if mode := d.text("NetworkMode"); mode != "awsvpc" ||
		!slices.Contains(d.texts("RequiresCompatibilities"), "FARGATE") {
		return nil, "", "not for Fargate"
	}
	p := model.TaskDefinition{
		Family: l.Live.text("Family"), CPU: d.int("Cpu"), Memory: d.int("Memory"),
		Architecture:     d.at("RuntimePlatform").text("CpuArchitecture"),
		ExecutionRoleArn: lit(d.text("ExecutionRoleArn")), TaskRoleArn: lit(d.text("TaskRoleArn")),
		EphemeralStorage: d.at("EphemeralStorage").int("SizeInGiB"), Tags: d.tags(),
	}
	for _, c := range d.list("ContainerDefinitions") {
		is := model.Container{
			Name: c.text("Name"), Image: lit(c.text("Image")), CPU: c.int("Cpu"), Memory: c.int("Memory"),
			User:             c.text("User"),
			WorkingDirectory: c.text("WorkingDirectory"), ReadonlyRootFilesystem: c.is("ReadonlyRootFilesystem"),
			StartTimeout: c.int("StartTimeout"), StopTimeout: c.int("StopTimeout"), Command: c.texts("Command"),
			EntryPoint: c.texts("EntryPoint"), InitProcessEnabled: c.at("LinuxParameters").is("InitProcessEnabled"),
		}
		if c["Essential"] != nil {
			is.Essential = aws.Bool(c.is("Essential"))
		}
		for _, port := range c.list("PortMappings") {
			is.Ports = append(is.Ports, model.Port{
				Name: port.text("Name"), Port: port.int("ContainerPort"), Protocol: port.text("Protocol"),
			})
		}
		for name, text := range c.pairs("Environment", "Name", "Value") {
			if is.Environment == nil {
				is.Environment = map[string]value.Of[string]{}
			}
			is.Environment[name] = value.Lit(text)
		}
		for name, text := range c.pairs("Secrets", "Name", "ValueFrom") {
			if is.Secrets == nil {
				is.Secrets = map[string]value.Of[string]{}
			}
			is.Secrets[name] = value.Lit(text)
		}
		if log := c.at("LogConfiguration"); log != nil {
			options := log.at("Options")
			if log.text("LogDriver") != "awslogs" {
				return nil, "", "the log driver " + log.text("LogDriver")
			}
			is.Logs = &model.Logs{
				Group: lit(options.text("awslogs-group")), Region: options.text("awslogs-region"),
				StreamPrefix: options.text("awslogs-stream-prefix"), Mode: options.text("mode"),
			}
		}
		if check := c.at("HealthCheck"); check != nil {
			is.HealthCheck = &model.HealthCheck{
				Command: check.texts("Command"), Interval: check.int("Interval"), Timeout: check.int("Timeout"),
				Retries: check.int("Retries"), StartPeriod: check.int("StartPeriod"),
			}
		}
		for _, on := range c.list("DependsOn") {
			is.DependsOn = append(is.DependsOn, model.ContainerDependency{
				Container: on.text("ContainerName"), Condition: on.text("Condition"),
			})
		}
		p.Containers = append(p.Containers, is)
	}
	return p, p.Family, ""
}

func answerECS(l object, parameters any) (any, error) {
	switch parameters.(type) {
	case *ecs.DescribeClustersInput:
		cluster := into[ecstypes.Cluster](l)
		cluster.ClusterArn, cluster.Status = aws.String(l.text("Arn")), aws.String("ACTIVE")
		// of the cluster itself, of its providers
		cluster.ClusterName = aws.String(l.text("ClusterName") + l.text("Cluster"))
		cluster.Settings = into[[]ecstypes.ClusterSetting](l["ClusterSettings"])
		return &ecs.DescribeClustersOutput{Clusters: []ecstypes.Cluster{cluster}}, nil
	case *ecs.DescribeServicesInput:
		service := into[ecstypes.Service](l)
		service.ClusterArn, service.Status = aws.String(l.text("Cluster")), aws.String("ACTIVE")
		service.Deployments = []ecstypes.Deployment{{
			Id: aws.String("ecs-svc/1"), Status: aws.String("PRIMARY"), TaskDefinition: service.TaskDefinition,
			RolloutState: ecstypes.DeploymentRolloutStateCompleted, DesiredCount: service.DesiredCount,
			RunningCount: service.DesiredCount,
		}}
		service.RunningCount = service.DesiredCount
		return &ecs.DescribeServicesOutput{Services: []ecstypes.Service{service}}, nil
	case *ecs.DescribeTaskDefinitionInput:
		definition := into[ecstypes.TaskDefinition](l)
		definition.Status = ecstypes.TaskDefinitionStatusActive
		return &ecs.DescribeTaskDefinitionOutput{TaskDefinition: &definition, Tags: into[[]ecstypes.Tag](l["Tags"])},
			nil
	}
	return nil, nil
}

package ecsfake

import (
	"errors"
	"slices"
	"strings"

	"github.com/company/deployer/e2e/testkit/proxy"
)

const (
	statusActive   = "ACTIVE"
	statusDraining = "DRAINING"
	statusInactive = "INACTIVE"
)

func (f *Fake) createService(c *call) (any, error) {
	var in struct {
		spec
		Cluster     string `json:"cluster"`
		ServiceName string `json:"serviceName"`
		Tags        []tag  `json:"tags"`
	}
	if err := bind(c, &in); err != nil {
		return nil, err
	}
	cl, err := f.cluster(c, in.Cluster)
	if err != nil {
		return nil, err
	}
	if former := cl.service(in.ServiceName); former != nil {
		switch former.status {
		case statusActive:
			return nil, invalid("Creation of service was not idempotent.")
		case statusDraining:
			f.drain(former) // repeated calls succeed in the end
			return nil, invalid("Unable to Start a service that is still Draining.")
		}
	}
	def, err := f.check(c, &in.spec, in.ServiceName)
	if err != nil {
		return nil, err
	}
	if err := shadow(c, cl, in.ServiceName, &in.spec, in.Tags); err != nil {
		return nil, err
	}
	s := &service{
		cluster: cl, name: in.ServiceName, arn: cl.resourceARN("service", cl.name+"/"+in.ServiceName),
		status: statusActive, spec: in.spec, tags: in.Tags, created: f.now(),
	}
	cl.services = append(slices.DeleteFunc(cl.services, func(old *service) bool { return old.name == s.name }), s)
	f.deploy(c, s, def)
	return map[string]any{"service": f.viewService(s, true)}, nil
}

// check refuses what ECS refuses at once, fills in ECS's defaults and returns
// the task definition.
func (f *Fake) check(c *call, sp *spec, name string) (*taskDefinition, error) {
	if name == "" {
		return nil, invalid("Service name cannot be blank.")
	}
	if sp.DesiredCount == nil {
		return nil, invalid("The desired count is missing.")
	}
	if *sp.DesiredCount < 0 {
		return nil, invalid("The desired count cannot be negative.")
	}
	if sp.LaunchType != "" && len(sp.CapacityProviderStrategy) > 0 {
		return nil, invalid("Specifying both a launch type and capacity provider strategy is not supported. Remove " +
			"one and try again.")
	}
	if sp.LaunchType == "" && len(sp.CapacityProviderStrategy) == 0 {
		sp.LaunchType = "EC2"
	}
	if sp.SchedulingStrategy == "" {
		sp.SchedulingStrategy = "REPLICA"
	}
	if sp.PropagateTags == "" {
		sp.PropagateTags = "NONE"
	}
	if sp.PlatformVersion == "" && sp.LaunchType != "EC2" {
		sp.PlatformVersion = "LATEST"
	}
	def, err := f.definition(c, sp)
	if err != nil {
		return nil, err
	}
	if sp.HealthCheckGracePeriodSeconds != nil && *sp.HealthCheckGracePeriodSeconds > 0 && len(sp.LoadBalancers) == 0 {
		return nil, invalid("Health check grace period is only valid for services configured to use load balancers")
	}
	return def, checkLoadBalancers(c, def, sp.LoadBalancers)
}

// definition looks the task definition up in the emulator and replaces the
// name in sp by its ARN.
func (f *Fake) definition(c *call, sp *spec) (*taskDefinition, error) {
	if sp.TaskDefinition == "" {
		return nil, invalid("TaskDefinition can not be blank.")
	}
	var out struct {
		TaskDefinition taskDefinition `json:"taskDefinition"`
	}
	if err := c.ecs("DescribeTaskDefinition", map[string]string{"taskDefinition": sp.TaskDefinition},
		&out); err != nil {
		var refused *proxy.APIError
		if errors.As(err, &refused) && refused.Status < 500 {
			return nil, clientError("TaskDefinition not found.")
		}
		return nil, err
	}
	def := &out.TaskDefinition
	if def.Status == statusInactive {
		return nil, clientError("TaskDefinition is inactive")
	}
	if sp.LaunchType == "FARGATE" && !slices.Contains(def.RequiresCompatibilities, "FARGATE") {
		return nil, invalid("Task definition does not support launch_type FARGATE.")
	}
	if def.NetworkMode == "awsvpc" && len(sp.NetworkConfiguration) == 0 {
		return nil, invalid("Network Configuration must be provided when networkMode 'awsvpc' is specified.")
	}
	sp.TaskDefinition = def.Arn
	return def, nil
}

// shadow creates the service in the emulator too, with no tasks, because the emulator's Application Auto Scaling and
// tagging calls need it. This also checks that subnets and security groups exist.
func shadow(c *call, cl *cluster, name string, sp *spec, tags []tag) error {
	in := map[string]any{
		"cluster": cl.name, "serviceName": name, "taskDefinition": sp.TaskDefinition, "desiredCount": 0,
		"launchType": "FARGATE", "tags": tags,
	}
	// Without security groups the emulator fails instead of using the VPC's default group.
	if strings.Contains(string(sp.NetworkConfiguration), `"securityGroups"`) {
		in["networkConfiguration"] = sp.NetworkConfiguration
	}
	return c.ecs("CreateService", in, nil)
}

func (f *Fake) updateService(c *call) (any, error) {
	var in struct {
		spec
		Cluster            string `json:"cluster"`
		Service            string `json:"service"`
		ForceNewDeployment bool   `json:"forceNewDeployment"`
	}
	if err := bind(c, &in); err != nil {
		return nil, err
	}
	s, err := f.find(c, in.Cluster, in.Service)
	if err != nil {
		return nil, err
	}
	if s.status != statusActive {
		return nil, errServiceNotActive
	}
	// ECS checks the existing load balancers of the service, not those in the same call.
	if grace := in.HealthCheckGracePeriodSeconds; grace != nil && *grace > 0 && len(s.spec.LoadBalancers) == 0 {
		return nil, invalid("Health check grace period is only valid for services configured to use load balancers")
	}
	next := s.spec
	if in.TaskDefinition != "" {
		in.spec.LaunchType = s.spec.LaunchType
		in.spec.NetworkConfiguration = orElse(in.NetworkConfiguration, s.spec.NetworkConfiguration)
		if _, err := f.definition(c, &in.spec); err != nil {
			return nil, err
		}
	}
	in.LaunchType = ""
	deploys := next.merge(in.spec) || in.ForceNewDeployment
	switch string(in.CapacityProviderStrategy) {
	case "", "null":
	case "[]": // back to the launch type
		next.LaunchType, next.CapacityProviderStrategy = "FARGATE", nil
	default:
		next.LaunchType = ""
	}
	if deploys {
		def, err := f.check(c, &next, s.name)
		if err != nil {
			return nil, err
		}
		s.spec = next
		f.deploy(c, s, def)
	} else {
		s.spec = next
		s.steady = false
	}
	return map[string]any{"service": f.viewService(s, true)}, nil
}

func orElse[T ~[]byte](a, b T) T {
	if len(a) > 0 {
		return a
	}
	return b
}

func (f *Fake) deleteService(c *call) (any, error) {
	var in struct {
		Cluster string `json:"cluster"`
		Service string `json:"service"`
		Force   bool   `json:"force"`
	}
	if err := bind(c, &in); err != nil {
		return nil, err
	}
	s, err := f.find(c, in.Cluster, in.Service)
	if err != nil {
		return nil, err
	}
	switch {
	case s.status == statusInactive:
		return nil, errServiceNotFound
	case s.status == statusActive && s.spec.desired() > 0 && !in.Force:
		return nil, invalid("The service cannot be stopped while it is scaled above 0.")
	case s.status == statusActive:
		if err := c.ecs("DeleteService", map[string]any{"cluster": s.cluster.name, "service": s.name, "force": true},
			nil); err != nil {
			return nil, err
		}
		zero := 0
		s.spec.DesiredCount = &zero
		s.status = statusDraining
		for _, r := range s.records {
			r.end("STOPPED", "The service was deleted.", f.now())
		}
	}
	return map[string]any{"service": f.viewService(s, true)}, nil
}

// describeServices advances every service that it describes by one step.
func (f *Fake) describeServices(c *call) (any, error) {
	var in struct {
		Cluster  string   `json:"cluster"`
		Services []string `json:"services"`
		Include  []string `json:"include"`
	}
	if err := bind(c, &in); err != nil {
		return nil, err
	}
	cl, err := f.cluster(c, in.Cluster)
	if err != nil {
		return nil, err
	}
	if n := len(in.Services); n == 0 || n > 10 {
		return nil, invalid("Services must contain between 1 and 10 entries.")
	}
	services, failures := []any{}, []any{}
	for _, name := range in.Services {
		s := cl.service(name)
		if s == nil {
			arn := name
			if !strings.HasPrefix(arn, "arn:") {
				arn = cl.resourceARN("service", cl.name+"/"+name)
			}
			failures = append(failures, map[string]string{"arn": arn, "reason": "MISSING"})
			continue
		}
		f.advance(c, s)
		services = append(services, f.viewService(s, slices.Contains(in.Include, "TAGS")))
	}
	return map[string]any{"services": services, "failures": failures}, nil
}

func (f *Fake) listServices(c *call) (any, error) {
	var in struct {
		Cluster    string `json:"cluster"`
		LaunchType string `json:"launchType"`
		page
	}
	if err := bind(c, &in); err != nil {
		return nil, err
	}
	cl, err := f.cluster(c, in.Cluster)
	if err != nil {
		return nil, err
	}
	arns := []string{}
	for _, s := range cl.services {
		if s.status != statusInactive && (in.LaunchType == "" || in.LaunchType == s.spec.LaunchType) {
			arns = append(arns, s.arn)
		}
	}
	part, next := paged(arns, in.page, 10)
	return withToken(map[string]any{"serviceArns": part}, next), nil
}

// find returns a service of an active cluster.
func (f *Fake) find(c *call, clusterName, name string) (*service, error) {
	cl, err := f.cluster(c, clusterName)
	if err != nil {
		return nil, err
	}
	s := cl.service(name)
	if s == nil {
		return nil, errServiceNotFound
	}
	return s, nil
}

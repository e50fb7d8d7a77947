package ecsfake

import (
	"bytes"
	"encoding/json"
	"maps"
	"time"
)

// spec are the members of CreateService and UpdateService that ECS stores. Members that are only returned stay raw.
type spec struct {
	TaskDefinition                string          `json:"taskDefinition,omitempty"`
	DesiredCount                  *int            `json:"desiredCount,omitempty"`
	LaunchType                    string          `json:"launchType,omitempty"`
	PlatformVersion               string          `json:"platformVersion,omitempty"`
	SchedulingStrategy            string          `json:"schedulingStrategy,omitempty"`
	PropagateTags                 string          `json:"propagateTags,omitempty"`
	AvailabilityZoneRebalancing   string          `json:"availabilityZoneRebalancing,omitempty"`
	HealthCheckGracePeriodSeconds *int            `json:"healthCheckGracePeriodSeconds,omitempty"`
	EnableECSManagedTags          *bool           `json:"enableECSManagedTags,omitempty"`
	EnableExecuteCommand          *bool           `json:"enableExecuteCommand,omitempty"`
	CapacityProviderStrategy      json.RawMessage `json:"capacityProviderStrategy,omitempty"`
	DeploymentConfiguration       map[string]any  `json:"deploymentConfiguration,omitempty"`
	DeploymentController          json.RawMessage `json:"deploymentController,omitempty"`
	LoadBalancers                 []loadBalancer  `json:"loadBalancers,omitempty"`
	NetworkConfiguration          json.RawMessage `json:"networkConfiguration,omitempty"`
	ServiceRegistries             json.RawMessage `json:"serviceRegistries,omitempty"`
	ServiceConnectConfiguration   json.RawMessage `json:"serviceConnectConfiguration,omitempty"`
	VolumeConfigurations          json.RawMessage `json:"volumeConfigurations,omitempty"`
}

type loadBalancer struct {
	TargetGroupArn string `json:"targetGroupArn,omitempty"`
	ContainerName  string `json:"containerName,omitempty"`
	ContainerPort  int    `json:"containerPort,omitempty"`
}

type tag struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// service is one ECS service.
type service struct {
	cluster     *cluster
	arn         string
	name        string
	status      string // ACTIVE, DRAINING, INACTIVE
	spec        spec
	tags        []tag
	created     time.Time
	deployments []*deployment // PRIMARY first
	records     []*record     // service deployments, oldest first
	events      []event       // newest first
	tasks       []*task       // oldest first
	good        *revision     // of the last completed deployment
	steady      bool          // the steady state event was sent
}

type event struct {
	ID        string  `json:"id"`
	CreatedAt float64 `json:"createdAt"`
	Message   string  `json:"message"`
}

// revision is what a deployment rolls out.
type revision struct {
	arn        string
	deployment string // the id of the deployment that first rolled it out
	spec       spec   // with the ARN of the task definition
	def        *taskDefinition
	created    time.Time
}

// deployment is an entry of a service's deployments.
type deployment struct {
	id       string
	status   string // PRIMARY, ACTIVE
	revision *revision
	script   script
	failed   int
	state    string // IN_PROGRESS, COMPLETED, FAILED
	reason   string
	created  time.Time
	updated  time.Time
	rollback bool
	record   *record
}

// record is a service deployment: a rollout with its rollback, if any.
type record struct {
	arn      string
	service  *service
	status   string
	reason   string
	created  time.Time
	finished time.Time
	stopped  time.Time
	source   *revision
	target   *revision
	breaker  string // MONITORING, TRIGGERED, MONITORING_COMPLETE, DISABLED
	failures int
	rollback *rollback
}

type rollback struct {
	reason   string
	started  time.Time
	revision *revision
}

// taskDefinition is the part of a task definition that the fake needs.
type taskDefinition struct {
	Arn                     string                `json:"taskDefinitionArn"`
	Family                  string                `json:"family"`
	Status                  string                `json:"status"`
	NetworkMode             string                `json:"networkMode"`
	CPU                     string                `json:"cpu"`
	Memory                  string                `json:"memory"`
	RequiresCompatibilities []string              `json:"requiresCompatibilities"`
	ContainerDefinitions    []containerDefinition `json:"containerDefinitions"`
}

type containerDefinition struct {
	Name         string          `json:"name"`
	Image        string          `json:"image"`
	Command      []string        `json:"command"`
	HealthCheck  json.RawMessage `json:"healthCheck"`
	PortMappings []struct {
		ContainerPort int `json:"containerPort"`
	} `json:"portMappings"`
	Secrets []struct {
		Name      string `json:"name"`
		ValueFrom string `json:"valueFrom"`
	} `json:"secrets"`
	LogConfiguration struct {
		LogDriver string            `json:"logDriver"`
		Options   map[string]string `json:"options"`
	} `json:"logConfiguration"`
}

func (s *spec) desired() int {
	if s.DesiredCount == nil {
		return 0
	}
	return *s.DesiredCount
}

// configuration returns deploymentConfiguration with ECS's defaults.
func (s *spec) configuration() map[string]any {
	out := map[string]any{
		"maximumPercent": 200, "minimumHealthyPercent": 100, "strategy": "ROLLING", "bakeTimeInMinutes": 0,
		"deploymentCircuitBreaker": map[string]any{"enable": false, "rollback": false},
	}
	for k, v := range s.DeploymentConfiguration {
		out[k] = v
	}
	return out
}

// breaker returns the circuit breaker's switches.
func (s *spec) breaker() (enabled, rollsBack bool) {
	b, _ := s.configuration()["deploymentCircuitBreaker"].(map[string]any)
	enabled, _ = b["enable"].(bool)
	rollsBack, _ = b["rollback"].(bool)
	return enabled, rollsBack
}

// merge applies an update and reports whether ECS starts a new deployment for it. Counts, grace period and deployment
// configuration change without one.
func (s *spec) merge(u spec) (deploys bool) {
	before := s.rolledOut()
	if u.TaskDefinition != "" {
		s.TaskDefinition = u.TaskDefinition
	}
	if u.DesiredCount != nil {
		s.DesiredCount = u.DesiredCount
	}
	if u.PlatformVersion != "" {
		s.PlatformVersion = u.PlatformVersion
	}
	if u.PropagateTags != "" {
		s.PropagateTags = u.PropagateTags
	}
	if u.AvailabilityZoneRebalancing != "" {
		s.AvailabilityZoneRebalancing = u.AvailabilityZoneRebalancing
	}
	if u.HealthCheckGracePeriodSeconds != nil {
		s.HealthCheckGracePeriodSeconds = u.HealthCheckGracePeriodSeconds
	}
	if u.EnableECSManagedTags != nil {
		s.EnableECSManagedTags = u.EnableECSManagedTags
	}
	if u.EnableExecuteCommand != nil {
		s.EnableExecuteCommand = u.EnableExecuteCommand
	}
	if u.DeploymentConfiguration != nil {
		s.DeploymentConfiguration = maps.Clone(s.DeploymentConfiguration)
		if s.DeploymentConfiguration == nil {
			s.DeploymentConfiguration = map[string]any{}
		}
		maps.Copy(s.DeploymentConfiguration, u.DeploymentConfiguration)
	}
	if u.LoadBalancers != nil {
		s.LoadBalancers = u.LoadBalancers
	}
	for _, m := range []struct{ to, from *json.RawMessage }{
		{&s.CapacityProviderStrategy, &u.CapacityProviderStrategy},
		{&s.NetworkConfiguration, &u.NetworkConfiguration},
		{&s.ServiceRegistries, &u.ServiceRegistries},
		{&s.ServiceConnectConfiguration, &u.ServiceConnectConfiguration},
		{&s.VolumeConfigurations, &u.VolumeConfigurations},
	} {
		if len(*m.from) > 0 {
			*m.to = *m.from
		}
	}
	return !bytes.Equal(before, s.rolledOut())
}

// rolledOut is a canonical form of the members whose change needs new tasks.
func (s *spec) rolledOut() []byte {
	c := *s
	c.DesiredCount, c.HealthCheckGracePeriodSeconds, c.DeploymentConfiguration, c.AvailabilityZoneRebalancing = nil,
		nil, nil, ""
	if off := false; c.EnableExecuteCommand == nil {
		c.EnableExecuteCommand = &off // the default
	}
	data, _ := json.Marshal(c) // raw members were decoded from JSON
	var any any
	_ = json.Unmarshal(data, &any)
	data, _ = json.Marshal(any) // sorted keys
	return data
}

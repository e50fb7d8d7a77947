package ecs

import "github.com/company/deployer/internal/value"

// Service is an ECS service on Fargate with rolling deployments.
type Service struct {
	Name           string           `json:"name" required:"true"`
	Cluster        value.Of[string] `json:"cluster" required:"true"`        // name or ARN
	TaskDefinition value.Of[string] `json:"taskDefinition" required:"true"` // ARN of a revision

	// DesiredCount is the number of tasks when it is ours. Absent: autoscaling owns the count, and updates leave it alone.
	DesiredCount *int `json:"desiredCount,omitempty"`
	// InitialCount is the number of tasks at creation when DesiredCount is absent; 1 by default. Later changes do nothing.
	InitialCount *int `json:"initialCount,omitempty"`
	// MinCount is what DesiredCount is raised to when it is found below, where autoscaling owns it: without tasks there is no metric that would
	// make autoscaling do that.
	MinCount *int `json:"minCount,omitempty"`

	// CapacityProviders replace the launch type FARGATE, for spot.
	CapacityProviders []CapacityProvider `json:"capacityProviders,omitempty"`
	PlatformVersion   string             `json:"platformVersion,omitempty"` // LATEST by default

	Subnets        value.Of[[]string] `json:"subnets" required:"true"`
	SecurityGroups value.Of[[]string] `json:"securityGroups"`
	AssignPublicIP value.Of[bool]     `json:"assignPublicIp"` // needed in public subnets to pull the image

	TargetGroups      []TargetGroup     `json:"targetGroups,omitempty"`
	ServiceRegistries []ServiceRegistry `json:"serviceRegistries,omitempty"`

	Deployment Deployment `json:"deployment"`
	// HealthCheckGracePeriod in seconds: failing health checks of a young task do not count.
	HealthCheckGracePeriod int  `json:"healthCheckGracePeriod,omitempty"`
	EnableExecuteCommand   bool `json:"enableExecuteCommand,omitempty"`
	// AvailabilityZoneRebalancing moves tasks when zones are uneven. By default on where AWS allows it: with maxPercent over 100.
	AvailabilityZoneRebalancing *bool `json:"availabilityZoneRebalancing,omitempty"`

	// Tags are on the service's tasks, too; those that run keep what they started with.
	Tags map[string]string `json:"tags,omitempty"`
}

// CapacityProvider is one share of a capacity provider strategy.
type CapacityProvider struct {
	Name   string `json:"name" required:"true" enum:"FARGATE,FARGATE_SPOT"`
	Base   int    `json:"base,omitempty"`   // tasks that run there before weights count
	Weight int    `json:"weight,omitempty"` // share of the others
}

// TargetGroup registers the tasks' port with a load balancer.
type TargetGroup struct {
	Arn           value.Of[string] `json:"arn" required:"true"`
	ContainerName string           `json:"containerName" required:"true"`
	ContainerPort int              `json:"containerPort" required:"true"`
}

// ServiceRegistry registers the tasks' addresses with a Cloud Map service (A records).
type ServiceRegistry struct {
	Arn value.Of[string] `json:"arn" required:"true"`
}

// Deployment says how a rollout goes and when it counts as failed.
type Deployment struct {
	MinHealthyPercent *int  `json:"minHealthyPercent,omitempty"` // 100 by default
	MaxPercent        *int  `json:"maxPercent,omitempty"`        // 200 by default
	CircuitBreaker    *bool `json:"circuitBreaker,omitempty"`    // with rollback; on by default
	Timeout           int   `json:"timeout,omitempty"`           // seconds until a rollout that is not decided has failed; 900 by default
	Bake              int   `json:"bake,omitempty"`              // seconds that deployer itself watches a completed rollout
}

// ServiceOutputs is what AWS adds to a Service.
type ServiceOutputs struct {
	Name           string `json:"name"`
	Arn            string `json:"arn"`
	ClusterName    string `json:"clusterName"`
	ResourceID     string `json:"resourceId"`     // service/<cluster>/<name>, as Application Auto Scaling wants it
	DeploymentID   string `json:"deploymentId"`   // of the PRIMARY deployment
	TaskDefinition string `json:"taskDefinition"` // ARN of what really runs
	DesiredCount   int    `json:"desiredCount"`
	Rollout        string `json:"rollout"` // COMPLETED, FAILED or IN_PROGRESS: how the last apply left it
}

// How an apply left the rollout.
const (
	RolloutCompleted  = "COMPLETED"
	RolloutFailed     = "FAILED"
	RolloutInProgress = "IN_PROGRESS"
)

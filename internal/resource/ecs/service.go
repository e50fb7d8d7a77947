package ecs

import "github.com/company/deployer/internal/value"

// Service is an ECS service on Fargate with rolling deployments.
type Service struct {
	Name           string           `json:"name" required:"true" doc:"Name of the service."`
	Cluster        value.Of[string] `json:"cluster" required:"true" doc:"Name or ARN of the cluster."`
	TaskDefinition value.Of[string] `json:"taskDefinition" required:"true" doc:"ARN of a revision."`

	DesiredCount *int `json:"desiredCount,omitempty" unset:"autoscaling decides, and updates leave it alone" doc:"Number of tasks."`
	InitialCount *int `json:"initialCount,omitempty" unset:"1" doc:"Number of tasks at creation, without desiredCount. Later changes do nothing."`
	MinCount     *int `json:"minCount,omitempty" doc:"What the number of tasks is raised to where it is below, without desiredCount: without tasks there is no metric to scale by."`

	CapacityProviders []CapacityProvider `json:"capacityProviders,omitempty" unset:"Fargate" doc:"Capacity providers, for Fargate Spot."`
	PlatformVersion   string             `json:"platformVersion,omitempty" unset:"LATEST" doc:"Platform version of Fargate."`

	Subnets        value.Of[[]string] `json:"subnets" required:"true" doc:"Ids of the tasks' subnets."`
	SecurityGroups value.Of[[]string] `json:"securityGroups" doc:"Ids of the tasks' security groups."`
	AssignPublicIP value.Of[bool]     `json:"assignPublicIp" doc:"A public IP for each task; needed in public subnets to pull the image."`

	TargetGroups      []TargetGroup     `json:"targetGroups,omitempty" doc:"Target groups that the tasks register with."`
	ServiceRegistries []ServiceRegistry `json:"serviceRegistries,omitempty" doc:"Cloud Map services that the tasks register with."`

	Deployment                  Deployment `json:"deployment" doc:"How a rollout goes, and when it counts as failed."`
	HealthCheckGracePeriod      int        `json:"healthCheckGracePeriod,omitempty" doc:"Seconds in which failing health checks of a young task do not count."`
	EnableExecuteCommand        bool       `json:"enableExecuteCommand,omitempty" doc:"Allow shells into containers (ECS Exec)."`
	AvailabilityZoneRebalancing *bool      `json:"availabilityZoneRebalancing,omitempty" unset:"true where maxPercent is over 100" doc:"Move tasks when zones are uneven."`

	Tags map[string]string `json:"tags,omitempty" doc:"Tags of the service and its new tasks, beside those of deployer."`
}

// CapacityProvider is one share of a capacity provider strategy.
type CapacityProvider struct {
	Name   string `json:"name" required:"true" enum:"FARGATE,FARGATE_SPOT" doc:"Which one."`
	Base   int    `json:"base,omitempty" doc:"Tasks that run there before weights count."`
	Weight int    `json:"weight,omitempty" doc:"Share of the others."`
}

// TargetGroup registers the tasks' port with a load balancer.
type TargetGroup struct {
	Arn           value.Of[string] `json:"arn" required:"true" doc:"ARN of the target group."`
	ContainerName string           `json:"containerName" required:"true" doc:"Container that takes the requests."`
	ContainerPort int              `json:"containerPort" required:"true" doc:"Its port."`
}

// ServiceRegistry registers the tasks' addresses with a Cloud Map service (A records).
type ServiceRegistry struct {
	Arn value.Of[string] `json:"arn" required:"true" doc:"ARN of the Cloud Map service."`
}

// Deployment says how a rollout proceeds and when it counts as failed.
type Deployment struct {
	MinHealthyPercent *int  `json:"minHealthyPercent,omitempty" unset:"100" doc:"Percent of the desired tasks that keep running."`
	MaxPercent        *int  `json:"maxPercent,omitempty" unset:"200" doc:"Percent of the desired tasks that may run."`
	CircuitBreaker    *bool `json:"circuitBreaker,omitempty" unset:"true" doc:"Go back to the last working revision when new tasks fail."`
	Timeout           int   `json:"timeout,omitempty" unset:"900" doc:"Seconds after which a rollout that is not decided has failed."`
	Bake              int   `json:"bake,omitempty" doc:"Seconds that deployer watches a completed rollout."`
}

// ServiceOutputs is what AWS adds to a Service.
type ServiceOutputs struct {
	Name           string `json:"name"`
	Arn            string `json:"arn"`
	ClusterName    string `json:"clusterName"`
	ResourceID     string `json:"resourceId"`     // service/<cluster>/<name>, as Application Auto Scaling wants it
	DeploymentID   string `json:"deploymentId"`   // of the PRIMARY deployment
	TaskDefinition string `json:"taskDefinition"` // ARN of the task definition that really runs
	DesiredCount   int    `json:"desiredCount"`
	Rollout        string `json:"rollout"` // COMPLETED, FAILED or IN_PROGRESS: the result of the last apply
}

// The results of a rollout.
const (
	RolloutCompleted  = "COMPLETED"
	RolloutFailed     = "FAILED"
	RolloutInProgress = "IN_PROGRESS"
)

// Package ecs holds the typed properties of the Amazon ECS resource types: what a kind wants of a cluster, a task
// definition and a service.
//
// In: nothing; kinds fill the structs. Out: properties for resource.Resource, by value.Encode. It is data only: it must
// not know the SDK, and defaults are filled by the behaviours in aws/ecs.
package ecs

// The resource types.
const (
	ClusterType        = "ecs/cluster"
	TaskDefinitionType = "ecs/task-definition"
	ServiceType        = "ecs/service"
)

// NameLimit is the maximum length of the name of a cluster or a service and of a family. ECS allows 255. CloudWatch
// also allows only 255 for the names of the alarms of target tracking: "TargetTracking-service/", cluster, "/",
// service, "-AlarmHigh-" and a UUID, 71 characters in addition to the two names.
const NameLimit = (255 - 71) / 2

// The capacity providers that Fargate offers.
const (
	Fargate     = "FARGATE"
	FargateSpot = "FARGATE_SPOT"
)

// Cluster is an ECS cluster for Fargate tasks.
type Cluster struct {
	Name              string   `json:"name" required:"true" doc:"Name of the cluster."`
	ContainerInsights string   `json:"containerInsights,omitempty" enum:"enhanced,enabled,disabled" unset:"enabled" doc:"Metrics of tasks; scaling by the backlog of a queue needs them."`
	CapacityProviders []string `json:"capacityProviders,omitempty" enum:"FARGATE,FARGATE_SPOT" unset:"both" doc:"Capacity providers that services may name."`

	Tags map[string]string `json:"tags,omitempty" doc:"Tags of the object, beside those of deployer."`
}

// ClusterOutputs is what AWS adds to a Cluster.
type ClusterOutputs struct {
	Name string `json:"name"`
	Arn  string `json:"arn"`
}

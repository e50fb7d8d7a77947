package ecs

import "github.com/company/deployer/internal/value"

// The CPU architectures of Fargate.
const (
	X8664 = "X86_64"
	ARM64 = "ARM64"
)

// TaskDefinition is a Fargate task definition in awsvpc mode. A change registers a new revision of the family.
type TaskDefinition struct {
	Family           string           `json:"family" required:"true" doc:"Name of the family."`
	CPU              int              `json:"cpu" required:"true" doc:"CPU units; 1024 are one vCPU."`
	Memory           int              `json:"memory" required:"true" doc:"MiB."`
	Architecture     string           `json:"architecture,omitempty" enum:"X86_64,ARM64" unset:"X86_64" doc:"CPU architecture."`
	ExecutionRoleArn value.Of[string] `json:"executionRoleArn" doc:"ARN of the role that pulls the image, reads secrets and writes logs."`
	TaskRoleArn      value.Of[string] `json:"taskRoleArn" doc:"ARN of the role of the containers."`
	Containers       []Container      `json:"containers" required:"true" doc:"Containers of a task."`
	EphemeralStorage int              `json:"ephemeralStorage,omitempty" unset:"20" doc:"GiB of storage, 21 to 200."`

	Tags map[string]string `json:"tags,omitempty" doc:"Tags of the object, beside those of deployer."`
}

// Container is one container of a task.
type Container struct {
	Name                   string                      `json:"name" required:"true" doc:"Name of the container."`
	Image                  value.Of[string]            `json:"image" required:"true" doc:"Image with tag or digest."`
	Command                []string                    `json:"command,omitempty" doc:"Replaces the image's command."`
	EntryPoint             []string                    `json:"entryPoint,omitempty" doc:"Replaces the image's entry point."`
	Essential              *bool                       `json:"essential,omitempty" unset:"true" doc:"Stop the task when it stops."`
	CPU                    int                         `json:"cpu,omitempty" doc:"CPU units of the task reserved for it."`
	Memory                 int                         `json:"memory,omitempty" doc:"MiB it may use at most."`
	Ports                  []Port                      `json:"ports,omitempty" doc:"Ports that it listens on."`
	Environment            map[string]value.Of[string] `json:"environment,omitempty" doc:"Environment variables; never secrets."`
	Secrets                map[string]value.Of[string] `json:"secrets,omitempty" doc:"Environment variables from secrets: the ARN of a secret (with :KEY:: for a key of a JSON secret) or of an SSM parameter."`
	Logs                   *Logs                       `json:"logs,omitempty" doc:"The log group that its output goes to."`
	HealthCheck            *HealthCheck                `json:"healthCheck,omitempty" doc:"Command that says whether it is healthy."`
	DependsOn              []ContainerDependency       `json:"dependsOn,omitempty" doc:"Containers that start before it."`
	ReadonlyRootFilesystem bool                        `json:"readonlyRootFilesystem,omitempty" doc:"Mount the root file system read-only."`
	InitProcessEnabled     bool                        `json:"initProcessEnabled,omitempty" doc:"Run an init process that reaps zombies and forwards signals."`
	User                   string                      `json:"user,omitempty" doc:"User that it runs as."`
	WorkingDirectory       string                      `json:"workingDirectory,omitempty" doc:"Working directory."`
	StartTimeout           int                         `json:"startTimeout,omitempty" doc:"Seconds that a container it depends on may take."`
	StopTimeout            int                         `json:"stopTimeout,omitempty" doc:"Seconds between SIGTERM and SIGKILL, at most 120."`
}

// Port is a port that a container listens on.
type Port struct {
	Name     string `json:"name,omitempty" doc:"Name of the port."`
	Port     int    `json:"port" required:"true" doc:"Port."`
	Protocol string `json:"protocol,omitempty" enum:"tcp,udp" unset:"tcp" doc:"Protocol."`
}

// Logs sends a container's output to a CloudWatch log group (the awslogs driver); the stream is
// "<streamPrefix>/<container>/<task id>".
type Logs struct {
	Group        value.Of[string] `json:"group" required:"true" doc:"Name of the log group."`
	Region       string           `json:"region" required:"true" doc:"Region of the log group."`
	StreamPrefix string           `json:"streamPrefix" required:"true" doc:"Prefix of the streams: PREFIX/CONTAINER/TASK."`
	Mode         string           `json:"mode,omitempty" enum:"blocking,non-blocking" unset:"that of AWS" doc:"non-blocking drops lines rather than stall the container."`
}

// HealthCheck is a command in the container. A zero number means ECS's default, which the check fills in.
type HealthCheck struct {
	Command     []string `json:"command" required:"true" doc:"Command, beginning with CMD or CMD-SHELL."`
	Interval    int      `json:"interval,omitempty" unset:"30" doc:"Seconds between two checks."`
	Timeout     int      `json:"timeout,omitempty" unset:"5" doc:"Seconds that a check may take."`
	Retries     int      `json:"retries,omitempty" unset:"3" doc:"Failures in a row that make it unhealthy."`
	StartPeriod int      `json:"startPeriod,omitempty" doc:"Seconds in which failures do not count."`
}

// ContainerDependency starts a container after another one.
type ContainerDependency struct {
	Container string `json:"container" required:"true" doc:"Name of the other container."`
	Condition string `json:"condition" required:"true" enum:"START,COMPLETE,SUCCESS,HEALTHY" doc:"What is waited for."`
}

// TaskDefinitionOutputs is what AWS adds to a TaskDefinition.
type TaskDefinitionOutputs struct {
	Arn      string `json:"arn"` // of the revision: arn:aws:ecs:…:task-definition/family:12
	Family   string `json:"family"`
	Revision int    `json:"revision"`
}

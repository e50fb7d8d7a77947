package ecs

import "github.com/company/deployer/internal/value"

// The CPU architectures of Fargate.
const (
	X8664 = "X86_64"
	ARM64 = "ARM64"
)

// TaskDefinition is a Fargate task definition in awsvpc mode. A change registers another revision of the family.
type TaskDefinition struct {
	Family           string           `json:"family" required:"true"`
	CPU              int              `json:"cpu" required:"true"`    // CPU units: 1024 is one vCPU
	Memory           int              `json:"memory" required:"true"` // MiB
	Architecture     string           `json:"architecture,omitempty" enum:"X86_64,ARM64"`
	ExecutionRoleArn value.Of[string] `json:"executionRoleArn"` // pulls the image, reads secrets, writes logs
	TaskRoleArn      value.Of[string] `json:"taskRoleArn"`      // what the containers may do
	Containers       []Container      `json:"containers" required:"true"`
	EphemeralStorage int              `json:"ephemeralStorage,omitempty"` // GiB, 21 to 200; 0: Fargate's 20

	// Tags change on the revision that there is.
	Tags map[string]string `json:"tags,omitempty"`
}

// Container is one container of a task.
type Container struct {
	Name       string           `json:"name" required:"true"`
	Image      value.Of[string] `json:"image" required:"true"`
	Command    []string         `json:"command,omitempty"`
	EntryPoint []string         `json:"entryPoint,omitempty"`
	// Essential: the task stops when it stops. True by default.
	Essential *bool  `json:"essential,omitempty"`
	CPU       int    `json:"cpu,omitempty"`    // CPU units of the task reserved for it
	Memory    int    `json:"memory,omitempty"` // MiB, hard limit
	Ports     []Port `json:"ports,omitempty"`
	// Environment in clear: never secrets.
	Environment map[string]value.Of[string] `json:"environment,omitempty"`
	// Secrets by environment variable: the ARN of a secret of Secrets Manager (with :key:: for a JSON key) or of an SSM parameter.
	Secrets                map[string]value.Of[string] `json:"secrets,omitempty"`
	Logs                   *Logs                       `json:"logs,omitempty"`
	HealthCheck            *HealthCheck                `json:"healthCheck,omitempty"`
	DependsOn              []ContainerDependency       `json:"dependsOn,omitempty"`
	ReadonlyRootFilesystem bool                        `json:"readonlyRootFilesystem,omitempty"`
	InitProcessEnabled     bool                        `json:"initProcessEnabled,omitempty"` // reaps zombies, forwards signals; execute-command wants it
	User                   string                      `json:"user,omitempty"`
	WorkingDirectory       string                      `json:"workingDirectory,omitempty"`
	StartTimeout           int                         `json:"startTimeout,omitempty"` // seconds a dependency may take
	StopTimeout            int                         `json:"stopTimeout,omitempty"`  // seconds between SIGTERM and SIGKILL, at most 120
}

// Port is a port that a container listens on.
type Port struct {
	Name     string `json:"name,omitempty"`
	Port     int    `json:"port" required:"true"`
	Protocol string `json:"protocol,omitempty" enum:"tcp,udp"` // tcp by default
}

// Logs sends a container's output to a CloudWatch log group (the awslogs driver); the stream is
// "<streamPrefix>/<container>/<task id>".
type Logs struct {
	Group        value.Of[string] `json:"group" required:"true"`
	Region       string           `json:"region" required:"true"`
	StreamPrefix string           `json:"streamPrefix" required:"true"`
	// Mode non-blocking drops lines rather than stall the container; AWS's default otherwise.
	Mode string `json:"mode,omitempty" enum:"blocking,non-blocking"`
}

// HealthCheck is a command in the container. Zero numbers take ECS's defaults, which the check fills in.
type HealthCheck struct {
	Command     []string `json:"command" required:"true"` // beginning with CMD or CMD-SHELL
	Interval    int      `json:"interval,omitempty"`      // seconds, 30 by default
	Timeout     int      `json:"timeout,omitempty"`       // seconds, 5 by default
	Retries     int      `json:"retries,omitempty"`       // 3 by default
	StartPeriod int      `json:"startPeriod,omitempty"`   // seconds in which failures do not count
}

// ContainerDependency starts a container after another one.
type ContainerDependency struct {
	Container string `json:"container" required:"true"`
	Condition string `json:"condition" required:"true" enum:"START,COMPLETE,SUCCESS,HEALTHY"`
}

// TaskDefinitionOutputs is what AWS adds to a TaskDefinition.
type TaskDefinitionOutputs struct {
	Arn      string `json:"arn"` // of the revision: arn:aws:ecs:…:task-definition/family:12
	Family   string `json:"family"`
	Revision int    `json:"revision"`
}

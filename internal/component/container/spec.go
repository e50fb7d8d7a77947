// Package container is what MicroService and Worker have in common: containers on Fargate with their roles, secrets,
// logs, security group, deployment and scaling.
//
// In: the shared part of a spec and the grants of used components. Out: resources of one ECS service, which the kind
// completes (ports, load balancer, backlog). It is not a kind itself and must not do I/O.
package container

import (
	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/value"
)

// Spec is the shared part of MicroService and Worker; their specs embed it.
type Spec struct {
	component.Common
	component.Using

	Image        value.Of[string]            `json:"image" required:"true" example:"public.ecr.aws/nginx/nginx:${VERSION}" doc:"Image with tag or digest."`
	Command      []string                    `json:"command,omitempty" scalar:"text" doc:"Replaces the image's command, word by word."`
	CPU          *int                        `json:"cpu,omitempty" enum:"256,512,1024,2048,4096,8192,16384" why:"Fargate has no task of another size" unset:"the smallest that goes with memory" doc:"CPU units of a task; 1024 are one vCPU."`
	Memory       *int                        `json:"memory,omitempty" min:"512" max:"122880" unset:"the smallest that goes with cpu" doc:"MiB of a task. Each cpu has its own range."`
	Architecture string                      `json:"architecture,omitempty" enum:"x86_64,arm64" default:"x86_64" doc:"CPU architecture of the image."`
	Environment  map[string]value.Of[string] `json:"environment,omitempty" scalar:"text" keys:"^[A-Za-z_][A-Za-z0-9_.-]*$" keyForm:"the name of an environment variable" example:"{LOG_LEVEL: info}" doc:"Environment variables. Numbers and booleans stand as the text they are written as."`
	Secrets      map[string]value.Of[string] `json:"secrets,omitempty" keys:"^[A-Za-z_][A-Za-z0-9_.-]*$" keyForm:"the name of an environment variable" example:"{API_KEY: \"ssm:/shop/api-key\"}" doc:"Environment variables filled by ECS: the ARN of a secret in Secrets Manager, ssm:/path of a parameter, or a reference such as ${database.secretArn}. #key selects a key of a JSON secret."`
	Sidecars     []Sidecar                   `json:"sidecars,omitempty" unique:"name" doc:"Containers that run beside the main one in each task."`
	Deployment   Deployment                  `json:"deployment,omitempty" doc:"How a new revision replaces the old one."`
	Release      *Release                    `json:"release,omitempty" doc:"Command that must succeed before a new revision rolls out, such as the migration of a database."`
	Exec         bool                        `json:"exec,omitempty" doc:"Allow shells into running containers (ECS Exec)."`
	// SecurityGroups are those that others have made, such as the group of a database's clients.
	SecurityGroups []string `json:"securityGroups,omitempty" max:"4" why:"a task has five at most, one of them deployer's" unique:"true" pattern:"^sg-[0-9a-f]{8,17}$" form:"the id of a security group, such as sg-0123456789abcdef0" example:"[sg-0123456789abcdef0]" doc:"Ids of security groups that the tasks have beside their own."`
	Subnets        []string `json:"subnets,omitempty" min:"1" max:"16" why:"ECS takes no more" unique:"true" pattern:"^subnet-[0-9a-f]{8,17}$" form:"the id of a subnet, such as subnet-0123456789abcdef0" unset:"as the Network says" example:"[subnet-0123456789abcdef0]" doc:"Ids of the subnets of the VPC in which the tasks run, all public or none. In public ones they get a public IP."`
	Spot           bool     `json:"spot,omitempty" doc:"Run on Fargate Spot: cheaper, but AWS may stop tasks with two minutes' notice."`
}

// Sidecar is a container beside the main one. It shares the task's CPU, memory, network and role.
type Sidecar struct {
	Name        string                      `json:"name" required:"true" pattern:"^[a-zA-Z0-9][a-zA-Z0-9_-]{0,254}$" form:"the name of a container: letters, digits, - and _" doc:"Name of the container, not that of the component."`
	Image       value.Of[string]            `json:"image" required:"true" doc:"Image with tag or digest."`
	Command     []string                    `json:"command,omitempty" scalar:"text" doc:"Replaces the image's command, word by word."`
	CPU         int                         `json:"cpu,omitempty" min:"0" unset:"none" doc:"CPU units of the task that are reserved for it."`
	Memory      int                         `json:"memory,omitempty" min:"6" unset:"no limit of its own" doc:"MiB of the task that it may use at most."`
	Environment map[string]value.Of[string] `json:"environment,omitempty" scalar:"text" keys:"^[A-Za-z_][A-Za-z0-9_.-]*$" keyForm:"the name of an environment variable" doc:"Environment variables."`
	Secrets     map[string]value.Of[string] `json:"secrets,omitempty" keys:"^[A-Za-z_][A-Za-z0-9_.-]*$" keyForm:"the name of an environment variable" doc:"Environment variables from Secrets Manager or SSM, as for the main container."`
	Essential   bool                        `json:"essential,omitempty" default:"true" doc:"Stop the whole task when it stops."`
}

// Deployment says how a new revision replaces the old one.
type Deployment struct {
	CircuitBreaker    bool           `json:"circuitBreaker,omitempty" default:"true" doc:"Let ECS return to the last working revision when new tasks fail."`
	MinHealthyPercent int            `json:"minHealthyPercent,omitempty" min:"0" max:"100" default:"100" doc:"Percent of the desired tasks that keep running during a rollout, rounded up."`
	MaxPercent        int            `json:"maxPercent,omitempty" min:"100" max:"200" default:"200" doc:"Percent of the desired tasks that may run during a rollout, rounded down."`
	Timeout           value.Duration `json:"timeout,omitempty" min:"1m" max:"3h" default:"15m" doc:"How long a rollout may take before the apply fails."`
	Bake              value.Duration `json:"bake,omitempty" min:"0s" max:"24h" default:"0s" doc:"How long the new revision is watched after it has completed, before the apply is done."`
}

// Release is a task of the new revision that must succeed before the rollout.
type Release struct {
	Command []string       `json:"command" required:"true" min:"1" scalar:"text" example:"[python, manage.py, migrate]" doc:"Command in the main container, word by word, in place of its own. It must be safe to repeat."`
	Timeout value.Duration `json:"timeout,omitempty" min:"1m" max:"24h" default:"30m" doc:"How long the task may take; then it is stopped, and the apply fails."`
}

// Scaling is the shared part of how many tasks run.
type Scaling struct {
	Min      int        `json:"min,omitempty" min:"0" max:"5000" default:"1" doc:"Tasks that run at least."`
	Max      *int       `json:"max,omitempty" min:"0" max:"5000" unset:"min, which means no autoscaling" doc:"Tasks that run at most."`
	CPU      int        `json:"cpu,omitempty" min:"1" max:"100" unset:"70 if max is above min and no other target is given" doc:"Average CPU utilisation in percent to aim for."`
	Memory   int        `json:"memory,omitempty" min:"1" max:"100" unset:"does not count" doc:"Average memory utilisation in percent to aim for."`
	Schedule []Schedule `json:"schedule,omitempty" unique:"name" doc:"Limits that change by the clock."`
}

// Schedule changes the limits of scaling at given times.
type Schedule struct {
	_ struct{} `anyOf:"min,max" why:"an entry without both changes nothing"`

	Name     string `json:"name" required:"true" pattern:"^[a-zA-Z0-9][a-zA-Z0-9_-]{0,254}$" form:"the name of an entry: letters, digits, - and _" example:"office-hours" doc:"Name of this entry."`
	Cron     string `json:"cron" required:"true" example:"0 8 ? * MON-FRI *" doc:"When, in the six fields of AWS: minutes, hours, day of month, month, day of week, year."`
	Timezone string `json:"timezone,omitempty" unset:"UTC" example:"Europe/Berlin" doc:"Time zone of cron."`
	Min      *int   `json:"min,omitempty" min:"0" max:"5000" unset:"min stays what it is" doc:"min from then on."`
	Max      *int   `json:"max,omitempty" min:"0" max:"5000" unset:"max stays what it is" doc:"max from then on."`
}

// Limits are the tasks that run at least and at most.
func (s *Scaling) Limits() (least, most int) {
	if s.Max == nil {
		return s.Min, s.Min
	}
	return s.Min, *s.Max
}

// Automatic reports whether Application Auto Scaling sets the number of tasks, not deployer.
func (s *Scaling) Automatic() bool {
	least, most := s.Limits()
	return most > least || len(s.Schedule) > 0
}

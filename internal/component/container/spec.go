// Package container is what MicroService and Worker have in common: containers on Fargate with their roles, secrets, logs,
// security group, deployment and scaling.
//
// In: the shared part of a spec and what others grant. Out: resources of one ECS service, which the kind completes (ports,
// load balancer, backlog). It is no kind itself and must not do I/O.
package container

import (
	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/value"
)

// Spec is the shared part of MicroService and Worker; their specs embed it.
type Spec struct {
	component.Common
	component.Using

	Image        value.Of[string]            `json:"image" required:"true" doc:"Image with tag or digest, for instance public.ecr.aws/nginx/nginx:${VERSION}."`
	Command      []string                    `json:"command,omitempty" scalar:"text" doc:"Replaces the image's command, word by word."`
	CPU          *int                        `json:"cpu,omitempty" doc:"CPU units of a task, 1024 are one vCPU: 256, 512, 1024, 2048, 4096, 8192 or 16384. Default: the smallest that goes with memory."`
	Memory       *int                        `json:"memory,omitempty" doc:"MiB of a task. Default: the smallest that goes with cpu."`
	Architecture string                      `json:"architecture,omitempty" enum:"x86_64,arm64" doc:"CPU architecture of the image. Default x86_64."`
	Environment  map[string]value.Of[string] `json:"environment,omitempty" scalar:"text" doc:"Environment variables. Numbers and booleans stand as the text they are written as."`
	Secrets      map[string]value.Of[string] `json:"secrets,omitempty" doc:"Environment variables filled by ECS: the ARN of a secret in Secrets Manager, ssm:/path of a parameter, or a reference such as ${database.secretArn}. #key picks a key of a JSON secret."`
	Sidecars     []Sidecar                   `json:"sidecars,omitempty" doc:"Containers that run beside the main one in each task."`
	Deployment   *Deployment                 `json:"deployment,omitempty" doc:"How a new revision replaces the old one."`
	Exec         bool                        `json:"exec,omitempty" doc:"Allow shells into running containers (ECS Exec)."`
	Spot         bool                        `json:"spot,omitempty" doc:"Run on Fargate Spot: cheaper, and AWS may take tasks away at two minutes' notice."`
}

// Sidecar is a container beside the main one. It shares the task's CPU, memory, network and role.
type Sidecar struct {
	Name        string                      `json:"name" required:"true" doc:"Name of the container, not that of the component."`
	Image       value.Of[string]            `json:"image" required:"true" doc:"Image with tag or digest."`
	Command     []string                    `json:"command,omitempty" scalar:"text" doc:"Replaces the image's command, word by word."`
	CPU         int                         `json:"cpu,omitempty" doc:"CPU units set aside for it, out of the task's."`
	Memory      int                         `json:"memory,omitempty" doc:"MiB it may use at most, out of the task's."`
	Environment map[string]value.Of[string] `json:"environment,omitempty" scalar:"text" doc:"Environment variables."`
	Secrets     map[string]value.Of[string] `json:"secrets,omitempty" doc:"Environment variables from Secrets Manager or SSM, as for the main container."`
	Essential   *bool                       `json:"essential,omitempty" doc:"Stop the whole task when it stops. Default true."`
}

// Deployment says how a new revision replaces the old one.
type Deployment struct {
	CircuitBreaker    *bool          `json:"circuitBreaker,omitempty" doc:"Let ECS go back to the last working revision when new tasks fail. Default true."`
	MinHealthyPercent *int           `json:"minHealthyPercent,omitempty" doc:"Percent of the desired tasks that keep running meanwhile, rounded up. Default 100."`
	MaxPercent        *int           `json:"maxPercent,omitempty" doc:"Percent of the desired tasks that may run meanwhile, rounded down. Default 200."`
	Timeout           value.Duration `json:"timeout,omitempty" doc:"How long a rollout may take before the apply fails. Default 15m."`
	Bake              value.Duration `json:"bake,omitempty" doc:"How long the new revision is watched after it has completed, before the apply is done. Default 0s."`
}

// Scaling is the shared part of how many tasks run.
type Scaling struct {
	Min      *int       `json:"min,omitempty" doc:"Tasks that run at least. Default 1."`
	Max      *int       `json:"max,omitempty" doc:"Tasks that run at most. Default: min, which means no autoscaling."`
	CPU      int        `json:"cpu,omitempty" doc:"Average CPU utilisation in percent to aim for."`
	Memory   int        `json:"memory,omitempty" doc:"Average memory utilisation in percent to aim for."`
	Schedule []Schedule `json:"schedule,omitempty" doc:"Limits that change by the clock."`
}

// Schedule changes the limits of scaling at given times.
type Schedule struct {
	Name     string `json:"name" required:"true" doc:"Name of this entry, for instance office-hours."`
	Cron     string `json:"cron" required:"true" doc:"When, in the six fields of AWS: minutes hours day-of-month month day-of-week year, for instance 0 8 ? * MON-FRI *."`
	Timezone string `json:"timezone,omitempty" doc:"Time zone of cron, for instance Europe/Berlin. Default UTC."`
	Min      *int   `json:"min,omitempty" doc:"min from then on."`
	Max      *int   `json:"max,omitempty" doc:"max from then on."`
}

// Limits are the tasks that run at least and at most; scaling may be nil.
func (s *Scaling) Limits() (least, most int) {
	least = 1
	if s == nil {
		return least, least
	}
	if s.Min != nil {
		least = *s.Min
	}
	most = least
	if s.Max != nil {
		most = *s.Max
	}
	return least, most
}

// Automatic reports whether the number of tasks is Application Auto Scaling's business instead of ours.
func (s *Scaling) Automatic() bool {
	if s == nil {
		return false
	}
	least, most := s.Limits()
	return most > least || len(s.Schedule) > 0
}

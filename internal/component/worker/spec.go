// Package worker is the kind Worker: containers that receive no requests. They read a queue or work on their own.
//
// In: an instance of the kind. Out: an ECS service on Fargate without ports, scaled by load, by schedule or by the
// backlog of a queue. It is pure and must not repeat what MicroService needs, too: that is in package container.
package worker

import (
	"slices"
	"strings"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/component/container"
	"github.com/company/deployer/internal/value"
)

// Spec is what users write below spec.
type Spec struct {
	container.Spec

	Scaling     Scaling      `json:"scaling,omitempty" doc:"How many tasks run."`
	HealthCheck *HealthCheck `json:"healthCheck,omitempty" doc:"When a task counts as healthy."`
}

// Scaling is how many tasks run.
type Scaling struct {
	container.Scaling
	Queue          string `json:"queue,omitempty" unset:"no queue counts" doc:"The SQS component, one of uses, whose backlog decides the number of tasks."`
	BacklogPerTask int    `json:"backlogPerTask,omitempty" min:"1" default:"100" needs:"queue" doc:"Waiting messages per running task to aim for: as many as one task processes within the delay that you accept."`
}

// HealthCheck says when a task is healthy.
type HealthCheck struct {
	Command []string `json:"command" required:"true" min:"1" example:"[test, -f, /tmp/ready]" doc:"Command in the main container that exits with 0 when it is healthy."`
}

func check(in component.Instance, s *Spec) []value.Problem {
	least, _ := s.Scaling.Limits()
	problems := s.Spec.Check(in, least)
	problems = append(problems, s.Scaling.Check(s.Scaling.Queue != "")...)
	if s.Scaling.Queue == "" {
		return problems
	}
	at := func(key string) []string { return []string{"scaling", key} }
	switch verbs, used := s.Uses[s.queue(in)]; {
	case !used:
		problems = append(problems, component.Invalid(at("queue"), "%q is not in uses: add `%s: [receive]` there",
			s.Scaling.Queue, s.Scaling.Queue).RestsOn("uses"))
	case !slices.Contains(verbs, "receive"):
		problems = append(problems, component.Invalid(at("queue"),
			"the worker must receive from the queue by which it scales: add "+
				"receive to uses.%s", s.Scaling.Queue).RestsOn("uses"))
	case !s.Scaling.Automatic():
		problems = append(problems, component.Invalid(at("queue"),
			"has no effect unless max is above min: raise max"))
	}
	return problems
}

// queue is the full address of scaling.queue.
func (s *Spec) queue(in component.Instance) string {
	if strings.Contains(s.Scaling.Queue, "/") {
		return s.Scaling.Queue
	}
	return in.Service + "/" + s.Scaling.Queue
}

package ecs

import "github.com/company/deployer/internal/value"

// ReleaseType is the resource type of a release task.
const ReleaseType = "ecs/release"

// Release is a task that must succeed before a service gets a new revision: a migration of the database. AWS has no
// object for it: the object is the record of the last task that succeeded.
type Release struct {
	Name           string           `json:"name" required:"true" doc:"Name that marks the tasks: startedBy is release/NAME."`
	Cluster        value.Of[string] `json:"cluster" required:"true" doc:"Name or ARN of the cluster."`
	TaskDefinition value.Of[string] `json:"taskDefinition" required:"true" doc:"ARN of the revision that the task runs. A new one runs the task again."`
	Container      string           `json:"container" required:"true" doc:"Container that runs the command."`
	Command        []string         `json:"command" required:"true" doc:"Command, in place of the container's own. Another command runs the task again."`
	Timeout        int              `json:"timeout,omitempty" unset:"1800" doc:"Seconds after which the task is stopped and counts as failed."`

	Subnets        value.Of[[]string] `json:"subnets" required:"true" doc:"Ids of the task's subnets."`
	SecurityGroups value.Of[[]string] `json:"securityGroups" doc:"Ids of the task's security groups."`
	AssignPublicIP value.Of[bool]     `json:"assignPublicIp" doc:"A public IP for the task; needed in public subnets to pull the image."`
}

// ReleaseOutputs is what a run adds to a Release.
type ReleaseOutputs struct {
	Task   string `json:"task"`   // ARN of the last task
	Result string `json:"result"` // ReleaseSucceeded, or empty while the task runs and after it failed
}

// ReleaseSucceeded is the result of a task that ended with code 0.
const ReleaseSucceeded = "SUCCEEDED"

package rollout

import (
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// standing is what one answer about a service says about our deployment.
type standing int

const (
	undecided  standing = iota // in progress, or the answer is older than our deployment
	steady                     // PRIMARY, COMPLETED, and as many tasks run as desired
	failed                     // FAILED and still PRIMARY: ECS has no deployment to return to
	rolledBack                 // ECS returned to an earlier deployment
	superseded                 // somebody else started another deployment
	gone                       // the service is no longer active
	outdated                   // an earlier deployment is PRIMARY: usually the answer is older than ours
)

// target identifies the deployment that an apply started.
type target struct {
	id             string // "" if the answer was lost: then it is the PRIMARY with the task definition
	created        time.Time
	taskDefinition string
	previous       string
}

// stand decides by the service alone. ECS lists a deployment until its tasks are gone, so a failed one may be missing.
func stand(svc types.Service, t target) standing {
	if status := aws.ToString(svc.Status); status != "" && status != "ACTIVE" {
		return gone
	}
	primary := Primary(svc)
	if primary == nil {
		return undecided
	}
	if aws.ToString(primary.Id) == t.id || t.id == "" &&
		SameRevision(aws.ToString(primary.TaskDefinition), t.taskDefinition) {
		switch {
		case primary.RolloutState == types.DeploymentRolloutStateFailed:
			return failed
		case primary.RolloutState == types.DeploymentRolloutStateCompleted &&
			svc.RunningCount == svc.DesiredCount && svc.PendingCount == 0 &&
			primary.RunningCount == primary.DesiredCount && primary.DesiredCount == svc.DesiredCount:
			return steady
		}
		return undecided
	}
	ours := deployment(svc, t.id)
	if ours == nil && primary.CreatedAt != nil && primary.CreatedAt.Before(t.created) {
		return outdated // ECS is eventually consistent
	}
	switch {
	case ours != nil && ours.RolloutState == types.DeploymentRolloutStateFailed,
		strings.Contains(strings.ToLower(aws.ToString(primary.RolloutStateReason)), "rolling back"),
		strings.Contains(strings.ToLower(aws.ToString(primary.RolloutStateReason)), "rollback"),
		t.previous != "" && SameRevision(aws.ToString(primary.TaskDefinition), t.previous):
		return rolledBack
	}
	return superseded
}

// Primary returns the deployment that ECS is bringing about, nil if there is none.
func Primary(svc types.Service) *types.Deployment {
	for i, d := range svc.Deployments {
		if aws.ToString(d.Status) == "PRIMARY" {
			return &svc.Deployments[i]
		}
	}
	return nil
}

// Running returns the ARN of the task definition that the service really runs: the PRIMARY's if its rollout is
// completed, else that of the deployment it replaces, "" if there is none.
func Running(svc types.Service) string {
	primary := Primary(svc)
	if primary == nil {
		return aws.ToString(svc.TaskDefinition)
	}
	if primary.RolloutState == types.DeploymentRolloutStateCompleted || primary.RolloutState == "" {
		return aws.ToString(primary.TaskDefinition)
	}
	for _, d := range svc.Deployments {
		if aws.ToString(d.Status) == "ACTIVE" && d.RolloutState != types.DeploymentRolloutStateFailed &&
			d.RunningCount > 0 {
			return aws.ToString(d.TaskDefinition)
		}
	}
	return ""
}

// SameRevision compares two task definitions, each an ARN or family:revision.
func SameRevision(a, b string) bool {
	return a != "" && b != "" && familyRevision(a) == familyRevision(b)
}

// familyRevision returns "family:revision".
func familyRevision(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }

// revision returns the number of a revision as text: "12".
func revision(arn string) string {
	_, number, _ := strings.Cut(familyRevision(arn), ":")
	return number
}

func deployment(svc types.Service, id string) *types.Deployment {
	for i, d := range svc.Deployments {
		if id != "" && aws.ToString(d.Id) == id {
			return &svc.Deployments[i]
		}
	}
	return nil
}

package rollout

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/company/deployer/internal/diag"
)

// failure is a rollout that will not succeed.
type failure struct {
	cause    Cause
	crash    *crash // it decided the failure, or explains it best
	event    string // an ECS event that explains the failure
	stop     bool   // the deployment continues unless we stop it
	goesBack bool   // ECS returns to the earlier deployment by itself
	late     bool   // the time ran out
	bake     bool   // the rollout had been completed
}

// fail ends the rollout, waits until the deployment that ECS returns to is stable, and explains.
func (r *run) fail(ctx context.Context, f *failure) error {
	if r.standing {
		f.stop = false // the deployment was fine before; an unrelated change must not remove it
	}
	r.explain(f)
	detail, outcome := sentence(f.what(r)), ""
	if f.stop {
		r.say("stopping the rollout of revision " + revision(r.goal.TaskDefinition) + ": " + f.short())
		outcome = r.stop(ctx)
	}
	lines, group := r.lastLines(ctx, f.crash)
	if f.goesBack || f.stop && outcome == "" {
		outcome = r.goBack(ctx)
	}
	if f.late && !f.stop && !r.standing {
		outcome = "ECS continues to try, because deployment.circuitBreaker is false"
	}
	if outcome != "" {
		detail += " " + sentence(outcome)
	}
	d := diag.New(diag.Failed, "Rollout failed", detail, sentence(r.next(f, group))).For(r.goal.Component)
	d.Lines = lines
	return d
}

func sentence(text string) string { return strings.ToUpper(text[:1]) + text[1:] + "." }

// explain looks for the cause of a rollout that ECS or the timeout ended. Crashes tell most, then the load balancer,
// then ECS's events.
func (r *run) explain(f *failure) {
	if f.cause == Superseded || f.cause == Deleted {
		return
	}
	if f.crash == nil && len(r.crashes) > 0 {
		best := &r.crashes[len(r.crashes)-1]
		for i, c := range r.crashes {
			if r.times(c) > r.times(*best) {
				best = &r.crashes[i]
			}
		}
		f.crash = best
	}
	if f.crash != nil {
		f.cause = f.crash.cause
	}
	for i := len(r.events) - 1; i >= 0; i-- {
		cause, ok := eventCause(aws.ToString(r.events[i].Message))
		if !ok || f.crash != nil && f.crash.cause != cause {
			continue
		}
		f.event = plainEvent(r.events[i])
		if f.crash == nil {
			f.cause = cause
		}
		break
	}
	if f.crash == nil && f.event == "" && r.noRoom != "" {
		f.cause, f.event = Capacity, r.noRoom
	}
	if f.crash == nil && f.event == "" && r.targets.sick > 0 {
		f.cause = TargetHealth
	}
}

func (f *failure) short() string {
	if f.crash != nil {
		return f.crash.String()
	}
	if f.event != "" {
		return f.event
	}
	return string(f.cause)
}

// what says in one or two sentences what happened.
func (f *failure) what(r *run) string {
	rev := revision(r.goal.TaskDefinition)
	var parts []string
	switch {
	case f.cause == Superseded:
		p := Primary(r.service)
		return fmt.Sprintf("during the rollout of revision %s, somebody else started the deployment %s with "+
			"revision %s",
			rev, aws.ToString(p.Id), revision(aws.ToString(p.TaskDefinition)))
	case f.cause == Deleted:
		return "the service was deleted during the rollout"
	case f.late:
		var running int32 // of the new revision: tasks of the old one keep running
		if d := deployment(r.service, r.target.id); d != nil {
			running = d.RunningCount
		}
		parts = append(parts, fmt.Sprintf("revision %s did not start within %s: %d of its %d tasks run", rev,
			r.goal.Timeout, running, r.service.DesiredCount))
	case f.bake:
		parts = append(parts, fmt.Sprintf("revision %s started, but did not keep running", rev))
	default:
		parts = append(parts, fmt.Sprintf("revision %s did not start", rev))
	}
	if f.crash != nil {
		parts = append(parts, f.crash.describe(r.times(*f.crash)))
	} else if f.cause == TargetHealth {
		parts = append(parts,
			strings.TrimRight(fmt.Sprintf("targets %d/%d healthy: %s", r.targets.healthy, r.targets.wanted,
				r.targets.reason), ": "))
	}
	if f.event != "" {
		parts = append(parts, "ECS says: "+strings.TrimRight(f.event, "."))
	} else if f.crash == nil {
		if d := deployment(r.service, r.target.id); d != nil && d.RolloutState == types.DeploymentRolloutStateFailed &&
			aws.ToString(d.RolloutStateReason) != "" {
			parts = append(parts, "ECS says: "+strings.TrimRight(*d.RolloutStateReason, "."))
		}
	}
	return strings.Join(parts, "; ")
}

// next is the step that most likely helps.
func (r *run) next(f *failure, group string) string {
	logs := "its output"
	if group != "" {
		logs = "log group " + group
	}
	switch f.cause {
	case Crash:
		if f.crash != nil && f.crash.exitCode != nil && *f.crash.exitCode == 0 {
			return "a service must keep running, but the container ended by itself: check command; see " + logs
		}
	case ContainerHealth:
		return "check healthCheck.command (it runs inside the container), its timeout and its start period; see " + logs
	case TargetHealth:
		return "check healthCheck.path and healthCheck.port, that the application answers there with 200 on 0.0.0.0, " +
			"that the security group lets the load balancer in, and whether the grace period is long enough"
	case Superseded:
		return "find out who else deploys this service, then apply again"
	case Deleted:
		return "run `deployer apply --refresh`: it finds that the service does not exist, and creates it"
	}
	if next := f.cause.next(logs); next != "" {
		return next
	}
	return "see the events of the service in the ECS console and " + logs +
		", then apply again; raise deployment.timeout if the rollout only needs more time"
}

// next is the step that most likely helps against a cause that has nothing to do with a service; "" for other causes.
func (c Cause) next(logs string) string {
	switch c {
	case Crash:
		return "fix what the last lines say (a missing environment variable, an unreachable host, a wrong command), " +
			"then apply again; more in " + logs
	case OutOfMemory:
		return "raise memory (exit code 137 is a kill, nearly always for memory), or make the application " +
			"use less; see " + logs
	case ImagePull:
		return "check that the image's name and tag exist in its registry, that the execution role may read that " +
			"repository, and that the subnets have a route to it"
	case CannotStart:
		return "check command and entryPoint, and that the image is built for the component's architecture"
	case Secrets:
		return "check that each ARN or path under secrets exists in this account and region, that its JSON key " +
			"exists, and that the execution role may read it"
	case Initialization:
		return "check that the log group exists and that the subnets have a route to the AWS services that " +
			"the task needs"
	case Capacity:
		return "wait and apply again, or use more subnets (zones, free addresses) or a higher Fargate quota; spot " +
			"capacity changes all the time"
	case AssumeRole:
		return "check that the trust policies of task role and execution role name ecs-tasks.amazonaws.com, then " +
			"apply again"
	}
	return ""
}

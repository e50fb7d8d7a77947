package rollout

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// Cause classifies why a rollout does not succeed.
type Cause string

// The causes.
const (
	Crash           Cause = "crash"            // an essential container exited
	OutOfMemory     Cause = "out of memory"    // killed because it used too much memory
	ImagePull       Cause = "image pull"       // the image cannot be pulled
	CannotStart     Cause = "cannot start"     // the image does not start: wrong command or architecture
	Secrets         Cause = "secrets"          // a secret or parameter cannot be read
	Initialization  Cause = "initialization"   // another resource of the task failed: log group, network, volume
	ContainerHealth Cause = "container health" // the container's own health check fails
	TargetHealth    Cause = "target health"    // the load balancer's health check fails
	Capacity        Cause = "capacity"         // no room for tasks: Fargate capacity, addresses, quota
	AssumeRole      Cause = "assume role"      // ECS may not use a role of the task definition
	RolledBack      Cause = "rolled back"      // by ECS, nothing more is known
	Superseded      Cause = "superseded"       // somebody else deployed
	Deleted         Cause = "deleted"          // the service is gone
	TimedOut        Cause = "timeout"          // not decided in time, nothing more is known
	BakeFailed      Cause = "bake"             // completed, but failed during the bake
)

// crash is a task of our deployment that stopped although nobody stopped it.
type crash struct {
	cause     Cause
	taskID    string
	container string // "" if no single one is to blame
	exitCode  *int32
	reason    string
	stopped   time.Time
	early     bool // about a permission that may not have reached all of AWS yet
}

// key is equal for repetitions of the same crash. Ids, addresses and times differ from task to task.
func (c crash) key() string {
	code := "-"
	if c.exitCode != nil {
		code = fmt.Sprint(*c.exitCode)
	}
	return strings.Join([]string{string(c.cause), c.container, code, variable.ReplaceAllString(c.reason, "*")}, "|")
}

var variable = regexp.MustCompile(
	`(?i)\b(?:[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{8,}|\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?|i-[0-9a-f]+|eni-[0-9a-f]+)\b`)

// denied reports whether ECS lacked a permission of the execution role.
func (c crash) denied() bool {
	switch c.cause {
	case ImagePull, Secrets, Initialization:
		return contains(c.reason, "AccessDenied", "not authorized to perform", "403 Forbidden")
	}
	return false
}

// enough is how many identical crashes decide. A second crash of a container is no accident. Health checks may depend
// on something that is still starting, so ECS gets its own minimum of three.
func (c crash) enough() int {
	switch c.cause {
	case ContainerHealth, TargetHealth:
		return 3
	}
	return 2
}

func (c crash) String() string { return c.describe(1) }

// describe says what stopped, how often and why.
func (c crash) describe(times int) string {
	text := "a task"
	if c.container != "" {
		text = fmt.Sprintf("container %q", c.container)
	}
	switch {
	case c.exitCode != nil && c.cause == OutOfMemory:
		text += fmt.Sprintf(" was killed because it used too much memory (exit code %d)", *c.exitCode)
	case c.exitCode != nil:
		text += fmt.Sprintf(" exited with code %d", *c.exitCode)
	case c.cause == ImagePull, c.cause == Secrets, c.cause == Initialization, c.cause == CannotStart:
		text += " did not start"
	default:
		text += " was stopped"
	}
	if times > 1 {
		text += fmt.Sprintf(", %d times", times)
	}
	if c.reason != "" {
		text += ": " + strings.TrimRight(c.reason, ". ")
	}
	return text
}

// classify says why a stopped task stopped; ok is false if the deployment is not to blame: the task was scaled in,
// replaced, moved, interrupted (spot) or stopped by hand, or waits for capacity.
func classify(task types.Task) (crash, bool) {
	c := crash{
		taskID: familyRevision(aws.ToString(task.TaskArn)), reason: aws.ToString(task.StoppedReason),
		stopped: aws.ToTime(task.StoppedAt),
	}
	container := guilty(task)
	detail := ""
	if container != nil {
		detail = aws.ToString(container.Reason)
	}
	all := c.reason + " " + detail
	switch {
	case contains(all, "CannotPullContainer", "CannotPullImage", "CannotPullECRContainer"):
		c.cause = ImagePull
	case contains(all, "ResourceInitializationError"):
		c.cause = initialization(all)
	case contains(all, "Capacity is unavailable", "InsufficientFreeAddresses", "RESOURCE:"),
		task.StopCode == types.TaskStopCodeTaskFailedToStart &&
			contains(c.reason, "network interface", "NetworkInterfaceLimitExceeded"):
		c.cause = Capacity
		return c, false
	case contains(all, "OutOfMemory"):
		c.cause = OutOfMemory
	case contains(all, "CannotStartContainer", "CannotCreateContainer", "exec format error", "ContainerRuntimeError"):
		c.cause = CannotStart
	case contains(c.reason, "ELB health checks"):
		c.cause, container = TargetHealth, nil
	case contains(c.reason, "container health checks"):
		c.cause = ContainerHealth
	case task.StopCode == types.TaskStopCodeServiceSchedulerInitiated, task.StopCode == types.TaskStopCodeUserInitiated,
		task.StopCode == types.TaskStopCodeSpotInterruption, task.StopCode == types.TaskStopCodeTerminationNotice,
		task.StopCode == types.TaskStopCodeInfrastructureHealth, contains(c.reason, "Scaling activity initiated"):
		return c, false
	case container != nil && container.ExitCode != nil && *container.ExitCode == 137:
		c.cause = OutOfMemory
	case task.StopCode == types.TaskStopCodeEssentialContainerExited, contains(c.reason, "Essential container"):
		c.cause = Crash
	case task.StopCode == types.TaskStopCodeTaskFailedToStart:
		c.cause = CannotStart
	default:
		return c, false
	}
	if container != nil {
		c.container = aws.ToString(container.Name)
		if c.cause == Crash || c.cause == OutOfMemory || c.cause == CannotStart {
			c.exitCode = container.ExitCode
		}
	}
	if detail != "" && !strings.Contains(c.reason, detail) {
		c.reason = strings.TrimSpace(strings.TrimRight(c.reason, ". ") + ": " + detail)
	}
	return c, true
}

// initialization tells apart two causes for which ECS has the same words, "unable to pull secrets or registry auth".
func initialization(text string) Cause {
	rest := strings.ReplaceAll(text, "unable to pull secrets or registry auth", "")
	switch {
	case contains(rest, "registry auth"):
		return ImagePull
	case contains(rest, "logger", "log group"):
		return Initialization
	case contains(text, "secret", "ssm", "parameter"):
		return Secrets
	}
	return Initialization
}

// Declared are the containers of a task that its task definition has. If GuardDuty watches the account, AWS adds its
// agent to each task on Fargate. The agent often cannot start, because the execution role may not pull its image, and
// the task runs without it.
func Declared(containers []types.Container) []types.Container {
	return slices.DeleteFunc(slices.Clone(containers), func(c types.Container) bool {
		return strings.HasPrefix(aws.ToString(c.Name), "aws-guardduty-agent-")
	})
}

// guilty picks the container to blame: one with a reason, else one that failed its health check, else the one with the
// worst exit code. Containers that ECS stopped afterwards have 0, 143, or 137 if they did not end in time. One that
// used too much memory has 137, too, but Fargate gives a reason.
func guilty(task types.Task) *types.Container {
	var best *types.Container
	rank := -1
	containers := Declared(task.Containers)
	for i := range containers {
		c := &containers[i]
		r := 0
		switch {
		case aws.ToString(c.Reason) != "":
			r = 6
		case c.HealthStatus == types.HealthStatusUnhealthy:
			r = 5
		case c.ExitCode == nil:
		case *c.ExitCode == 143:
			r = 1
		case *c.ExitCode == 137:
			r = 2
		case *c.ExitCode == 0:
			r = 3
		default:
			r = 4
		}
		if r > rank {
			best, rank = c, r
		}
	}
	return best
}

// eventCause reads ECS's message about a task that it cannot even start.
func eventCause(message string) (Cause, bool) {
	switch {
	case contains(message, "unable to assume the role", "unable to assume role"):
		return AssumeRole, true
	case contains(message, "unable to place a task", "Capacity is unavailable", "capacity is not available",
		"InsufficientFreeAddresses",
		"RESOURCE:ENI", "limit on the number of tasks", "You've reached the limit"):
		return Capacity, true
	case contains(message, "CannotPullContainer"):
		return ImagePull, true
	case contains(message, "is unhealthy in (target-group"), contains(message, "is unhealthy in target-group"):
		return TargetHealth, true
	}
	return "", false
}

func contains(text string, parts ...string) bool {
	text = strings.ToLower(text)
	for _, part := range parts {
		if strings.Contains(text, strings.ToLower(part)) {
			return true
		}
	}
	return false
}

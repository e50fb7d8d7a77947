// Package task runs single tasks of ECS: it starts them, finds those that were started before, waits for their end and
// reads what they logged.
//
// In: what RunTask takes; a task's ARN. Out: the task as ECS describes it, its exit code, its log lines. It must not
// decide what a task is for, what its end means to others, nor print.
package task

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"golang.org/x/sync/errgroup"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/rollout"
	"github.com/company/deployer/internal/resource"
)

// Runner starts and watches tasks.
type Runner struct {
	cfg  aws.Config
	now  func() time.Time
	ecs  *ecs.Client
	logs *cloudwatchlogs.Client
}

// New returns a Runner.
func New(cfg aws.Config) *Runner {
	return &Runner{
		cfg: cfg, now: rollout.SystemClock().Now, ecs: ecs.NewFromConfig(cfg), logs: cloudwatchlogs.NewFromConfig(cfg),
	}
}

// Statuses of a task, of those that callers ask for.
const (
	Running = "RUNNING"
	Stopped = "STOPPED"
)

// ErrUnknown is wrapped by errors about a task that ECS does not know: it never existed, or ended more than an hour
// ago.
var ErrUnknown = errors.New("ECS does not know the task")

// Start starts one task. AWS API: ecs:RunTask. in.ClientToken makes a repetition harmless.
func (r *Runner) Start(ctx context.Context, in *ecs.RunTaskInput) (types.Task, error) {
	in.Count = aws.Int32(1)
	out, err := r.ecs.RunTask(ctx, in)
	if err != nil {
		return types.Task{}, call.Error(err)
	}
	if len(out.Tasks) == 0 {
		why := "ECS gives no reason"
		if len(out.Failures) > 0 {
			why = strings.TrimSpace(aws.ToString(out.Failures[0].Reason) + " " + aws.ToString(out.Failures[0].Detail))
		}
		return types.Task{}, &resource.OpError{
			Operation: "ecs:RunTask", Message: "no task was started: " + why,
			Err: errors.New(why),
		}
	}
	return out.Tasks[0], nil
}

// StartedBy returns the tasks with that mark, the newest first: those that run, and those that ended within about an
// hour, as long as ECS lists them.
func (r *Runner) StartedBy(ctx context.Context, cluster, mark string) ([]types.Task, error) {
	return r.list(ctx, ecs.ListTasksInput{Cluster: &cluster, StartedBy: &mark})
}

// OfFamily is StartedBy for the tasks of all revisions of a task definition, whoever started them.
func (r *Runner) OfFamily(ctx context.Context, cluster, family string) ([]types.Task, error) {
	return r.list(ctx, ecs.ListTasksInput{Cluster: &cluster, Family: &family})
}

func (r *Runner) list(ctx context.Context, which ecs.ListTasksInput) ([]types.Task, error) {
	var found [2][]string
	both, listing := errgroup.WithContext(ctx)
	for i, status := range []types.DesiredStatus{types.DesiredStatusRunning, types.DesiredStatusStopped} {
		both.Go(func() (err error) {
			in := which
			in.DesiredStatus = status
			found[i], err = call.All(listing, r.ecs.ListTasks, &in, &in.NextToken, taskARNs)
			return err
		})
	}
	switch err := both.Wait(); {
	case call.HasCode(err, "ClusterNotFoundException"):
		return nil, nil
	case err != nil:
		return nil, call.Error(err)
	}
	// A task that stops meanwhile is in both lists.
	arns := slices.Compact(slices.Sorted(slices.Values(slices.Concat(found[0], found[1]))))
	tasks, err := r.described(ctx, *which.Cluster, arns)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(tasks, func(a, b types.Task) int {
		if c := aws.ToTime(b.CreatedAt).Compare(aws.ToTime(a.CreatedAt)); c != 0 {
			return c
		}
		return cmp.Compare(aws.ToString(a.TaskArn), aws.ToString(b.TaskArn))
	})
	return tasks, nil
}

func taskARNs(page *ecs.ListTasksOutput) ([]string, *string) { return page.TaskArns, page.NextToken }

func (r *Runner) described(ctx context.Context, cluster string, arns []string) ([]types.Task, error) {
	var tasks []types.Task
	for some := range slices.Chunk(arns, 100) { // as many as DescribeTasks takes
		out, err := r.ecs.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &cluster, Tasks: some})
		if err != nil {
			return nil, call.Error(err)
		}
		tasks = append(tasks, out.Tasks...)
	}
	return tasks, nil
}

// Describe returns a task, or an error that wraps ErrUnknown.
func (r *Runner) Describe(ctx context.Context, cluster, arn string) (types.Task, error) {
	out, err := r.ecs.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &cluster, Tasks: []string{arn}})
	if err != nil {
		return types.Task{}, call.Error(err)
	}
	if len(out.Tasks) == 0 {
		return types.Task{}, fmt.Errorf("task %s: %w", ID(arn), ErrUnknown)
	}
	return out.Tasks[0], nil
}

// pace of looking at a task. A task takes half a minute to start on Fargate.
var pace = call.Pace{First: time.Second, Longest: 5 * time.Second}

// appearAfter is how many times ECS may not know a task that it has just started: for about a minute.
const appearAfter = 15

// ErrTimeout is returned by Await when the task did not end in time.
var ErrTimeout = errors.New("the task did not end in time")

// Await returns the task when it has stopped. look is called with each new description; nil: nobody wants to know. A
// limit of 0 is none: the wait then ends with the task or with the context.
func (r *Runner) Await(
	ctx context.Context, cluster, arn string, limit time.Duration, look func(types.Task),
) (types.Task, error) {
	var last types.Task
	paced := pace
	if paced.Limit = limit; limit == 0 {
		paced.Limit = 100 * 365 * 24 * time.Hour
	}
	var failed error
	unknown := 0
	err := call.Wait(ctx, paced, "the end of task "+ID(arn), func(ctx context.Context) (bool, error) {
		var found types.Task
		found, failed = r.Describe(ctx, cluster, arn)
		if errors.Is(failed, ErrUnknown) && last.TaskArn == nil && unknown < appearAfter {
			unknown++ // descriptions are eventually consistent
			failed = nil
			return false, nil
		}
		if failed != nil {
			return false, failed
		}
		last = found
		if look != nil {
			look(found)
		}
		return aws.ToString(found.LastStatus) == Stopped, nil
	})
	if err != nil && failed == nil && ctx.Err() == nil {
		err = ErrTimeout
	}
	return last, err
}

// Stop asks ECS to stop a task: its containers get SIGTERM, and SIGKILL after 30 seconds. A task that has stopped or
// that ECS does not know is no error.
func (r *Runner) Stop(ctx context.Context, cluster, arn, reason string) error {
	_, err := r.ecs.StopTask(ctx, &ecs.StopTaskInput{Cluster: &cluster, Task: &arn, Reason: &reason})
	if call.HasCode(err, "InvalidParameterException") && strings.Contains(err.Error(), "not found") ||
		call.HasCode(err, "ClusterNotFoundException") {
		return nil
	}
	return call.Error(err)
}

// ExitCode is that of a container of a stopped task; nil when the container never ran.
func ExitCode(t types.Task, container string) *int32 {
	for _, c := range t.Containers {
		if aws.ToString(c.Name) == container {
			return c.ExitCode
		}
	}
	return nil
}

// Command returns the command that a task runs in a container in place of the container's own.
func Command(t types.Task, container string) []string {
	if t.Overrides == nil {
		return nil
	}
	for _, o := range t.Overrides.ContainerOverrides {
		if aws.ToString(o.Name) == container {
			return o.Command
		}
	}
	return nil
}

// ID is the last part of a task's ARN.
func ID(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }

// Short is an id for people.
func Short(arn string) string { id := ID(arn); return id[:min(len(id), 8)] }

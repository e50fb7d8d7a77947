package ecs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/rollout"
	"github.com/company/deployer/internal/aws/task"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/resource"
	wanted "github.com/company/deployer/internal/resource/ecs"
	"github.com/company/deployer/internal/resource/iam"
	"github.com/company/deployer/internal/resource/logs"
	"github.com/company/deployer/internal/value"
)

const (
	releaseTimeout = 30 * time.Minute
	// releaseLines is how much of the log of a failed task is shown.
	releaseLines = 50
	// releaseStarts is how often a task is started that cannot begin because IAM has not spread its role's policy yet.
	releaseStarts = 6
)

type releaseCall = resource.Call[wanted.Release, wanted.ReleaseOutputs]

type release struct {
	tasks *task.Runner
	clock rollout.Clock
}

// newRelease: AWS has no object for it. A create or an update runs the task, unless a task of the same revision with
// the same command runs or has succeeded: then an interrupted run started it.
func newRelease(tasks *task.Runner) resource.Behaviour {
	r := &release{tasks, rollout.SystemClock()}
	return &resource.Typed[wanted.Release, wanted.ReleaseOutputs]{
		Def: resource.Definition{
			Type: wanted.ReleaseType, Version: 1, ReplaceOn: []string{"name"},
			Remark: releaseRemark,
			NotYet: []resource.NotYet{{
				Operations: []string{"ecs:RunTask"},
				Codes: []string{
					"ClientException", "InvalidParameterException", "ClusterNotFoundException",
				},
				Says: []string{
					"unable to assume", "service linked role", "service-linked role", "role is not valid",
					"cluster not found", "security group*not found", "security group*not exist",
				},
				Within: newRoles,
			}},
			Permissions: func(s resource.Scope) []resource.Statement {
				return []resource.Statement{
					{On: own(s, "task-definition/"), Actions: []string{"ecs:RunTask"}, When: inCluster(s)},
					{On: own(s, "task/"), Actions: []string{"ecs:DescribeTasks"}},
					{
						On: own(s, "task/"), Actions: []string{"ecs:StopTask"},
						Why: "a release task that does not end in time, and one of a component that is deleted",
					},
					{
						On: own(s, "task/"), Actions: []string{"ecs:TagResource"},
						Why: "a task gets its tags when it starts",
					},
					{Actions: []string{"ecs:ListTasks"}, When: inCluster(s)},
					{Actions: []string{"ecs:DescribeTaskDefinition"}, Why: "the log of a release task that failed"},
					{
						On:      []string{s.ARN("logs", "log-group:"+logs.Name(s.Stack, s.Environment, "*"))},
						Actions: []string{"logs:GetLogEvents"}, Why: "the log of a release task that failed",
					},
					{
						On:      []string{s.GlobalARN("iam", "role/"+s.Names(iam.NameLimit))},
						Actions: []string{"iam:PassRole"},
						When: resource.Condition{
							"StringEquals": {"iam:PassedToService": {"ecs-tasks.amazonaws.com"}},
						},
						Why: "a task takes the roles of its task definition",
					},
				}
			},
		},
		CheckProps: func(p *wanted.Release) []value.Problem {
			if p.Timeout == 0 {
				p.Timeout = int(releaseTimeout.Seconds())
			}
			return nil
		},
		Observe: resource.Observing[wanted.Release, wanted.ReleaseOutputs]{Tasks: r.observe},
		CreateObject: func(ctx context.Context, c releaseCall) (string, wanted.ReleaseOutputs, error) {
			out, err := r.begin(ctx, c)
			return c.Props.Name, out, err
		},
		ReadObject:   r.read,
		UpdateObject: r.update,
		AwaitReady:   r.await,
		DeleteObject: r.delete,
		Find:         r.find,
	}
}

// releaseRemark says what a change runs.
func releaseRemark(c resource.Change) string {
	if !slices.ContainsFunc([]string{"taskDefinition", "command", "container"}, func(name string) bool {
		return slices.Contains(c.Changed, name)
	}) {
		return ""
	}
	var p wanted.Release
	value.Decode(c.Desired, &p) // the command is known
	return "runs " + strings.Join(p.Command, " ") + " before the rollout"
}

// read returns what is recorded: the tasks of yesterday are forgotten by AWS. A task that nobody saw succeed counts for
// no revision, so the next update deals with it.
func (r *release) read(ctx context.Context, c releaseCall) (wanted.Release, wanted.ReleaseOutputs, error) {
	props := c.Old
	if c.Out.Result != wanted.ReleaseSucceeded {
		props.TaskDefinition = unproven
	}
	return props, c.Out, context.Cause(ctx)
}

// find finds out whether a task that an interrupted run has started still runs. One that has stopped is no object: ECS
// lists it for an hour, and nothing can be deleted. If it has succeeded, begin finds it.
func (r *release) find(ctx context.Context, c releaseCall) (string, map[string]string, error) {
	tasks, err := r.tasks.StartedBy(ctx, c.Props.Cluster.Get(), releaseMark(c.Props.Name))
	if err != nil {
		return "", nil, err
	}
	for _, t := range tasks {
		if aws.ToString(t.LastStatus) != task.Stopped {
			return c.Props.Name, nil, nil
		}
	}
	return "", nil, fmt.Errorf("release %s: %w", c.Props.Name, resource.ErrNotFound)
}

// update runs the task when what it runs has changed. Network and timeout only count for the next task.
func (r *release) update(ctx context.Context, c releaseCall) (wanted.ReleaseOutputs, error) {
	if c.Out.Result == wanted.ReleaseSucceeded && same(c.Old.TaskDefinition, c.Props.TaskDefinition) &&
		c.Old.Container == c.Props.Container && slices.Equal(c.Old.Command, c.Props.Command) {
		return c.Out, nil
	}
	return r.begin(ctx, c)
}

// releaseMark is startedBy of the tasks.
func releaseMark(name string) string { return releasePrefix + name }

const releasePrefix = "release/"

// releases reports whether a release started the task.
func releases(t types.Task) bool { return strings.HasPrefix(aws.ToString(t.StartedBy), releasePrefix) }

// begin starts the task, or joins the one that an interrupted run has started.
func (r *release) begin(ctx context.Context, c releaseCall) (wanted.ReleaseOutputs, error) {
	tasks, err := r.tasks.StartedBy(ctx, c.Props.Cluster.Get(), releaseMark(c.Props.Name))
	if err != nil {
		return c.Out, err
	}
	latest := ""
	for _, t := range tasks {
		arn := aws.ToString(t.TaskArn)
		if latest == "" {
			latest = arn
		}
		over := aws.ToString(t.LastStatus) == task.Stopped
		switch {
		case !over && asWanted(t, c.Props):
			c.Progress("release task " + task.Short(arn) + " of an interrupted run is still running: waiting for it")
			return wanted.ReleaseOutputs{Task: arn}, nil
		case !over:
			// two migrations at once would disturb each other
			c.Progress("release task " + task.Short(arn) + " of another revision is still running: waiting for its end")
			if _, err := r.tasks.Await(ctx, c.Props.Cluster.Get(), arn, timeLimit(c.Props), nil); err != nil {
				return c.Out, err
			}
		case asWanted(t, c.Props) && succeeded(t, c.Props):
			c.Progress("release task " + task.Short(arn) + " of an interrupted run has succeeded")
			return wanted.ReleaseOutputs{Task: arn, Result: wanted.ReleaseSucceeded}, nil
		}
	}
	return r.start(ctx, c, latest)
}

// start runs a task. The same task does not start twice when its answer is lost, or when another run repeats the call:
// the token depends on what runs and on the task before it.
func (r *release) start(ctx context.Context, c releaseCall, after string) (wanted.ReleaseOutputs, error) {
	p := c.Props
	in := &sdk.RunTaskInput{
		Cluster: aws.String(p.Cluster.Get()), TaskDefinition: aws.String(p.TaskDefinition.Get()),
		LaunchType: types.LaunchTypeFargate, StartedBy: aws.String(releaseMark(p.Name)),
		ClientToken: aws.String(releaseToken(c, after)), Tags: tagList(c.Request, nil), EnableECSManagedTags: true,
		NetworkConfiguration: network(wanted.Service{
			Subnets: p.Subnets, SecurityGroups: p.SecurityGroups, AssignPublicIP: p.AssignPublicIP,
		}),
		Overrides: &types.TaskOverride{ContainerOverrides: []types.ContainerOverride{
			{Name: &p.Container, Command: p.Command},
		}},
	}
	t, err := r.tasks.Start(ctx, in)
	if call.HasCode(err, "ConflictException") {
		return c.Out, fmt.Errorf("another release task of %s was started at the same time: %w", p.Name, err)
	}
	if err != nil {
		return c.Out, err
	}
	c.Progress("release task " + task.Short(aws.ToString(t.TaskArn)) + " runs " + strings.Join(p.Command, " "))
	return wanted.ReleaseOutputs{Task: aws.ToString(t.TaskArn)}, nil
}

func releaseToken(c releaseCall, after string) string {
	h := sha256.New()
	for _, part := range append([]string{
		c.Tags[resource.TagLineage], c.Props.Name, c.Props.TaskDefinition.Get(), c.Props.Container, after, c.Out.Task,
	}, c.Props.Command...) {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil))
}

// asWanted reports whether a task runs the wanted command of the wanted revision.
func asWanted(t types.Task, p wanted.Release) bool {
	return rollout.SameRevision(aws.ToString(t.TaskDefinitionArn), p.TaskDefinition.Get()) &&
		slices.Equal(task.Command(t, p.Container), p.Command)
}

func succeeded(t types.Task, p wanted.Release) bool {
	code := task.ExitCode(t, p.Container)
	return code != nil && *code == 0
}

func timeLimit(p wanted.Release) time.Duration { return time.Duration(p.Timeout) * time.Second }

// await waits until the task has succeeded. It starts a task again if ECS could not begin the last one for lack of a
// permission that was given a moment ago: no container of that task ran.
func (r *release) await(ctx context.Context, c releaseCall) (wanted.ReleaseOutputs, error) {
	for attempt := 1; c.Out.Result != wanted.ReleaseSucceeded; attempt++ {
		t, err := r.tasks.Await(ctx, c.Props.Cluster.Get(), c.Out.Task, timeLimit(c.Props), reporter(c))
		switch {
		case errors.Is(err, task.ErrTimeout):
			return c.Out, r.late(ctx, c)
		case errors.Is(err, task.ErrUnknown):
			// more than an hour ago: nobody can know how it ended
			c.Progress("AWS has forgotten release task " + task.Short(c.Out.Task) + ": it runs again")
			if c.Out, err = r.start(ctx, c, c.Out.Task); err != nil {
				return c.Out, err
			}
			continue
		case err != nil:
			return c.Out, err
		case succeeded(t, c.Props):
			return wanted.ReleaseOutputs{Task: c.Out.Task, Result: wanted.ReleaseSucceeded}, nil
		}
		began := task.ExitCode(t, c.Props.Container) != nil
		if end := rollout.EndOf(t); end.Denied && !began && attempt < releaseStarts {
			c.Progress("release task " + task.Short(c.Out.Task) + " could not start, perhaps because IAM is still " +
				"spreading its permissions: it is started again")
			if err := r.clock.Sleep(ctx, 10*time.Second); err != nil {
				return c.Out, err
			}
			if c.Out, err = r.start(ctx, c, c.Out.Task); err != nil {
				return c.Out, err
			}
			continue
		}
		return c.Out, r.failed(ctx, c, t)
	}
	return c.Out, nil
}

// reporter tells when the status of the task changes.
func reporter(c releaseCall) func(types.Task) {
	last := ""
	return func(t types.Task) {
		if status := strings.ToLower(aws.ToString(t.LastStatus)); status != last {
			last = status
			c.Progress("release task " + task.Short(aws.ToString(t.TaskArn)) + " is " + status)
		}
	}
}

// failed explains a task that did not succeed, with its log.
func (r *release) failed(ctx context.Context, c releaseCall, t types.Task) error {
	end := rollout.EndOf(t)
	where, stream := "its output", task.Stream{}
	if found, err := r.tasks.StreamOf(ctx, t, c.Props.Container); err == nil && found.Group != "" {
		stream, where = found, "log group "+found.Group
	}
	d := diag.New(diag.Failed, "Release failed",
		fmt.Sprintf("The release task did not succeed. %s The running service was not changed.", end.What),
		end.Next(where)).For(resource.ComponentOf(c.Resource))
	if task.ExitCode(t, c.Props.Container) != nil {
		d.Lines = r.tasks.Last(ctx, stream, releaseLines)
	}
	return d
}

// late stops a task that did not end in time.
func (r *release) late(ctx context.Context, c releaseCall) error {
	c.Progress("stopping release task " + task.Short(c.Out.Task) + ": it did not end in time")
	if err := r.tasks.Stop(ctx, c.Props.Cluster.Get(), c.Out.Task, "release.timeout is over"); err != nil {
		return err
	}
	t, err := r.tasks.Await(ctx, c.Props.Cluster.Get(), c.Out.Task, 5*time.Minute, nil)
	if err != nil {
		return err
	}
	var lines []string
	if stream, err := r.tasks.StreamOf(ctx, t, c.Props.Container); err == nil {
		lines = r.tasks.Last(ctx, stream, releaseLines)
	}
	d := diag.New(diag.Failed, "Release failed",
		fmt.Sprintf("The release task did not end within %s, and was stopped. The running service was not changed.",
			timeLimit(c.Props)),
		"Find out what the task waits for, or raise release.timeout; then apply again.").
		For(resource.ComponentOf(c.Resource))
	d.Lines = lines
	return d
}

// delete stops tasks that still run, so that what they use can be deleted next.
func (r *release) delete(ctx context.Context, c releaseCall) error {
	cluster := c.Old.Cluster.Get()
	tasks, err := r.tasks.StartedBy(ctx, cluster, releaseMark(c.Old.Name))
	if err != nil {
		return err
	}
	for _, t := range tasks {
		if aws.ToString(t.LastStatus) == task.Stopped {
			continue
		}
		arn := aws.ToString(t.TaskArn)
		c.Progress("stopping release task " + task.Short(arn))
		if err := r.tasks.Stop(ctx, cluster, arn, "deployer deletes the component"); err != nil {
			return err
		}
		if _, err := r.tasks.Await(ctx, cluster, arn, 5*time.Minute, nil); err != nil &&
			!errors.Is(err, task.ErrUnknown) {
			return err
		}
	}
	return nil
}

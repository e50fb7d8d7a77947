package operate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/task"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/follow"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/resource/ecs"
	"github.com/company/deployer/internal/state"
)

// Run is a command in a task of its own.
type Run struct {
	Container   string   // "": the main one
	Command     []string // empty: the container's own
	CPU, Memory int      // of the task; 0: as the service has
	Detach      bool     // do not wait for its end
}

// Show is where a command's output and news go. All may be called from other goroutines.
type Show struct {
	Line func(follow.Event)
	Tell func(string)
	Warn func(*diag.Diagnostic)
}

// Run runs a command in a task with the image, environment, secrets, network and roles of the running service, shows
// its log, and returns when it has ended. When stop is closed, the task is stopped. AWS API: ecs:RunTask,
// ecs:DescribeTasks, ecs:StopTask, logs:FilterLogEvents.
func (c *Component) Run(ctx context.Context, o Run, stop <-chan struct{}, show Show) (*report.Ran, error) {
	container, err := c.container(o.Container)
	if err != nil {
		return nil, err
	}
	if o.CPU, o.Memory, err = c.size(o.CPU, o.Memory); err != nil {
		return nil, err
	}
	started, err := c.runner.Like(ctx, c.running, task.Order{
		Container: container, Command: o.Command, CPU: o.CPU, Memory: o.Memory, Tags: c.tags(),
		StartedBy: "run/" + c.Service, Token: c.back.NewID(),
	})
	if err != nil {
		return nil, err
	}
	ran := &report.Ran{
		Component: c.Address, Command: append([]string{}, o.Command...), Task: started.ARN,
		TaskDefinition: c.running.Revision, Container: container,
		LogGroup: started.Log.Group, LogStream: started.Log.Name,
	}
	end := c.record(ctx, state.Command{
		What: "run", Words: o.Command, Task: started.ARN, Container: container, Detached: o.Detach,
	}, show.Warn)
	if o.Detach {
		return ran, nil
	}
	log := func(ended <-chan struct{}) {
		err := tail(ctx, c.source(started.Log.Region), started.Log, c.back.Now, ended, show.Line)
		if err != nil && ctx.Err() == nil {
			show.Warn(c.unread(err)) // the exit code is still known
		}
	}
	ended, err := c.runner.Follow(ctx, c.running, started, container, stop, show.Tell, log)
	if err != nil {
		if errors.Is(err, context.Canceled) {
			err = fmt.Errorf("task %s may still run: %w", task.ID(started.ARN), err)
		}
		end(nil, err)
		return ran, err
	}
	ran.ExitCode = ended.ExitCode
	if ended.ExitCode == nil {
		ran.Problem, ran.Next = ended.What, ended.Next
		end(nil, errors.New(ended.What))
		return ran, nil
	}
	end(ended.ExitCode, nil)
	return ran, nil
}

// unread says why a log is not shown.
func (c *Component) unread(err error) *diag.Diagnostic {
	d := diag.New(diag.Failed, "Log cannot be read", diag.Sentence(err.Error()), "The task goes on without its log.").
		For(c.Address)
	var op *resource.OpError
	if errors.As(err, &op) {
		d.Operation, d.RequestID = op.Operation, op.RequestID
	}
	d.Severity = diag.Warning
	return d
}

// The pace of looking at a log, and how many looks in a row must find nothing after the end of the task until its last
// line is taken for the last one. The log agent sends what it has when a container ends.
const (
	lookEvery  = time.Second
	quietLooks = 3
)

// early is how long before its log is followed a task may have written, also by a clock that is behind ours.
const early = 5 * time.Minute

// source reads the log groups of a region; "": that of the component.
func (c *Component) source(region string) follow.Read {
	cfg := c.where.Reading()
	if region != "" {
		cfg.Region = region
	}
	return c.back.World.Logs(cfg).Read
}

// tail shows each line of a stream once, until ended is closed and nothing more comes.
func tail(
	ctx context.Context, source follow.Read, stream task.Stream, now func() time.Time, ended <-chan struct{},
	show func(follow.Event),
) error {
	if stream.Group == "" {
		<-ended
		return nil
	}
	read := func(ctx context.Context, q follow.Query, token string) (follow.Page, error) {
		page, err := source(ctx, q, token)
		if errors.Is(err, resource.ErrNotFound) && !errors.Is(err, follow.ErrNoStream) {
			return follow.Page{}, nil // the group is made with the first line
		}
		return page, err
	}
	f := follow.NewFollower(read, follow.Query{Group: stream.Group, Prefix: stream.Name, From: now().Add(-early)},
		follow.NewSeen(0))
	f.Streams([]string{stream.Name})
	quiet := 0
	forEver := call.Pace{First: lookEvery, Longest: lookEvery, Limit: 100 * 365 * 24 * time.Hour}
	return call.Wait(ctx, forEver, "the end of the log", func(ctx context.Context) (bool, error) {
		over := false // before the look: what comes later is not the last line
		select {
		case <-ended:
			over = true
			f.Thoroughly()
		default:
		}
		found, err := f.Look(ctx, now())
		for _, e := range found {
			show(e)
		}
		if quiet++; len(found) > 0 || !over {
			quiet = 0
		}
		return quiet >= quietLooks, err
	})
}

// size completes and checks CPU and memory of a task that differs from those of its service. Zeroes stay: nothing
// differs.
func (c *Component) size(cpu, memory int) (int, int, error) {
	if cpu == 0 && memory == 0 {
		return 0, 0, nil
	}
	wantedCPU := cpu
	if cpu == 0 {
		cpu = c.running.CPU
		for _, s := range ecs.Sizes { // the smallest that goes with the memory
			if now, _ := ecs.SizeOf(cpu); !now.Allows(memory) && s.Allows(memory) {
				cpu = s.CPU
			}
		}
	}
	size, known := ecs.SizeOf(cpu)
	if !known {
		return 0, 0, diag.New(diag.Invalid, "Invalid --cpu", fmt.Sprintf("Fargate has no task of %d CPU units.", cpu),
			"Give 256, 512, 1024, 2048, 4096, 8192 or 16384.")
	}
	if memory == 0 {
		if memory = c.running.Memory; !size.Allows(memory) {
			memory = size.Least
		}
	}
	if !size.Allows(memory) {
		next := "Give another --memory."
		if wantedCPU == 0 {
			next = "Give another --memory, or --cpu with it."
		}
		return 0, 0, diag.New(diag.Invalid, "Invalid --memory",
			fmt.Sprintf("Fargate has no task of %d CPU units with %d MiB; with that CPU it has %s.", cpu, memory, size),
			next)
	}
	return cpu, memory, nil
}

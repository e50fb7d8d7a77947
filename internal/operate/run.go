package operate

import (
	"context"
	"errors"
	"fmt"

	"github.com/company/deployer/internal/aws/task"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/report"
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
	Line func(task.Line)
	Tell func(string)
	Warn func(*diag.Diagnostic)
}

// Run runs a command in a task with the image, environment, secrets, network and roles of the running service, shows
// its log, and returns when it has ended. When stop is closed, the task is stopped. AWS API: ecs:RunTask,
// ecs:DescribeTasks, ecs:StopTask, logs:GetLogEvents.
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
	ended, err := c.runner.Follow(ctx, c.running, started, container, stop, show.Tell, show.Line)
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

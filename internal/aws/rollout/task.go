package rollout

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/company/deployer/internal/aws/call"
)

// tasksDue reports whether to look at stopped tasks: if the service changed, or some time has passed.
func (r *run) tasksDue(svc types.Service) bool {
	p := Primary(svc)
	if p == nil || p.RunningCount >= p.DesiredCount && p.FailedTasks == 0 && len(r.events) == 0 {
		return false
	}
	looks := fmt.Sprint(p.RunningCount, p.PendingCount, p.FailedTasks, len(r.events), svc.RunningCount,
		svc.PendingCount)
	return looks != r.lookedAt || r.clock.Now().Sub(r.looked) >= tasksEvery
}

// inspect looks at the tasks of our deployment that stopped since the last look. It returns the crash that was repeated
// often enough to decide, if there is one. ECS shows stopped tasks for about an hour.
func (r *run) inspect(ctx context.Context) (*crash, error) {
	if p := Primary(r.service); p != nil {
		r.lookedAt = fmt.Sprint(p.RunningCount, p.PendingCount, p.FailedTasks, len(r.events), r.service.RunningCount,
			r.service.PendingCount)
	}
	r.looked = r.clock.Now()
	arns, err := listTasks(ctx, r.api, r.goal.Cluster, aws.ToString(r.service.ServiceName), types.DesiredStatusStopped)
	if err != nil {
		return nil, err
	}
	fresh := slices.DeleteFunc(arns, func(arn string) bool { return r.seenTasks[arn] })
	first := !r.primed
	r.primed = true
	if first && r.standing {
		for _, arn := range fresh {
			r.seenTasks[arn] = true // they stopped before this apply changed anything
		}
		return nil, nil
	}
	tasks, err := describeTasks(ctx, r.api, r.goal.Cluster, fresh)
	if err != nil {
		return nil, err
	}
	for _, task := range tasks {
		if aws.ToString(task.LastStatus) != "STOPPED" {
			continue // its exit codes are not known yet
		}
		r.seenTasks[aws.ToString(task.TaskArn)] = true
		if !r.ours(task) {
			continue
		}
		c, bad := classify(task)
		if !bad {
			if c.cause == Capacity {
				if r.noRoom != c.reason {
					r.goal.Progress("task " + short(c.taskID) + " was not placed: " + c.reason)
				}
				r.noRoom = c.reason
			}
			continue
		}
		c.early = c.denied() && r.clock.Now().Sub(r.start) < permissionsSpread
		r.crashes = append(r.crashes, c)
		r.calmSince = r.clock.Now()
		r.goal.Progress("task " + short(c.taskID) + ": " + c.String())
	}
	return r.repeated(), nil
}

func (r *run) ours(task types.Task) bool {
	if r.target.id != "" && aws.ToString(task.StartedBy) != "" {
		return aws.ToString(task.StartedBy) == r.target.id
	}
	return SameRevision(aws.ToString(task.TaskDefinitionArn), r.target.taskDefinition)
}

// repeated returns the newest crash that was repeated often enough. Refusals right after the policies were made do not
// count: the tasks of a first rollout start side by side, and IAM may be slower.
func (r *run) repeated() *crash {
	count := map[string]int{}
	var found *crash
	for i, c := range r.crashes {
		if c.early {
			continue
		}
		count[c.key()]++
		if count[c.key()] >= c.enough() && (found == nil || !c.stopped.Before(found.stopped)) {
			found = &r.crashes[i]
		}
	}
	return found
}

// times counts the crashes equal to c.
func (r *run) times(c crash) int {
	n := 0
	for _, other := range r.crashes {
		if other.key() == c.key() {
			n++
		}
	}
	return n
}

func listTasks(
	ctx context.Context, api clients, cluster, service string, status types.DesiredStatus,
) ([]string, error) {
	in := &ecs.ListTasksInput{Cluster: &cluster, ServiceName: &service, DesiredStatus: status}
	arns, err := call.All(ctx, api.services.ListTasks, in, &in.NextToken,
		func(page *ecs.ListTasksOutput) ([]string, *string) { return page.TaskArns, page.NextToken })
	if call.HasCode(err, "ServiceNotFoundException", "ClusterNotFoundException") {
		return nil, nil
	}
	return arns, call.Error(err)
}

// describeTasks asks in portions of 100, as many as AWS takes.
func describeTasks(ctx context.Context, api clients, cluster string, arns []string) ([]types.Task, error) {
	var tasks []types.Task
	for portion := range slices.Chunk(arns, 100) {
		out, err := api.services.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &cluster, Tasks: portion})
		if err != nil {
			return nil, call.Error(err)
		}
		tasks = append(tasks, out.Tasks...)
	}
	slices.SortStableFunc(tasks, func(a, b types.Task) int {
		return aws.ToTime(a.StoppedAt).Compare(aws.ToTime(b.StoppedAt))
	})
	return tasks, nil
}

// short shortens a task's id for people.
func short(id string) string { return id[:min(len(id), 8)] }

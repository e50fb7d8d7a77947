package task

import (
	"context"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/rollout"
)

// Service is what a service really runs, as a single task of the same kind needs it.
type Service struct {
	Cluster, Name string
	Revision      string   // ARN of the task definition that runs
	Containers    []string // of it
	CPU, Memory   int      // of it: CPU units, MiB
	Exec          bool     // shells into containers are on
	TaskRole      string   // ARN; "": none

	definition types.TaskDefinition
	service    types.Service
}

// Service asks what a service runs. found is false when there is no such service. AWS API: ecs:DescribeServices,
// ecs:DescribeTaskDefinition.
func (r *Runner) Service(ctx context.Context, cluster, name string) (s *Service, found bool, err error) {
	out, err := r.ecs.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &cluster, Services: []string{name}})
	if call.HasCode(err, "ClusterNotFoundException") {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, call.Error(err)
	}
	if len(out.Services) == 0 || aws.ToString(out.Services[0].Status) != "ACTIVE" {
		return nil, false, nil
	}
	svc := out.Services[0]
	revision := rollout.Running(svc)
	if revision == "" { // the first rollout is in progress
		revision = aws.ToString(svc.TaskDefinition)
	}
	def, err := r.ecs.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: &revision})
	if err != nil {
		return nil, false, call.Error(err)
	}
	s = &Service{
		Cluster: cluster, Name: name, Revision: revision, Exec: svc.EnableExecuteCommand,
		TaskRole: aws.ToString(def.TaskDefinition.TaskRoleArn), definition: *def.TaskDefinition, service: svc,
	}
	s.CPU, _ = strconv.Atoi(aws.ToString(def.TaskDefinition.Cpu)) // Fargate has both
	s.Memory, _ = strconv.Atoi(aws.ToString(def.TaskDefinition.Memory))
	for _, c := range def.TaskDefinition.ContainerDefinitions {
		s.Containers = append(s.Containers, aws.ToString(c.Name))
	}
	return s, true, nil
}

// Order is a single task with what differs from those of its service.
type Order struct {
	Container   string   // that runs the command
	Command     []string // empty: its own
	CPU, Memory int      // of the task; 0: as in the task definition
	StartedBy   string
	Token       string // the same token starts one task only
	Tags        map[string]string
}

// Started is a task that was started.
type Started struct {
	ARN string
	Log Stream // of the container that runs the command
}

// Like starts a task of what a service runs: the same image, environment, secrets, network and roles.
func (r *Runner) Like(ctx context.Context, s *Service, o Order) (*Started, error) {
	in := &ecs.RunTaskInput{
		Cluster: &s.Cluster, TaskDefinition: &s.Revision, LaunchType: types.LaunchTypeFargate,
		PlatformVersion: s.service.PlatformVersion, NetworkConfiguration: s.service.NetworkConfiguration,
		EnableECSManagedTags: true, StartedBy: &o.StartedBy, ClientToken: &o.Token,
		Overrides: &types.TaskOverride{ContainerOverrides: []types.ContainerOverride{
			{Name: &o.Container, Command: o.Command},
		}},
	}
	if o.CPU != 0 {
		in.Overrides.Cpu = aws.String(strconv.Itoa(o.CPU))
	}
	if o.Memory != 0 {
		in.Overrides.Memory = aws.String(strconv.Itoa(o.Memory))
	}
	for _, key := range sorted(o.Tags) {
		in.Tags = append(in.Tags, types.Tag{Key: aws.String(key), Value: aws.String(o.Tags[key])})
	}
	t, err := r.Start(ctx, in)
	if err != nil {
		return nil, err
	}
	arn := aws.ToString(t.TaskArn)
	return &Started{ARN: arn, Log: streamIn(s.definition, arn, o.Container)}, nil
}

func sorted(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// Ended is how a task ended.
type Ended struct {
	ExitCode *int   // of the container; nil: it never ran
	What     string // a sentence, without a stop at its end
	Next     string // what most likely helps
}

// Follow waits until a task has ended, and returns how. Beside, it calls log, which returns when it has shown all that
// the task logs; ended is closed when nothing more is written. tell gets the status of the task when it changes. When
// stop is closed, the task is stopped; Follow then goes on until it has ended.
func (r *Runner) Follow(
	ctx context.Context, s *Service, t *Started, container string, stop <-chan struct{}, tell func(string),
	log func(ended <-chan struct{}),
) (*Ended, error) {
	ended, failed := make(chan struct{}), make(chan error, 1)
	var last types.Task
	go func() {
		defer close(ended)
		status := ""
		var err error
		last, err = r.Await(ctx, s.Cluster, t.ARN, 0, func(t types.Task) {
			if now := aws.ToString(t.LastStatus); now != status {
				status = now
				tell(now)
			}
		})
		failed <- err
	}()
	stopping := make(chan struct{})
	defer func() { <-stopping }()
	go func() {
		defer close(stopping)
		select {
		case <-ended:
		case <-stop:
			if err := r.Stop(ctx, s.Cluster, t.ARN, "stopped by the person who ran it"); err != nil {
				tell("cannot be stopped: " + err.Error())
			}
		}
	}()
	log(ended)
	<-ended
	if err := <-failed; err != nil {
		return nil, err
	}
	end := rollout.EndOf(last)
	out := &Ended{What: end.What, Next: end.Next("its output")}
	if code := ExitCode(last, container); code != nil {
		n := int(*code)
		out.ExitCode = &n
	}
	return out, nil
}

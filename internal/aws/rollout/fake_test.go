package rollout

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/call/calltest"
)

const (
	rev1  = "arn:aws:ecs:eu-west-1:123456789012:task-definition/api:1"
	rev2  = "arn:aws:ecs:eu-west-1:123456789012:task-definition/api:2"
	rev3  = "arn:aws:ecs:eu-west-1:123456789012:task-definition/api:3"
	group = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/api/0123456789abcdef"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// frame is AWS's answers at one moment.
type frame struct {
	service types.Service
	missing bool
	err     error
	stopped []types.Task
	running []types.Task
	targets []elbtypes.TargetHealthDescription
}

// scene is AWS as a film: each DescribeServices shows the next frame, the last frame repeats. Orders switch the film.
type scene struct {
	t        *testing.T
	frames   []frame
	at       int
	now      time.Time
	slept    int
	onSleep  func(n int)
	onStop   []frame // shown after StopServiceDeployment
	onUpdate []frame // shown after UpdateService

	deployments []types.ServiceDeploymentBrief
	log         map[string][]string // by stream

	calls    []string
	updates  []*ecs.UpdateServiceInput
	progress []string
}

func (s *scene) frame() frame { return s.frames[max(0, min(s.at, len(s.frames))-1)] }

func (s *scene) cut(to []frame) {
	if to != nil {
		s.frames, s.at = to, 0
	}
}

func (s *scene) watcher() *Watcher {
	return &Watcher{
		Clock: Clock{Now: func() time.Time { return s.now }, Sleep: func(ctx context.Context, d time.Duration) error {
			if s.slept++; s.slept > 2000 {
				s.t.Fatal("the watch never ends")
			}
			if s.onSleep != nil {
				s.onSleep(s.slept)
			}
			s.now = s.now.Add(d)
			return context.Cause(ctx)
		}},
		api: api(calltest.Config(func(ctx context.Context, in any) (any, error) {
			switch in := in.(type) {
			case *ecs.DescribeServicesInput:
				s.calls = append(s.calls, "DescribeServices")
				s.at++
				f := s.frame()
				if f.err != nil {
					return nil, f.err
				}
				if f.missing {
					return &ecs.DescribeServicesOutput{}, nil
				}
				return &ecs.DescribeServicesOutput{Services: []types.Service{f.service}}, context.Cause(ctx)
			case *ecs.UpdateServiceInput:
				s.calls = append(s.calls, "UpdateService")
				s.updates = append(s.updates, in)
				s.cut(s.onUpdate)
				return &ecs.UpdateServiceOutput{Service: &s.frames[max(0, min(s.at, len(s.frames))-1)].service}, nil
			case *ecs.ListTasksInput:
				s.calls = append(s.calls, "ListTasks")
				out := &ecs.ListTasksOutput{}
				for _, task := range s.tasks(in.DesiredStatus) {
					out.TaskArns = append(out.TaskArns, *task.TaskArn)
				}
				return out, nil
			case *ecs.DescribeTasksInput:
				s.calls = append(s.calls, "DescribeTasks")
				out := &ecs.DescribeTasksOutput{}
				for _, arn := range in.Tasks {
					for _, task := range append(s.tasks(types.DesiredStatusStopped),
						s.tasks(types.DesiredStatusRunning)...) {
						if *task.TaskArn == arn {
							out.Tasks = append(out.Tasks, task)
						}
					}
				}
				return out, nil
			case *ecs.DescribeTaskDefinitionInput:
				return &ecs.DescribeTaskDefinitionOutput{
					TaskDefinition: &types.TaskDefinition{ContainerDefinitions: []types.ContainerDefinition{
						{Name: aws.String("proxy")},
						{Name: aws.String("api"), LogConfiguration: &types.LogConfiguration{
							LogDriver: types.LogDriverAwslogs,
							Options: map[string]string{
								"awslogs-group": "/shop/api", "awslogs-region": "eu-west-1",
								"awslogs-stream-prefix": "x",
							},
						}},
					}},
				}, nil
			case *ecs.ListServiceDeploymentsInput:
				s.calls = append(s.calls, "ListServiceDeployments")
				return &ecs.ListServiceDeploymentsOutput{ServiceDeployments: s.deployments}, nil
			case *ecs.StopServiceDeploymentInput:
				s.calls = append(s.calls, "StopServiceDeployment "+*in.ServiceDeploymentArn+" "+string(in.StopType))
				s.cut(s.onStop)
				return &ecs.StopServiceDeploymentOutput{}, nil
			case *elasticloadbalancingv2.DescribeTargetHealthInput:
				s.calls = append(s.calls, "DescribeTargetHealth")
				return &elasticloadbalancingv2.DescribeTargetHealthOutput{TargetHealthDescriptions: s.frame().targets},
					nil
			case *cloudwatchlogs.GetLogEventsInput:
				out := &cloudwatchlogs.GetLogEventsOutput{}
				for _, line := range s.log[*in.LogStreamName] {
					out.Events = append(out.Events, logtypes.OutputLogEvent{Message: aws.String(line)})
				}
				return out, nil
			}
			return nil, nil
		})),
	}
}

func (s *scene) tasks(status types.DesiredStatus) []types.Task {
	if status == types.DesiredStatusStopped {
		return s.frame().stopped
	}
	return s.frame().running
}

// watch watches for revision 2 in a service that runs revision 1, unless change says otherwise.
func (s *scene) watch(ctx context.Context, change ...func(*Goal)) (types.Service, error) {
	before := call.Scale
	call.Scale = 1 // the clock is the test's
	defer func() { call.Scale = before }()
	if s.now.IsZero() {
		s.now = epoch
	}
	goal := Goal{
		Component: "shop/api", Cluster: "shop", Service: "api", TaskDefinition: rev2, Previous: rev1,
		Timeout: 15 * time.Minute, Rollback: true,
		Started: svc(2, deploy("2", "PRIMARY", rev2, "IN_PROGRESS", 0, 2),
			deploy("1", "ACTIVE", rev1, "COMPLETED", 2, 0)),
		Progress: func(line string) { s.progress = append(s.progress, line) },
	}
	for _, c := range change {
		c(&goal)
	}
	return s.watcher().Watch(ctx, goal)
}

// deploy is a deployment with the id ecs-svc/<id>, made id minutes after the epoch.
func deploy(id, status, definition, state string, running, pending int32) types.Deployment {
	var minutes int
	_, _ = fmt.Sscan(id, &minutes)
	return types.Deployment{
		Id: aws.String("ecs-svc/" + id), Status: &status, TaskDefinition: &definition,
		RolloutState: types.DeploymentRolloutState(state),
		RunningCount: running, PendingCount: pending, DesiredCount: running + pending,
		CreatedAt: aws.Time(epoch.Add(time.Duration(minutes) * time.Minute)),
	}
}

func because(d types.Deployment, reason string) types.Deployment {
	d.RolloutStateReason = &reason
	return d
}

// svc returns a service whose counts are the sums of those of its deployments.
func svc(desired int32, deployments ...types.Deployment) types.Service {
	s := types.Service{
		ServiceName: aws.String("api"), ServiceArn: aws.String("arn:aws:ecs:eu-west-1:123456789012:service/shop/api"),
		ClusterArn: aws.String("arn:aws:ecs:eu-west-1:123456789012:cluster/shop"), Status: aws.String("ACTIVE"),
		DesiredCount: desired, Deployments: deployments,
	}
	for i, d := range deployments {
		s.RunningCount += d.RunningCount
		s.PendingCount += d.PendingCount
		if aws.ToString(d.Status) == "PRIMARY" {
			s.Deployments[i].DesiredCount = desired
		}
	}
	return s
}

func balanced(s types.Service) types.Service {
	s.LoadBalancers = []types.LoadBalancer{{
		TargetGroupArn: aws.String(group), ContainerName: aws.String("api"),
		ContainerPort: aws.Int32(8080),
	}}
	return s
}

func says(s types.Service, messages ...string) types.Service {
	for _, m := range messages {
		s.Events = append(s.Events, types.ServiceEvent{Id: aws.String(m), Message: aws.String("(service api) " + m)})
	}
	return s
}

// stopped is a task of the deployment ecs-svc/2 that has stopped.
func stopped(id string, code types.TaskStopCode, reason string, containers ...types.Container) types.Task {
	return types.Task{
		TaskArn: aws.String("arn:aws:ecs:eu-west-1:123456789012:task/shop/" + id), TaskDefinitionArn: aws.String(rev2),
		StartedBy:  aws.String("ecs-svc/2"),
		LastStatus: aws.String("STOPPED"), StopCode: code, StoppedReason: &reason, StoppedAt: aws.Time(epoch),
		Containers: containers,
	}
}

func exited(name string, code int32) types.Container {
	return types.Container{Name: &name, ExitCode: &code}
}

func broken(name, reason string) types.Container {
	return types.Container{Name: &name, Reason: &reason}
}

func crashed(id string) types.Task {
	return stopped(id, types.TaskStopCodeEssentialContainerExited, "Essential container in task exited",
		exited("proxy", 143), exited("api", 1))
}

func at(ip string, state elbtypes.TargetHealthStateEnum, why string) elbtypes.TargetHealthDescription {
	return elbtypes.TargetHealthDescription{
		Target:       &elbtypes.TargetDescription{Id: &ip, Port: aws.Int32(8080)},
		TargetHealth: &elbtypes.TargetHealth{State: state, Description: &why},
	}
}

func task(ip string) types.Task {
	return types.Task{
		TaskArn: aws.String("arn:aws:ecs:eu-west-1:123456789012:task/shop/" + ip), TaskDefinitionArn: aws.String(rev2),
		StartedBy: aws.String("ecs-svc/2"), LastStatus: aws.String("RUNNING"),
		Containers: []types.Container{
			{Name: aws.String("api"), NetworkInterfaces: []types.NetworkInterface{{PrivateIpv4Address: &ip}}},
		},
	}
}

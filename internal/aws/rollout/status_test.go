package rollout

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/aws/call/calltest"
)

// meeting holds calls until all expected ones have come: calls made one after the other would wait for ever.
type meeting struct {
	mu   sync.Mutex
	left map[string]int
	all  map[string]chan struct{}
}

func newMeeting(expected map[string]int) *meeting {
	m := &meeting{left: expected, all: map[string]chan struct{}{}}
	for name := range expected {
		m.all[name] = make(chan struct{})
	}
	return m
}

func (m *meeting) join(ctx context.Context, name string) error {
	m.mu.Lock()
	if m.left[name]--; m.left[name] == 0 {
		close(m.all[name])
	}
	m.mu.Unlock()
	select {
	case <-m.all[name]:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", name, ctx.Err())
	}
}

func TestStatusAsksSideBySide(t *testing.T) {
	const services = 13
	// 13 services need two calls, made at the same time as the lists of tasks and deployments. Then all tasks, targets,
	// deployments and revisions are read.
	m := newMeeting(map[string]int{"first": 2 + 2*services, "second": 4 * services})
	watcher := &Watcher{api: api(calltest.Config(func(ctx context.Context, in any) (any, error) {
		switch in := in.(type) {
		case *ecs.DescribeServicesInput:
			out := &ecs.DescribeServicesOutput{}
			for _, name := range in.Services {
				out.Services = append(out.Services, types.Service{
					ServiceName: aws.String(name), Status: aws.String("ACTIVE"), DesiredCount: 1, RunningCount: 1,
					LoadBalancers: []types.LoadBalancer{{TargetGroupArn: aws.String(name)}},
					CurrentServiceRevisions: []types.ServiceCurrentRevisionSummary{
						{Arn: aws.String(name), RunningTaskCount: 1},
					},
				})
			}
			return out, m.join(ctx, "first")
		case *ecs.ListTasksInput:
			return &ecs.ListTasksOutput{TaskArns: []string{*in.ServiceName}}, m.join(ctx, "first")
		case *ecs.ListServiceDeploymentsInput:
			return &ecs.ListServiceDeploymentsOutput{ServiceDeployments: []types.ServiceDeploymentBrief{{
				ServiceDeploymentArn: in.Service, Status: types.ServiceDeploymentStatusInProgress,
			}}}, m.join(ctx, "first")
		case *ecs.DescribeServiceDeploymentsInput:
			return &ecs.DescribeServiceDeploymentsOutput{}, m.join(ctx, "second")
		case *ecs.DescribeServiceRevisionsInput:
			return &ecs.DescribeServiceRevisionsOutput{ServiceRevisions: []types.ServiceRevision{{
				ServiceRevisionArn: &in.ServiceRevisionArns[0], TaskDefinition: aws.String("x/api:7"),
			}}}, m.join(ctx, "second")
		case *ecs.DescribeTasksInput:
			task := types.Task{
				TaskArn:    &in.Tasks[0],
				Containers: []types.Container{{Name: aws.String("app"), Image: &in.Tasks[0]}},
			}
			return &ecs.DescribeTasksOutput{Tasks: []types.Task{task}}, m.join(ctx, "second")
		case *elasticloadbalancingv2.DescribeTargetHealthInput:
			if *in.TargetGroupArn == "s7" {
				return nil, errors.Join(errors.New("AccessDenied"), m.join(ctx, "second"))
			}
			return &elasticloadbalancingv2.DescribeTargetHealthOutput{}, m.join(ctx, "second")
		}
		return nil, nil
	}))}
	refs := make([]Ref, services)
	for i := range refs {
		refs[i] = Ref{"shop", fmt.Sprintf("s%d", i)}
	}
	for i, s := range watcher.Status(t.Context(), refs...) {
		require.True(t, s.Found)
		require.Equal(t, refs[i].Service, s.Service)
		require.Equal(t, refs[i].Service, s.Images[0].Image)
		require.Equal(t, "7", s.Revisions[0].Revision)
		require.NoError(t, s.Unread)
		require.Equal(t, i == 7, s.Err != nil, "what could not be asked of one service is no matter of the others")
	}
}

func TestStatusThatCannotBeAsked(t *testing.T) {
	watcher := &Watcher{api: api(calltest.Config(func(_ context.Context, in any) (any, error) {
		switch in.(type) {
		case *ecs.DescribeServicesInput:
			return nil, errors.New("denied")
		case *ecs.ListTasksInput:
			return &ecs.ListTasksOutput{}, nil
		}
		return nil, nil
	}))}
	s := watcher.Status(t.Context(), Ref{"shop", "api"})[0]
	require.False(t, s.Found)
	require.ErrorContains(t, s.Err, "denied")
}

// A rollout that ECS is taking back: what failed, how often, which alarm fired, and what runs meanwhile.
func TestStatusOfADeployment(t *testing.T) {
	brief := []types.ServiceDeploymentBrief{
		{
			ServiceDeploymentArn: aws.String("new"), CreatedAt: aws.Time(epoch.Add(time.Hour)),
			TargetServiceRevisionArn: aws.String("rev-2"), Status: types.ServiceDeploymentStatusRollbackInProgress,
		},
		{
			ServiceDeploymentArn: aws.String("old"), CreatedAt: aws.Time(epoch),
			Status: types.ServiceDeploymentStatusSuccessful,
		},
	}
	var denied string
	var asked, described []string
	watcher := &Watcher{api: api(calltest.Config(func(_ context.Context, in any) (any, error) {
		if name := fmt.Sprintf("%T", in); denied != "" && strings.Contains(name, denied) {
			return nil, errors.New("AccessDenied")
		}
		switch in := in.(type) {
		case *ecs.DescribeServicesInput:
			s := balanced(svc(2, deploy("1", "PRIMARY", rev1, "COMPLETED", 2, 0)))
			s.CurrentServiceRevisions = []types.ServiceCurrentRevisionSummary{
				{Arn: aws.String("rev-1"), RequestedTaskCount: 2, RunningTaskCount: 2},
			}
			return &ecs.DescribeServicesOutput{Services: []types.Service{s}}, nil
		case *ecs.ListTasksInput:
			return &ecs.ListTasksOutput{TaskArns: []string{"a"}}, nil
		case *ecs.DescribeTasksInput:
			return &ecs.DescribeTasksOutput{Tasks: []types.Task{task("10.0.0.1")}}, nil
		case *ecs.ListServiceDeploymentsInput:
			return &ecs.ListServiceDeploymentsOutput{ServiceDeployments: brief}, nil
		case *ecs.DescribeServiceDeploymentsInput:
			asked = append(asked, in.ServiceDeploymentArns...)
			return &ecs.DescribeServiceDeploymentsOutput{ServiceDeployments: []types.ServiceDeployment{{
				Status:         types.ServiceDeploymentStatusRollbackInProgress,
				LifecycleStage: types.ServiceDeploymentLifecycleStageScaleUp,
				DeploymentCircuitBreaker: &types.ServiceDeploymentCircuitBreaker{
					Status: types.ServiceDeploymentRollbackMonitorsStatusTriggered, FailureCount: 3, Threshold: 3,
				},
				Alarms: &types.ServiceDeploymentAlarms{
					Status:     types.ServiceDeploymentRollbackMonitorsStatusMonitoring,
					AlarmNames: []string{"5xx", "slow"}, TriggeredAlarmNames: []string{"5xx"},
				},
				Rollback: &types.Rollback{Reason: aws.String("tasks failed to start.")},
			}}}, nil
		case *ecs.DescribeServiceRevisionsInput:
			described = in.ServiceRevisionArns
			return &ecs.DescribeServiceRevisionsOutput{ServiceRevisions: []types.ServiceRevision{
				{ServiceRevisionArn: aws.String("rev-2"), TaskDefinition: aws.String(rev2)},
				{
					ServiceRevisionArn: aws.String("rev-1"), TaskDefinition: aws.String(rev1),
					ContainerImages: []types.ContainerImage{{
						ContainerName: aws.String("api"), Image: aws.String("api:1"),
						ImageDigest: aws.String("sha256:1"),
					}},
				},
			}}, nil
		case *elasticloadbalancingv2.DescribeTargetHealthInput:
			return &elasticloadbalancingv2.DescribeTargetHealthOutput{
				TargetHealthDescriptions: []elbtypes.TargetHealthDescription{
					at("10.0.0.1", elbtypes.TargetHealthStateEnumUnhealthy, "Request timed out"),
					at("10.0.0.2", elbtypes.TargetHealthStateEnumHealthy, ""),
				},
			}, nil
		}
		return nil, nil
	}))}
	s := watcher.Status(t.Context(), Ref{"shop", "api"})[0]
	require.NoError(t, s.Err)
	require.NoError(t, s.Unread)
	require.Equal(t, []string{"new"}, asked)
	require.Equal(t, []string{"rev-1", "rev-2"}, described)
	require.Equal(t, &Deployment{
		Status: "ROLLBACK_IN_PROGRESS", Stage: "SCALE_UP", Started: epoch.Add(time.Hour), Revision: "2", Failed: 3,
		Threshold: 3, Alarms: []string{"5xx", "slow"}, Triggered: []string{"5xx"}, RolledBack: "tasks failed to start.",
	}, s.Deployment)
	require.Equal(t, []Revision{{
		TaskDefinition: rev1, Revision: "1", Requested: 2, Running: 2,
		Images: []Image{{Container: "api", Image: "api:1", Digest: "sha256:1"}},
	}}, s.Revisions)
	require.Equal(t, []Target{{
		Address: "10.0.0.1:8080", State: "unhealthy", Reason: "Request timed out", Task: "10.0.0.1",
	}}, s.Targets[0].Failing, "the task of this test is named like its address")

	// A deployment that succeeded has nothing more to say.
	asked, brief = nil, brief[1:]
	brief[0].TargetServiceRevisionArn = aws.String("rev-2")
	s = watcher.Status(t.Context(), Ref{"shop", "api"})[0]
	require.Empty(t, asked)
	require.Equal(t, "SUCCESSFUL", s.Deployment.Status)

	// Who may not read deployments or revisions still sees everything else.
	for _, denied = range []string{"ListServiceDeployments", "DescribeServiceRevisions"} {
		s = watcher.Status(t.Context(), Ref{"shop", "api"})[0]
		require.NoError(t, s.Err)
		require.ErrorContains(t, s.Unread, "AccessDenied", denied)
		require.Equal(t, 2, s.Running)
	}
}

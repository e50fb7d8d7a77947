package rollout

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/stretchr/testify/require"
)

// meeting lets calls go on once all that are expected have come: who asks one after the other waits for ever.
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
	// 13 services are two calls, which go out together with the lists of tasks; then come all tasks and targets.
	m := newMeeting(map[string]int{"first": 2 + services, "second": 2 * services})
	watcher := &Watcher{API: func() API {
		return API{
			DescribeServices: func(ctx context.Context, in *ecs.DescribeServicesInput, _ ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error) {
				out := &ecs.DescribeServicesOutput{}
				for _, name := range in.Services {
					out.Services = append(out.Services, types.Service{
						ServiceName: aws.String(name), Status: aws.String("ACTIVE"), DesiredCount: 1, RunningCount: 1,
						LoadBalancers: []types.LoadBalancer{{TargetGroupArn: aws.String(name)}},
					})
				}
				return out, m.join(ctx, "first")
			},
			ListTasks: func(ctx context.Context, in *ecs.ListTasksInput, _ ...func(*ecs.Options)) (*ecs.ListTasksOutput, error) {
				return &ecs.ListTasksOutput{TaskArns: []string{*in.ServiceName}}, m.join(ctx, "first")
			},
			DescribeTasks: func(ctx context.Context, in *ecs.DescribeTasksInput, _ ...func(*ecs.Options)) (*ecs.DescribeTasksOutput, error) {
				task := types.Task{TaskArn: &in.Tasks[0], Containers: []types.Container{{Name: aws.String("app"), Image: &in.Tasks[0]}}}
				return &ecs.DescribeTasksOutput{Tasks: []types.Task{task}}, m.join(ctx, "second")
			},
			DescribeTargetHealth: func(ctx context.Context, in *elasticloadbalancingv2.DescribeTargetHealthInput, _ ...func(*elasticloadbalancingv2.Options)) (*elasticloadbalancingv2.DescribeTargetHealthOutput, error) {
				if *in.TargetGroupArn == "s7" {
					return nil, errors.Join(errors.New("AccessDenied"), m.join(ctx, "second"))
				}
				return &elasticloadbalancingv2.DescribeTargetHealthOutput{}, m.join(ctx, "second")
			},
		}
	}}
	refs := make([]Ref, services)
	for i := range refs {
		refs[i] = Ref{"shop", fmt.Sprintf("s%d", i)}
	}
	for i, s := range watcher.Status(t.Context(), refs...) {
		require.True(t, s.Found)
		require.Equal(t, refs[i].Service, s.Service)
		require.Equal(t, refs[i].Service, s.Images[0].Image)
		require.Equal(t, i == 7, s.Err != nil, "what could not be asked of one service is no matter of the others")
	}
}

func TestStatusThatCannotBeAsked(t *testing.T) {
	watcher := &Watcher{API: func() API {
		return API{
			DescribeServices: func(context.Context, *ecs.DescribeServicesInput, ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error) {
				return nil, errors.New("denied")
			},
			ListTasks: func(context.Context, *ecs.ListTasksInput, ...func(*ecs.Options)) (*ecs.ListTasksOutput, error) {
				return &ecs.ListTasksOutput{}, nil
			},
		}
	}}
	s := watcher.Status(t.Context(), Ref{"shop", "api"})[0]
	require.False(t, s.Found)
	require.ErrorContains(t, s.Err, "denied")
}

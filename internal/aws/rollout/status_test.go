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
	// 13 services need two calls, made at the same time as the lists of tasks. Then all tasks and targets are read.
	m := newMeeting(map[string]int{"first": 2 + services, "second": 2 * services})
	watcher := &Watcher{api: api(calltest.Config(func(ctx context.Context, in any) (any, error) {
		switch in := in.(type) {
		case *ecs.DescribeServicesInput:
			out := &ecs.DescribeServicesOutput{}
			for _, name := range in.Services {
				out.Services = append(out.Services, types.Service{
					ServiceName: aws.String(name), Status: aws.String("ACTIVE"), DesiredCount: 1, RunningCount: 1,
					LoadBalancers: []types.LoadBalancer{{TargetGroupArn: aws.String(name)}},
				})
			}
			return out, m.join(ctx, "first")
		case *ecs.ListTasksInput:
			return &ecs.ListTasksOutput{TaskArns: []string{*in.ServiceName}}, m.join(ctx, "first")
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

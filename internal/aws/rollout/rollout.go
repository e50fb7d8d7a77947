// Package rollout finds out about ECS services: whether the deployment that an apply started really runs, why it does
// not, and what a service does at present.
//
// In: the service as answered by the call that started a deployment, and what was planned (Goal). Out: the service when
// the rollout is decided, and for a failed one a diagnostic with the cause, log lines and a next step; or Status, plain
// data. It may stop a deployment that cannot succeed (roll it back, or set the service to 0 tasks if no revision ran
// before). It must not create, configure or delete services, and must not print.
package rollout

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"github.com/company/deployer/internal/aws/call"
)

// clients are the AWS clients of a watch.
type clients struct {
	services  *ecs.Client
	balancers *elasticloadbalancingv2.Client
	logs      *cloudwatchlogs.Client
}

// Clock is the watch's time; tests replace it.
type Clock struct {
	Now   func() time.Time
	Sleep func(context.Context, time.Duration) error // returns early, with the cause, when the context ends
}

// SystemClock is real time. Its pauses vary by a fifth, so that many watches do not ask at once, and follow call.Scale.
func SystemClock() Clock {
	//nolint:forbidigo // this is the clock that is injected
	return Clock{Now: time.Now, Sleep: func(ctx context.Context, d time.Duration) error {
		timer := time.NewTimer(time.Duration(float64(d) * call.Scale * (0.8 + 0.4*rand.Float64())))
		defer timer.Stop()
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-timer.C:
			return nil
		}
	}}
}

// Watcher watches deployments and reports the status of services.
type Watcher struct {
	api   clients
	Clock Clock
}

// New returns a Watcher.
func New(cfg aws.Config) *Watcher {
	return &Watcher{Clock: SystemClock(), api: api(cfg)}
}

func api(cfg aws.Config) clients {
	return clients{
		services: ecs.NewFromConfig(cfg), balancers: elasticloadbalancingv2.NewFromConfig(cfg),
		logs: cloudwatchlogs.NewFromConfig(cfg),
	}
}

package rollout

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/company/deployer/internal/aws/call"
)

// stop ends a deployment that cannot succeed: it returns to the revision that ran before, or sets 0 tasks if there is
// none. The result is "" if ECS accepted the order, else the reason for the diagnostic.
func (r *run) stop(ctx context.Context) string {
	input := &ecs.UpdateServiceInput{Cluster: &r.goal.Cluster, Service: &r.goal.Service}
	if r.goal.Previous == "" {
		input.DesiredCount = aws.Int32(0)
		return r.update(ctx, input, "set to 0 tasks")
	}
	p := Primary(r.service)
	if p != nil && p.RolloutState == types.DeploymentRolloutStateInProgress && r.stopDeployment(ctx) {
		return ""
	}
	if SameRevision(r.goal.Previous, r.goal.TaskDefinition) {
		return "it could not be rolled back, because ECS has no deployment in progress any more"
	}
	input.TaskDefinition = &r.goal.Previous // StopServiceDeployment takes only deployments in progress
	return r.update(ctx, input, "rolled back to revision "+revision(r.goal.Previous))
}

func (r *run) update(ctx context.Context, input *ecs.UpdateServiceInput, what string) string {
	out, err := r.api.services.UpdateService(ctx, input)
	if err != nil {
		return fmt.Sprintf("it could not be %s (%s), so ECS continues to try", what, call.Error(err))
	}
	if out.Service != nil {
		r.service = *out.Service
	}
	return ""
}

// stopDeployment reports whether ECS is rolling back now.
func (r *run) stopDeployment(ctx context.Context) bool {
	newest, err := r.api.underway(ctx, Ref{r.goal.Cluster, r.goal.Service})
	return err == nil && newest != nil && r.api.rollBack(ctx, newest) == nil
}

// underway returns the newest deployment of a service that has not ended; nil: there is none. A rollback that is in
// progress does not count: it cannot be stopped.
func (api clients) underway(ctx context.Context, ref Ref) (*types.ServiceDeploymentBrief, error) {
	out, err := api.services.ListServiceDeployments(ctx, &ecs.ListServiceDeploymentsInput{
		Cluster: &ref.Cluster, Service: &ref.Service,
		Status: []types.ServiceDeploymentStatus{
			types.ServiceDeploymentStatusPending,
			types.ServiceDeploymentStatusInProgress,
		},
	})
	if call.HasCode(err, "ServiceNotFoundException", "ClusterNotFoundException", "ServiceNotActiveException") {
		return nil, nil
	}
	if err != nil || len(out.ServiceDeployments) == 0 {
		return nil, err
	}
	newest := out.ServiceDeployments[0]
	for _, d := range out.ServiceDeployments {
		if aws.ToTime(d.CreatedAt).After(aws.ToTime(newest.CreatedAt)) {
			newest = d
		}
	}
	return &newest, nil
}

// rollBack stops a deployment. ECS then goes back to the last service revision that was completed.
func (api clients) rollBack(ctx context.Context, d *types.ServiceDeploymentBrief) error {
	_, err := api.services.StopServiceDeployment(ctx, &ecs.StopServiceDeploymentInput{
		ServiceDeploymentArn: d.ServiceDeploymentArn, StopType: types.StopServiceDeploymentStopTypeRollback,
	})
	if call.HasCode(err, "ConflictException") { // it has ended, or is stopping already
		return nil
	}
	return err
}

// Underway says which deployment of a service is in progress; "" if none is. AWS API: ecs:ListServiceDeployments.
func (w *Watcher) Underway(ctx context.Context, ref Ref) (string, error) {
	d, err := w.api.underway(ctx, ref)
	if err != nil || d == nil {
		return "", call.Error(err)
	}
	since := w.Clock.Now().Sub(aws.ToTime(d.CreatedAt)).Round(time.Second)
	return fmt.Sprintf("in progress for %s", max(since, 0)), nil
}

// Stop stops the deployment of a service that is in progress, if there is one. ECS goes back to the last service
// revision that was completed. AWS APIs: ecs:ListServiceDeployments, StopServiceDeployment.
func (w *Watcher) Stop(ctx context.Context, ref Ref) error {
	d, err := w.api.underway(ctx, ref)
	if err == nil && d != nil {
		err = w.api.rollBack(ctx, d)
	}
	return call.Error(err)
}

// goBack waits until the deployment that the service returns to is stable, and says what runs now.
func (r *run) goBack(ctx context.Context) string {
	limit := r.clock.Now().Add(goBackWithin)
	for pause := time.Duration(0); r.clock.Now().Before(limit); pause = firstPause {
		if err := r.clock.Sleep(ctx, pause); err != nil {
			return "the rollback is still in progress"
		}
		svc, err := r.describe(ctx)
		if err != nil {
			continue
		}
		r.service = svc
		r.report(svc)
		if text, done := r.wentBack(svc); done {
			return text
		}
	}
	return fmt.Sprintf("the rollback was not finished within %s", goBackWithin)
}

func (r *run) wentBack(svc types.Service) (string, bool) {
	p := Primary(svc)
	if r.goal.Previous == "" && (p == nil || svc.DesiredCount == 0) {
		return "there is no earlier revision, so the service is set to 0 tasks",
			svc.RunningCount+svc.PendingCount == 0
	}
	if p == nil || aws.ToString(p.Id) == r.target.id {
		return "", false
	}
	rev := revision(aws.ToString(p.TaskDefinition))
	switch {
	case p.RolloutState == types.DeploymentRolloutStateFailed:
		return "revision " + rev + ", to which ECS returned, does not start any more either", true
	case p.RolloutState == types.DeploymentRolloutStateCompleted && svc.PendingCount == 0 &&
		svc.RunningCount == svc.DesiredCount:
		return fmt.Sprintf("revision %s runs again (%d of %d tasks)", rev, svc.RunningCount, svc.DesiredCount), true
	}
	return "", false
}

package rollout

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/company/deployer/internal/aws/call"
)

// Deployment is a service deployment: a rollout, with the rollback that may follow. ECS keeps it for 90 days.
type Deployment struct {
	Status   string // PENDING, IN_PROGRESS, SUCCESSFUL, STOPPED, ROLLBACK_SUCCESSFUL and others
	Reason   string
	Stage    string // while it is in progress: SCALE_UP and others
	Started  time.Time
	Finished time.Time // zero: it is in progress
	Revision string    // of the task definition that it deploys; "": not known
	// the circuit breaker: how many tasks failed, and how many make it act; 0: it is off, or not known
	Failed, Threshold int
	Alarms            []string // CloudWatch alarms that stop the deployment
	Triggered         []string // those of Alarms that did
	// RolledBack is why ECS goes or went back to the revision before; "": it did not
	RolledBack string
}

// Revision is a service revision that runs: a task definition with its images resolved.
type Revision struct {
	TaskDefinition              string // ARN
	Revision                    string // of the task definition
	Requested, Running, Pending int    // tasks
	Created                     time.Time
	Images                      []Image // without numbers of tasks
}

// newestDeployment returns the newest deployment of a service; nil if there is none. ECS lists the newest first.
func newestDeployment(ctx context.Context, api clients, ref Ref) (*types.ServiceDeploymentBrief, error) {
	out, err := api.services.ListServiceDeployments(ctx,
		&ecs.ListServiceDeploymentsInput{Cluster: &ref.Cluster, Service: &ref.Service})
	if call.HasCode(err, "ServiceNotFoundException", "ClusterNotFoundException") {
		return nil, nil
	}
	if err != nil {
		return nil, call.Error(err)
	}
	var newest *types.ServiceDeploymentBrief
	for i, d := range out.ServiceDeployments {
		if newest == nil || aws.ToTime(d.CreatedAt).After(aws.ToTime(newest.CreatedAt)) {
			newest = &out.ServiceDeployments[i]
		}
	}
	return newest, nil
}

// describeDeployment reads a deployment, unless it succeeded: then there is nothing more to say.
func describeDeployment(
	ctx context.Context, api clients, newest *types.ServiceDeploymentBrief,
) (*types.ServiceDeployment, error) {
	if newest == nil || newest.Status == types.ServiceDeploymentStatusSuccessful {
		return nil, nil
	}
	out, err := api.services.DescribeServiceDeployments(ctx, &ecs.DescribeServiceDeploymentsInput{
		ServiceDeploymentArns: []string{aws.ToString(newest.ServiceDeploymentArn)},
	})
	if err != nil {
		return nil, call.Error(err)
	}
	if len(out.ServiceDeployments) == 0 {
		return nil, nil
	}
	return &out.ServiceDeployments[0], nil
}

// describeRevisions reads the revisions that a service runs and the one that is being deployed. ECS does not know
// revisions from before October 2024.
func describeRevisions(
	ctx context.Context, api clients, svc *types.Service, newest *types.ServiceDeploymentBrief,
) ([]types.ServiceRevision, error) {
	const most = 20 // in a call; a service runs two or three
	var arns []string
	for _, r := range svc.CurrentServiceRevisions {
		arns = append(arns, aws.ToString(r.Arn))
	}
	if newest != nil {
		arns = append(arns, aws.ToString(newest.TargetServiceRevisionArn))
	}
	slices.Sort(arns)
	arns = slices.DeleteFunc(slices.Compact(arns), func(arn string) bool { return arn == "" })
	if len(arns) == 0 {
		return nil, nil
	}
	out, err := api.services.DescribeServiceRevisions(ctx,
		&ecs.DescribeServiceRevisionsInput{ServiceRevisionArns: arns[:min(len(arns), most)]})
	if err != nil {
		return nil, call.Error(err)
	}
	return out.ServiceRevisions, nil
}

// runningRevisions joins the revisions of a service with their numbers of tasks.
func runningRevisions(svc *types.Service, revisions []types.ServiceRevision) []Revision {
	var out []Revision
	for _, current := range svc.CurrentServiceRevisions {
		r := Revision{
			Requested: int(current.RequestedTaskCount), Running: int(current.RunningTaskCount),
			Pending: int(current.PendingTaskCount),
		}
		if found := revisionByARN(revisions, aws.ToString(current.Arn)); found != nil {
			r.TaskDefinition, r.Created = aws.ToString(found.TaskDefinition), aws.ToTime(found.CreatedAt)
			r.Revision = revision(r.TaskDefinition)
			for _, i := range found.ContainerImages {
				r.Images = append(r.Images, Image{
					Container: aws.ToString(i.ContainerName), Image: aws.ToString(i.Image),
					Digest: aws.ToString(i.ImageDigest),
				})
			}
			out = append(out, r)
		}
	}
	return out
}

func revisionByARN(revisions []types.ServiceRevision, arn string) *types.ServiceRevision {
	for i, r := range revisions {
		if aws.ToString(r.ServiceRevisionArn) == arn {
			return &revisions[i]
		}
	}
	return nil
}

// newestOf joins what is known of the newest deployment. full is nil if it succeeded or could not be read.
func newestOf(
	brief *types.ServiceDeploymentBrief, full *types.ServiceDeployment, revisions []types.ServiceRevision,
) *Deployment {
	if brief == nil {
		return nil
	}
	out := &Deployment{
		Status: string(brief.Status), Reason: aws.ToString(brief.StatusReason),
		Started: aws.ToTime(brief.CreatedAt), Finished: aws.ToTime(brief.FinishedAt),
	}
	if brief.StartedAt != nil {
		out.Started = *brief.StartedAt
	}
	if target := revisionByARN(revisions, aws.ToString(brief.TargetServiceRevisionArn)); target != nil {
		out.Revision = revision(aws.ToString(target.TaskDefinition))
	}
	if full == nil {
		return out
	}
	out.Status, out.Stage, out.Finished = string(full.Status), string(full.LifecycleStage), aws.ToTime(full.FinishedAt)
	if reason := aws.ToString(full.StatusReason); reason != "" {
		out.Reason = reason
	}
	const off = types.ServiceDeploymentRollbackMonitorsStatusDisabled
	if b := full.DeploymentCircuitBreaker; b != nil && b.Status != off {
		out.Failed, out.Threshold = int(b.FailureCount), int(b.Threshold)
	}
	if a := full.Alarms; a != nil && a.Status != off {
		out.Alarms, out.Triggered = a.AlarmNames, a.TriggeredAlarmNames
	}
	if full.Rollback != nil {
		out.RolledBack = aws.ToString(full.Rollback.Reason)
	}
	return out
}

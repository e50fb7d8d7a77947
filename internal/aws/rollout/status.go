package rollout

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/company/deployer/internal/aws/call"
)

// Status is what one service does right now.
type Status struct {
	Cluster        string    `json:"cluster"`
	Service        string    `json:"service"`
	Found          bool      `json:"found"`          // false: ECS knows no such active service; the rest is empty
	TaskDefinition string    `json:"taskDefinition"` // ARN that really runs, "" when none does
	Revision       string    `json:"revision"`
	Deploying      string    `json:"deploying,omitempty"` // ARN that a rollout in progress brings
	DeploymentID   string    `json:"deploymentId"`
	RolloutState   string    `json:"rolloutState"` // COMPLETED, IN_PROGRESS or FAILED
	RolloutReason  string    `json:"rolloutReason,omitempty"`
	Since          time.Time `json:"since"` // when the PRIMARY deployment was started
	Desired        int       `json:"desired"`
	Running        int       `json:"running"`
	Pending        int       `json:"pending"`
	Healthy        bool      `json:"healthy"` // as many tasks as desired, none unhealthy, targets healthy, no rollout open
	Images         []Image   `json:"images"`
	Targets        []Targets `json:"targets,omitempty"`
	Events         []Event   `json:"events"` // the newest first, at most five
}

// Image is an image that tasks really run.
type Image struct {
	Container string `json:"container"`
	Image     string `json:"image"`
	Digest    string `json:"digest,omitempty"` // sha256:…
	Tasks     int    `json:"tasks"`
	Unhealthy int    `json:"unhealthy"` // of those, tasks whose container health check fails
}

// Targets is the health of one target group.
type Targets struct {
	Arn     string `json:"arn"`
	Healthy int    `json:"healthy"`
	Total   int    `json:"total"` // without draining ones
	Reason  string `json:"reason,omitempty"`
}

// Event is a message of ECS.
type Event struct {
	At      time.Time `json:"at"`
	Message string    `json:"message"`
}

// Status reports on services of one cluster (names or ARNs), in the order asked for. AWS APIs: ecs:DescribeServices, ListTasks,
// DescribeTasks, elasticloadbalancing:DescribeTargetHealth.
func (w *Watcher) Status(ctx context.Context, cluster string, services ...string) ([]Status, error) {
	api := w.API()
	found := map[string]types.Service{}
	for portion := range slices.Chunk(services, 10) { // as many as DescribeServices takes
		out, err := api.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &cluster, Services: portion})
		if call.HasCode(err, "ClusterNotFoundException") {
			continue
		}
		if err != nil {
			return nil, call.Error("ecs:DescribeServices", err)
		}
		for _, svc := range out.Services {
			if aws.ToString(svc.Status) == "ACTIVE" {
				found[aws.ToString(svc.ServiceName)], found[aws.ToString(svc.ServiceArn)] = svc, svc
			}
		}
	}
	statuses := make([]Status, len(services))
	for i, name := range services {
		svc, ok := found[name]
		if !ok {
			statuses[i] = Status{Cluster: cluster, Service: name}
			continue
		}
		s, err := one(ctx, api, cluster, svc)
		if err != nil {
			return nil, err
		}
		statuses[i] = s
	}
	return statuses, nil
}

func one(ctx context.Context, api API, cluster string, svc types.Service) (Status, error) {
	s := Status{
		Cluster: cluster, Service: aws.ToString(svc.ServiceName), Found: true,
		TaskDefinition: Running(svc), Revision: revision(Running(svc)),
		Desired: int(svc.DesiredCount), Running: int(svc.RunningCount), Pending: int(svc.PendingCount),
	}
	if p := Primary(svc); p != nil {
		s.DeploymentID, s.RolloutState, s.RolloutReason = aws.ToString(p.Id), string(p.RolloutState), aws.ToString(p.RolloutStateReason)
		s.Since = aws.ToTime(p.CreatedAt)
		if p.RolloutState == types.DeploymentRolloutStateInProgress {
			s.Deploying = aws.ToString(p.TaskDefinition)
		}
	}
	for _, e := range svc.Events[:min(len(svc.Events), 5)] {
		s.Events = append(s.Events, Event{At: aws.ToTime(e.CreatedAt), Message: plainEvent(e)})
	}
	arns, err := listTasks(ctx, api, cluster, s.Service, types.DesiredStatusRunning)
	if err != nil {
		return s, err
	}
	tasks, err := describeTasks(ctx, api, cluster, arns)
	if err != nil {
		return s, err
	}
	s.Images = images(tasks)
	s.Healthy = s.Running == s.Desired && s.Pending == 0 && s.RolloutState == string(types.DeploymentRolloutStateCompleted) &&
		!slices.ContainsFunc(s.Images, func(i Image) bool { return i.Unhealthy > 0 })
	for _, lb := range svc.LoadBalancers {
		if lb.TargetGroupArn == nil {
			continue
		}
		described, err := describeTargets(ctx, api, *lb.TargetGroupArn)
		if err != nil {
			return s, err
		}
		h := count(described, aws.ToInt32(lb.ContainerPort), nil)
		s.Targets = append(s.Targets, Targets{Arn: *lb.TargetGroupArn, Healthy: h.healthy, Total: h.healthy + h.sick, Reason: h.reason})
		s.Healthy = s.Healthy && h.sick == 0 && h.healthy >= s.Desired
	}
	return s, nil
}

// images sums up what containers run, by container, image and digest.
func images(tasks []types.Task) []Image {
	sum := map[Image]*Image{}
	for _, task := range tasks {
		for _, c := range task.Containers {
			key := Image{Container: aws.ToString(c.Name), Image: aws.ToString(c.Image), Digest: aws.ToString(c.ImageDigest)}
			if sum[key] == nil {
				copied := key
				sum[key] = &copied
			}
			sum[key].Tasks++
			if c.HealthStatus == types.HealthStatusUnhealthy {
				sum[key].Unhealthy++
			}
		}
	}
	list := make([]Image, 0, len(sum))
	for _, i := range sum {
		list = append(list, *i)
	}
	slices.SortFunc(list, func(a, b Image) int {
		return cmp.Or(cmp.Compare(a.Container, b.Container), cmp.Compare(b.Tasks, a.Tasks), cmp.Compare(a.Digest, b.Digest), cmp.Compare(a.Image, b.Image))
	})
	return list
}

package rollout

import (
	"cmp"
	"context"
	"errors"
	"net"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"golang.org/x/sync/errgroup"

	"github.com/company/deployer/internal/aws/call"
)

// Status is what one service does at present.
type Status struct {
	Cluster        string    `json:"cluster"`
	Service        string    `json:"service"`
	Found          bool      `json:"found"`          // false: ECS has no such active service; the rest is empty
	TaskDefinition string    `json:"taskDefinition"` // ARN that really runs, "" if none does
	Revision       string    `json:"revision"`
	Deploying      string    `json:"deploying,omitempty"` // ARN that a rollout in progress deploys
	DeploymentID   string    `json:"deploymentId"`
	RolloutState   string    `json:"rolloutState"` // COMPLETED, IN_PROGRESS or FAILED
	RolloutReason  string    `json:"rolloutReason,omitempty"`
	Since          time.Time `json:"since"` // when the PRIMARY deployment was started
	Desired        int       `json:"desired"`
	Running        int       `json:"running"`
	Pending        int       `json:"pending"`
	// as many tasks as desired, none unhealthy, targets healthy, no rollout in progress
	Healthy     bool        `json:"healthy"`
	Images      []Image     `json:"images"`
	Targets     []Targets   `json:"targets,omitempty"`
	Events      []Event     `json:"events"` // the newest first, at most five
	FailedTasks int         `json:"-"`      // of the PRIMARY deployment
	Revisions   []Revision  // that ECS runs or starts, or is about to
	Deployment  *Deployment // the newest one; nil: ECS knows of none
	// why ECS's deployments or revisions could not be read; the rest is known
	Unread error
	// what could not be read: the service itself if not Found, else its tasks or targets
	Err error `json:"-"`
}

// Image is an image that tasks really run.
type Image struct {
	Container string `json:"container"`
	Image     string `json:"image"`
	Digest    string `json:"digest,omitempty"` // sha256:…
	Tasks     int    `json:"tasks"`
	Unhealthy int    `json:"unhealthy"` // of these, the tasks whose container health check fails
}

// Targets is the health of one target group.
type Targets struct {
	Arn     string   `json:"arn"`
	Healthy int      `json:"healthy"`
	Total   int      `json:"total"` // without draining ones
	Reason  string   `json:"reason,omitempty"`
	Failing []Target // those that are not healthy
}

// Target is one target that is not healthy.
type Target struct {
	Address string // and port
	Zone    string
	State   string // initial, unhealthy, unused or unavailable
	Code    string // Target.ResponseCodeMismatch
	Reason  string // for people
	Task    string // the id of the task that has the address; "": none does any more
}

// Event is a message of ECS.
type Event struct {
	At      time.Time `json:"at"`
	Message string    `json:"message"`
}

// Ref names one service.
type Ref struct{ Cluster, Service string } // names or ARNs

// Status reports on services, in the order of refs. Calls are made side by side: first the services, ten per call, and
// their lists of tasks and deployments, then those tasks, deployments and revisions, and the targets. Status.Err and
// Status.Unread say what could not be read. AWS APIs: ecs:DescribeServices, ListTasks, ListServiceDeployments,
// DescribeTasks, DescribeServiceDeployments, DescribeServiceRevisions, elasticloadbalancing:DescribeTargetHealth.
func (w *Watcher) Status(ctx context.Context, refs ...Ref) []Status {
	api := w.api
	statuses, services := make([]Status, len(refs)), make([]*types.Service, len(refs))
	tasks, unlisted := make([][]string, len(refs)), make([]error, len(refs))
	newest, unread := make([]*types.ServiceDeploymentBrief, len(refs)), make([]error, len(refs))
	clusters := map[string][]int{}
	var first errgroup.Group
	first.SetLimit(atOnce)
	for i, ref := range refs {
		statuses[i] = Status{Cluster: ref.Cluster, Service: ref.Service}
		clusters[ref.Cluster] = append(clusters[ref.Cluster], i)
	}
	for cluster, members := range clusters {
		for portion := range slices.Chunk(members, 10) { // as many as DescribeServices takes
			first.Go(func() error {
				names := make([]string, len(portion))
				for i, at := range portion {
					names[i] = refs[at].Service
				}
				found, err := describeServices(ctx, api, cluster, names)
				for _, at := range portion {
					statuses[at].Err, services[at] = err, found[refs[at].Service]
				}
				return nil
			})
		}
	}
	for i, ref := range refs {
		first.Go(func() error {
			tasks[i], unlisted[i] = listTasks(ctx, api, ref.Cluster, ref.Service, types.DesiredStatusRunning)
			return nil
		})
		first.Go(func() error {
			newest[i], unread[i] = newestDeployment(ctx, api, ref)
			return nil
		})
	}
	_ = first.Wait() // each has its error
	var second errgroup.Group
	second.SetLimit(atOnce)
	for i, svc := range services {
		if svc != nil {
			second.Go(func() error {
				statuses[i] = one(ctx, api, refs[i].Cluster, svc, tasks[i], newest[i])
				statuses[i].Err = errors.Join(unlisted[i], statuses[i].Err)
				statuses[i].Unread = cmp.Or(unread[i], statuses[i].Unread)
				return nil
			})
		}
	}
	_ = second.Wait()
	return statuses
}

// atOnce is how many calls, or services, are read at the same time.
const atOnce = 32

// describeServices returns the active services among those of a cluster, by name and by ARN.
func describeServices(
	ctx context.Context, api clients, cluster string, services []string,
) (map[string]*types.Service, error) {
	out, err := api.services.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &cluster, Services: services})
	if call.HasCode(err, "ClusterNotFoundException") {
		return nil, nil
	}
	if err != nil {
		return nil, call.Error(err)
	}
	found := map[string]*types.Service{}
	for i, svc := range out.Services {
		if aws.ToString(svc.Status) == "ACTIVE" {
			found[aws.ToString(svc.ServiceName)], found[aws.ToString(svc.ServiceArn)] = &out.Services[i],
				&out.Services[i]
		}
	}
	return found, nil
}

// one reads the tasks, the targets, the deployment and the revisions of a service, side by side.
func one(
	ctx context.Context, api clients, cluster string, svc *types.Service, tasks []string,
	newest *types.ServiceDeploymentBrief,
) Status {
	s := Status{
		Cluster: cluster, Service: aws.ToString(svc.ServiceName), Found: true,
		TaskDefinition: Running(*svc), Revision: revision(Running(*svc)),
		Desired: int(svc.DesiredCount), Running: int(svc.RunningCount), Pending: int(svc.PendingCount),
	}
	if p := Primary(*svc); p != nil {
		s.DeploymentID, s.RolloutState, s.RolloutReason = aws.ToString(p.Id), string(p.RolloutState),
			aws.ToString(p.RolloutStateReason)
		s.Since, s.FailedTasks = aws.ToTime(p.CreatedAt), int(p.FailedTasks)
		if p.RolloutState == types.DeploymentRolloutStateInProgress {
			s.Deploying = aws.ToString(p.TaskDefinition)
		}
	}
	for _, e := range svc.Events[:min(len(svc.Events), 5)] {
		s.Events = append(s.Events, Event{At: aws.ToTime(e.CreatedAt), Message: plainEvent(e)})
	}
	var both errgroup.Group
	var running []types.Task
	both.Go(func() (err error) {
		running, err = describeTasks(ctx, api, cluster, tasks)
		s.Images = images(running)
		return err
	})
	var full *types.ServiceDeployment
	var revisions []types.ServiceRevision
	var noDeployment, noRevisions error
	both.Go(func() error {
		full, noDeployment = describeDeployment(ctx, api, newest)
		return nil
	})
	both.Go(func() error {
		revisions, noRevisions = describeRevisions(ctx, api, svc, newest)
		return nil
	})
	var balanced []types.LoadBalancer
	for _, lb := range svc.LoadBalancers {
		if lb.TargetGroupArn != nil {
			balanced = append(balanced, lb)
		}
	}
	sums, sick := make([]health, len(balanced)), make([][]Target, len(balanced))
	for i, lb := range balanced {
		both.Go(func() error {
			described, err := describeTargets(ctx, api, *lb.TargetGroupArn)
			sums[i], sick[i] = count(described, aws.ToInt32(lb.ContainerPort), nil), failing(described)
			return err
		})
	}
	s.Err = both.Wait()
	s.Unread = cmp.Or(noDeployment, noRevisions)
	s.Revisions = runningRevisions(svc, revisions)
	s.Deployment = newestOf(newest, full, revisions)
	owners := addressesOf(running)
	s.Healthy = s.Running == s.Desired && s.Pending == 0 &&
		s.RolloutState == string(types.DeploymentRolloutStateCompleted) &&
		!slices.ContainsFunc(s.Images, func(i Image) bool { return i.Unhealthy > 0 })
	for i, h := range sums {
		for j := range sick[i] {
			host, _, _ := net.SplitHostPort(sick[i][j].Address)
			sick[i][j].Task = owners[host]
		}
		s.Targets = append(s.Targets, Targets{
			Arn: *balanced[i].TargetGroupArn, Healthy: h.healthy,
			Total: h.healthy + h.sick, Reason: h.reason, Failing: sick[i],
		})
		s.Healthy = s.Healthy && h.sick == 0 && h.healthy >= s.Desired
	}
	return s
}

// images counts what containers run, by container, image and digest.
func images(tasks []types.Task) []Image {
	sum := map[Image]*Image{}
	for _, task := range tasks {
		for _, c := range Declared(task.Containers) {
			key := Image{
				Container: aws.ToString(c.Name), Image: aws.ToString(c.Image),
				Digest: aws.ToString(c.ImageDigest),
			}
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
		return cmp.Or(cmp.Compare(a.Container, b.Container), cmp.Compare(b.Tasks, a.Tasks),
			cmp.Compare(a.Digest, b.Digest), cmp.Compare(a.Image, b.Image))
	})
	return list
}

package rollout

import (
	"cmp"
	"context"
	"net"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/company/deployer/internal/aws/call"
)

// health sums up the target groups of a service.
type health struct {
	wanted, healthy int // targets: tasks times target groups
	sick            int // our targets that are not healthy
	reason          string
}

func (h health) ok() bool { return h.sick == 0 && h.healthy >= h.wanted }

// targetHealth asks the load balancers for the health of our deployment's tasks. Targets of tasks that are stopping do
// not count. Nor do targets of a revision that is being replaced: they are healthy all the time.
func (r *run) targetHealth(ctx context.Context, svc types.Service) (health, error) {
	var sum health
	var addresses map[string]bool // of our running tasks, read only if some targets are not healthy
	for _, lb := range svc.LoadBalancers {
		if lb.TargetGroupArn == nil {
			continue
		}
		targets, err := describeTargets(ctx, r.api, *lb.TargetGroupArn)
		if err != nil {
			return health{}, err
		}
		one := count(targets, aws.ToInt32(lb.ContainerPort), nil)
		if one.sick > 0 || len(svc.Deployments) > 1 {
			if addresses == nil {
				if addresses, err = r.addresses(ctx); err != nil {
					return health{}, err
				}
			}
			if len(addresses) > 0 || len(svc.Deployments) > 1 {
				one = count(targets, aws.ToInt32(lb.ContainerPort), addresses)
			}
		}
		sum.wanted += int(svc.DesiredCount)
		sum.healthy += one.healthy
		sum.sick += one.sick
		if one.reason != "" {
			sum.reason = one.reason
		}
	}
	return sum, nil
}

// count counts targets; if addresses is not nil, only targets with these addresses.
func count(targets []elbtypes.TargetHealthDescription, port int32, addresses map[string]bool) health {
	var h health
	for _, t := range targets {
		if t.TargetHealth == nil || t.Target == nil {
			continue
		}
		if addresses != nil && (!addresses[aws.ToString(t.Target.Id)] ||
			t.Target.Port != nil && *t.Target.Port != port) {
			continue
		}
		switch t.TargetHealth.State {
		case elbtypes.TargetHealthStateEnumDraining:
		case elbtypes.TargetHealthStateEnumHealthy:
			h.healthy++
		default:
			h.sick++
			h.reason = string(t.TargetHealth.State)
			if d := aws.ToString(t.TargetHealth.Description); d != "" {
				h.reason = d
			}
		}
	}
	return h
}

// addresses returns the private addresses of the running tasks of our deployment.
func (r *run) addresses(ctx context.Context) (map[string]bool, error) {
	arns, err := listTasks(ctx, r.api, r.goal.Cluster, aws.ToString(r.service.ServiceName), types.DesiredStatusRunning)
	if err != nil {
		return nil, err
	}
	tasks, err := describeTasks(ctx, r.api, r.goal.Cluster, arns)
	if err != nil {
		return nil, err
	}
	ours := slices.DeleteFunc(tasks, func(task types.Task) bool { return !r.ours(task) })
	found := map[string]bool{}
	for address := range addressesOf(ours) {
		found[address] = true
	}
	return found, nil
}

// addressesOf returns the ids of tasks by their private addresses.
func addressesOf(tasks []types.Task) map[string]string {
	found := map[string]string{}
	for _, task := range tasks {
		id := familyRevision(aws.ToString(task.TaskArn))
		for _, attachment := range task.Attachments {
			for _, detail := range attachment.Details {
				if aws.ToString(detail.Name) == "privateIPv4Address" {
					found[aws.ToString(detail.Value)] = id
				}
			}
		}
		for _, c := range task.Containers {
			for _, i := range c.NetworkInterfaces {
				if i.PrivateIpv4Address != nil {
					found[*i.PrivateIpv4Address] = id
				}
			}
		}
	}
	return found
}

// failing returns the targets that are not healthy. Draining ones belong to tasks that are stopping.
func failing(targets []elbtypes.TargetHealthDescription) []Target {
	var out []Target
	for _, t := range targets {
		if t.TargetHealth == nil || t.Target == nil {
			continue
		}
		switch t.TargetHealth.State {
		case elbtypes.TargetHealthStateEnumDraining, elbtypes.TargetHealthStateEnumHealthy:
			continue
		}
		out = append(out, Target{
			Address: net.JoinHostPort(aws.ToString(t.Target.Id), strconv.Itoa(int(aws.ToInt32(t.Target.Port)))),
			Zone:    aws.ToString(t.Target.AvailabilityZone), State: string(t.TargetHealth.State),
			Code: string(t.TargetHealth.Reason), Reason: aws.ToString(t.TargetHealth.Description),
		})
	}
	slices.SortFunc(out, func(a, b Target) int { return cmp.Compare(a.Address, b.Address) })
	return out
}

func describeTargets(ctx context.Context, api clients, arn string) ([]elbtypes.TargetHealthDescription, error) {
	out, err := api.balancers.DescribeTargetHealth(ctx,
		&elasticloadbalancingv2.DescribeTargetHealthInput{TargetGroupArn: &arn})
	if err != nil {
		return nil, call.Error(err)
	}
	return out.TargetHealthDescriptions, nil
}

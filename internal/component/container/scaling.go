package container

import (
	"strings"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/component/cluster"
	"github.com/company/deployer/internal/resource"
	autoscaling "github.com/company/deployer/internal/resource/applicationautoscaling"
	"github.com/company/deployer/internal/value"
)

// defaultCPU is the target utilisation in percent when min and max differ and no target is given.
const defaultCPU = 70

// Cooldowns in seconds: scale out fast, scale in slowly.
const (
	scaleOut = 60
	scaleIn  = 300
)

// target is the resource name of the scalable target.
const target = "scalable-target"

// resources let Application Auto Scaling change the number of tasks. There are none when the number is fixed.
func (s *Scaling) resources(in component.Instance, service *resource.Resource, tracked bool) []*resource.Resource {
	if !s.Automatic() {
		return nil
	}
	least, most := s.Limits()
	// The id is made of names instead of the service's output resourceId, because names are known before the service
	// exists: after a crash, the plan alone tells what the run made.
	id := value.Concat("service/", cluster.Output(cluster.Name), "/", service.Output("name"))
	out := []*resource.Resource{in.Resource(target, autoscaling.TargetType, autoscaling.Target{
		ResourceID: value.Expr[string](id), Min: least, Max: most, ByClock: len(s.Schedule) > 0,
	})}
	cpu := s.CPU
	if cpu == 0 && s.Memory == 0 && !tracked && most > least {
		cpu = defaultCPU
	}
	for _, metric := range []struct {
		name, predefined string
		percent          int
	}{{"cpu", autoscaling.AverageCPU, cpu}, {"memory", autoscaling.AverageMemory, s.Memory}} {
		if metric.percent > 0 {
			out = append(out,
				Track(in, metric.name, autoscaling.Policy{
					Predefined:  metric.predefined,
					TargetValue: float64(metric.percent),
				}))
		}
	}
	for _, entry := range s.Schedule {
		out = append(out, in.Resource("schedule-"+entry.Name, autoscaling.ScheduledActionType,
			autoscaling.ScheduledAction{
				Name: entry.Name, ResourceID: scalable(in), Timezone: entry.Timezone, Min: entry.Min, Max: entry.Max,
				Schedule: "cron(" + strings.TrimSuffix(strings.TrimPrefix(entry.Cron, "cron("), ")") + ")",
			}))
	}
	return out
}

// Track keeps a metric at its target value by changing the number of tasks. name is the name of the metric in the
// policy; Track fills in resource and cooldowns.
func Track(in component.Instance, name string, policy autoscaling.Policy) *resource.Resource {
	out, back := scaleOut, scaleIn
	policy.Name, policy.ResourceID = name, scalable(in)
	policy.ScaleOutCooldown, policy.ScaleInCooldown = &out, &back
	return in.Resource("scale-by-"+name, autoscaling.PolicyType, policy)
}

func scalable(in component.Instance) value.Of[string] {
	return value.Expr[string](value.Output(in.Address+":"+target, "resourceId"))
}

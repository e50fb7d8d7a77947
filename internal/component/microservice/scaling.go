package microservice

import (
	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/component/container"
	"github.com/company/deployer/internal/component/ingress"
	"github.com/company/deployer/internal/resource"
	autoscaling "github.com/company/deployer/internal/resource/applicationautoscaling"
	"github.com/company/deployer/internal/value"
)

// requestsPolicy targets a number of requests per minute and task.
func requestsPolicy(in component.Instance, s *Spec, group *resource.Resource) *resource.Resource {
	label := value.Concat(ingress.Output(s.Ingress.Public, ingress.ARNSuffix), "/", group.Output("arnSuffix"))
	policy := container.Track(in, "requests", autoscaling.Policy{
		Predefined: autoscaling.RequestsPerTarget, TargetValue: float64(s.Scaling.RequestsPerTarget),
		ResourceLabel: value.Expr[string](label),
	})
	// AWS refuses to count the requests of a target group that no load balancer uses.
	policy.After = append(policy.After, in.Address+":"+ruleName)
	return policy
}

package microservice

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/component/cluster"
	"github.com/company/deployer/internal/component/container"
	"github.com/company/deployer/internal/component/ingress"
	"github.com/company/deployer/internal/component/network"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/resource/ec2"
	"github.com/company/deployer/internal/resource/ecs"
	"github.com/company/deployer/internal/resource/elbv2"
	"github.com/company/deployer/internal/resource/servicediscovery"
	"github.com/company/deployer/internal/value"
)

// Kind is the kind MicroService.
func Kind() component.Kind {
	words := container.Words()
	words["url"] = "URL for requests from outside; with ingress only."
	words["internalUrl"] = "Address for other components of the stack, with its first port."
	words["connect"] = "Open connections to the ports: the security group of the user is let in."
	return component.Define(component.Definition[Spec]{
		Name: "MicroService", Group: "components.deployer.io/v1",
		Doc: "Containers on Fargate that answer requests, from the shared load balancers or from other components.",
		Outputs: []string{
			"url", "internalUrl", "serviceName", "clusterName", "securityGroupId", "taskRoleArn",
			"logGroup",
		},
		Verbs: []string{"connect"},
		Words: words,
		Resources: append(
			container.Resources(),
			component.Generated{Name: "discovery", Type: servicediscovery.ServiceType},
			component.Generated{Name: "target-group", Type: elbv2.TargetGroupType, When: "with `ingress`"},
			component.Generated{Name: ruleName, Type: elbv2.ListenerRuleType, When: "with `ingress`"},
			component.Generated{
				Name: httpRuleName, Type: elbv2.ListenerRuleType,
				When: "with `certificate`, if the document Ingress has `httpRedirect: false`",
			},
			component.Generated{Name: "from-load-balancer*", Type: ec2.SecurityGroupRuleType, When: "with `ingress`"},
		),
		Check:   check,
		Demands: demands,
		Grant:   grant,
		Expand:  expand,
	})
}

// Health checks of the load balancer: a target is healthy after two good answers, unhealthy after three bad ones.
const (
	healthTimeout  = 5 // seconds, and less than the interval
	healthyAfter   = 2
	unhealthyAfter = 3
	// gracePeriod is how long a starting task may fail checks: without it, AWS would count them from the first second.
	gracePeriod = time.Minute
	// drain is how long a stopping task may finish its requests. AWS's default of five minutes would only slow rollouts
	// down.
	drain = 30 // seconds
	// anyPort is the port of the target group. AWS requires one although ECS names the port of each task. It is fixed
	// because another port would replace the target group: the rule would lead to the new group while all tasks are
	// still in the old one.
	anyPort = 80
)

// ruleName is the resource name of the listener rule. The policy that scales by requests comes after it.
const ruleName = "listener-rule"

// httpRuleName is the rule for HTTP of a service that is reached over HTTPS, too.
const httpRuleName = "http-listener-rule"

func demands(in component.Instance, s *Spec) []component.Demand {
	out := s.Spec.Demands(in, cluster.Need{Namespace: true})
	if g := s.Ingress; g != nil {
		need := ingress.Need{
			Public: g.Public, Hosts: g.hosts(), Path: g.Path, Priority: g.Priority, Auto: g.auto(),
			Seed: in.Original().Address, Zone: g.Zone, ZoneRole: g.ZoneRole.Value(),
		}
		if g.Certificate.IsSet() && !need.Auto {
			need.Certificate = g.Certificate.Value()
		}
		out = append(out, need.Demand())
	}
	return out
}

func grant(in component.Instance, s *Spec, _ string) component.Grant {
	g := component.Grant{SecurityGroup: value.Output(in.Address, "securityGroupId")}
	for _, p := range s.Ports {
		g.Ports = append(g.Ports, p.Port)
	}
	return g
}

func expand(in component.Instance, s *Spec, c component.Context) (component.Expansion, []value.Problem) {
	discovery := in.Resource("discovery", servicediscovery.ServiceType, servicediscovery.Service{
		Name:        in.Original().Name + "." + in.Original().Service,
		NamespaceID: value.Expr[string](cluster.Output(cluster.NamespaceID)),
	})
	byRequests := s.Scaling.RequestsPerTarget > 0
	parts := container.Parts{
		Scaling: &s.Scaling.Scaling, Tracked: byRequests, GracePeriod: gracePeriod,
		HealthCommand: s.HealthCheck.Command,
		Registries:    []ecs.ServiceRegistry{{Arn: value.Expr[string](discovery.Output("arn"))}},
	}
	for _, p := range s.Ports {
		parts.Ports = append(parts.Ports, ecs.Port{Name: p.Name, Port: p.Port})
	}
	resources := []*resource.Resource{discovery}
	outputs := map[string]value.Value{"internalUrl": value.NewString(internalURL(in, s))}
	var problems []value.Problem
	var group *resource.Resource
	if s.Ingress != nil {
		rules := ingress.Arrange(s.Ingress.Public, c)
		problems = rules.Check(in.Address)
		group = targetGroup(in, s)
		made := listenerRules(in, s, group, rules.Places(in.Address))
		opened := s.fromLoadBalancer(in)
		resources = append(resources, group)
		resources = append(resources, made...)
		resources = append(resources, opened...)
		parts.TargetGroups = []ecs.TargetGroup{{
			Arn: value.Expr[string](group.Output("arn")), ContainerName: in.Original().Name,
			ContainerPort: s.Ports[0].Port,
		}}
		// ECS refuses a target group that no load balancer uses.
		for _, r := range slices.Concat(made, opened) {
			parts.After = append(parts.After, r.ID())
		}
		outputs["url"] = s.Ingress.url(rules.Origin(in.Address))
	}
	made := s.Build(in, c.Granted, parts)
	resources = append(resources, made.Resources...)
	if byRequests {
		resources = append(resources, requestsPolicy(in, s, group))
	}
	outputs["serviceName"], outputs["clusterName"] = made.Service.Output("name"), cluster.Output(cluster.Name)
	outputs["securityGroupId"], outputs["taskRoleArn"] = made.SecurityGroup.Output("id"), made.TaskRole.Output("arn")
	outputs["logGroup"] = made.LogGroup.Output("name")
	return component.Expansion{Resources: resources, Outputs: outputs}, problems
}

func targetGroup(in component.Instance, s *Spec) *resource.Resource {
	h := s.HealthCheck
	check := elbv2.HealthCheck{
		Path: h.Path, Matcher: "200-399", Interval: h.Interval.Seconds(),
		Timeout:          min(healthTimeout, h.Interval.Seconds()-1),
		HealthyThreshold: healthyAfter, UnhealthyThreshold: unhealthyAfter,
	}
	if h.Port != 0 && h.Port != s.Ports[0].Port {
		check.Port = strconv.Itoa(h.Port)
	}
	delay := drain
	return in.Resource("target-group", elbv2.TargetGroupType, elbv2.TargetGroup{
		Name: in.Prefix(), Port: anyPort, Protocol: "HTTP", TargetType: "ip",
		VPCID: value.Expr[string](network.Output(network.VPCID)), HealthCheck: check, DeregistrationDelay: &delay,
	})
}

func listenerRules(
	in component.Instance, s *Spec, group *resource.Resource, places []ingress.Place,
) []*resource.Resource {
	hosts, paths := s.Ingress.hosts(), s.Ingress.paths()
	if len(hosts)+len(paths) == 0 {
		paths = []string{"/*"} // a rule needs at least one condition
	}
	var out []*resource.Resource
	for i, name := range []string{ruleName, httpRuleName}[:len(places)] {
		at := places[i]
		out = append(out, in.Resource(name, elbv2.ListenerRuleType, elbv2.ListenerRule{
			ListenerARN: value.Expr[string](at.Listener), LoadBalancer: value.Expr[string](at.LoadBalancer),
			Priority: at.Priority, Hosts: hosts, Paths: paths, Action: elbv2.To(group.Output("arn")),
			Shared: at.Shared,
		}))
	}
	return out
}

// url is the public URL: the first host without wildcards, else the load balancer's own name.
func (g *Ingress) url(origin, port value.Value) value.Value {
	path, _, _ := strings.Cut(strings.TrimRight(g.Path, "/"), "*")
	host := ingress.Output(g.Public, ingress.DNSName)
	for _, name := range slices.Backward(g.hosts()) {
		if !strings.ContainsAny(name, "*?") {
			host = value.NewString(name)
		}
	}
	if port.IsNull() {
		return value.Concat(origin, host, path)
	}
	return value.Concat(origin, host, port, path)
}

// internalURL is the URL for other components. It is known early, so that two services may refer to each other.
func internalURL(in component.Instance, s *Spec) string {
	was := in.Original()
	return "http://" + was.Name + "." + was.Service + "." + cluster.Namespace(in) + ":" + strconv.Itoa(s.Ports[0].Port)
}

// fromLoadBalancer opens the ports that get requests and health checks from the load balancer.
func (s *Spec) fromLoadBalancer(in component.Instance) []*resource.Resource {
	own := value.Output(in.Address+":"+container.SecurityGroup, "id")
	from := ingress.Output(s.Ingress.Public, ingress.SecurityGroup)
	out := []*resource.Resource{container.Open(in, "from-load-balancer", own, from, s.Ports[0].Port,
		"Requests from the load balancer")}
	if h := s.HealthCheck; h.Port != 0 && h.Port != s.Ports[0].Port {
		out = append(out, container.Open(in, "from-load-balancer-health", own, from, h.Port,
			"Health checks from the load balancer"))
	}
	return out
}

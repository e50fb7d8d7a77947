// Package cluster is the synthetic component infra/cluster: the ECS cluster of a stack in one environment and the
// private DNS namespace in which its services find each other.
//
// In: the needs of services. Out: the cluster, and the namespace if a service needs it. It is pure and must not know
// the kinds that need it.
package cluster

import (
	"slices"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/resource/ecs"
	"github.com/company/deployer/internal/resource/servicediscovery"
	"github.com/company/deployer/internal/value"
)

// Address is the address of the component.
const Address = "infra/cluster"

// The outputs.
const (
	Name        = "name"
	ARN         = "arn"
	NamespaceID = "namespaceId" // only while a service needs the namespace
)

// Need is what one service needs of the cluster.
type Need struct {
	Namespace bool // an internal DNS name
	// Counted: the service scales by the number of its running tasks, which Container Insights counts.
	Counted bool
}

// Demand asks for a place in the cluster.
func (n Need) Demand() component.Demand { return component.Demand{Address: Address, Data: n} }

// Output refers to an output.
func Output(name string) value.Value { return value.Output(Address, name) }

// Spec is what users write below spec. Without a manifest everything has its default.
type Spec struct {
	component.Common

	ContainerInsights string `json:"containerInsights,omitempty" scalar:"text" enum:"on,enhanced,off" unset:"on" doc:"Metrics of tasks and services in CloudWatch, at a price for each metric: on, enhanced (also of each task and container), or off. A Worker that scales by the backlog of a queue needs them."`
}

// insights are the values of the setting in ECS.
var insights = map[string]string{"": "enabled", "on": "enabled", "enhanced": "enhanced", off: "disabled"}

const off = "off"

// Namespace is the private DNS name that the services of a stack in an environment are registered under.
func Namespace(in component.Instance) string { return in.Environment + "." + in.Stack + ".internal" }

// Kind is the kind Cluster. A stack has one, with or without a manifest.
func Kind() component.Kind {
	return component.Define(component.Definition[Spec]{
		Name: "Cluster", Group: "infra.deployer.io/v1", Synthetic: Address,
		Doc:     "The ECS cluster and the private DNS namespace that the services of a stack share.",
		Outputs: []string{Name, ARN, NamespaceID},
		Words: map[string]string{
			Name: "Name of the cluster.", ARN: "ARN of the cluster.",
			NamespaceID: "Id of the private DNS namespace; while a service needs it.",
		},
		Resources: []component.Generated{
			{Name: "cluster", Type: ecs.ClusterType},
			{Name: "namespace", Type: servicediscovery.PrivateDNSNamespaceType, When: "while a MicroService needs it"},
		},
		Expand: expand,
	})
}

func expand(in component.Instance, s *Spec, c component.Context) (component.Expansion, []value.Problem) {
	var problems []value.Problem
	for _, d := range c.Demands {
		if n, ok := d.Data.(Need); ok && n.Counted && s.ContainerInsights == off {
			problems = append(problems, component.Invalid([]string{"containerInsights"},
				"%s scales by the backlog of a queue, and needs the number of running tasks, which Container Insights "+
					"counts: take on or enhanced", d.From))
		}
	}
	made := in.Resource("cluster", ecs.ClusterType, ecs.Cluster{
		Name: in.ResourceName(ecs.NameLimit, nil), ContainerInsights: insights[s.ContainerInsights],
		CapacityProviders: []string{ecs.Fargate, ecs.FargateSpot},
	})
	out := component.Expansion{
		Resources: []*resource.Resource{made},
		Outputs:   map[string]value.Value{Name: made.Output("name"), ARN: made.Output("arn")},
	}
	if slices.ContainsFunc(c.Demands, func(d component.Demand) bool {
		n, ok := d.Data.(Need)
		return ok && n.Namespace
	}) {
		namespace := in.Resource("namespace", servicediscovery.PrivateDNSNamespaceType,
			servicediscovery.PrivateDNSNamespace{
				Name: Namespace(in), VPCID: value.Expr[string](value.Output("infra/network", "vpcId")),
			})
		out.Resources = append(out.Resources, namespace)
		out.Outputs[NamespaceID] = namespace.Output("id")
	}
	return out, problems
}

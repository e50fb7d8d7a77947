// Package cluster is the synthetic component infra/cluster: the ECS cluster of a stack in one environment and the
// private DNS namespace in which its services find each other.
//
// In: the needs of services. Out: the cluster, and the namespace if a service needs it.
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
}

// Demand asks for a place in the cluster.
func (n Need) Demand() component.Demand { return component.Demand{Address: Address, Data: n} }

// Output refers to an output.
func Output(name string) value.Value { return value.Output(Address, name) }

// Spec is empty: users do not write this component.
type Spec struct{ component.Common }

// Namespace is the private DNS name that the services of a stack in an environment are registered under.
func Namespace(in component.Instance) string { return in.Environment + "." + in.Stack + ".internal" }

// Kind is the synthetic kind Cluster.
func Kind() component.Kind {
	return component.Define(component.Definition[Spec]{
		Name: "Cluster", Synthetic: Address,
		Doc:     "The ECS cluster and the private DNS namespace that the services of a stack share.",
		Outputs: []string{Name, ARN, NamespaceID},
		Expand:  expand,
	})
}

func expand(in component.Instance, _ *Spec, c component.Context) (component.Expansion, []value.Problem) {
	// Container Insights counts running tasks. Scaling by backlog divides by that count.
	made := in.Resource("cluster", ecs.ClusterType, ecs.Cluster{
		Name: in.ResourceName(ecs.NameLimit, nil), ContainerInsights: "enabled",
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
	return out, nil
}

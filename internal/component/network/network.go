// Package network is the kind Network: the VPC and subnets in which a stack runs. A stack without one uses the region's
// default VPC.
//
// In: an instance of the kind, or the needs of other components. Out: lookups of a VPC and its subnets; it creates
// nothing.
package network

import (
	"maps"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/resource/ec2"
	"github.com/company/deployer/internal/value"
)

// Address is the address of the component.
const Address = "infra/network"

// The outputs.
const (
	VPCID            = "vpcId"
	CIDR             = "cidr" // of the VPC, IPv4
	PublicSubnetIDs  = "publicSubnetIds"
	PrivateSubnetIDs = "privateSubnetIds"
	// TaskSubnetIDs are the private subnets with a route to the internet, or else the public ones; AssignPublicIP says
	// which.
	TaskSubnetIDs  = "taskSubnetIds"
	AssignPublicIP = "assignPublicIp"
	// Load balancers take one subnet of each zone. Internal ones use private subnets if these are in two zones.
	PublicBalancerSubnetIDs   = "publicBalancerSubnetIds"
	InternalBalancerSubnetIDs = "internalBalancerSubnetIds"
	// DataSubnetIDs are where data stores run: subnets that are not public if these are in two zones, else all.
	DataSubnetIDs = "dataSubnetIds"
)

// Output refers to an output.
func Output(name string) value.Value { return value.Output(Address, name) }

// Spec is what users write below spec.
type Spec struct {
	component.Common

	VPC     VPC     `json:"vpc,omitempty" unset:"the region's default VPC" doc:"The VPC."`
	Subnets Subnets `json:"subnets,omitempty" unset:"all of the VPC" doc:"Which of its subnets. They must be in at least two zones. Their route tables say which are public."`
}

// VPC says which VPC.
type VPC struct {
	ID      value.Of[string] `json:"id,omitempty" pattern:"^vpc-[0-9a-f]{8,17}$" form:"the id of a VPC, such as vpc-0123456789abcdef0" without:"default" doc:"Id of an existing VPC."`
	Default bool             `json:"default,omitempty" unset:"true without id" doc:"The region's default VPC."`
}

// Subnets says which subnets of the VPC.
type Subnets struct {
	IDs  []string          `json:"ids,omitempty" min:"2" unique:"true" pattern:"^subnet-[0-9a-f]{8,17}$" form:"the id of a subnet, such as subnet-0123456789abcdef0" without:"tags" doc:"Ids of the subnets, public and private ones together."`
	Tags map[string]string `json:"tags,omitempty" scalar:"text" example:"{tier: app}" doc:"Tags that the subnets carry."`
}

const noVPC = "this version of deployer makes no VPCs: make one with Terraform or CloudFormation and give its id " +
	"(vpc: {id: vpc-...})"

// Kind is the kind Network.
func Kind() component.Kind {
	return component.Define(component.Definition[Spec]{
		Name: "Network", Group: "infra.deployer.io/v1", Synthetic: Address,
		Doc: "The VPC and the subnets in which everything of a stack runs.",
		Outputs: []string{
			VPCID, CIDR, PublicSubnetIDs, PrivateSubnetIDs, TaskSubnetIDs, AssignPublicIP,
			PublicBalancerSubnetIDs, InternalBalancerSubnetIDs, DataSubnetIDs,
		},
		Words: map[string]string{
			VPCID: "Id of the VPC.", CIDR: "IPv4 range of the VPC.",
			PublicSubnetIDs: "Ids of the public subnets.", PrivateSubnetIDs: "Ids of the private subnets.",
			TaskSubnetIDs: "Ids of the subnets in which tasks run: private ones with a way out, without " +
				"any the public ones.",
			AssignPublicIP:            "Whether tasks get a public IP: true where they run in public subnets.",
			PublicBalancerSubnetIDs:   "Ids of the subnets of public load balancers, one in each zone.",
			InternalBalancerSubnetIDs: "Ids of the subnets of internal load balancers, one in each zone.",
			DataSubnetIDs: "Ids of the subnets of databases and caches: all that are not public; all, if those are not " +
				"in two zones.",
		},
		Advice: map[string]string{"vpc.cidr": noVPC, "vpc.azs": noVPC, "vpc.natGateways": noVPC},
		Expand: expand,
	})
}

func expand(in component.Instance, s *Spec, _ component.Context) (component.Expansion, []value.Problem) {
	vpc := in.Data("vpc", ec2.VPCLookupType, ec2.VPCLookup{ID: s.VPC.ID})
	ask := ec2.SubnetsLookup{VPCID: value.Expr[string](vpc.Output("vpcId")), Tags: maps.Clone(s.Subnets.Tags)}
	if len(s.Subnets.IDs) > 0 {
		ask.SubnetIDs = value.Lit(s.Subnets.IDs)
	}
	subnets := in.Data("subnets", ec2.SubnetsLookupType, ask)
	return component.Expansion{
		Resources: []*resource.Resource{vpc, subnets},
		Outputs: map[string]value.Value{
			VPCID: vpc.Output("vpcId"), CIDR: vpc.Output("cidr"),
			PublicSubnetIDs: subnets.Output("publicSubnetIds"), PrivateSubnetIDs: subnets.Output("privateSubnetIds"),
			TaskSubnetIDs: subnets.Output("taskSubnetIds"), AssignPublicIP: subnets.Output("assignPublicIp"),
			PublicBalancerSubnetIDs: subnets.Output("publicZoneSubnetIds"),
			InternalBalancerSubnetIDs: twoZones(subnets.Output("privateZoneSubnetIds"),
				subnets.Output("publicZoneSubnetIds")),
			DataSubnetIDs: subnets.Output("dataSubnetIds"),
		},
	}, nil
}

// twoZones is the first list if it has the two zones that a load balancer needs, else the second.
func twoZones(first, second value.Value) value.Value {
	return value.NewDeferred(value.Expression{
		Op: value.OpTemplate, Source: "${length(first) > 1 ? first : second}",
		Names: []string{"first", "second"}, Args: []value.Value{first, second},
	})
}

// Package network is the kind Network: the VPC and subnets in which a stack runs. A stack without one uses the region's
// default VPC.
//
// In: an instance of the kind, or the needs of other components. Out: a VPC of its own with all its parts, or lookups
// of a VPC and its subnets. It is pure: the engine reads the lookups. It must not know the kinds that need it.
package network

import (
	"maps"
	"strconv"

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
	CIDR             = "cidr"  // of the VPC, IPv4
	CIDRs            = "cidrs" // all of them
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
	Subnets Subnets `json:"subnets,omitempty" unset:"all of the VPC" doc:"Which subnets of an existing VPC. They must be in at least two zones. Their route tables say which are public."`
	Tasks   string  `json:"tasks,omitempty" enum:"private,public" unset:"private, if the VPC has subnets that are not public" doc:"In which subnets tasks run. In public subnets they get a public IP."`
}

// VPC says which VPC.
type VPC struct {
	ID      value.Of[string] `json:"id,omitempty" pattern:"^vpc-[0-9a-f]{8,17}$" form:"the id of a VPC, such as vpc-0123456789abcdef0" without:"default,cidr" doc:"Id of an existing VPC."`
	Default bool             `json:"default,omitempty" unset:"true without id and cidr" without:"cidr" doc:"The region's default VPC."`

	CIDR        string    `json:"cidr,omitempty" example:"10.20.0.0/16" doc:"IPv4 range of a VPC of the stack's own, /16 to /22."`
	AZs         *int      `json:"azs,omitempty" needs:"cidr" without:"zones" min:"2" max:"6" why:"load balancers and databases need two zones" unset:"2" doc:"In how many availability zones it has subnets."`
	Zones       []string  `json:"zones,omitempty" needs:"cidr" min:"2" max:"8" unique:"true" pattern:"^([a-z]{2,}(-[a-z]+)+-[0-9]+[a-h]|[a-z]{2,}[0-9]+-az[1-8])$" form:"the name or the id of an availability zone, such as eu-central-1a or euc1-az2" why:"load balancers and databases need two zones" unset:"the first zones in which Fargate runs" doc:"In which availability zones, by name or by id."`
	NATGateways string    `json:"natGateways,omitempty" needs:"cidr" enum:"none,single,perAz" unset:"perAz in production, else single" doc:"How private subnets reach the internet: through one NAT gateway in the first zone, one in each zone, or not at all."`
	Endpoints   []string  `json:"endpoints,omitempty" needs:"cidr" unique:"true" pattern:"^[a-z0-9][a-z0-9.-]*$" form:"a service of AWS, such as ecr, logs, secretsmanager or sqs" example:"[ecr, logs, secretsmanager]" doc:"Services that private subnets reach through interface endpoints; ecr stands for ecr.api and ecr.dkr. S3 and DynamoDB always have gateway endpoints."`
	FlowLogs    *FlowLogs `json:"flowLogs,omitempty" needs:"cidr" unset:"none" doc:"Write which traffic there was to a log group."`
}

// FlowLogs says what is written of the traffic.
type FlowLogs struct {
	Traffic   string `json:"traffic,omitempty" enum:"all,accept,reject" default:"all" doc:"Which traffic."`
	Retention int    `json:"retention,omitempty" enum:"1,3,5,7,14,30,60,90,120,150,180,365,400,545,731,1096,1827,2192,2557,2922,3288,3653" default:"30" doc:"How many days the log group keeps it."`
}

// Subnets says which subnets of the VPC.
type Subnets struct {
	IDs  []string          `json:"ids,omitempty" min:"2" unique:"true" pattern:"^subnet-[0-9a-f]{8,17}$" form:"the id of a subnet, such as subnet-0123456789abcdef0" without:"tags" doc:"Ids of the subnets, public and private ones together."`
	Tags map[string]string `json:"tags,omitempty" scalar:"text" example:"{tier: app}" doc:"Tags that the subnets carry."`
}

// Kind is the kind Network.
func Kind() component.Kind {
	return component.Define(component.Definition[Spec]{
		Name: "Network", Group: "infra.deployer.io/v1", Synthetic: Address,
		Doc: "The VPC and the subnets in which everything of a stack runs.",
		Outputs: []string{
			VPCID, CIDR, CIDRs, PublicSubnetIDs, PrivateSubnetIDs, TaskSubnetIDs, AssignPublicIP,
			PublicBalancerSubnetIDs, InternalBalancerSubnetIDs, DataSubnetIDs,
		},
		Words: map[string]string{
			VPCID: "Id of the VPC.", CIDR: "IPv4 range of the VPC, the primary one.",
			CIDRs:           "All IPv4 ranges of the VPC, the primary one first.",
			PublicSubnetIDs: "Ids of the public subnets.", PrivateSubnetIDs: "Ids of the private subnets.",
			TaskSubnetIDs: "Ids of the subnets in which tasks run: private ones with a default route, else " +
				"isolated ones; public ones if there are no others or `tasks: public` says so.",
			AssignPublicIP:            "Whether tasks get a public IP: true where they run in public subnets.",
			PublicBalancerSubnetIDs:   "Ids of the subnets of public load balancers, one in each zone.",
			InternalBalancerSubnetIDs: "Ids of the subnets of internal load balancers, one in each zone.",
			DataSubnetIDs: "Ids of the subnets of databases and caches: all that are not public; all, if " +
				"those are not in two zones.",
		},
		Resources: resources(),
		Check:     check,
		Expand:    expand,
	})
}

func expand(in component.Instance, s *Spec, c component.Context) (component.Expansion, []value.Problem) {
	if s.VPC.CIDR != "" {
		return s.own(in, c)
	}
	vpc := in.Data("vpc", ec2.VPCLookupType, ec2.VPCLookup{ID: s.VPC.ID})
	ask := ec2.SubnetsLookup{
		VPCID: value.Expr[string](vpc.Output("vpcId")),
		Tags:  maps.Clone(s.Subnets.Tags),
		Tasks: s.Tasks,
	}
	ask.Services, ask.Internet = needed(c.Demands)
	if len(s.Subnets.IDs) > 0 {
		ask.SubnetIDs = value.Lit(s.Subnets.IDs)
	}
	subnets := in.Data("subnets", ec2.SubnetsLookupType, ask)
	return component.Expansion{
		Resources: []*resource.Resource{vpc, subnets},
		Outputs: map[string]value.Value{
			VPCID: vpc.Output("vpcId"), CIDR: vpc.Output("cidr"), CIDRs: vpc.Output("cidrs"),
			PublicSubnetIDs: subnets.Output("publicSubnetIds"), PrivateSubnetIDs: subnets.Output("privateSubnetIds"),
			TaskSubnetIDs: subnets.Output("taskSubnetIds"), AssignPublicIP: subnets.Output("assignPublicIp"),
			PublicBalancerSubnetIDs: subnets.Output("publicZoneSubnetIds"),
			InternalBalancerSubnetIDs: twoZones(subnets.Output("privateZoneSubnetIds"),
				subnets.Output("publicZoneSubnetIds")),
			DataSubnetIDs: subnets.Output("dataSubnetIds"),
		},
	}, nil
}

// Range is one IPv4 range of the VPC.
type Range struct {
	CIDR value.Value
	Only value.Value // whether there is such a range; Null: always
}

// Ranges are all IPv4 ranges of the network of a component, the primary one first.
func Ranges(c component.Context) []Range {
	all := []Range{{CIDR: Output(CIDR)}}
	if s, ok := c.Shared[Address].(*Spec); !ok || s.VPC.CIDR != "" {
		return all // a VPC of the stack's own has one range
	}
	vpc := func(what string, i int) value.Value {
		return value.Select(value.Output(Address+":vpc", what), strconv.Itoa(i))
	}
	for i := range ec2.MoreCIDRs {
		all = append(all, Range{CIDR: vpc("more", i), Only: vpc("has", i)})
	}
	return all
}

// twoZones is the first list if it has the two zones that a load balancer needs, else the second.
func twoZones(first, second value.Value) value.Value {
	return value.NewDeferred(value.Expression{
		Op: value.OpTemplate, Source: "${length(first) > 1 ? first : second}",
		Names: []string{"first", "second"}, Args: []value.Value{first, second},
	})
}

package ec2

import "github.com/company/deployer/internal/value"

// Types of lookups.
const (
	VPCLookupType      = "ec2/existing-vpc"
	SubnetsLookupType  = "ec2/subnets"
	ZonesLookupType    = "ec2/zones"
	ServicesLookupType = "ec2/endpoint-services"
	OverlapLookupType  = "ec2/overlapping-vpcs"
	GroupsLookupType   = "ec2/existing-security-groups"
)

// VPCLookup asks for the VPC with that id; without an id, for the region's default VPC.
type VPCLookup struct {
	ID value.Of[string] `json:"id,omitempty"`
}

// MoreCIDRs is how many networks AWS lets a VPC have beside the primary one, by its default quota.
const MoreCIDRs = 4

// FoundVPC answers a VPCLookup.
type FoundVPC struct {
	VPCID string `json:"vpcId"`
	CIDR  string `json:"cidr"` // the primary IPv4 network
	// CIDRs are all IPv4 networks, the primary one first. More has MoreCIDRs entries: the second network and so on, ""
	// where there is none. Has says which entries are networks.
	CIDRs   []string `json:"cidrs"`
	More    []string `json:"more"`
	Has     []bool   `json:"has"`
	Default bool     `json:"default"`
}

// OverlapLookup asks which other VPC of the region has addresses of a range that a new VPC is to have. A VPC with the
// tags is that VPC: it is there already, and the question is too late.
type OverlapLookup struct {
	CIDR string            `json:"cidr"`
	Tags map[string]string `json:"tags"`
}

// Overlap answers an OverlapLookup.
type Overlap struct {
	Found bool   `json:"found"`
	With  string `json:"with"` // VPCs and their ranges, for people
}

// SubnetsLookup asks for the subnets of a VPC: all, those with the given ids, or those with all the given tags. Fewer
// than two zones is an error: load balancers and databases need two.
type SubnetsLookup struct {
	VPCID     value.Of[string]   `json:"vpcId" required:"true"`
	SubnetIDs value.Of[[]string] `json:"subnetIds,omitempty"`
	Tags      map[string]string  `json:"tags,omitempty"`
	// Tasks is private or public: in which subnets tasks run. Empty: private, if there are subnets that are not public.
	Tasks string `json:"tasks,omitempty"`
	// Chosen: one component chooses these subnets for its tasks. One zone will do, and public subnets mix with no
	// others.
	Chosen bool `json:"chosen,omitempty"`
	// Data: one component chooses these subnets for its data store, which is in all of them.
	Data bool `json:"data,omitempty"`
	// Services are what tasks must reach of AWS, and Internet what they must reach elsewhere, each with the components
	// that need it. In isolated subnets, each service needs a VPC endpoint.
	Services map[string][]string `json:"services,omitempty"`
	Internet map[string][]string `json:"internet,omitempty"`
}

// Subnets answers a SubnetsLookup. The route table decides what a subnet is (a subnet without its own table uses the
// VPC's main table). Public: the default route goes to an internet gateway. Private: it goes elsewhere (NAT, transit
// gateway, firewall, ...). Isolated: there is none. Lists are sorted by zone, then id. Subnets that the question does
// not name are not there if they are outside of the region's availability zones, on an Outpost or without IPv4.
type Subnets struct {
	PublicSubnetIDs   []string `json:"publicSubnetIds"`
	PrivateSubnetIDs  []string `json:"privateSubnetIds"` // with a default route
	IsolatedSubnetIDs []string `json:"isolatedSubnetIds"`
	// PublicZoneSubnetIDs and PrivateZoneSubnetIDs have at most one subnet of each zone, the first: a load balancer
	// takes no more. Here isolated subnets count as private, after those with a default route. If there are private
	// subnets, a zone with tasks but without a private subnet is there with a public subnet.
	PublicZoneSubnetIDs  []string `json:"publicZoneSubnetIds"`
	PrivateZoneSubnetIDs []string `json:"privateZoneSubnetIds"`
	// TaskSubnetIDs are where tasks run: the private subnets or, if there are none, the public ones. Tasks in public
	// subnets need a public IP to reach the internet. If two zones have both private and public subnets, only those
	// zones count: a public load balancer does not reach tasks in other zones.
	TaskSubnetIDs  []string `json:"taskSubnetIds"`
	AssignPublicIP bool     `json:"assignPublicIp"`
	// DataSubnetIDs are where data stores run: isolated and private subnets if they are in two zones, else all.
	DataSubnetIDs   []string `json:"dataSubnetIds"`
	HasPrivateRoute bool     `json:"hasPrivateRoute"` // there are private subnets with a default route
	Zones           []string `json:"zones"`           // names: "eu-central-1a"
}

// ZonesLookup asks for the availability zones of subnets. A slot is a number from 1: that of the zone's letter (a is 1)
// or id (euc1-az1 is 1).
type ZonesLookup struct {
	// Zones are names (eu-central-1a) or ids (euc1-az1) of zones. Without them the region's first zones in which
	// Fargate runs are chosen.
	Zones []string `json:"zones,omitempty"`
	Count int      `json:"count"` // how many zones
	// Tags and Resources tell which subnets exist: those with the tags, and in their tag deployer:resource the resource
	// of a slot. They keep their zones, although AWS opens new ones.
	Tags      map[string]string `json:"tags,omitempty"`
	Resources []string          `json:"resources,omitempty"`
}

// Zones answers a ZonesLookup.
type Zones struct {
	Names []string `json:"names"` // in the order of the question, or of the slots
}

// EndpointServices asks for the services of the region to which VPC endpoints can lead, by short names: "ecr.api".
type EndpointServices struct {
	Services []string `json:"services"`
}

// EndpointServiceNames answers EndpointServices.
type EndpointServiceNames struct {
	Names map[string]string `json:"names"` // full names, by short name
}

// GroupsLookup asks for security groups that others have made. They must be in the VPC.
type GroupsLookup struct {
	VPCID value.Of[string] `json:"vpcId" required:"true"`
	IDs   []string         `json:"ids"`
}

// Groups answers a GroupsLookup.
type Groups struct {
	IDs []string `json:"ids"` // in the order of the question
}

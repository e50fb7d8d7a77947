package ec2

import "github.com/company/deployer/internal/value"

// Types of lookups.
const (
	VPCLookupType     = "ec2/vpc"
	SubnetsLookupType = "ec2/subnets"
)

// VPCLookup asks for a VPC: the one of that id, the region's default VPC when it is unset.
type VPCLookup struct {
	ID value.Of[string] `json:"id,omitempty"`
}

// VPC answers a VPCLookup.
type VPC struct {
	VPCID   string `json:"vpcId"`
	CIDR    string `json:"cidr"` // the primary IPv4 network
	Default bool   `json:"default"`
}

// SubnetsLookup asks for the subnets of a VPC: all, those of the given ids, or those that carry all the given tags.
// Fewer than two zones is an error: load balancers and databases need two.
type SubnetsLookup struct {
	VPCID     value.Of[string]   `json:"vpcId" required:"true"`
	SubnetIDs value.Of[[]string] `json:"subnetIds,omitempty"`
	Tags      map[string]string  `json:"tags,omitempty"`
}

// Subnets answers a SubnetsLookup. What a subnet is, its route table decides (the VPC's main one when it has none of
// its own): public when its default route goes to an internet gateway, private when it goes elsewhere (NAT, transit
// gateway, firewall, ...), isolated when it has none. Lists are sorted by zone, then id.
type Subnets struct {
	PublicSubnetIDs   []string `json:"publicSubnetIds"`
	PrivateSubnetIDs  []string `json:"privateSubnetIds"` // with a way out
	IsolatedSubnetIDs []string `json:"isolatedSubnetIds"`
	// PublicZoneSubnetIDs and PrivateZoneSubnetIDs have at most one subnet of each zone, the first: a load balancer
	// takes no more. Isolated subnets count as private ones here, after those with a way out. Beside private ones,
	// zones that have tasks but no private subnet are there with a public one.
	PublicZoneSubnetIDs  []string `json:"publicZoneSubnetIds"`
	PrivateZoneSubnetIDs []string `json:"privateZoneSubnetIds"`
	// TaskSubnetIDs are where tasks run: the private subnets, without any the public ones. In public ones they need a
	// public IP to get out. Where two zones have both, only those count: a public load balancer does not reach tasks in
	// other zones.
	TaskSubnetIDs  []string `json:"taskSubnetIds"`
	AssignPublicIP bool     `json:"assignPublicIp"`
	// DataSubnetIDs are where data stores run: isolated and private subnets if they span two zones, else all.
	DataSubnetIDs   []string `json:"dataSubnetIds"`
	HasPrivateRoute bool     `json:"hasPrivateRoute"` // there are private subnets with a way out
	Zones           []string `json:"zones"`           // names: "eu-central-1a"
}

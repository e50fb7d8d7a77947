package ec2

import "github.com/company/deployer/internal/value"

// VPCType is the type of a VPC.
const VPCType = "ec2/vpc"

// VPC is a VPC with one IPv4 range. Another range forces a replacement: AWS cannot change the first range of a VPC.
type VPC struct {
	CIDR         string            `json:"cidr" required:"true" doc:"The IPv4 range, /16 to /28."`
	DNSSupport   *bool             `json:"dnsSupport,omitempty" unset:"true" doc:"Whether AWS's DNS server answers in the VPC."`
	DNSHostnames *bool             `json:"dnsHostnames,omitempty" unset:"true" doc:"Whether private DNS names work; Cloud Map and interface endpoints need them."`
	Tags         map[string]string `json:"tags,omitempty" doc:"Tags of the object, beside those of deployer."`
}

// VPCOutputs is what AWS adds to a VPC.
type VPCOutputs struct {
	ID string `json:"id"`
}

// InternetGatewayType is the type of an internet gateway.
const InternetGatewayType = "ec2/internet-gateway"

// InternetGateway is an internet gateway that is attached to a VPC.
type InternetGateway struct {
	VPCID value.Of[string]  `json:"vpcId" required:"true" doc:"The VPC that it is attached to."`
	Tags  map[string]string `json:"tags,omitempty" doc:"Tags of the object, beside those of deployer."`
}

// InternetGatewayOutputs is what AWS adds to an internet gateway.
type InternetGatewayOutputs struct {
	ID string `json:"id"`
}

// SubnetType is the type of a subnet.
const SubnetType = "ec2/subnet"

// Subnet is a subnet of a VPC. AWS can change nothing of it but its tags.
type Subnet struct {
	VPCID            value.Of[string]  `json:"vpcId" required:"true" doc:"The VPC."`
	CIDR             string            `json:"cidr" required:"true" doc:"Its part of the IPv4 range of the VPC, /16 to /28."`
	AvailabilityZone value.Of[string]  `json:"availabilityZone" required:"true" doc:"Name of the availability zone."`
	Tags             map[string]string `json:"tags,omitempty" doc:"Tags of the object, beside those of deployer."`
}

// SubnetOutputs is what AWS adds to a subnet.
type SubnetOutputs struct {
	ID  string `json:"id"`
	ARN string `json:"arn"`
}

// RouteTableType is the type of a route table.
const RouteTableType = "ec2/route-table"

// RouteTable is a route table without routes of its own: each route is a Route.
type RouteTable struct {
	VPCID value.Of[string]  `json:"vpcId" required:"true" doc:"The VPC."`
	Tags  map[string]string `json:"tags,omitempty" doc:"Tags of the object, beside those of deployer."`
}

// RouteTableOutputs is what AWS adds to a route table.
type RouteTableOutputs struct {
	ID string `json:"id"`
}

// RouteType is the type of a route.
const RouteType = "ec2/route"

// Route is one route of a route table. Exactly one target is set; another target is a change in place.
type Route struct {
	RouteTableID value.Of[string] `json:"routeTableId" required:"true" doc:"The route table."`
	Destination  string           `json:"destination" required:"true" doc:"The IPv4 range that it is for."`
	GatewayID    value.Of[string] `json:"gatewayId,omitempty" doc:"The target: an internet gateway."`
	NATGatewayID value.Of[string] `json:"natGatewayId,omitempty" doc:"The target: a NAT gateway."`
}

// RouteTableAssociationType is the type of an association of a subnet with a route table.
const RouteTableAssociationType = "ec2/route-table-association"

// RouteTableAssociation says which route table a subnet uses. Another table is a change in place.
type RouteTableAssociation struct {
	SubnetID     value.Of[string] `json:"subnetId" required:"true" doc:"The subnet."`
	RouteTableID value.Of[string] `json:"routeTableId" required:"true" doc:"The route table that it uses."`
}

// ElasticIPType is the type of an elastic IP address.
const ElasticIPType = "ec2/elastic-ip"

// ElasticIP is a fixed public IPv4 address.
type ElasticIP struct {
	Tags map[string]string `json:"tags,omitempty" doc:"Tags of the object, beside those of deployer."`
}

// ElasticIPOutputs is what AWS adds to an elastic IP address.
type ElasticIPOutputs struct {
	ID       string `json:"id"` // of the allocation
	PublicIP string `json:"publicIp"`
}

// NATGatewayType is the type of a NAT gateway.
const NATGatewayType = "ec2/nat-gateway"

// NATGateway is a public NAT gateway.
type NATGateway struct {
	SubnetID     value.Of[string]  `json:"subnetId" required:"true" doc:"The public subnet that it is in."`
	AllocationID value.Of[string]  `json:"allocationId" required:"true" doc:"Its elastic IP address."`
	Tags         map[string]string `json:"tags,omitempty" doc:"Tags of the object, beside those of deployer."`
}

// NATGatewayOutputs is what AWS adds to a NAT gateway.
type NATGatewayOutputs struct {
	ID string `json:"id"`
}

// VPCEndpointType is the type of a VPC endpoint.
const VPCEndpointType = "ec2/vpc-endpoint"

// Types of VPC endpoints.
const (
	GatewayEndpoint   = "gateway"
	InterfaceEndpoint = "interface"
)

// VPCEndpoint is a way to a service of AWS that does not leave the VPC.
type VPCEndpoint struct {
	VPCID            value.Of[string]   `json:"vpcId" required:"true" doc:"The VPC."`
	ServiceName      value.Of[string]   `json:"serviceName" required:"true" doc:"Full name of the service: com.amazonaws.eu-central-1.s3."`
	EndpointType     string             `json:"endpointType" required:"true" enum:"gateway,interface" doc:"Gateway endpoints are routes; interface endpoints have network interfaces."`
	RouteTableIDs    value.Of[[]string] `json:"routeTableIds,omitempty" doc:"Of a gateway endpoint: the route tables that get its route."`
	SubnetIDs        value.Of[[]string] `json:"subnetIds,omitempty" doc:"Of an interface endpoint: its subnets, at most one in each zone."`
	SecurityGroupIDs value.Of[[]string] `json:"securityGroupIds,omitempty" doc:"Of an interface endpoint: its security groups."`
	PrivateDNS       *bool              `json:"privateDns,omitempty" unset:"true for an interface endpoint" doc:"Whether the usual name of the service leads to the endpoint."`
	Tags             map[string]string  `json:"tags,omitempty" doc:"Tags of the object, beside those of deployer."`
}

// VPCEndpointOutputs is what AWS adds to a VPC endpoint.
type VPCEndpointOutputs struct {
	ID string `json:"id"`
}

// FlowLogType is the type of a flow log.
const FlowLogType = "ec2/flow-log"

// FlowLog writes the traffic of a VPC to a log group.
type FlowLog struct {
	VPCID    value.Of[string]  `json:"vpcId" required:"true" doc:"The VPC."`
	Traffic  string            `json:"traffic" required:"true" enum:"all,accept,reject" doc:"Which traffic is written."`
	LogGroup value.Of[string]  `json:"logGroup" required:"true" doc:"Name of the log group."`
	RoleARN  value.Of[string]  `json:"roleArn" required:"true" doc:"The role with which AWS writes to the log group."`
	Tags     map[string]string `json:"tags,omitempty" doc:"Tags of the object, beside those of deployer."`
}

// FlowLogOutputs is what AWS adds to a flow log.
type FlowLogOutputs struct {
	ID string `json:"id"`
}

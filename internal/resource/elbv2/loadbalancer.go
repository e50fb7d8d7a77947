// Package elbv2 holds the properties and outputs of Elastic Load Balancing resources: application load balancers,
// listeners with their certificates and rules, target groups.
//
// In: what kinds want. Out: typed properties for value.Encode, and priorities for rules. It must not know the SDK or do
// I/O; the behaviour is in aws/elbv2.
package elbv2

import "github.com/company/deployer/internal/value"

// LoadBalancerType is an application load balancer.
const LoadBalancerType = "elbv2/load-balancer"

// The schemes of a load balancer.
const (
	InternetFacing = "internet-facing"
	Internal       = "internal"
)

// LoadBalancer are the properties of an application load balancer. Its ID is the ARN.
type LoadBalancer struct {
	// Name is the readable prefix; a hash of what forces a replacement is appended, within 32 characters.
	Name string `json:"name" required:"true" doc:"Name; a hash is appended."`
	// Scheme is InternetFacing or Internal. A change makes a new load balancer with another DNS name.
	Scheme string `json:"scheme" required:"true" enum:"internet-facing,internal" doc:"internet-facing or internal."`
	// VPCID is the VPC of the subnets. A load balancer cannot move to another VPC, so a change makes a new one with
	// another DNS name.
	VPCID value.Of[string] `json:"vpcId" required:"true" doc:"Id of the VPC of the subnets."`
	// Subnets are ids in at least two zones. Their order means nothing.
	Subnets value.Of[[]string] `json:"subnets" required:"true" doc:"Ids of subnets in at least two zones."`
	// SecurityGroups are ids. Their order means nothing.
	SecurityGroups value.Of[[]string] `json:"securityGroups" required:"true" doc:"Ids of security groups."`
	// IPAddressType is ipv4 (default) or dualstack.
	IPAddressType string `json:"ipAddressType,omitempty" enum:"ipv4,dualstack" unset:"ipv4" doc:"ipv4, or dualstack with IPv6."`

	// DeletionProtection makes AWS refuse to delete it. Only an update to false switches it off. Default: false.
	DeletionProtection *bool `json:"deletionProtection,omitempty" unset:"false" doc:"AWS refuses to delete it."`
	// IdleTimeout is in seconds, 1 to 4000. Default: 60.
	IdleTimeout int `json:"idleTimeout,omitempty" unset:"60" doc:"Seconds that a connection may be silent, 1 to 4000."`
	// DropInvalidHeaders removes header fields that are not valid HTTP before they reach a target. Default: true.
	DropInvalidHeaders *bool `json:"dropInvalidHeaders,omitempty" unset:"true" doc:"Header fields that are not valid HTTP do not reach a target."`
	// HTTP2 lets clients speak HTTP/2. Default: true.
	HTTP2 *bool `json:"http2,omitempty" unset:"true" doc:"Clients may speak HTTP/2."`
	// DesyncMitigation says how requests that could desynchronise proxies are treated. Default: defensive.
	DesyncMitigation string `json:"desyncMitigation,omitempty" enum:"monitor,defensive,strictest" unset:"defensive" doc:"What happens to requests that could desynchronise proxies."`

	// AccessLogs are switched off when they are no longer wanted. Logs that others switched on stay on.
	AccessLogs *AccessLogs `json:"accessLogs,omitempty" unset:"left as they are" doc:"Where every request is written."`

	Tags map[string]string `json:"tags,omitempty" doc:"Tags of the object, beside those of deployer."`
}

// AccessLogs says where a load balancer writes its access logs.
type AccessLogs struct {
	Bucket value.Of[string] `json:"bucket" required:"true" doc:"Name of a bucket in the same region that Elastic Load Balancing may write to."`
	Prefix string           `json:"prefix,omitempty" unset:"none" doc:"Beginning of the objects' keys."`
}

// LoadBalancerOutputs are what AWS adds.
type LoadBalancerOutputs struct {
	ARN     string `json:"arn"`
	Name    string `json:"name" doc:"Name; a hash is appended."`
	DNSName string `json:"dnsName"`
	// ZoneID is the hosted zone of DNSName, for Route 53 alias records.
	ZoneID string `json:"zoneId"`
	// ARNSuffix is its name in CloudWatch and in the ALBRequestCountPerTarget label: app/<name>/<id>.
	ARNSuffix string `json:"arnSuffix"`
}

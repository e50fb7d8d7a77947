// Package ec2 holds the typed properties of Amazon EC2 (VPC) resources and lookups.
//
// In: literals and references of kinds. Out: structs for value.Encode. Data only; the behaviour is in aws/ec2.
package ec2

import "github.com/company/deployer/internal/value"

// SecurityGroupType is the type of a security group.
const SecurityGroupType = "ec2/security-group"

// SecurityGroup is a security group without rules of its own: each is a SecurityGroupRule, so that groups may refer to each
// other. AWS's default egress rule (everything to everywhere) stays: what is reachable is decided where the traffic arrives.
type SecurityGroup struct {
	// GroupName is given as a prefix; the check appends a hash of what forces a replacement, 255 characters in all.
	GroupName string `json:"groupName" required:"true"`
	// VPCID is the VPC. A change replaces the group.
	VPCID value.Of[string] `json:"vpcId" required:"true"`
	// Description, 1 to 255 characters. AWS cannot change it: a change replaces the group.
	Description string `json:"description" required:"true"`
	// Tags are the user's own.
	Tags map[string]string `json:"tags,omitempty"`
}

// SecurityGroupOutputs is what AWS adds to a security group.
type SecurityGroupOutputs struct {
	ID  string `json:"id"`
	ARN string `json:"arn"`
}

// SecurityGroupRuleType is the type of a rule of a security group.
const SecurityGroupRuleType = "ec2/security-group-rule"

// Directions of a rule.
const (
	Ingress = "ingress"
	Egress  = "egress"
)

// SecurityGroupRule lets traffic of one sort in or out. Two rules of a group that differ in nothing but the description cannot exist.
// Everything but description and tags forces a replacement; the new rule is made before the old one goes.
type SecurityGroupRule struct {
	SecurityGroupID value.Of[string] `json:"securityGroupId" required:"true"`
	Direction       string           `json:"direction" required:"true" enum:"ingress,egress"`
	// Protocol all goes without ports.
	Protocol string `json:"protocol" required:"true" enum:"tcp,udp,icmp,all"`
	// FromPort and ToPort are both included, 0 to 65535; for icmp the type and the code, -1 is any.
	FromPort value.Of[int] `json:"fromPort,omitempty"`
	ToPort   value.Of[int] `json:"toPort,omitempty"`
	// CIDR is the other side: an IPv4 or IPv6 network. Exactly one of CIDR and ReferencedSecurityGroupID is set.
	CIDR value.Of[string] `json:"cidr,omitempty"`
	// ReferencedSecurityGroupID is the other side: all network interfaces in that group.
	ReferencedSecurityGroupID value.Of[string] `json:"referencedSecurityGroupId,omitempty"`
	Description               string           `json:"description,omitempty"`
	// Tags are the user's own.
	Tags map[string]string `json:"tags,omitempty"`
}

// SecurityGroupRuleOutputs is what AWS adds to a rule.
type SecurityGroupRuleOutputs struct {
	ID string `json:"id"`
}

// Package ec2 holds the typed properties of Amazon EC2 (VPC) resources and lookups.
//
// In: literals and references of kinds. Out: structs for value.Encode. It is data only and must not know the SDK: the
// behaviour is in aws/ec2.
package ec2

import "github.com/company/deployer/internal/value"

// SecurityGroupType is the type of a security group.
const SecurityGroupType = "ec2/security-group"

// SecurityGroup is a security group without rules of its own: each rule is a SecurityGroupRule, so that groups may
// refer to each other. AWS's default egress rule (everything to everywhere) stays: access is controlled by the ingress
// rules of the receiver.
type SecurityGroup struct {
	GroupName   string            `json:"groupName" required:"true" doc:"Prefix of the name, to which a hash is added; 255 characters in all."`
	VPCID       value.Of[string]  `json:"vpcId" required:"true" doc:"The VPC."`
	Description string            `json:"description" required:"true" doc:"1 to 255 characters. AWS cannot change it."`
	Tags        map[string]string `json:"tags,omitempty" doc:"Tags of the object, beside those of deployer."`
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

// SecurityGroupRule allows one kind of traffic in or out. Two rules of a group must differ in more than the
// description. Any other change than one of description and tags forces a replacement; the new rule is made first.
type SecurityGroupRule struct {
	SecurityGroupID           value.Of[string]  `json:"securityGroupId" required:"true" doc:"The group that the rule belongs to."`
	Direction                 string            `json:"direction" required:"true" enum:"ingress,egress" doc:"Whether traffic comes in or goes out."`
	Protocol                  string            `json:"protocol" required:"true" enum:"tcp,udp,icmp,all" doc:"Protocol; all goes without ports."`
	FromPort                  value.Of[int]     `json:"fromPort,omitempty" doc:"First port; for icmp the type."`
	ToPort                    value.Of[int]     `json:"toPort,omitempty" doc:"Last port; for icmp the code. -1 is any."`
	CIDR                      value.Of[string]  `json:"cidr,omitempty" doc:"The other side: an IPv4 or IPv6 network. Instead of referencedSecurityGroupId."`
	ReferencedSecurityGroupID value.Of[string]  `json:"referencedSecurityGroupId,omitempty" doc:"The other side: everything in that group. Instead of cidr."`
	Description               string            `json:"description,omitempty" doc:"For people."`
	Tags                      map[string]string `json:"tags,omitempty" doc:"Tags of the object, beside those of deployer."`
}

// SecurityGroupRuleOutputs is what AWS adds to a rule.
type SecurityGroupRuleOutputs struct {
	ID string `json:"id"`
}

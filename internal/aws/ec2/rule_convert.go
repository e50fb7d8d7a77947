package ec2

import (
	"net/netip"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/tagging"
	model "github.com/company/deployer/internal/resource/ec2"
	"github.com/company/deployer/internal/value"
)

// all is EC2's name for the protocol "all".
const all = "-1"

func checkRule(r *model.SecurityGroupRule) []value.Problem {
	var problems value.Problems
	if r.CIDR.IsSet() == r.ReferencedSecurityGroupID.IsSet() {
		problems.Bad("cidr", "exactly one of cidr and referencedSecurityGroupId must be set")
	}
	if r.CIDR.IsSet() && r.CIDR.Known() {
		network, err := netip.ParsePrefix(r.CIDR.Get())
		switch {
		case err != nil:
			problems.Bad("cidr", "%q is not a network such as 10.0.0.0/16", r.CIDR.Get())
		case network != network.Masked():
			problems.Bad("cidr", "%s has bits after its prefix; the network is %s", network, network.Masked())
		default:
			r.CIDR = value.Lit(network.String())
		}
	}
	if len(r.Description) > 255 || !readable(r.Description) {
		problems.Bad("description", "must have at most 255 letters, digits, spaces and %s", allowed)
	}
	low := 0
	switch r.Protocol {
	case "all":
		if r.FromPort.IsSet() || r.ToPort.IsSet() {
			problems.Bad("protocol", "the protocol -1 (all) has no ports")
		}
		return problems
	case "icmp":
		r.FromPort, r.ToPort = r.FromPort.Or(-1), r.ToPort.Or(-1)
		low = -1
	default:
		if !r.FromPort.IsSet() {
			problems.Bad("fromPort", "is required for %s", r.Protocol)
		} else if !r.ToPort.IsSet() {
			r.ToPort = r.FromPort
		}
	}
	if !r.FromPort.IsSet() || !r.FromPort.Known() || !r.ToPort.Known() {
		return problems
	}
	from, to := r.FromPort.Get(), r.ToPort.Get()
	if from < low || to > 65535 || low == 0 && from > to {
		problems.Bad("fromPort", "%d to %d is not a range of ports from %d to 65535", from, to, low)
	}
	return problems
}

func port(p value.Of[int]) *int32 {
	if !p.IsSet() {
		return aws.Int32(-1)
	}
	return aws.Int32(int32(p.Get())) //nolint:gosec // checked
}

func protocol(name string) *string {
	if name == "all" {
		name = all
	}
	return &name
}

func isIPv6(cidr string) bool {
	network, err := netip.ParsePrefix(cidr)
	return err == nil && network.Addr().Is6()
}

// permission is the rule in the form of AuthorizeSecurityGroup*.
func permission(r model.SecurityGroupRule) types.IpPermission {
	out := types.IpPermission{IpProtocol: protocol(r.Protocol), FromPort: port(r.FromPort), ToPort: port(r.ToPort)}
	about := call.Optional(r.Description)
	switch cidr, group := r.CIDR.Get(), r.ReferencedSecurityGroupID.Get(); {
	case group != "":
		out.UserIdGroupPairs = []types.UserIdGroupPair{{GroupId: &group, Description: about}}
	case isIPv6(cidr):
		out.Ipv6Ranges = []types.Ipv6Range{{CidrIpv6: &cidr, Description: about}}
	default:
		out.IpRanges = []types.IpRange{{CidrIp: &cidr, Description: about}}
	}
	return out
}

// ruleRequest is the whole rule in the form of ModifySecurityGroupRules.
func ruleRequest(r model.SecurityGroupRule) *types.SecurityGroupRuleRequest {
	out := &types.SecurityGroupRuleRequest{
		IpProtocol: protocol(r.Protocol), FromPort: port(r.FromPort), ToPort: port(r.ToPort),
		Description: &r.Description,
	}
	switch cidr, group := r.CIDR.Get(), r.ReferencedSecurityGroupID.Get(); {
	case group != "":
		out.ReferencedGroupId = &group
	case isIPv6(cidr):
		out.CidrIpv6 = &cidr
	default:
		out.CidrIpv4 = &cidr
	}
	return out
}

func fromRule(rule types.SecurityGroupRule) model.SecurityGroupRule {
	out := model.SecurityGroupRule{
		SecurityGroupID: value.Lit(aws.ToString(rule.GroupId)), Direction: model.Ingress,
		Protocol:    aws.ToString(rule.IpProtocol),
		Description: aws.ToString(rule.Description), Tags: tagging.User(tagging.Map(rule.Tags, tag)),
	}
	if aws.ToBool(rule.IsEgress) {
		out.Direction = model.Egress
	}
	if out.Protocol == all {
		out.Protocol = "all"
	} else {
		out.FromPort, out.ToPort = value.Lit(int(aws.ToInt32(rule.FromPort))), value.Lit(int(aws.ToInt32(rule.ToPort)))
	}
	switch {
	case rule.ReferencedGroupInfo != nil:
		out.ReferencedSecurityGroupID = value.Lit(aws.ToString(rule.ReferencedGroupInfo.GroupId))
	case rule.CidrIpv6 != nil:
		out.CIDR = value.Lit(*rule.CidrIpv6)
	case rule.CidrIpv4 != nil:
		out.CIDR = value.Lit(*rule.CidrIpv4)
	}
	return out
}

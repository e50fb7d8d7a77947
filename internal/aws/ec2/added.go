package ec2

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/resource"
)

// rulesOf reads the rules of many security groups in a call.
func rulesOf(c *ec2.Client) *call.Batch[string, []types.SecurityGroupRule] {
	return &call.Batch[string, []types.SecurityGroupRule]{
		Size: filterValues,
		Ask: func(ctx context.Context, groups []string) (map[string][]types.SecurityGroupRule, error) {
			out := map[string][]types.SecurityGroupRule{}
			in := &ec2.DescribeSecurityGroupRulesInput{Filters: []types.Filter{filter("group-id", groups...)}}
			for rule, err := range call.Each(ctx, c.DescribeSecurityGroupRules, in, &in.NextToken, rulesOfPage) {
				if err != nil {
					return nil, err
				}
				group := aws.ToString(rule.GroupId)
				out[group] = append(out[group], rule)
			}
			return out, nil
		},
	}
}

// added lists the rules of the group that others made. The rules that AWS gives a new group, which let everything out,
// are no additions.
func (g securityGroup) added(
	ctx context.Context, c groupCall, stack resource.Neighbours,
) ([]resource.Addition, error) {
	rules, _, err := g.api.groupRules.Get(ctx, c.ID)
	if err != nil {
		return nil, failed(err)
	}
	var out []resource.Addition
	for _, rule := range rules {
		id, egress := aws.ToString(rule.SecurityGroupRuleId), aws.ToBool(rule.IsEgress)
		everywhere := aws.ToString(rule.CidrIpv4) == "0.0.0.0/0" || aws.ToString(rule.CidrIpv6) == "::/0"
		if stack.Has(id) || egress && everywhere && aws.ToString(rule.IpProtocol) == all {
			continue
		}
		direction, verb := "a rule that lets in ", "revoke-security-group-ingress"
		if egress {
			direction, verb = "a rule that lets out ", "revoke-security-group-egress"
		}
		out = append(out, resource.Addition{
			ID: id, What: direction + traffic(rule),
			Remove: fmt.Sprintf("aws ec2 %s --group-id %s --security-group-rule-ids %s", verb, c.ID, id),
		})
	}
	return out, nil
}

// traffic says what a rule is about: tcp 22 from 0.0.0.0/0.
func traffic(rule types.SecurityGroupRule) string {
	protocol := aws.ToString(rule.IpProtocol)
	text := protocol
	from, to := aws.ToInt32(rule.FromPort), aws.ToInt32(rule.ToPort)
	switch {
	case protocol == all:
		text = "everything"
	case rule.FromPort == nil:
	case from == to:
		text += fmt.Sprintf(" %d", from)
	default:
		text += fmt.Sprintf(" %d to %d", from, to)
	}
	side := aws.ToString(rule.CidrIpv4) + aws.ToString(rule.CidrIpv6) + aws.ToString(rule.PrefixListId)
	if side == "" && rule.ReferencedGroupInfo != nil {
		side = aws.ToString(rule.ReferencedGroupInfo.GroupId)
	}
	if aws.ToBool(rule.IsEgress) {
		return text + " to " + side
	}
	return text + " from " + side
}

// added lists the routes that others made. The route inside of the VPC is AWS's own, and so are routes that a gateway
// announces.
func (t routeTable) added(
	ctx context.Context, c tableCall, stack resource.Neighbours,
) ([]resource.Addition, error) {
	found, err := t.get(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	var out []resource.Addition
	for _, r := range found.Routes {
		option, destination := "--destination-cidr-block", aws.ToString(r.DestinationCidrBlock)
		switch {
		case r.DestinationIpv6CidrBlock != nil:
			option, destination = "--destination-ipv6-cidr-block", *r.DestinationIpv6CidrBlock
		case r.DestinationPrefixListId != nil: // of a gateway endpoint, which makes and deletes it
			continue
		}
		if r.Origin != types.RouteOriginCreateRoute || stack.Has(routeID(c.ID, destination)) {
			continue
		}
		out = append(out, resource.Addition{
			ID: routeID(c.ID, destination), What: "a route to " + destination,
			Remove: fmt.Sprintf("aws ec2 delete-route --route-table-id %s %s %s", c.ID, option, destination),
		})
	}
	return out, nil
}

package ec2

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/tagging"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/ec2"
)

type (
	ruleCall          = resource.Call[model.SecurityGroupRule, model.SecurityGroupRuleOutputs]
	securityGroupRule struct{ api *api }
)

func newSecurityGroupRule(api *api) resource.Behaviour {
	r := securityGroupRule{api}
	return &resource.Typed[model.SecurityGroupRule, model.SecurityGroupRuleOutputs]{
		Def: resource.Definition{
			Type: model.SecurityGroupRuleType, Version: 1,
			// For AWS another value is another rule, so the new rule can be made before the old one is deleted.
			ReplaceOn: []string{
				"securityGroupId", "direction", "protocol", "fromPort", "toPort", "cidr",
				"referencedSecurityGroupId",
			},
			FoundBy: []string{"securityGroupId", "cidr|referencedSecurityGroupId"},
			// AWS may not know a new group everywhere yet, neither the rule's group nor the other side.
			NotYet: []resource.NotYet{{
				Operations: []string{"ec2:AuthorizeSecurityGroupIngress", "ec2:AuthorizeSecurityGroupEgress"},
				Codes:      []string{"InvalidGroup.NotFound", "InvalidSecurityGroupID.NotFound"},
				Within:     20 * time.Second,
			}},
			Permissions: rulePermissions,
		},
		CheckProps: checkRule, CreateObject: r.create, ReadObject: r.read, UpdateObject: r.update,
		DeleteObject: r.delete,
		Find:         r.find, Taggable: true,
		Marked: func(ctx context.Context, c ruleCall) ([]resource.Found, error) {
			return api.marked(ctx, c.Request, types.ResourceTypeSecurityGroupRule)
		},
	}
}

func (r securityGroupRule) create(ctx context.Context, c ruleCall) (string, model.SecurityGroupRuleOutputs, error) {
	group := c.Props.SecurityGroupID.Get()
	permissions := []types.IpPermission{permission(c.Props)}
	tags := specification(types.ResourceTypeSecurityGroupRule, tagging.Wanted(c.Tags, c.Props.Tags))
	var made []types.SecurityGroupRule
	if c.Props.Direction == model.Ingress {
		out, err := r.api.client.AuthorizeSecurityGroupIngress(ctx,
			&ec2.AuthorizeSecurityGroupIngressInput{
				GroupId: &group, IpPermissions: permissions,
				TagSpecifications: tags,
			})
		if err != nil {
			return "", model.SecurityGroupRuleOutputs{}, failed(err)
		}
		made = out.SecurityGroupRules
	} else {
		out, err := r.api.client.AuthorizeSecurityGroupEgress(ctx,
			&ec2.AuthorizeSecurityGroupEgressInput{
				GroupId: &group, IpPermissions: permissions,
				TagSpecifications: tags,
			})
		if err != nil {
			return "", model.SecurityGroupRuleOutputs{}, failed(err)
		}
		made = out.SecurityGroupRules
	}
	if len(made) != 1 {
		id, _, err := r.find(ctx, c)
		return id, model.SecurityGroupRuleOutputs{ID: id}, err
	}
	id := aws.ToString(made[0].SecurityGroupRuleId)
	return id, model.SecurityGroupRuleOutputs{ID: id}, nil
}

// find looks for the rule among the rules of its group. An interrupted run that was to make the group or the other
// side, too, did not know them. Then the right rule is the one whose tags name the resource, which fits what was known,
// and which is not in the state.
func (r securityGroupRule) find(ctx context.Context, c ruleCall) (string, map[string]string, error) {
	group := c.Props.SecurityGroupID.Get()
	in := &ec2.DescribeSecurityGroupRulesInput{Filters: []types.Filter{filter("group-id", group)}}
	for rule, err := range call.Each(ctx, r.api.client.DescribeSecurityGroupRules, in, &in.NextToken, rulesOfPage) {
		if err != nil {
			return "", nil, failed(err)
		}
		if same(fromRule(rule), c.Props) {
			return aws.ToString(rule.SecurityGroupRuleId), tagging.Map(rule.Tags, tag), nil
		}
	}
	return "", nil, gone("DescribeSecurityGroupRules", "InvalidSecurityGroupRuleId.NotFound", "such a rule of "+group)
}

func rulesOfPage(page *ec2.DescribeSecurityGroupRulesOutput) ([]types.SecurityGroupRule, *string) {
	return page.SecurityGroupRules, page.NextToken
}

func (r securityGroupRule) get(ctx context.Context, id string) (types.SecurityGroupRule, error) {
	out, err := r.api.client.DescribeSecurityGroupRules(ctx,
		&ec2.DescribeSecurityGroupRulesInput{SecurityGroupRuleIds: []string{id}})
	if err != nil {
		return types.SecurityGroupRule{}, failed(err)
	}
	if len(out.SecurityGroupRules) == 0 {
		return types.SecurityGroupRule{}, gone("DescribeSecurityGroupRules", "InvalidSecurityGroupRuleId.NotFound",
			"the rule "+id)
	}
	return out.SecurityGroupRules[0], nil
}

func (r securityGroupRule) read(
	ctx context.Context, c ruleCall,
) (model.SecurityGroupRule, model.SecurityGroupRuleOutputs, error) {
	rule, there, err := r.api.rules.Get(ctx, c.ID)
	if err == nil && !there {
		err = gone("DescribeSecurityGroupRules", "InvalidSecurityGroupRuleId.NotFound", "the rule "+c.ID)
	}
	if err != nil {
		return model.SecurityGroupRule{}, model.SecurityGroupRuleOutputs{}, failed(err)
	}
	tagging.Seen(c.Request, tagging.Map(rule.Tags, tag))
	return fromRule(rule), model.SecurityGroupRuleOutputs{ID: c.ID}, nil
}

func (r securityGroupRule) update(ctx context.Context, c ruleCall) (model.SecurityGroupRuleOutputs, error) {
	group := c.Props.SecurityGroupID.Get()
	if c.Old.Description != c.Props.Description {
		_, err := r.api.client.ModifySecurityGroupRules(ctx, &ec2.ModifySecurityGroupRulesInput{
			GroupId: &group, SecurityGroupRules: []types.SecurityGroupRuleUpdate{
				{SecurityGroupRuleId: &c.ID, SecurityGroupRule: ruleRequest(c.Props)},
			},
		})
		if err != nil {
			return c.Out, failed(err)
		}
	} else if _, err := r.get(ctx, c.ID); err != nil {
		// CreateTags on a rule that is gone would do nothing and return no error
		return c.Out, err
	}
	return c.Out, r.api.retag(ctx, c.ID, c.Old.Tags, tagging.Wanted(c.Tags, c.Props.Tags))
}

func (r securityGroupRule) delete(ctx context.Context, c ruleCall) error {
	group := c.Old.SecurityGroupID.Get()
	if group == "" || c.Old.Direction == "" { // the state has no properties of the rule
		rule, err := r.get(ctx, c.ID)
		if err != nil {
			return err
		}
		c.Old, group = fromRule(rule), aws.ToString(rule.GroupId)
	}
	if c.Old.Direction == model.Ingress {
		_, err := r.api.client.RevokeSecurityGroupIngress(ctx,
			&ec2.RevokeSecurityGroupIngressInput{GroupId: &group, SecurityGroupRuleIds: []string{c.ID}})
		return failed(err)
	}
	_, err := r.api.client.RevokeSecurityGroupEgress(ctx,
		&ec2.RevokeSecurityGroupEgressInput{GroupId: &group, SecurityGroupRuleIds: []string{c.ID}})
	return failed(err)
}

// same reports whether two rules are the same rule for AWS.
func same(a, b model.SecurityGroupRule) bool {
	return a.SecurityGroupID.Get() == b.SecurityGroupID.Get() && a.Direction == b.Direction &&
		a.Protocol == b.Protocol &&
		a.FromPort.Get() == b.FromPort.Get() && a.ToPort.Get() == b.ToPort.Get() &&
		strings.EqualFold(a.CIDR.Get(), b.CIDR.Get()) &&
		a.ReferencedSecurityGroupID.Get() == b.ReferencedSecurityGroupID.Get()
}

func rulePermissions(s resource.Scope) []resource.Statement {
	groups, rules := []string{s.ARN("ec2", "security-group/*")}, []string{s.ARN("ec2", "security-group-rule/*")}
	var authorize, revoke []string
	asked := s.Props.Get("direction").Str()
	if asked != model.Egress {
		authorize, revoke = append(authorize, "ec2:AuthorizeSecurityGroupIngress"),
			append(revoke, "ec2:RevokeSecurityGroupIngress")
	}
	if asked != model.Ingress {
		authorize, revoke = append(authorize, "ec2:AuthorizeSecurityGroupEgress"),
			append(revoke, "ec2:RevokeSecurityGroupEgress")
	}
	return []resource.Statement{
		{On: groups, When: s.Tagged(), Actions: append(revoke, authorize...)},
		{On: rules, When: s.Made(), Actions: authorize},
		tagNew(rules),
		{On: append(groups, rules...), When: s.Tagged(), Actions: []string{"ec2:ModifySecurityGroupRules"}},
		{On: rules, When: s.Tagged(), Actions: []string{"ec2:CreateTags", "ec2:DeleteTags"}},
		{Actions: []string{"ec2:DescribeSecurityGroupRules"}},
		markedStatement(),
	}
}

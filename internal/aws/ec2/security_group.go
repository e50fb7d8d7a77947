package ec2

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/tagging"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/ec2"
	"github.com/company/deployer/internal/value"
)

type (
	groupCall     = resource.Call[model.SecurityGroup, model.SecurityGroupOutputs]
	securityGroup struct{ api *api }
)

func newSecurityGroup(api *api) resource.Behaviour {
	g := securityGroup{api}
	return &resource.Typed[model.SecurityGroup, model.SecurityGroupOutputs]{
		Def: resource.Definition{
			Type: model.SecurityGroupType, Version: 1,
			ReplaceOn: []string{"vpcId", "description"}, HashedName: "groupName", NameLimit: 255,
			NotYet: []resource.NotYet{{
				Operations: []string{"ec2:CreateSecurityGroup"}, Codes: []string{"InvalidVpcID.NotFound"},
			}},
			Permissions: func(s resource.Scope) []resource.Statement {
				groups := []string{s.ARN("ec2", "security-group/*")}
				return []resource.Statement{
					{On: groups, When: s.Made(), Actions: []string{"ec2:CreateSecurityGroup"}},
					{On: []string{s.ARN("ec2", "vpc/*")}, Actions: []string{"ec2:CreateSecurityGroup"}},
					tagNew(groups),
					{
						On: groups, When: s.Tagged(),
						Actions: []string{"ec2:DeleteSecurityGroup", "ec2:CreateTags", "ec2:DeleteTags"},
					},
					{Actions: []string{
						"ec2:DescribeSecurityGroups", "ec2:DescribeSecurityGroupRules",
						"ec2:DescribeNetworkInterfaces",
					}},
					markedStatement(),
				}
			},
		},
		CheckProps: checkGroup, CreateObject: g.create, ReadObject: g.read, UpdateObject: g.update,
		DeleteObject: g.delete,
		InTheWay:     g.inTheWay, Added: g.added, Find: g.find, Taggable: true,
		Marked: func(ctx context.Context, c groupCall) ([]resource.Found, error) {
			return api.marked(ctx, c.Request, types.ResourceTypeSecurityGroup)
		},
	}
}

// allowed are the characters that EC2 allows in names and descriptions in addition to letters, digits and spaces.
const allowed = "._-:/()#,@[]+=&;{}!$*"

func readable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == ' ' ||
			strings.ContainsRune(allowed, r))
	})
}

func checkGroup(g *model.SecurityGroup) []value.Problem {
	var problems value.Problems
	for _, separator := range []string{"-", resource.PartSeparator} { // AWS reserves names with sg- at the start
		if rest, found := strings.CutPrefix(g.GroupName, "sg"+separator); found {
			g.GroupName = "sgroup" + separator + rest
		}
	}
	if g.GroupName == "" || !readable(g.GroupName) {
		problems.Bad("groupName", "%q is not a name of a security group: use letters, digits, spaces and %s",
			g.GroupName,
			allowed)
	}
	if g.Description == "" || len(g.Description) > 255 || !readable(g.Description) {
		problems.Bad("description", "must have 1 to 255 letters, digits, spaces and %s", allowed)
	}
	return problems
}

func (g securityGroup) create(ctx context.Context, c groupCall) (string, model.SecurityGroupOutputs, error) {
	vpc := c.Props.VPCID.Get()
	made, err := g.api.client.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{
		GroupName: &c.Props.GroupName, Description: &c.Props.Description, VpcId: &vpc,
		TagSpecifications: specification(types.ResourceTypeSecurityGroup, tagging.Wanted(c.Tags, c.Props.Tags)),
	})
	if err != nil {
		return "", model.SecurityGroupOutputs{}, failed(err)
	}
	id := *made.GroupId
	var out model.SecurityGroupOutputs
	err = call.Wait(ctx, call.Eventually, "the new security group "+id+" answers",
		func(ctx context.Context) (bool, error) {
			found, err := g.describe(ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: []string{id}}, id)
			if errors.Is(err, resource.ErrNotFound) {
				return false, nil
			}
			out = outputs(found)
			return err == nil, err
		})
	if err != nil {
		out = model.SecurityGroupOutputs{ID: id, ARN: aws.ToString(made.SecurityGroupArn)}
		return "", out, &resource.Unfinished[model.SecurityGroup, model.SecurityGroupOutputs]{
			ID: id, Props: c.Props, Out: out, Err: err,
		}
	}
	return id, out, nil
}

func outputs(g types.SecurityGroup) model.SecurityGroupOutputs {
	return model.SecurityGroupOutputs{ID: aws.ToString(g.GroupId), ARN: aws.ToString(g.SecurityGroupArn)}
}

// describe returns the first group of an answer. what names the requested group.
func (g securityGroup) describe(
	ctx context.Context, in *ec2.DescribeSecurityGroupsInput, what string,
) (types.SecurityGroup, error) {
	out, err := g.api.client.DescribeSecurityGroups(ctx, in)
	if err != nil {
		return types.SecurityGroup{}, failed(err)
	}
	if len(out.SecurityGroups) == 0 {
		return types.SecurityGroup{}, gone("DescribeSecurityGroups", "InvalidGroup.NotFound",
			"the security group "+what)
	}
	return out.SecurityGroups[0], nil
}

func (g securityGroup) find(ctx context.Context, c groupCall) (string, map[string]string, error) {
	found, err := g.describe(ctx, &ec2.DescribeSecurityGroupsInput{
		Filters: []types.Filter{filter("group-name", c.Props.GroupName), filter("vpc-id", c.Props.VPCID.Get())},
	}, c.Props.GroupName)
	return aws.ToString(found.GroupId), tagging.Map(found.Tags, tag), err
}

func (g securityGroup) read(ctx context.Context, c groupCall) (model.SecurityGroup, model.SecurityGroupOutputs, error) {
	found, there, err := g.api.groups.Get(ctx, c.ID)
	if err == nil && !there {
		err = gone("DescribeSecurityGroups", "InvalidGroup.NotFound", "the security group "+c.ID)
	}
	if err != nil {
		return model.SecurityGroup{}, model.SecurityGroupOutputs{}, failed(err)
	}
	return model.SecurityGroup{
		GroupName: aws.ToString(found.GroupName), VPCID: value.Lit(aws.ToString(found.VpcId)),
		Description: aws.ToString(found.Description),
		Tags:        tagging.Seen(c.Request, tagging.Map(found.Tags, tag)),
	}, outputs(found), nil
}

func (g securityGroup) update(ctx context.Context, c groupCall) (model.SecurityGroupOutputs, error) {
	// CreateTags on a group that is gone would do nothing and return no error.
	if _, err := g.describe(ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: []string{c.ID}}, c.ID); err != nil {
		return c.Out, err
	}
	return c.Out, g.api.retag(ctx, c.ID, c.Old.Tags, tagging.Wanted(c.Tags, c.Props.Tags))
}

// released is how long network interfaces may block a group: those of Fargate tasks disappear a minute or two after the
// task, those of Lambda functions after up to 20 minutes.
var released = call.Pace{First: 2 * time.Second, Longest: 10 * time.Second, Limit: 30 * time.Minute}

// inTheWay finds network interfaces and rules of others that use the group. AWS deletes the interfaces of what the
// stack runs together with it.
func (g securityGroup) inTheWay(ctx context.Context, c groupCall, stack resource.Neighbours) ([]plan.Obstacle, error) {
	var users []string
	in := &ec2.DescribeNetworkInterfacesInput{Filters: []types.Filter{filter("group-id", c.ID)}}
	for i, err := range call.Each(ctx, g.api.client.DescribeNetworkInterfaces, in, &in.NextToken,
		func(page *ec2.DescribeNetworkInterfacesOutput) ([]types.NetworkInterface, *string) {
			return page.NetworkInterfaces, page.NextToken
		}) {
		if err != nil {
			return nil, failed(err)
		}
		if !goes(aws.ToString(i.Description), c.Tags, stack) {
			users = append(users, described(i))
		}
	}
	rules, err := g.foreignRules(ctx, c, stack)
	if err != nil {
		return nil, err
	}
	var out []plan.Obstacle
	if len(users) > 0 {
		out = append(out, plan.Obstacle{
			What: "network interfaces of other stacks use the security group " + c.ID + ": " +
				strings.Join(users, ", "),
			Next: "delete the resources of these network interfaces, or give them another security group",
		})
	}
	if len(rules) > 0 {
		out = append(out, plan.Obstacle{
			What: "rules that were created outside of deployer refer to the security group " + c.ID + ": " +
				strings.Join(rules, ", "),
			Next: "remove these rules",
		})
	}
	return out, nil
}

// goes reports whether AWS deletes a network interface with that description together with what the stack deletes: it
// belongs to a task, a database or an endpoint, or to a load balancer or a cache that is in the state or has a name
// like the stack's. The descriptions of databases do not name them, and those of serverless caches name an endpoint of
// AWS. So AWS decides about these: it refuses the delete of the group as long as others use it.
func goes(description string, tags map[string]string, stack resource.Neighbours) bool {
	names := strings.TrimSuffix(resource.Scope{
		Stack: tags[resource.TagStack], Environment: tags[resource.TagEnvironment],
	}.Names(shortestNames), "*")
	if balancer, ok := strings.CutPrefix(description, "ELB "); ok {
		return strings.HasPrefix(balancer, "app/"+names) || slices.ContainsFunc(stack.Ours, func(arn string) bool {
			return strings.HasSuffix(arn, ":loadbalancer/"+balancer)
		})
	}
	if node, ok := strings.CutPrefix(description, "ElastiCache "); ok {
		return strings.HasPrefix(node, names) || slices.ContainsFunc(stack.Ours, func(cache string) bool {
			return node == cache || strings.HasPrefix(node, cache+"-")
		})
	}
	return description == "RDSNetworkInterface" || strings.HasPrefix(description, "VPC Endpoint Interface ") ||
		strings.HasPrefix(description, "arn:") && strings.Contains(description, ":ecs:") &&
			strings.Contains(description, ":attachment/")
}

// shortestNames is the lowest limit of the names of load balancers and caches: those of load balancers.
const shortestNames = 32

// foreignRules are rules of other security groups that name this one and are not the stack's. The group's own rules are
// deleted with it.
func (g securityGroup) foreignRules(ctx context.Context, c groupCall, stack resource.Neighbours) ([]string, error) {
	var out []string
	seen := map[string]bool{c.ID: true}
	for _, direction := range []string{"ip-permission.group-id", "egress.ip-permission.group-id"} {
		in := &ec2.DescribeSecurityGroupsInput{Filters: []types.Filter{filter(direction, c.ID)}}
		for other, err := range call.Each(ctx, g.api.client.DescribeSecurityGroups, in, &in.NextToken,
			func(page *ec2.DescribeSecurityGroupsOutput) ([]types.SecurityGroup, *string) {
				return page.SecurityGroups, page.NextToken
			}) {
			if err != nil {
				return nil, failed(err)
			}
			id := aws.ToString(other.GroupId)
			if seen[id] || stack.Has(id) { // the stack's own groups may be deleted first
				continue
			}
			seen[id] = true
			found, err := g.rulesNaming(ctx, id, c.ID, stack)
			if err != nil {
				return nil, err
			}
			out = append(out, found...)
		}
	}
	return out, nil
}

// rulesNaming returns the rules of a group that name another group, without the stack's rules.
func (g securityGroup) rulesNaming(
	ctx context.Context, group, named string, stack resource.Neighbours,
) ([]string, error) {
	var out []string
	in := &ec2.DescribeSecurityGroupRulesInput{Filters: []types.Filter{filter("group-id", group)}}
	for r, err := range call.Each(ctx, g.api.client.DescribeSecurityGroupRules, in, &in.NextToken, rulesOfPage) {
		if err != nil {
			return nil, failed(err)
		}
		id := aws.ToString(r.SecurityGroupRuleId)
		if r.ReferencedGroupInfo != nil && aws.ToString(r.ReferencedGroupInfo.GroupId) == named && !stack.Has(id) {
			out = append(out, id+" of "+group)
		}
	}
	return out, nil
}

func (g securityGroup) delete(ctx context.Context, c groupCall) error {
	holders := ""
	return call.Wait(ctx, released, "nothing uses the security group "+c.ID+" any more",
		func(ctx context.Context) (bool, error) {
			_, err := g.api.client.DeleteSecurityGroup(ctx, &ec2.DeleteSecurityGroupInput{GroupId: &c.ID})
			if !call.HasCode(err, "DependencyViolation", "InvalidGroup.InUse") {
				return err == nil, failed(err)
			}
			now, listErr := g.holders(ctx, c.ID)
			if listErr != nil {
				return false, listErr
			}
			if now != holders {
				c.Progress("waiting: the security group " + c.ID + " is still used by " + now)
				holders = now
			}
			return false, nil
		})
}

// holders names for people what still uses the group.
func (g securityGroup) holders(ctx context.Context, id string) (string, error) {
	out, err := g.api.client.DescribeNetworkInterfaces(ctx,
		&ec2.DescribeNetworkInterfacesInput{Filters: []types.Filter{filter("group-id", id)}})
	if err != nil {
		return "", failed(err)
	}
	if len(out.NetworkInterfaces) == 0 {
		return "a rule of another security group, or something that AWS does not list", nil
	}
	what := described(out.NetworkInterfaces[0])
	if more := len(out.NetworkInterfaces) - 1; more > 0 {
		what += fmt.Sprintf(" and %d more network interfaces", more)
	}
	return what, nil
}

// described names a network interface for people.
func described(i types.NetworkInterface) string {
	what := aws.ToString(i.NetworkInterfaceId)
	if about := aws.ToString(i.Description); about != "" {
		what += " (" + about + ")"
	}
	return what
}

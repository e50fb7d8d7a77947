// Package ec2 is the behaviour of the Amazon EC2 (VPC) resource types and lookups.
//
// In: calls of the resource contract. Out: EC2 API calls. It keeps no state and decides nothing that the contract decides.
package ec2

import (
	"context"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/tagging"
	"github.com/company/deployer/internal/resource"
)

// Behaviours returns the resource types of EC2. The client is made when the first call needs it.
func Behaviours(cfg aws.Config) []resource.Behaviour {
	api := sync.OnceValue(func() *api { return newAPI(cfg) })
	return []resource.Behaviour{newSecurityGroup(api), newSecurityGroupRule(api)}
}

// Lookups returns what can be asked of EC2.
func Lookups(cfg aws.Config) []resource.Lookup {
	api := sync.OnceValue(func() *api { return newAPI(cfg) })
	return []resource.Lookup{vpcLookup(api, cfg.Region), subnetsLookup(api)}
}

// api is the calls that the types make.
type api struct {
	createSecurityGroup        func(context.Context, *ec2.CreateSecurityGroupInput, ...func(*ec2.Options)) (*ec2.CreateSecurityGroupOutput, error)
	deleteSecurityGroup        func(context.Context, *ec2.DeleteSecurityGroupInput, ...func(*ec2.Options)) (*ec2.DeleteSecurityGroupOutput, error)
	describeSecurityGroups     func(context.Context, *ec2.DescribeSecurityGroupsInput, ...func(*ec2.Options)) (*ec2.DescribeSecurityGroupsOutput, error)
	describeNetworkInterfaces  func(context.Context, *ec2.DescribeNetworkInterfacesInput, ...func(*ec2.Options)) (*ec2.DescribeNetworkInterfacesOutput, error)
	authorizeIngress           func(context.Context, *ec2.AuthorizeSecurityGroupIngressInput, ...func(*ec2.Options)) (*ec2.AuthorizeSecurityGroupIngressOutput, error)
	authorizeEgress            func(context.Context, *ec2.AuthorizeSecurityGroupEgressInput, ...func(*ec2.Options)) (*ec2.AuthorizeSecurityGroupEgressOutput, error)
	revokeIngress              func(context.Context, *ec2.RevokeSecurityGroupIngressInput, ...func(*ec2.Options)) (*ec2.RevokeSecurityGroupIngressOutput, error)
	revokeEgress               func(context.Context, *ec2.RevokeSecurityGroupEgressInput, ...func(*ec2.Options)) (*ec2.RevokeSecurityGroupEgressOutput, error)
	describeSecurityGroupRules func(context.Context, *ec2.DescribeSecurityGroupRulesInput, ...func(*ec2.Options)) (*ec2.DescribeSecurityGroupRulesOutput, error)
	modifySecurityGroupRules   func(context.Context, *ec2.ModifySecurityGroupRulesInput, ...func(*ec2.Options)) (*ec2.ModifySecurityGroupRulesOutput, error)
	createTags                 func(context.Context, *ec2.CreateTagsInput, ...func(*ec2.Options)) (*ec2.CreateTagsOutput, error)
	deleteTags                 func(context.Context, *ec2.DeleteTagsInput, ...func(*ec2.Options)) (*ec2.DeleteTagsOutput, error)
	groups                     *call.Batch[string, types.SecurityGroup]
	rules                      *call.Batch[string, types.SecurityGroupRule]
	describeVPCs               func(context.Context, *ec2.DescribeVpcsInput, ...func(*ec2.Options)) (*ec2.DescribeVpcsOutput, error)
	describeSubnets            func(context.Context, *ec2.DescribeSubnetsInput, ...func(*ec2.Options)) (*ec2.DescribeSubnetsOutput, error)
	describeRouteTables        func(context.Context, *ec2.DescribeRouteTablesInput, ...func(*ec2.Options)) (*ec2.DescribeRouteTablesOutput, error)
}

// filterValues is how many values EC2 takes in a filter. Unlike lists of ids, filters leave out what is gone without an error.
const filterValues = 200

func newAPI(cfg aws.Config) *api {
	c := ec2.NewFromConfig(cfg)
	return &api{
		groups: &call.Batch[string, types.SecurityGroup]{Size: filterValues, Ask: func(ctx context.Context, ids []string) (map[string]types.SecurityGroup, error) {
			found := make(map[string]types.SecurityGroup, len(ids))
			pages := ec2.NewDescribeSecurityGroupsPaginator(c, &ec2.DescribeSecurityGroupsInput{Filters: []types.Filter{filter("group-id", ids...)}})
			for pages.HasMorePages() {
				page, err := pages.NextPage(ctx)
				if err != nil {
					return nil, err
				}
				for _, group := range page.SecurityGroups {
					found[aws.ToString(group.GroupId)] = group
				}
			}
			return found, nil
		}},
		rules: &call.Batch[string, types.SecurityGroupRule]{Size: filterValues, Ask: func(ctx context.Context, ids []string) (map[string]types.SecurityGroupRule, error) {
			found := make(map[string]types.SecurityGroupRule, len(ids))
			pages := ec2.NewDescribeSecurityGroupRulesPaginator(c, &ec2.DescribeSecurityGroupRulesInput{Filters: []types.Filter{filter("security-group-rule-id", ids...)}})
			for pages.HasMorePages() {
				page, err := pages.NextPage(ctx)
				if err != nil {
					return nil, err
				}
				for _, rule := range page.SecurityGroupRules {
					found[aws.ToString(rule.SecurityGroupRuleId)] = rule
				}
			}
			return found, nil
		}},
		createSecurityGroup: c.CreateSecurityGroup, deleteSecurityGroup: c.DeleteSecurityGroup, describeSecurityGroups: c.DescribeSecurityGroups,
		describeNetworkInterfaces: c.DescribeNetworkInterfaces, authorizeIngress: c.AuthorizeSecurityGroupIngress, authorizeEgress: c.AuthorizeSecurityGroupEgress,
		revokeIngress: c.RevokeSecurityGroupIngress, revokeEgress: c.RevokeSecurityGroupEgress,
		describeSecurityGroupRules: c.DescribeSecurityGroupRules, modifySecurityGroupRules: c.ModifySecurityGroupRules,
		createTags: c.CreateTags, deleteTags: c.DeleteTags,
		describeVPCs: c.DescribeVpcs, describeSubnets: c.DescribeSubnets, describeRouteTables: c.DescribeRouteTables,
	}
}

func failed(operation string, err error) error {
	return call.Error("ec2:"+operation, err,
		call.NotFound("InvalidGroup.NotFound", "InvalidSecurityGroupID.NotFound", "InvalidGroupId.Malformed", "InvalidSecurityGroupRuleId.NotFound", "InvalidPermission.NotFound"),
		call.Exists("InvalidGroup.Duplicate", "InvalidPermission.Duplicate"))
}

// gone is the error for an object that a call answered without, in the shape of AWS's own.
func gone(operation, code, id string) error {
	return &resource.OpError{Operation: "ec2:" + operation, Code: code, Message: id + " does not exist", Err: resource.ErrNotFound}
}

// retag puts the wanted tags on an object and takes off users' old ones.
func (a *api) retag(ctx context.Context, id string, wanted, old map[string]string) error {
	if _, err := a.createTags(ctx, &ec2.CreateTagsInput{Resources: []string{id}, Tags: sdkTags(wanted)}); err != nil {
		return failed("CreateTags", err)
	}
	removed := tagging.Removed(old, wanted)
	if len(removed) == 0 {
		return nil
	}
	tags := make([]types.Tag, len(removed))
	for i := range removed {
		tags[i] = types.Tag{Key: &removed[i]} // whatever the value
	}
	_, err := a.deleteTags(ctx, &ec2.DeleteTagsInput{Resources: []string{id}, Tags: tags})
	return failed("DeleteTags", err)
}

func sdkTags(tags map[string]string) []types.Tag {
	return tagging.List(tags, func(key, text string) types.Tag { return types.Tag{Key: &key, Value: &text} })
}

func tagsOf(tags []types.Tag) map[string]string {
	return tagging.Map(tags, func(t types.Tag) (*string, *string) { return t.Key, t.Value })
}

func userTags(tags []types.Tag) map[string]string { return tagging.User(tagsOf(tags)) }

func specification(kind types.ResourceType, tags map[string]string) []types.TagSpecification {
	return []types.TagSpecification{{ResourceType: kind, Tags: sdkTags(tags)}}
}

func filter(name string, values ...string) types.Filter {
	return types.Filter{Name: &name, Values: values}
}

// tagNew is what giving new groups and rules their tags needs: only together with the calls that make them, so that nobody can make a
// stranger's object look like the stack's.
func tagNew(on []string) resource.Statement {
	return resource.Statement{
		On: on, Actions: []string{"ec2:CreateTags"},
		When: resource.Condition{"StringEquals": {"ec2:CreateAction": {
			"AuthorizeSecurityGroupEgress", "AuthorizeSecurityGroupIngress", "CreateSecurityGroup",
		}}},
	}
}

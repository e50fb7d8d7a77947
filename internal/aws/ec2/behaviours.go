// Package ec2 is the behaviour of the Amazon EC2 (VPC) resource types and lookups.
//
// In: calls of the resource contract. Out: EC2 API calls, and one STS call that asks whose account it is, where EC2
// does not tell. It must not keep state, or decide what the contract decides.
package ec2

import (
	"context"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/tagging"
	"github.com/company/deployer/internal/resource"
)

// Behaviours returns the resource types of EC2.
func Behaviours(cfg aws.Config) []resource.Behaviour {
	api := newAPI(cfg)
	tables := tables(api)
	return []resource.Behaviour{
		newSecurityGroup(api), newSecurityGroupRule(api),
		newVPC(api), newInternetGateway(api), newSubnet(api), newRouteTable(api, tables), newRoute(api, tables),
		newRouteTableAssociation(api), newElasticIP(api), newNATGateway(api), newVPCEndpoint(api), newFlowLog(api),
	}
}

// Lookups returns the lookups of EC2.
func Lookups(cfg aws.Config) []resource.Lookup {
	api := newAPI(cfg)
	return []resource.Lookup{
		vpcLookup(api, cfg.Region), subnetsLookup(api), zonesLookup(api, cfg.Region),
		endpointServicesLookup(api, cfg.Region), overlapLookup(api), groupsLookup(api, cfg.Region),
	}
}

// api is the client, and reads that share calls.
type api struct {
	cfg    aws.Config
	client *ec2.Client
	groups *call.Batch[string, types.SecurityGroup]
	rules  *call.Batch[string, types.SecurityGroupRule]
	// groupRules are the rules of each security group
	groupRules *call.Batch[string, []types.SecurityGroupRule]
}

// filterValues is how many values EC2 allows in a filter. A filter skips objects that are gone; a list of ids fails
// with an error.
const filterValues = 200

func newAPI(cfg aws.Config) *api {
	c := ec2.NewFromConfig(cfg)
	return &api{
		cfg: cfg, client: c, groupRules: rulesOf(c),
		groups: call.ByID(filterValues, func(ctx context.Context, ids []string) (found []types.SecurityGroup,
			err error,
		) {
			in := &ec2.DescribeSecurityGroupsInput{Filters: []types.Filter{filter("group-id", ids...)}}
			return call.All(ctx, c.DescribeSecurityGroups, in, &in.NextToken,
				func(page *ec2.DescribeSecurityGroupsOutput) ([]types.SecurityGroup, *string) {
					return page.SecurityGroups, page.NextToken
				})
		}, func(group types.SecurityGroup) *string { return group.GroupId }),
		rules: call.ByID(filterValues, func(ctx context.Context, ids []string) (found []types.SecurityGroupRule,
			err error,
		) {
			in := &ec2.DescribeSecurityGroupRulesInput{
				Filters: []types.Filter{filter("security-group-rule-id", ids...)},
			}
			return call.All(ctx, c.DescribeSecurityGroupRules, in, &in.NextToken, rulesOfPage)
		}, func(rule types.SecurityGroupRule) *string { return rule.SecurityGroupRuleId }),
	}
}

var failed = call.Errors(
	call.NotFound(
		"InvalidGroup.NotFound", "InvalidSecurityGroupID.NotFound", "InvalidGroupId.Malformed",
		"InvalidSecurityGroupRuleId.NotFound", "InvalidPermission.NotFound",
		"InvalidVpcID.NotFound", "InvalidInternetGatewayID.NotFound", "InvalidSubnetID.NotFound",
		"InvalidRouteTableID.NotFound", "InvalidRoute.NotFound", "InvalidAssociationID.NotFound",
		"InvalidAllocationID.NotFound", "NatGatewayNotFound", "InvalidVpcEndpointId.NotFound",
		"InvalidVpcEndpoint.NotFound", "InvalidFlowLogId.NotFound",
	),
	call.Exists(
		"InvalidGroup.Duplicate", "InvalidPermission.Duplicate", "InvalidSubnet.Conflict", "RouteAlreadyExists",
		"Resource.AlreadyAssociated", "FlowLogAlreadyExists",
	),
)

// gone is call.Gone for an operation of EC2.
func gone(operation, code, what string) error { return call.Gone("ec2:"+operation, code, what) }

// tag points to key and value of a tag.
func tag(t *types.Tag) (key, text **string) { return &t.Key, &t.Value }

// retag changes the tags of an object from old to wanted.
func (a *api) retag(ctx context.Context, id string, old, wanted map[string]string) error {
	on := []string{id}
	return tagging.Retag(old, wanted, func(tags map[string]string) error {
		_, err := a.client.CreateTags(ctx, &ec2.CreateTagsInput{Resources: on, Tags: tagging.List(tags, tag)})
		return failed(err)
	}, func(keys []string) error {
		tags := make([]types.Tag, len(keys))
		for i := range keys {
			tags[i] = types.Tag{Key: &keys[i]} // with any value
		}
		_, err := a.client.DeleteTags(ctx, &ec2.DeleteTagsInput{Resources: on, Tags: tags})
		return failed(err)
	})
}

// marked returns the objects of a kind that are tagged as objects of the resource.
func (a *api) marked(ctx context.Context, req resource.Request, kind types.ResourceType) ([]resource.Found, error) {
	described := func(filters ...types.Filter) (map[string][]types.Tag, error) {
		out := map[string][]types.Tag{}
		in := &ec2.DescribeTagsInput{Filters: filters}
		for t, err := range call.Each(ctx, a.client.DescribeTags, in, &in.NextToken,
			func(page *ec2.DescribeTagsOutput) ([]types.TagDescription, *string) {
				return page.Tags, page.NextToken
			}) {
			if err != nil {
				return nil, failed(err)
			}
			id := aws.ToString(t.ResourceId)
			out[id] = append(out[id], types.Tag{Key: t.Key, Value: t.Value})
		}
		return out, nil
	}
	ids, err := described(filter("key", resource.TagResource), filter("value", req.Markings()...),
		filter("resource-type", string(kind)))
	if err != nil {
		return nil, err
	}
	var out []resource.Found
	for some := range slices.Chunk(slices.Sorted(maps.Keys(ids)), filterValues) {
		tags, err := described(filter("resource-id", some...))
		if err != nil {
			return nil, err
		}
		for _, id := range some {
			out = append(out, resource.Found{ID: id, Tags: tagging.Map(tags[id], tag)})
		}
	}
	return out, nil
}

// markedStatement is the permission for marked.
func markedStatement() resource.Statement {
	return resource.Statement{
		Actions: []string{"ec2:DescribeTags"},
		Why:     "what a run that was killed has made of a network that was new",
	}
}

func specification(kind types.ResourceType, tags map[string]string) []types.TagSpecification {
	return []types.TagSpecification{{ResourceType: kind, Tags: tagging.List(tags, tag)}}
}

func filter(name string, values ...string) types.Filter {
	return types.Filter{Name: &name, Values: values}
}

// tagNew is the permission to tag new groups and rules. It covers only the calls that make them, so that nobody can
// give the stack's tags to somebody else's object.
func tagNew(on []string) resource.Statement {
	return resource.Statement{
		On: on, Actions: []string{"ec2:CreateTags"},
		When: resource.Condition{"StringEquals": {"ec2:CreateAction": {
			"AuthorizeSecurityGroupEgress", "AuthorizeSecurityGroupIngress", "CreateSecurityGroup",
		}}},
	}
}

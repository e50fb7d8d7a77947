package ec2

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/ec2"
	"github.com/company/deployer/internal/value"
)

func groupsLookup(api *api, region string) resource.Lookup {
	return resource.Lookup{
		Type: model.GroupsLookupType, Outputs: value.Fields[model.Groups](),
		Permissions: func(resource.Scope) []resource.Statement {
			return []resource.Statement{{Actions: []string{"ec2:DescribeSecurityGroups"}}}
		},
		Read: func(ctx context.Context, props value.Value) (value.Value, error) {
			var ask model.GroupsLookup
			if err := decode(model.GroupsLookupType, props, &ask); err != nil {
				return value.NullValue, err
			}
			// A list of ids would fail at the first one that does not exist.
			in := &ec2.DescribeSecurityGroupsInput{Filters: []types.Filter{filter("group-id", ask.IDs...)}}
			found, err := call.All(ctx, api.client.DescribeSecurityGroups, in, &in.NextToken,
				func(page *ec2.DescribeSecurityGroupsOutput) ([]types.SecurityGroup, *string) {
					return page.SecurityGroups, page.NextToken
				})
			if err != nil {
				return value.NullValue, failed(err)
			}
			if err := fit(ask, found, region); err != nil {
				return value.NullValue, err
			}
			return value.Encode(model.Groups{IDs: ask.IDs}), nil
		},
	}
}

// fit checks that tasks in the VPC can have all the security groups.
func fit(ask model.GroupsLookup, found []types.SecurityGroup, region string) error {
	vpcs := map[string]string{}
	for _, g := range found {
		vpcs[aws.ToString(g.GroupId)] = aws.ToString(g.VpcId)
	}
	var missing, elsewhere []string
	for _, id := range ask.IDs {
		switch vpc, there := vpcs[id]; {
		case !there:
			missing = append(missing, id)
		case vpc != ask.VPCID.Get():
			elsewhere = append(elsewhere, id+" is in "+vpc)
		}
	}
	wrong := &resource.OpError{
		Operation: "ec2:DescribeSecurityGroups", Err: resource.ErrNotFound,
		Next: "correct securityGroups; list the groups with: aws ec2 describe-security-groups --filters Name=vpc-id," +
			"Values=" + ask.VPCID.Get(),
	}
	switch {
	case len(missing) > 0:
		wrong.Code = "InvalidGroup.NotFound"
		wrong.Message = fmt.Sprintf("there are no security groups %s in %s", strings.Join(missing, ", "), region)
	case len(elsewhere) > 0:
		wrong.Message = fmt.Sprintf("tasks run in the VPC %s, and the security group %s", ask.VPCID.Get(),
			strings.Join(elsewhere, ", and the security group "))
	default:
		return nil
	}
	return wrong
}

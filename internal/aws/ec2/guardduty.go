package ec2

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/company/deployer/internal/resource"
)

// guardTag marks what GuardDuty makes in a VPC whose tasks it watches, and leaves there: an interface endpoint with a
// network interface in each subnet, and its security group.
const guardTag = "GuardDutyManaged"

// dropGuard deletes what GuardDuty has made in a VPC of the stack, of which a part is being deleted. If AWS refuses
// that, the delete says what still uses the part.
func (a *api) dropGuard(ctx context.Context, vpc string) {
	in := []types.Filter{filter("vpc-id", vpc), filter("tag:"+guardTag, "true")}
	endpoints, _ := a.listEndpoints(ctx, in)
	var ids []string
	for _, e := range endpoints {
		if endpointLives(e) {
			ids = append(ids, aws.ToString(e.VpcEndpointId))
		}
	}
	if len(ids) > 0 {
		_, _ = a.client.DeleteVpcEndpoints(ctx, &ec2.DeleteVpcEndpointsInput{VpcEndpointIds: ids})
	}
	groups, err := a.client.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{Filters: in})
	if err != nil {
		return
	}
	for _, g := range groups.SecurityGroups { // until its interfaces are gone, AWS refuses
		_, _ = a.client.DeleteSecurityGroup(ctx, &ec2.DeleteSecurityGroupInput{GroupId: g.GroupId})
	}
}

// guardPermissions are what dropGuard needs.
func guardPermissions(s resource.Scope) []resource.Statement {
	const why = "what GuardDuty leaves in a VPC keeps AWS from deleting it"
	guarded := resource.Condition{"StringEquals": {"aws:ResourceTag/" + guardTag: {"true"}}}
	return []resource.Statement{
		{Actions: []string{"ec2:DescribeVpcEndpoints", "ec2:DescribeSecurityGroups"}, Why: why},
		{
			On: []string{s.ARN("ec2", "vpc-endpoint/*")}, When: guarded,
			Actions: []string{"ec2:DeleteVpcEndpoints"}, Why: why,
		},
		{
			On: []string{s.ARN("ec2", "security-group/*")}, When: guarded,
			Actions: []string{"ec2:DeleteSecurityGroup"}, Why: why,
		},
	}
}

package awstest

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/stretchr/testify/require"

	awsec2 "github.com/company/deployer/internal/aws/ec2"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/ec2"
	"github.com/company/deployer/internal/testkit/resourcetest"
	"github.com/company/deployer/internal/value"
)

func makeVPC(ctx context.Context, t *testing.T, h *harness, cidr string) string {
	t.Helper()
	out, err := ec2.NewFromConfig(h.Plain).CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: &cidr})
	require.NoError(t, err)
	return *out.Vpc.VpcId
}

func makeGroup(ctx context.Context, t *testing.T, h *harness, vpc, name string) string {
	t.Helper()
	out, err := ec2.NewFromConfig(h.Plain).CreateSecurityGroup(ctx,
		&ec2.CreateSecurityGroupInput{GroupName: &name, Description: &name, VpcId: &vpc})
	require.NoError(t, err)
	return *out.GroupId
}

func TestSecurityGroup(t *testing.T) {
	h := start(t)
	client := ec2.NewFromConfig(h.Plain)
	vpc := makeVPC(t.Context(), t, h, "10.1.0.0/16")
	drop := func(ctx context.Context, t *testing.T, id string) {
		_, err := client.DeleteSecurityGroup(ctx, &ec2.DeleteSecurityGroupInput{GroupId: &id})
		require.NoError(t, err)
	}
	props := model.SecurityGroup{
		GroupName: "api", VPCID: value.Lit(vpc), Description: "tasks of api",
		Tags: map[string]string{"team": "payments"},
	}
	update, replace := props, props
	update.Tags = map[string]string{"cost": "7"}
	replace.Description = "tasks of the api"
	resourcetest.Run(t, resourcetest.Case{
		Behaviour: behaviour(t, awsec2.Behaviours(h.Config), model.SecurityGroupType),
		Props:     props, Update: update, Replace: replace,
		Foreign: func(ctx context.Context, t *testing.T, checked resource.State) func() {
			id := makeGroup(ctx, t, h, vpc, checked.Inputs.Get("groupName").Str())
			return func() { drop(ctx, t, id) }
		},
		Gone: func(ctx context.Context, t *testing.T, state resource.State) { drop(ctx, t, state.ID) },
		Extend: func(ctx context.Context, t *testing.T, state resource.State) (string, func()) {
			allow, err := client.AuthorizeSecurityGroupIngress(ctx,
				&ec2.AuthorizeSecurityGroupIngressInput{GroupId: &state.ID, IpPermissions: []types.IpPermission{{
					IpProtocol: pointer("tcp"), FromPort: pointer(int32(22)), ToPort: pointer(int32(22)),
					IpRanges: []types.IpRange{{CidrIp: pointer("0.0.0.0/0")}},
				}}})
			require.NoError(t, err)
			id := *allow.SecurityGroupRules[0].SecurityGroupRuleId
			return id, func() {
				_, err := client.RevokeSecurityGroupIngress(ctx, &ec2.RevokeSecurityGroupIngressInput{
					GroupId: &state.ID, SecurityGroupRuleIds: []string{id},
				})
				require.NoError(t, err)
			}
		},
		Obstruct: func(ctx context.Context, t *testing.T, state resource.State) (string, func()) {
			other := makeGroup(ctx, t, h, vpc, "by-hand")
			allow, err := client.AuthorizeSecurityGroupIngress(ctx,
				&ec2.AuthorizeSecurityGroupIngressInput{GroupId: &other, IpPermissions: []types.IpPermission{{
					IpProtocol: pointer("tcp"), FromPort: pointer(int32(80)), ToPort: pointer(int32(80)),
					UserIdGroupPairs: []types.UserIdGroupPair{{GroupId: &state.ID}},
				}}})
			require.NoError(t, err)
			return *allow.SecurityGroupRules[0].SecurityGroupRuleId, func() { drop(ctx, t, other) }
		},
		LoseAnswer: h.LoseAnswer, Actions: h.Actions,
	})
}

// Network interfaces of what a stack runs disappear with it. Other interfaces block the group.
func TestSecurityGroupInUseByOthers(t *testing.T) {
	h := start(t)
	client := ec2.NewFromConfig(h.Plain)
	vpc := makeVPC(t.Context(), t, h, "10.2.0.0/16")
	subnet, err := client.CreateSubnet(t.Context(),
		&ec2.CreateSubnetInput{VpcId: &vpc, CidrBlock: pointer("10.2.1.0/24")})
	require.NoError(t, err)
	group := makeGroup(t.Context(), t, h, vpc, "used")
	b := behaviour(t, awsec2.Behaviours(h.Config), model.SecurityGroupType).(resource.Obstructed)
	req := request(model.SecurityGroupType)
	req.ID, req.Tags = group, resourcetest.Tags("used")
	ours := []string{
		group, "our-cache",
		"arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/another-name/50dc6c495c0c9188",
	}
	for description, foreign := range map[string]bool{
		"arn:aws:ecs:us-east-1:123456789012:attachment/0b6f1cb2-6b1c-4b8e-9c0a-2f6a3c1d4e5f": false,
		"ELB app/suite-test-public-abc/50dc6c495c0c9188":                                     false,
		"ELB app/other-test-public-abc/50dc6c495c0c9188":                                     true,
		"ELB app/another-name/50dc6c495c0c9188":                                              false, // by its ARN
		"RDSNetworkInterface":                                                                false,
		"VPC Endpoint Interface vpce-0123456789abcdef0":                                      false,
		"ElastiCache suite-test-web-cache-abc-0001-001":                                      false,
		"ElastiCache our-cache-001":                                                          false,
		"ElastiCache our-cache2-001":                                                         true,
		"AWS Lambda VPC ENI-report":                                                          true,
	} {
		made, err := client.CreateNetworkInterface(t.Context(), &ec2.CreateNetworkInterfaceInput{
			SubnetId: subnet.Subnet.SubnetId, Groups: []string{group}, Description: &description,
		})
		require.NoError(t, err)
		found, err := b.Obstacles(t.Context(), req, resource.Neighbours{Ours: ours})
		require.NoError(t, err)
		require.Equal(t, foreign, len(found) == 1, "%s: %v", description, found)
		if foreign {
			require.Contains(t, found[0].What, description)
		}
		_, err = client.DeleteNetworkInterface(t.Context(),
			&ec2.DeleteNetworkInterfaceInput{NetworkInterfaceId: made.NetworkInterface.NetworkInterfaceId})
		require.NoError(t, err)
	}
	// Names of load balancers are cut: the stack and its environment need not be in them as a whole.
	description := "ELB app/customer-portal-product-abcdefgh/50dc6c495c0c9188"
	_, err = client.CreateNetworkInterface(t.Context(), &ec2.CreateNetworkInterfaceInput{
		SubnetId: subnet.Subnet.SubnetId, Groups: []string{group}, Description: &description,
	})
	require.NoError(t, err)
	req.Tags = map[string]string{resource.TagStack: "customer-portal", resource.TagEnvironment: "production"}
	found, err := b.Obstacles(t.Context(), req, resource.Neighbours{Ours: ours})
	require.NoError(t, err)
	require.Empty(t, found)
}

func TestSecurityGroupOfAStackNamedSG(t *testing.T) {
	b := behaviour(t, awsec2.Behaviours(aws.Config{}), model.SecurityGroupType)
	for prefix, want := range map[string]string{
		"sg/prod/web/api": "sgroup-prod-web-api-",
		"sg-asia/prod":    "sgroup-asia-prod-", "sga/prod": "sga-prod-",
	} {
		inputs, problems := b.Check(value.Encode(model.SecurityGroup{
			GroupName: prefix, VPCID: value.Lit("vpc-1"), Description: "x",
		}))
		require.Empty(t, problems, prefix)
		require.True(t, strings.HasPrefix(inputs.Get("groupName").Str(), want), inputs.Get("groupName").Str())
	}
}

func TestSecurityGroupDeleteWaitsForNetworkInterfaces(t *testing.T) {
	h := start(t)
	b := behaviour(t, awsec2.Behaviours(h.Config), model.SecurityGroupType)
	vpc := makeVPC(t.Context(), t, h, "10.1.0.0/16")
	inputs, problems := b.Check(value.Encode(model.SecurityGroup{
		GroupName: "busy", VPCID: value.Lit(vpc),
		Description: "busy",
	}))
	require.Empty(t, problems)
	var lines []string
	req := request(model.SecurityGroupType)
	req.Inputs, req.Tags = inputs, resourcetest.Tags("busy")
	req.Progress = func(line string) { lines = append(lines, line) }
	state, err := b.Create(t.Context(), req)
	require.NoError(t, err)

	client := ec2.NewFromConfig(h.Plain)
	subnet, err := client.CreateSubnet(t.Context(),
		&ec2.CreateSubnetInput{VpcId: &vpc, CidrBlock: aws.String("10.1.0.0/24")})
	require.NoError(t, err)
	eni, err := client.CreateNetworkInterface(t.Context(), &ec2.CreateNetworkInterfaceInput{
		SubnetId: subnet.Subnet.SubnetId, Groups: []string{state.ID},
		Description: aws.String("arn:aws:ecs:task-attachment"),
	})
	require.NoError(t, err)

	h.Fail("ec2:DeleteSecurityGroup", "DependencyViolation", 3)
	req.ID, req.Old = state.ID, state
	require.NoError(t, b.Delete(t.Context(), req))
	require.Len(t, lines, 1, "the same holder is told once")
	require.Contains(t, lines[0], *eni.NetworkInterface.NetworkInterfaceId+" (arn:aws:ecs:task-attachment)")
}

// GuardDuty makes an endpoint and a group in a VPC in which it watches tasks, and leaves them there.
func TestNetworkIsDeletedWithWhatGuardDutyHasMade(t *testing.T) {
	h := start(t)
	ctx, client := t.Context(), ec2.NewFromConfig(h.Plain)
	id := makeVPC(ctx, t, h, "10.4.0.0/16")
	subnet, err := client.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: &id, CidrBlock: aws.String("10.4.0.0/24")})
	require.NoError(t, err)
	mark := func(kind types.ResourceType, key string) []types.TagSpecification {
		return []types.TagSpecification{{
			ResourceType: kind, Tags: []types.Tag{{Key: &key, Value: aws.String("true")}},
		}}
	}
	other, err := client.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: &id, CidrBlock: aws.String("10.4.1.0/24")})
	require.NoError(t, err)
	for key, at := range map[string]*types.Subnet{"GuardDutyManaged": subnet.Subnet, "ours": other.Subnet} {
		_, err := client.CreateVpcEndpoint(ctx, &ec2.CreateVpcEndpointInput{
			VpcId: &id, ServiceName: aws.String("com.amazonaws.us-east-1.logs"),
			VpcEndpointType: types.VpcEndpointTypeInterface, SubnetIds: []string{*at.SubnetId},
			TagSpecifications: mark(types.ResourceTypeVpcEndpoint, key),
		})
		require.NoError(t, err)
		_, err = client.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{
			GroupName: &key, Description: &key, VpcId: &id,
			TagSpecifications: mark(types.ResourceTypeSecurityGroup, key),
		})
		require.NoError(t, err)
	}
	req := request(model.SubnetType)
	req.ID, req.Progress = *subnet.Subnet.SubnetId, func(string) {}
	req.Old = resource.State{ID: req.ID, Inputs: value.Encode(model.Subnet{
		VPCID: value.Lit(id), CIDR: "10.4.0.0/24", AvailabilityZone: value.Lit("us-east-1a"),
	})}
	h.Fail("ec2:DeleteSubnet", "DependencyViolation", 1)
	require.NoError(t, behaviour(t, awsec2.Behaviours(h.Config), model.SubnetType).Delete(ctx, req))

	endpoints, err := client.DescribeVpcEndpoints(ctx, &ec2.DescribeVpcEndpointsInput{})
	require.NoError(t, err)
	for _, e := range endpoints.VpcEndpoints {
		if *e.VpcId == id {
			require.Equal(t, *e.Tags[0].Key != "ours", strings.HasPrefix(string(e.State), "delet"), "%s is %s",
				*e.Tags[0].Key, e.State)
		}
	}
	groups, err := client.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{
		Filters: []types.Filter{{Name: aws.String("vpc-id"), Values: []string{id}}},
	})
	require.NoError(t, err)
	var names []string
	for _, g := range groups.SecurityGroups {
		names = append(names, *g.GroupName)
	}
	require.ElementsMatch(t, []string{"default", "ours"}, names)
}

// Whoever waits for the end of a network wants to know what keeps it.
func TestWaitSaysWhatUsesANetwork(t *testing.T) {
	h := start(t)
	ctx, client := t.Context(), ec2.NewFromConfig(h.Plain)
	id := makeVPC(ctx, t, h, "10.1.0.0/16")
	subnet, err := client.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: &id, CidrBlock: aws.String("10.1.0.0/24")})
	require.NoError(t, err)
	table, err := client.CreateRouteTable(ctx, &ec2.CreateRouteTableInput{VpcId: &id})
	require.NoError(t, err)
	_, err = client.AssociateRouteTable(ctx, &ec2.AssociateRouteTableInput{
		SubnetId: subnet.Subnet.SubnetId, RouteTableId: table.RouteTable.RouteTableId,
	})
	require.NoError(t, err)
	_, err = client.CreateNetworkInterface(ctx, &ec2.CreateNetworkInterfaceInput{
		SubnetId: subnet.Subnet.SubnetId, Description: aws.String("AWS Lambda VPC ENI-mail"),
	})
	require.NoError(t, err)
	group := makeGroup(ctx, t, h, id, "of-others")
	for _, c := range []struct{ typ, id, operation, by string }{
		{model.SubnetType, *subnet.Subnet.SubnetId, "ec2:DeleteSubnet", " (AWS Lambda VPC ENI-mail)"},
		{model.RouteTableType, *table.RouteTable.RouteTableId, "ec2:DeleteRouteTable", *subnet.Subnet.SubnetId},
		{model.VPCType, id, "ec2:DeleteVpc", "the security group " + group + " (of-others)"},
	} {
		req := request(c.typ)
		var lines []string
		ctx, stop := context.WithCancel(ctx)
		req.ID, req.Tags = c.id, resourcetest.Tags("busy")
		req.Progress = func(line string) { lines = append(lines, line); stop() }
		h.Fail(c.operation, "DependencyViolation", 2)
		err := behaviour(t, awsec2.Behaviours(h.Config), c.typ).Delete(ctx, req)
		require.ErrorContains(t, err, "still in use, by ")
		require.Len(t, lines, 1)
		require.Contains(t, lines[0], "is still in use, by ")
		require.Contains(t, lines[0], c.by)
	}
}

func TestSecurityGroupRule(t *testing.T) {
	h := start(t)
	client := ec2.NewFromConfig(h.Plain)
	vpc := makeVPC(t.Context(), t, h, "10.1.0.0/16")
	db, api, other := makeGroup(t.Context(), t, h, vpc, "db"), makeGroup(t.Context(), t, h, vpc, "api"),
		makeGroup(t.Context(), t, h, vpc, "other")
	tags := map[string]string{"team": "payments"}
	for name, props := range map[string]model.SecurityGroupRule{
		"from a group": {
			SecurityGroupID: value.Lit(db), Direction: model.Ingress, Protocol: "tcp", FromPort: value.Lit(5432),
			ReferencedSecurityGroupID: value.Lit(api),
			Tags:                      tags,
		},
		"from itself": {
			SecurityGroupID: value.Lit(db), Direction: model.Ingress, Protocol: "all",
			ReferencedSecurityGroupID: value.Lit(db), Tags: tags,
		},
		"from IPv4": {
			SecurityGroupID: value.Lit(db), Direction: model.Ingress, Protocol: "tcp",
			FromPort: value.Lit(80), ToPort: value.Lit(90), CIDR: value.Lit("10.0.0.0/8"), Description: "office",
			Tags: tags,
		},
		"from IPv6": {
			SecurityGroupID: value.Lit(db), Direction: model.Ingress, Protocol: "udp",
			FromPort: value.Lit(53), CIDR: value.Lit("2001:db8::/32"), Description: "names", Tags: tags,
		},
		"to a network": {
			SecurityGroupID: value.Lit(db), Direction: model.Egress, Protocol: "tcp",
			FromPort: value.Lit(443), CIDR: value.Lit("192.0.2.0/24"), Description: "out", Tags: tags,
		},
	} {
		t.Run(name, func(t *testing.T) {
			update, replace := props, props
			update.Description, update.Tags = props.Description+" (changed)", map[string]string{"cost": "7"}
			replace.SecurityGroupID = value.Lit(other)
			if props.ReferencedSecurityGroupID.IsSet() {
				update.Description = "" // TestSecurityGroupRuleDescriptionOfAGroup changes it
			}
			c := resourcetest.Case{
				Behaviour: behaviour(t, awsec2.Behaviours(h.Config), model.SecurityGroupRuleType),
				Props:     props, Update: update, Replace: replace,
				LoseAnswer: h.LoseAnswer, Actions: h.Actions, Distinct: true,
				Unused: map[string]string{
					"ec2:AuthorizeSecurityGroupEgress":  "a rule of the other direction",
					"ec2:RevokeSecurityGroupEgress":     "a rule of the other direction",
					"ec2:AuthorizeSecurityGroupIngress": "a rule of the other direction",
					"ec2:RevokeSecurityGroupIngress":    "a rule of the other direction",
					"ec2:ModifySecurityGroupRules":      "a changed description",
				},
			}
			if name == "from IPv4" {
				c.Foreign = func(ctx context.Context, t *testing.T, _ resource.State) func() {
					permissions := []types.IpPermission{{
						IpProtocol: aws.String("tcp"), FromPort: aws.Int32(80), ToPort: aws.Int32(90),
						IpRanges: []types.IpRange{{CidrIp: aws.String(props.CIDR.Get())}},
					}}
					_, err := client.AuthorizeSecurityGroupIngress(ctx,
						&ec2.AuthorizeSecurityGroupIngressInput{GroupId: &db, IpPermissions: permissions})
					require.NoError(t, err)
					return func() {
						_, err := client.RevokeSecurityGroupIngress(ctx,
							&ec2.RevokeSecurityGroupIngressInput{GroupId: &db, IpPermissions: permissions})
						require.NoError(t, err)
					}
				}
			}
			resourcetest.Run(t, c)
		})
	}
}

func TestSecurityGroupRuleWaitsForItsGroups(t *testing.T) {
	h := start(t)
	vpc := makeVPC(t.Context(), t, h, "10.1.0.0/16")
	b := behaviour(t, awsec2.Behaviours(h.Config), model.SecurityGroupRuleType)
	group := makeGroup(t.Context(), t, h, vpc, "fresh")
	for i, code := range []string{"InvalidGroup.NotFound", "InvalidSecurityGroupID.NotFound"} {
		req := request(model.SecurityGroupRuleType)
		req.Inputs, _ = b.Check(value.Encode(model.SecurityGroupRule{
			SecurityGroupID: value.Lit(group), Direction: model.Ingress, Protocol: "tcp", FromPort: value.Lit(80 + i),
			CIDR: value.Lit("10.0.0.0/8"),
		}))
		req.Tags = resourcetest.Tags("fresh")
		h.Fail("ec2:AuthorizeSecurityGroupIngress", code, 2)
		_, err := b.Create(t.Context(), req)
		require.NoError(t, err, code)
	}
}

// The suite leaves out descriptions of rules between groups: the emulator forgets them at creation. It also accepts a
// second rule that differs only in the description, which AWS refuses.
func TestSecurityGroupRuleDescriptionOfAGroup(t *testing.T) {
	h := start(t)
	vpc := makeVPC(t.Context(), t, h, "10.1.0.0/16")
	db, api := makeGroup(t.Context(), t, h, vpc, "db"), makeGroup(t.Context(), t, h, vpc, "api")
	b := behaviour(t, awsec2.Behaviours(h.Config), model.SecurityGroupRuleType)
	inputs := func(description string) value.Value {
		out, problems := b.Check(value.Encode(model.SecurityGroupRule{
			SecurityGroupID: value.Lit(db), Direction: model.Ingress, Protocol: "tcp", FromPort: value.Lit(5432),
			ReferencedSecurityGroupID: value.Lit(api), Description: description,
		}))
		require.Empty(t, problems)
		return out
	}
	req := request(model.SecurityGroupRuleType)
	req.Inputs, req.Tags = inputs("before"), resourcetest.Tags("rule")
	state, err := b.Create(t.Context(), req)
	require.NoError(t, err)
	req.ID, req.Old, req.Inputs = state.ID, state, inputs("after")
	_, err = b.Update(t.Context(), req)
	require.NoError(t, err)
	read, found, err := b.Read(t.Context(), req)
	require.NoError(t, err)
	require.True(t, found)
	require.Empty(t, resource.Compare(b.Definition(), read.Inputs, req.Inputs).Changes)
}

func TestSecurityGroupRuleCheck(t *testing.T) {
	b := behaviour(t, awsec2.Behaviours(start(t).Config), model.SecurityGroupRuleType)
	group, cidr, port := value.Lit("sg-1"), value.Lit("10.0.0.0/8"), value.Lit(80)
	for name, wrong := range map[string]model.SecurityGroupRule{
		"no source": {SecurityGroupID: group, Direction: "ingress", Protocol: "tcp", FromPort: port},
		"two sources": {
			SecurityGroupID: group, Direction: "ingress", Protocol: "tcp", FromPort: port, CIDR: cidr,
			ReferencedSecurityGroupID: group,
		},
		"host bits": {
			SecurityGroupID: group, Direction: "ingress", Protocol: "tcp", FromPort: port,
			CIDR: value.Lit("10.0.0.1/8"),
		},
		"no network": {
			SecurityGroupID: group, Direction: "ingress", Protocol: "tcp", FromPort: port,
			CIDR: value.Lit("everywhere"),
		},
		"no port": {SecurityGroupID: group, Direction: "ingress", Protocol: "tcp", CIDR: cidr},
		"order": {
			SecurityGroupID: group, Direction: "ingress", Protocol: "tcp", FromPort: port,
			ToPort: value.Lit(70), CIDR: cidr,
		},
		"range": {
			SecurityGroupID: group, Direction: "ingress", Protocol: "tcp", FromPort: port,
			ToPort: value.Lit(65536), CIDR: cidr,
		},
		"all ports": {SecurityGroupID: group, Direction: "ingress", Protocol: "all", FromPort: port, CIDR: cidr},
		"direction": {SecurityGroupID: group, Direction: "in", Protocol: "tcp", FromPort: port, CIDR: cidr},
		"description": {
			SecurityGroupID: group, Direction: "ingress", Protocol: "tcp", FromPort: port, CIDR: cidr,
			Description: "für alle",
		},
	} {
		_, problems := b.Check(value.Encode(wrong))
		require.Len(t, problems, 1, name)
	}
}

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

// Network interfaces of tasks and of the stack's load balancers disappear with these. Other interfaces block the group.
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
	for description, foreign := range map[string]bool{
		"arn:aws:ecs:us-east-1:123456789012:attachment/0b6f1cb2-6b1c-4b8e-9c0a-2f6a3c1d4e5f": false,
		"ELB app/suite-test-public-abc/50dc6c495c0c9188":                                     false,
		"ELB app/other-test-public-abc/50dc6c495c0c9188":                                     true,
		"AWS Lambda VPC ENI-report":                                                          true,
	} {
		made, err := client.CreateNetworkInterface(t.Context(), &ec2.CreateNetworkInterfaceInput{
			SubnetId: subnet.Subnet.SubnetId, Groups: []string{group}, Description: &description,
		})
		require.NoError(t, err)
		found, err := b.Obstacles(t.Context(), req, resource.Neighbours{Ours: []string{group}})
		require.NoError(t, err)
		require.Equal(t, foreign, len(found) == 1, "%s: %v", description, found)
		if foreign {
			require.Contains(t, found[0].What, description)
		}
		_, err = client.DeleteNetworkInterface(t.Context(),
			&ec2.DeleteNetworkInterfaceInput{NetworkInterfaceId: made.NetworkInterface.NetworkInterfaceId})
		require.NoError(t, err)
	}
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

// lookup calls a lookup and decodes its answer.
func lookup[T any](t *testing.T, all []resource.Lookup, typ string, ask any) (T, error) {
	t.Helper()
	var out T
	for _, l := range all {
		if l.Type == typ {
			answer, err := l.Read(t.Context(), value.Encode(ask))
			if err == nil {
				require.Empty(t, value.Decode(answer, &out))
			}
			return out, err
		}
	}
	t.Fatalf("no lookup %s", typ)
	return out, nil
}

func TestVPCLookup(t *testing.T) {
	h := start(t)
	client := ec2.NewFromConfig(h.Plain)
	found, err := lookup[model.FoundVPC](t, awsec2.Lookups(h.Config), model.VPCLookupType, model.VPCLookup{})
	require.NoError(t, err)
	require.True(t, found.Default)
	require.Equal(t, "172.31.0.0/16", found.CIDR)

	vpc := makeVPC(t.Context(), t, h, "10.7.0.0/16")
	found, err = lookup[model.FoundVPC](t, awsec2.Lookups(h.Config), model.VPCLookupType,
		model.VPCLookup{ID: value.Lit(vpc)})
	require.NoError(t, err)
	require.Equal(t, "10.7.0.0/16", found.CIDR)
	require.Equal(t, []string{"10.7.0.0/16"}, found.CIDRs)
	require.NotContains(t, found.Has, true)

	// All ranges are meant, those that are removed are not.
	for _, cidr := range []string{"10.9.0.0/16", "10.8.0.0/16", "10.10.0.0/16"} {
		added, err := client.AssociateVpcCidrBlock(t.Context(),
			&ec2.AssociateVpcCidrBlockInput{VpcId: &vpc, CidrBlock: &cidr})
		require.NoError(t, err)
		if cidr == "10.10.0.0/16" {
			_, err := client.DisassociateVpcCidrBlock(t.Context(), &ec2.DisassociateVpcCidrBlockInput{
				AssociationId: added.CidrBlockAssociation.AssociationId,
			})
			require.NoError(t, err)
		}
	}
	found, err = lookup[model.FoundVPC](t, awsec2.Lookups(h.Config), model.VPCLookupType,
		model.VPCLookup{ID: value.Lit(vpc)})
	require.NoError(t, err)
	require.Equal(t, []string{"10.7.0.0/16", "10.8.0.0/16", "10.9.0.0/16"}, found.CIDRs)
	require.Equal(t, []string{"10.8.0.0/16", "10.9.0.0/16", "", ""}, found.More)
	require.Equal(t, []bool{true, true, false, false}, found.Has)

	// What overlaps the range of a new VPC, unless the VPC is there already.
	overlaps := func(cidr, component string) model.Overlap {
		answer, err := lookup[model.Overlap](t, awsec2.Lookups(h.Config), model.OverlapLookupType,
			model.OverlapLookup{CIDR: cidr, Tags: map[string]string{resource.TagComponent: component}})
		require.NoError(t, err)
		return answer
	}
	require.Equal(t, model.Overlap{Found: true, With: vpc + " (10.9.0.0/16)"}, overlaps("10.9.4.0/22", "infra/network"))
	require.Equal(t, model.Overlap{}, overlaps("10.50.0.0/16", "infra/network"))
	_, err = client.CreateTags(t.Context(), &ec2.CreateTagsInput{
		Resources: []string{vpc},
		Tags:      []types.Tag{{Key: aws.String(resource.TagComponent), Value: aws.String("infra/network")}},
	})
	require.NoError(t, err)
	require.Equal(t, model.Overlap{}, overlaps("10.9.4.0/22", "infra/network"))

	_, err = lookup[model.FoundVPC](t, awsec2.Lookups(h.Config), model.VPCLookupType,
		model.VPCLookup{ID: value.Lit("vpc-00000000")})
	nextStep(t, err, "aws ec2 describe-vpcs")

	dropDefaultVPC(t, client)
	_, err = lookup[model.FoundVPC](t, awsec2.Lookups(h.Config), model.VPCLookupType, model.VPCLookup{})
	nextStep(t, err, "create-default-vpc")
}

func nextStep(t *testing.T, err error, contains string) {
	t.Helper()
	var op *resource.OpError
	require.ErrorAs(t, err, &op)
	require.ErrorIs(t, err, resource.ErrNotFound)
	require.Contains(t, op.Next, contains)
}

func dropDefaultVPC(t *testing.T, client *ec2.Client) {
	t.Helper()
	filters := []types.Filter{{Name: aws.String("is-default"), Values: []string{"true"}}}
	vpcs, err := client.DescribeVpcs(t.Context(), &ec2.DescribeVpcsInput{Filters: filters})
	require.NoError(t, err)
	for _, vpc := range vpcs.Vpcs {
		subnets, err := client.DescribeSubnets(t.Context(),
			&ec2.DescribeSubnetsInput{
				Filters: []types.Filter{{Name: aws.String("vpc-id"), Values: []string{*vpc.VpcId}}},
			})
		require.NoError(t, err)
		for _, s := range subnets.Subnets {
			_, err := client.DeleteSubnet(t.Context(), &ec2.DeleteSubnetInput{SubnetId: s.SubnetId})
			require.NoError(t, err)
		}
		gateways, err := client.DescribeInternetGateways(t.Context(),
			&ec2.DescribeInternetGatewaysInput{
				Filters: []types.Filter{{Name: aws.String("attachment.vpc-id"), Values: []string{*vpc.VpcId}}},
			})
		require.NoError(t, err)
		for _, g := range gateways.InternetGateways {
			_, err := client.DetachInternetGateway(t.Context(),
				&ec2.DetachInternetGatewayInput{InternetGatewayId: g.InternetGatewayId, VpcId: vpc.VpcId})
			require.NoError(t, err)
		}
		_, err = client.DeleteVpc(t.Context(), &ec2.DeleteVpcInput{VpcId: vpc.VpcId})
		require.NoError(t, err)
	}
}

func TestSubnetsLookup(t *testing.T) {
	h := start(t)
	client := ec2.NewFromConfig(h.Plain)
	vpc := makeVPC(t.Context(), t, h, "10.8.0.0/16")
	subnet := func(cidr, zone, tier string) string {
		out, err := client.CreateSubnet(t.Context(), &ec2.CreateSubnetInput{
			VpcId: &vpc, CidrBlock: &cidr, AvailabilityZone: aws.String("us-east-1" + zone),
			TagSpecifications: []types.TagSpecification{
				{ResourceType: types.ResourceTypeSubnet, Tags: []types.Tag{{Key: aws.String("tier"), Value: &tier}}},
			},
		})
		require.NoError(t, err)
		return *out.Subnet.SubnetId
	}
	table := func(route *ec2.CreateRouteInput, subnets ...string) {
		out, err := client.CreateRouteTable(t.Context(), &ec2.CreateRouteTableInput{VpcId: &vpc})
		require.NoError(t, err)
		for _, id := range subnets {
			_, err := client.AssociateRouteTable(t.Context(),
				&ec2.AssociateRouteTableInput{RouteTableId: out.RouteTable.RouteTableId, SubnetId: &id})
			require.NoError(t, err)
		}
		if route != nil {
			route.RouteTableId, route.DestinationCidrBlock = out.RouteTable.RouteTableId, aws.String("0.0.0.0/0")
			_, err = client.CreateRoute(t.Context(), route)
			require.NoError(t, err)
		}
	}
	ask := func(q model.SubnetsLookup) (model.Subnets, error) {
		q.VPCID = value.Lit(vpc)
		return lookup[model.Subnets](t, awsec2.Lookups(h.Config), model.SubnetsLookupType, q)
	}

	_, err := ask(model.SubnetsLookup{})
	nextStep(t, err, "vpc: {id: vpc-...}")
	require.ErrorContains(t, err, "no subnets")

	publicB, publicA := subnet("10.8.2.0/24", "b", "web"), subnet("10.8.1.0/24", "a", "web")
	_, err = ask(model.SubnetsLookup{SubnetIDs: value.Lit([]string{publicA})})
	require.ErrorContains(t, err, "us-east-1a only")

	gateway, err := client.CreateInternetGateway(t.Context(), &ec2.CreateInternetGatewayInput{})
	require.NoError(t, err)
	_, err = client.AttachInternetGateway(t.Context(),
		&ec2.AttachInternetGatewayInput{InternetGatewayId: gateway.InternetGateway.InternetGatewayId, VpcId: &vpc})
	require.NoError(t, err)
	table(&ec2.CreateRouteInput{GatewayId: gateway.InternetGateway.InternetGatewayId}, publicA, publicB)
	found, err := ask(model.SubnetsLookup{})
	require.NoError(t, err)
	require.Equal(t, model.Subnets{
		PublicSubnetIDs: []string{publicA, publicB}, PublicZoneSubnetIDs: []string{publicA, publicB},
		PrivateSubnetIDs: []string{}, IsolatedSubnetIDs: []string{}, PrivateZoneSubnetIDs: []string{},
		TaskSubnetIDs: []string{publicA, publicB}, AssignPublicIP: true, DataSubnetIDs: []string{publicA, publicB},
		Zones: []string{"us-east-1a", "us-east-1b"},
	}, found)

	address, err := client.AllocateAddress(t.Context(), &ec2.AllocateAddressInput{Domain: types.DomainTypeVpc})
	require.NoError(t, err)
	nat, err := client.CreateNatGateway(t.Context(),
		&ec2.CreateNatGatewayInput{SubnetId: &publicA, AllocationId: address.AllocationId})
	require.NoError(t, err)
	privateA, privateA2, privateB := subnet("10.8.11.0/24", "a", "app"), subnet("10.8.12.0/24", "a", "app"),
		subnet("10.8.13.0/24", "b", "app")
	table(&ec2.CreateRouteInput{NatGatewayId: nat.NatGateway.NatGatewayId}, privateA, privateA2, privateB)
	isolatedC := subnet("10.8.21.0/24", "c", "data") // in the main table, which has no default route
	found, err = ask(model.SubnetsLookup{})
	require.NoError(t, err)
	inA := []string{privateA, privateA2}
	if strings.Compare(privateA, privateA2) > 0 {
		inA = []string{privateA2, privateA}
	}
	require.Equal(t, model.Subnets{
		PublicSubnetIDs: []string{publicA, publicB}, PublicZoneSubnetIDs: []string{publicA, publicB},
		PrivateSubnetIDs: append(inA[:2:2], privateB), IsolatedSubnetIDs: []string{isolatedC},
		PrivateZoneSubnetIDs: []string{inA[0], privateB, isolatedC},
		TaskSubnetIDs:        append(inA[:2:2], privateB), HasPrivateRoute: true,
		DataSubnetIDs: append(inA[:2:2], privateB, isolatedC),
		Zones:         []string{"us-east-1a", "us-east-1b", "us-east-1c"},
	}, found)

	// Load balancers do not reach tasks in zones where they have no subnet.
	privateD := subnet("10.8.14.0/24", "d", "app")
	table(&ec2.CreateRouteInput{NatGatewayId: nat.NatGateway.NatGatewayId}, privateD)
	found, err = ask(model.SubnetsLookup{})
	require.NoError(t, err)
	require.Equal(t, append(inA[:2:2], privateB), found.TaskSubnetIDs, "a public load balancer has no subnet in zone d")
	require.Contains(t, found.PrivateSubnetIDs, privateD)
	found, err = ask(model.SubnetsLookup{SubnetIDs: value.Lit([]string{privateA, privateD})})
	require.NoError(t, err)
	require.Equal(t, []string{privateA, privateD}, found.TaskSubnetIDs, "no public load balancer can be here")
	found, err = ask(model.SubnetsLookup{
		SubnetIDs: value.Lit([]string{publicA, publicB, isolatedC}), Tasks: "public",
	})
	require.NoError(t, err)
	require.Equal(t, []string{publicA, publicB}, found.TaskSubnetIDs)
	require.Equal(t, []string{publicA, publicB, isolatedC}, found.PrivateZoneSubnetIDs,
		"an internal load balancer must be where the tasks are")

	// Fargate runs nothing in use1-az3. The letter of that zone differs between accounts.
	zones, err := client.DescribeAvailabilityZones(t.Context(), &ec2.DescribeAvailabilityZonesInput{
		Filters: []types.Filter{{Name: aws.String("zone-id"), Values: []string{"use1-az3"}}},
	})
	require.NoError(t, err)
	letter := strings.TrimPrefix(*zones.AvailabilityZones[0].ZoneName, "us-east-1")
	publicE, privateE := subnet("10.8.3.0/24", letter, "edge"), subnet("10.8.15.0/24", letter, "edge")
	table(&ec2.CreateRouteInput{GatewayId: gateway.InternetGateway.InternetGatewayId}, publicE)
	table(&ec2.CreateRouteInput{NatGatewayId: nat.NatGateway.NatGatewayId}, privateE)
	var told []string
	found, err = ask(model.SubnetsLookup{})
	require.NoError(t, err)
	require.Equal(t, append(inA[:2:2], privateB), found.TaskSubnetIDs)
	require.Contains(t, found.PrivateSubnetIDs, privateE, "what is there is not hidden")
	tell := resource.WithNote(t.Context(), func(line string) { told = append(told, line) })
	for _, l := range awsec2.Lookups(h.Config) {
		if l.Type == model.SubnetsLookupType {
			_, err = l.Read(tell, value.Encode(model.SubnetsLookup{VPCID: value.Lit(vpc)}))
			require.NoError(t, err)
		}
	}
	require.Equal(t, []string{"tasks cannot run in us-east-1" + letter + " (use1-az3): Fargate is not available there"},
		told)
	found, err = ask(model.SubnetsLookup{SubnetIDs: value.Lit([]string{privateA, privateE})})
	require.NoError(t, err)
	require.Equal(t, []string{privateA, privateE}, found.TaskSubnetIDs, "named by somebody")

	byTag, err := ask(model.SubnetsLookup{Tags: map[string]string{"tier": "web"}})
	require.NoError(t, err)
	require.Equal(t, []string{publicA, publicB}, byTag.PublicSubnetIDs)
	require.Empty(t, byTag.PrivateSubnetIDs)

	_, err = ask(model.SubnetsLookup{SubnetIDs: value.Lit([]string{publicA, "subnet-00000000"})})
	nextStep(t, err, "describe-subnets")
	require.ErrorContains(t, err, "subnet-00000000")
}

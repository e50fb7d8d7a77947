package awstest

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/stretchr/testify/require"

	awsec2 "github.com/company/deployer/internal/aws/ec2"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/ec2"
	"github.com/company/deployer/internal/value"
)

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

	// A data store is in all subnets that are chosen for it, public or not.
	found, err = ask(model.SubnetsLookup{Data: true, SubnetIDs: value.Lit([]string{privateB, publicA, privateA})})
	require.NoError(t, err)
	both := []string{privateA, publicA}
	slices.Sort(both)
	require.Equal(t, append(both[:2:2], privateB), found.DataSubnetIDs)
	require.Equal(t, []string{both[0], privateB}, found.PrivateZoneSubnetIDs)
	_, err = ask(model.SubnetsLookup{Data: true, SubnetIDs: value.Lit([]string{privateA, privateA2})})
	nextStep(t, err, "in subnets of the component")
	_, err = ask(model.SubnetsLookup{Data: true, SubnetIDs: value.Lit([]string{privateA, "subnet-0123456789abcdef0"})})
	nextStep(t, err, "correct the subnet ids of the component")

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
			one := model.SubnetsLookup{VPCID: value.Lit(vpc)}
			_, err = l.Read(tell, value.Encode(one))
			require.NoError(t, err)
			require.Empty(t, told, "a stack without tasks")
			one.Services = map[string][]string{"logs": {"web/api"}}
			_, err = l.Read(tell, value.Encode(one))
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

// Not everything that a stack makes can be in a Local Zone, in a Wavelength Zone, on an Outpost or without IPv4.
func TestSubnetsThatAreNoPlaceForAll(t *testing.T) {
	h := start(t)
	vpc := makeVPC(t.Context(), t, h, "10.8.0.0/16")
	a := makeSubnet(t.Context(), t, h, vpc, "10.8.1.0/24", "us-east-1a")
	b := makeSubnet(t.Context(), t, h, vpc, "10.8.2.0/24", "us-east-1b")
	var items string
	for id, more := range map[string]string{
		"subnet-0a": "<availabilityZone>us-east-1-bos-1a</availabilityZone>",
		"subnet-0b": "<availabilityZone>us-east-1-wl1-bos-wlz-1</availabilityZone>",
		"subnet-0c": "<availabilityZone>us-east-1c</availabilityZone><outpostArn>arn:aws:outposts:x</outpostArn>",
		"subnet-0d": "<availabilityZone>us-east-1d</availabilityZone><ipv6Native>true</ipv6Native>",
	} {
		items += "<item><subnetId>" + id + "</subnetId><vpcId>" + vpc + "</vpcId>" + more + "</item>"
	}
	listedToo(h, "DescribeSubnets", "subnetSet", items)
	const left = "subnet-0a (in us-east-1-bos-1a, which is no availability zone), " +
		"subnet-0b (in us-east-1-wl1-bos-wlz-1, which is no availability zone), subnet-0c (on an Outpost), " +
		"subnet-0d (without IPv4)"
	var told []string
	ctx := resource.WithNote(t.Context(), func(line string) { told = append(told, line) })
	ask := func(q model.SubnetsLookup) (found model.Subnets, err error) {
		q.VPCID, told = value.Lit(vpc), nil
		i := slices.IndexFunc(awsec2.Lookups(h.Config), func(l resource.Lookup) bool {
			return l.Type == model.SubnetsLookupType
		})
		out, err := awsec2.Lookups(h.Config)[i].Read(ctx, value.Encode(q))
		if err == nil {
			require.Empty(t, value.Decode(out, &found))
		}
		return found, err
	}
	found, err := ask(model.SubnetsLookup{})
	require.NoError(t, err)
	require.Equal(t, model.Subnets{
		IsolatedSubnetIDs: []string{a, b}, PrivateZoneSubnetIDs: []string{a, b}, TaskSubnetIDs: []string{a, b},
		PublicSubnetIDs: []string{}, PrivateSubnetIDs: []string{}, PublicZoneSubnetIDs: []string{},
		DataSubnetIDs: []string{a, b}, Zones: []string{"us-east-1a", "us-east-1b"},
	}, found)
	require.Equal(t, []string{
		"the Network leaves out the subnets " + left + ": tasks, load balancers and data stores cannot all be there",
	}, told)

	found, err = ask(model.SubnetsLookup{SubnetIDs: value.Lit([]string{a, "subnet-0a", "subnet-0c", "subnet-0d", b})})
	require.NoError(t, err)
	require.Subset(t, found.DataSubnetIDs, []string{a, b, "subnet-0a", "subnet-0c", "subnet-0d"}, "named by somebody")
	require.Empty(t, told)

	_, err = ec2.NewFromConfig(h.Plain).DeleteSubnet(t.Context(), &ec2.DeleteSubnetInput{SubnetId: &b})
	require.NoError(t, err)
	_, err = ask(model.SubnetsLookup{})
	require.ErrorContains(t, err, "has subnets in us-east-1a only, beside "+left+"; load balancers and databases need")
}

// Tasks can have the security groups of their VPC only.
func TestExistingSecurityGroups(t *testing.T) {
	h := start(t)
	ctx, client := t.Context(), ec2.NewFromConfig(h.Plain)
	var groups, vpcs []string
	for range 2 {
		vpc := makeVPC(ctx, t, h, "10.1.0.0/16")
		made, err := client.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{
			GroupName: aws.String("clients"), Description: aws.String("clients"), VpcId: &vpc,
		})
		require.NoError(t, err)
		vpcs, groups = append(vpcs, vpc), append(groups, *made.GroupId)
	}
	ask := func(ids ...string) ([]string, error) {
		found, err := lookup[model.Groups](t, awsec2.Lookups(h.Config), model.GroupsLookupType,
			model.GroupsLookup{VPCID: value.Lit(vpcs[0]), IDs: ids})
		return found.IDs, err
	}
	found, err := ask(groups[0])
	require.NoError(t, err)
	require.Equal(t, groups[:1], found)
	_, err = ask(groups[0], "sg-0123456789abcdef0")
	nextStep(t, err, "correct securityGroups")
	require.ErrorContains(t, err, "there are no security groups sg-0123456789abcdef0 in us-east-1")
	_, err = ask(groups...)
	nextStep(t, err, "correct securityGroups")
	require.ErrorContains(t, err, "the security group "+groups[1]+" is in "+vpcs[1])
}

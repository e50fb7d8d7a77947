package awstest

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/e2e/testkit/proxy"
	awsec2 "github.com/company/deployer/internal/aws/ec2"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/ec2"
	"github.com/company/deployer/internal/testkit/resourcetest"
	"github.com/company/deployer/internal/value"
)

var (
	before = map[string]string{"team": "payments"}
	after  = map[string]string{"cost": "7"}
)

// marked is the case of a type whose objects are known by their tags.
func marked(t *testing.T, h *harness, typ string, props, update, replace any) resourcetest.Case {
	t.Helper()
	return resourcetest.Case{
		Behaviour: behaviour(t, awsec2.Behaviours(h.Config), typ), Props: props, Update: update, Replace: replace,
		LoseAnswer: h.LoseAnswer, Actions: h.Actions, Marked: true, Distinct: true,
	}
}

func makeSubnet(ctx context.Context, t *testing.T, h *harness, vpc, cidr, zone string) string {
	t.Helper()
	out, err := ec2.NewFromConfig(h.Plain).CreateSubnet(ctx,
		&ec2.CreateSubnetInput{VpcId: &vpc, CidrBlock: &cidr, AvailabilityZone: &zone})
	require.NoError(t, err)
	return *out.Subnet.SubnetId
}

func makeTable(ctx context.Context, t *testing.T, h *harness, vpc string) string {
	t.Helper()
	out, err := ec2.NewFromConfig(h.Plain).CreateRouteTable(ctx, &ec2.CreateRouteTableInput{VpcId: &vpc})
	require.NoError(t, err)
	return *out.RouteTable.RouteTableId
}

func makeGateway(ctx context.Context, t *testing.T, h *harness, vpc string) string {
	t.Helper()
	client := ec2.NewFromConfig(h.Plain)
	out, err := client.CreateInternetGateway(ctx, &ec2.CreateInternetGatewayInput{})
	require.NoError(t, err)
	_, err = client.AttachInternetGateway(ctx,
		&ec2.AttachInternetGatewayInput{InternetGatewayId: out.InternetGateway.InternetGatewayId, VpcId: &vpc})
	require.NoError(t, err)
	return *out.InternetGateway.InternetGatewayId
}

func makeAddress(ctx context.Context, t *testing.T, h *harness) string {
	t.Helper()
	out, err := ec2.NewFromConfig(h.Plain).AllocateAddress(ctx,
		&ec2.AllocateAddressInput{Domain: types.DomainTypeVpc})
	require.NoError(t, err)
	return *out.AllocationId
}

func makeNAT(ctx context.Context, t *testing.T, h *harness, subnet string) string {
	t.Helper()
	out, err := ec2.NewFromConfig(h.Plain).CreateNatGateway(ctx,
		&ec2.CreateNatGatewayInput{SubnetId: &subnet, AllocationId: pointer(makeAddress(ctx, t, h))})
	require.NoError(t, err)
	return *out.NatGateway.NatGatewayId
}

func TestVPC(t *testing.T) {
	h := start(t)
	no := false
	resourcetest.Run(t, marked(t, h, model.VPCType, model.VPC{CIDR: "10.1.0.0/16", Tags: before},
		model.VPC{CIDR: "10.1.0.0/16", DNSHostnames: &no, Tags: after},
		model.VPC{CIDR: "10.2.0.0/16", Tags: before}))
}

func TestVPCCheck(t *testing.T) {
	b := behaviour(t, awsec2.Behaviours(start(t).Config), model.VPCType)
	for cidr, want := range map[string]string{
		"10.0.0.0/15": "AWS allows networks from /16 to /28, not /15", "10.0.0.0/29": "from /16 to /28, not /29",
		"10.0.0.1/16": "the network is 10.0.0.0/16", "all": "no IPv4 network", "2001:db8::/56": "no IPv4 network",
	} {
		_, problems := b.Check(value.Encode(model.VPC{CIDR: cidr}))
		require.Len(t, problems, 1, cidr)
		require.Contains(t, problems[0].Message, want)
	}
}

func TestInternetGateway(t *testing.T) {
	h := start(t)
	one, two := makeVPC(t.Context(), t, h, "10.1.0.0/16"), makeVPC(t.Context(), t, h, "10.2.0.0/16")
	resourcetest.Run(t, marked(t, h, model.InternetGatewayType,
		model.InternetGateway{VPCID: value.Lit(one), Tags: before},
		model.InternetGateway{VPCID: value.Lit(one), Tags: after},
		model.InternetGateway{VPCID: value.Lit(two), Tags: before}))
}

// A gateway that somebody has detached is attached again in place.
func TestInternetGatewayDetached(t *testing.T) {
	h := start(t)
	b := behaviour(t, awsec2.Behaviours(h.Config), model.InternetGatewayType)
	vpc := makeVPC(t.Context(), t, h, "10.1.0.0/16")
	req := request(model.InternetGatewayType)
	req.Tags = resourcetest.Tags("net")
	req.Inputs, _ = b.Check(value.Encode(model.InternetGateway{VPCID: value.Lit(vpc)}))
	state, err := b.Create(t.Context(), req)
	require.NoError(t, err)
	_, err = ec2.NewFromConfig(h.Plain).DetachInternetGateway(t.Context(),
		&ec2.DetachInternetGatewayInput{InternetGatewayId: &state.ID, VpcId: &vpc})
	require.NoError(t, err)
	req.ID, req.Old = state.ID, state
	is, found, err := b.Read(t.Context(), req)
	require.NoError(t, err)
	require.True(t, found)
	diff := resource.Compare(b.Definition(), is.Inputs, req.Inputs)
	require.Len(t, diff.Changes, 1)
	require.Empty(t, diff.Replace)
	req.Old = is
	_, err = b.Update(t.Context(), req)
	require.NoError(t, err)
	is, _, err = b.Read(t.Context(), req)
	require.NoError(t, err)
	require.Equal(t, vpc, is.Inputs.Get("vpcId").Str())
}

func TestSubnet(t *testing.T) {
	h := start(t)
	vpc := makeVPC(t.Context(), t, h, "10.1.0.0/16")
	props := model.Subnet{
		VPCID: value.Lit(vpc), CIDR: "10.1.0.0/20", AvailabilityZone: value.Lit("us-east-1b"), Tags: before,
	}
	update, replace := props, props
	update.Tags, replace.CIDR = after, "10.1.16.0/20"
	resourcetest.Run(t, marked(t, h, model.SubnetType, props, update, replace))
}

func TestRouteTable(t *testing.T) {
	h := start(t)
	one, two := makeVPC(t.Context(), t, h, "10.1.0.0/16"), makeVPC(t.Context(), t, h, "10.2.0.0/16")
	gateway := makeGateway(t.Context(), t, h, one)
	c := marked(t, h, model.RouteTableType,
		model.RouteTable{VPCID: value.Lit(one), Tags: before}, model.RouteTable{VPCID: value.Lit(one), Tags: after},
		model.RouteTable{VPCID: value.Lit(two), Tags: before})
	c.Extend = func(ctx context.Context, t *testing.T, state resource.State) (string, func()) {
		client, to := ec2.NewFromConfig(h.Plain), pointer("192.0.2.0/24")
		_, err := client.CreateRoute(ctx,
			&ec2.CreateRouteInput{RouteTableId: &state.ID, DestinationCidrBlock: to, GatewayId: &gateway})
		require.NoError(t, err)
		return state.ID + "/" + *to, func() {
			_, err := client.DeleteRoute(ctx, &ec2.DeleteRouteInput{RouteTableId: &state.ID, DestinationCidrBlock: to})
			require.NoError(t, err)
		}
	}
	resourcetest.Run(t, c)
}

func TestRoute(t *testing.T) {
	h := start(t)
	vpc := makeVPC(t.Context(), t, h, "10.1.0.0/16")
	one, two := makeTable(t.Context(), t, h, vpc), makeTable(t.Context(), t, h, vpc)
	gateway := makeGateway(t.Context(), t, h, vpc)
	nat := makeNAT(t.Context(), t, h, makeSubnet(t.Context(), t, h, vpc, "10.1.0.0/24", "us-east-1a"))
	props := model.Route{
		RouteTableID: value.Lit(one), Destination: "0.0.0.0/0", GatewayID: value.Lit(gateway),
	}
	update, replace := props, props
	update.GatewayID, update.NATGatewayID = value.Of[string]{}, value.Lit(nat)
	replace.RouteTableID = value.Lit(two)
	c := marked(t, h, model.RouteType, props, update, replace)
	c.Marked = false
	resourcetest.Run(t, c)
}

func TestRouteTableAssociation(t *testing.T) {
	h := start(t)
	vpc := makeVPC(t.Context(), t, h, "10.1.0.0/16")
	one, two := makeTable(t.Context(), t, h, vpc), makeTable(t.Context(), t, h, vpc)
	subnet := makeSubnet(t.Context(), t, h, vpc, "10.1.0.0/24", "us-east-1a")
	other := makeSubnet(t.Context(), t, h, vpc, "10.1.1.0/24", "us-east-1a")
	props := model.RouteTableAssociation{SubnetID: value.Lit(subnet), RouteTableID: value.Lit(one)}
	update, replace := props, props
	update.RouteTableID, replace.SubnetID = value.Lit(two), value.Lit(other)
	c := marked(t, h, model.RouteTableAssociationType, props, update, replace)
	c.Marked = false
	resourcetest.Run(t, c)
}

func TestElasticIP(t *testing.T) {
	h := start(t)
	resourcetest.Run(t, marked(t, h, model.ElasticIPType, model.ElasticIP{Tags: before},
		model.ElasticIP{Tags: after}, nil))
}

func TestNATGateway(t *testing.T) {
	h := start(t)
	vpc := makeVPC(t.Context(), t, h, "10.1.0.0/16")
	makeGateway(t.Context(), t, h, vpc)
	subnet := makeSubnet(t.Context(), t, h, vpc, "10.1.0.0/24", "us-east-1a")
	props := model.NATGateway{
		SubnetID: value.Lit(subnet), AllocationID: value.Lit(makeAddress(t.Context(), t, h)), Tags: before,
	}
	update, replace := props, props
	update.Tags, replace.AllocationID = after, value.Lit(makeAddress(t.Context(), t, h))
	resourcetest.Run(t, marked(t, h, model.NATGatewayType, props, update, replace))
}

func TestGatewayEndpoint(t *testing.T) {
	h := start(t)
	vpc := makeVPC(t.Context(), t, h, "10.1.0.0/16")
	one, two := makeTable(t.Context(), t, h, vpc), makeTable(t.Context(), t, h, vpc)
	props := model.VPCEndpoint{
		VPCID: value.Lit(vpc), ServiceName: value.Lit("com.amazonaws.us-east-1.s3"),
		EndpointType: model.GatewayEndpoint, RouteTableIDs: value.Lit([]string{one}), Tags: before,
	}
	update, replace := props, props
	update.Tags, update.RouteTableIDs = after, value.Lit([]string{one, two})
	replace.ServiceName = value.Lit("com.amazonaws.us-east-1.dynamodb")
	c := marked(t, h, model.VPCEndpointType, props, update, replace)
	c.Unused = map[string]string{"route53:AssociateVPCWithHostedZone": "made by AWS"}
	resourcetest.Run(t, c)
}

func TestInterfaceEndpoint(t *testing.T) {
	h := start(t)
	vpc := makeVPC(t.Context(), t, h, "10.1.0.0/16")
	one := makeSubnet(t.Context(), t, h, vpc, "10.1.0.0/24", "us-east-1a")
	two := makeSubnet(t.Context(), t, h, vpc, "10.1.1.0/24", "us-east-1b")
	group := makeGroup(t.Context(), t, h, vpc, "endpoints")
	props := model.VPCEndpoint{
		VPCID: value.Lit(vpc), ServiceName: value.Lit("com.amazonaws.us-east-1.secretsmanager"),
		EndpointType: model.InterfaceEndpoint, SubnetIDs: value.Lit([]string{one}),
		SecurityGroupIDs: value.Lit([]string{group}), Tags: before,
	}
	update, replace := props, props
	update.Tags, update.SubnetIDs = after, value.Lit([]string{one, two})
	replace.ServiceName = value.Lit("com.amazonaws.us-east-1.logs")
	c := marked(t, h, model.VPCEndpointType, props, update, replace)
	resourcetest.Run(t, c)
}

func TestFlowLog(t *testing.T) {
	h := start(t)
	vpc := makeVPC(t.Context(), t, h, "10.1.0.0/16")
	props := model.FlowLog{
		VPCID: value.Lit(vpc), Traffic: "all", LogGroup: value.Lit("/flow"),
		RoleARN: value.Lit("arn:aws:iam::" + h.Env.Account + ":role/flow"), Tags: before,
	}
	update, replace := props, props
	update.Tags, replace.LogGroup = after, value.Lit("/other")
	c := marked(t, h, model.FlowLogType, props, update, replace)
	c.Unused = map[string]string{"iam:PassRole": "checked by AWS"}
	resourcetest.Run(t, c)
}

// A NAT gateway that fails is reported with AWS's reason, and counts as gone.
func TestNATGatewayFails(t *testing.T) {
	h := start(t)
	b := behaviour(t, awsec2.Behaviours(h.Config), model.NATGatewayType)
	vpc := makeVPC(t.Context(), t, h, "10.1.0.0/16")
	subnet := makeSubnet(t.Context(), t, h, vpc, "10.1.0.0/24", "us-east-1a")
	req := request(model.NATGatewayType)
	req.Tags = resourcetest.Tags("net")
	req.Inputs, _ = b.Check(value.Encode(model.NATGateway{
		SubnetID: value.Lit(subnet), AllocationID: value.Lit(makeAddress(t.Context(), t, h)),
	}))
	h.Env.Proxy.Handle("ec2", "DescribeNatGateways", func(c *proxy.Call) *proxy.Response {
		answer, err := c.Forward()
		require.NoError(t, err)
		answer.Body = bytes.ReplaceAll(answer.Body, []byte("<state>available</state>"), []byte("<state>failed</state>"+
			"<failureCode>Gateway.NotAttached</failureCode>"+
			"<failureMessage>Network vpc-1 has no Internet gateway attached</failureMessage>"))
		answer.Header.Del("Content-Length")
		return answer
	})
	_, err := b.Create(t.Context(), req)
	var partial *resource.PartialError
	require.ErrorAs(t, err, &partial)
	require.ErrorContains(t, err, "Network vpc-1 has no Internet gateway attached")
	req.ID, req.Old = partial.State.ID, partial.State
	_, found, err := b.Read(t.Context(), req)
	require.NoError(t, err)
	require.False(t, found)
}

func TestZonesLookup(t *testing.T) {
	h := start(t)
	ask := func(q model.ZonesLookup) ([]string, error) {
		q.Tags = map[string]string{resource.TagStack: "s"}
		found, err := lookup[model.Zones](t, awsec2.Lookups(h.Config), model.ZonesLookupType, q)
		return found.Names, err
	}
	names, err := ask(model.ZonesLookup{Count: 2})
	require.NoError(t, err)
	require.Equal(t, []string{"us-east-1a", "us-east-1b"}, names)

	names, err = ask(model.ZonesLookup{Count: 2, Zones: []string{"use1-az6", "us-east-1b"}})
	require.NoError(t, err)
	require.Len(t, names, 2)
	require.Equal(t, "us-east-1b", names[1])

	_, err = ask(model.ZonesLookup{Count: 2, Zones: []string{"us-east-1a", "euc1-az1", "us-east-1z"}})
	nextStep(t, err, "vpc.zones")
	require.ErrorContains(t, err, "no availability zones euc1-az1, us-east-1z")
	require.ErrorContains(t, err, "us-east-1a (use1-az6)")

	_, err = ask(model.ZonesLookup{Count: 6}) // use1-az3 has no Fargate
	nextStep(t, err, "vpc.azs of the Network to 5 or less")

	// A subnet that exists keeps its zone, and the next one gets a zone that is free.
	vpc := makeVPC(t.Context(), t, h, "10.1.0.0/16")
	subnet := makeSubnet(t.Context(), t, h, vpc, "10.1.0.0/24", "us-east-1c")
	_, err = ec2.NewFromConfig(h.Plain).CreateTags(t.Context(), &ec2.CreateTagsInput{
		Resources: []string{subnet}, Tags: []types.Tag{
			{Key: pointer(resource.TagStack), Value: pointer("s")},
			{Key: pointer(resource.TagResource), Value: pointer("infra/network:private-2")},
		},
	})
	require.NoError(t, err)
	names, err = ask(model.ZonesLookup{Count: 3, Resources: []string{
		"infra/network:private-1", "infra/network:private-2", "infra/network:private-3",
	}})
	require.NoError(t, err)
	require.Equal(t, []string{"us-east-1a", "us-east-1c", "us-east-1b"}, names)
}

func TestEndpointServicesLookup(t *testing.T) {
	h := start(t)
	found, err := lookup[model.EndpointServiceNames](t, awsec2.Lookups(h.Config), model.ServicesLookupType,
		model.EndpointServices{Services: []string{"ecr.api", "logs"}})
	require.NoError(t, err)
	require.Equal(t, "com.amazonaws.us-east-1.ecr.api", found.Names["ecr.api"])
	_, err = lookup[model.EndpointServiceNames](t, awsec2.Lookups(h.Config), model.ServicesLookupType,
		model.EndpointServices{Services: []string{"ecr.api", "secretmanager"}})
	nextStep(t, err, "describe-vpc-endpoint-services")
	require.ErrorContains(t, err, "for secretmanager")
}

// Tasks run in isolated subnets only if all that they need has an endpoint, and never go to public ones by themselves.
func TestTasksInIsolatedSubnets(t *testing.T) {
	h := start(t)
	ctx, client := t.Context(), ec2.NewFromConfig(h.Plain)
	vpc := makeVPC(ctx, t, h, "10.1.0.0/16")
	gateway, table := makeGateway(ctx, t, h, vpc), makeTable(ctx, t, h, vpc)
	_, err := client.CreateRoute(ctx, &ec2.CreateRouteInput{
		RouteTableId: &table, DestinationCidrBlock: pointer("0.0.0.0/0"), GatewayId: &gateway,
	})
	require.NoError(t, err)
	var public, isolated []string
	for i, zone := range []string{"us-east-1a", "us-east-1b"} {
		id := makeSubnet(ctx, t, h, vpc, fmt.Sprintf("10.1.%d.0/24", i), zone)
		_, err := client.AssociateRouteTable(ctx, &ec2.AssociateRouteTableInput{RouteTableId: &table, SubnetId: &id})
		require.NoError(t, err)
		public = append(public, id)
		isolated = append(isolated, makeSubnet(ctx, t, h, vpc, fmt.Sprintf("10.1.1%d.0/24", i), zone))
	}
	ask := func(q model.SubnetsLookup) (model.Subnets, error) {
		q.VPCID = value.Lit(vpc)
		return lookup[model.Subnets](t, awsec2.Lookups(h.Config), model.SubnetsLookupType, q)
	}
	need := map[string][]string{"logs": {"web/api"}, "s3": {"web/api", "web/worker"}}

	_, err = ask(model.SubnetsLookup{Services: need})
	nextStep(t, err, "tasks: public")
	require.ErrorContains(t, err, "tasks need VPC endpoints that are not there or do not count: logs (web/api), s3 "+
		"(web/api, web/worker)")
	// What only the internet has is named together with what AWS has.
	_, err = ask(model.SubnetsLookup{Services: need, Internet: map[string][]string{"docker.io": {"web/api"}}})
	nextStep(t, err, "copy the images to ECR; or add a NAT gateway")
	require.ErrorContains(t, err, ", and images from the internet: docker.io (web/api)")

	found, err := ask(model.SubnetsLookup{Services: need, Tasks: "public"})
	require.NoError(t, err)
	require.Equal(t, public, found.TaskSubnetIDs)
	require.True(t, found.AssignPublicIP)

	tables, err := client.DescribeRouteTables(ctx, &ec2.DescribeRouteTablesInput{Filters: []types.Filter{
		{Name: pointer("vpc-id"), Values: []string{vpc}}, {Name: pointer("association.main"), Values: []string{"true"}},
	}})
	require.NoError(t, err)
	_, err = client.CreateVpcEndpoint(ctx, &ec2.CreateVpcEndpointInput{
		VpcId: &vpc, ServiceName: pointer("com.amazonaws.us-east-1.logs"), SubnetIds: isolated,
		VpcEndpointType: types.VpcEndpointTypeInterface, PrivateDnsEnabled: pointer(true),
	})
	require.NoError(t, err)
	s3 := &ec2.CreateVpcEndpointInput{VpcId: &vpc, ServiceName: pointer("com.amazonaws.us-east-1.s3")}
	s3.VpcEndpointType, s3.RouteTableIds = types.VpcEndpointTypeGateway, []string{table} // not that of these subnets
	_, err = client.CreateVpcEndpoint(ctx, s3)
	require.NoError(t, err)
	_, err = client.DescribeVpcEndpoints(ctx, &ec2.DescribeVpcEndpointsInput{}) // pending no more
	require.NoError(t, err)
	_, err = ask(model.SubnetsLookup{Services: need})
	require.ErrorContains(t, err, "count: s3 (web/api, web/worker; vpce-")
	require.ErrorContains(t, err, " is not in the route table of subnet-")

	s3.RouteTableIds = []string{*tables.RouteTables[0].RouteTableId}
	_, err = client.CreateVpcEndpoint(ctx, s3)
	require.NoError(t, err)
	_, err = client.DescribeVpcEndpoints(ctx, &ec2.DescribeVpcEndpointsInput{})
	require.NoError(t, err)
	found, err = ask(model.SubnetsLookup{Services: need})
	require.NoError(t, err)
	require.ElementsMatch(t, isolated, found.TaskSubnetIDs)
	require.False(t, found.AssignPublicIP)

	_, err = ask(model.SubnetsLookup{Services: need, Internet: map[string][]string{"docker.io": {"web/api"}}})
	nextStep(t, err, "copy the images to ECR")
	// One component chooses: one zone will do, and public subnets mix with no others.
	only := func(ids ...string) model.SubnetsLookup {
		return model.SubnetsLookup{SubnetIDs: value.Lit(ids), Chosen: true, Services: need}
	}
	found, err = ask(only(public[0]))
	require.NoError(t, err)
	require.Equal(t, public[:1], found.TaskSubnetIDs)
	require.True(t, found.AssignPublicIP)
	found, err = ask(only(isolated[1]))
	require.NoError(t, err)
	require.Equal(t, isolated[1:], found.TaskSubnetIDs)
	require.False(t, found.AssignPublicIP)
	_, err = ask(only(public[0], isolated[0]))
	wantNext(t, err, "only public subnets, or none of them")
	lacks := only(isolated[0])
	lacks.Services = map[string][]string{"sqs": {"web/worker"}}
	_, err = ask(lacks)
	require.ErrorContains(t, err, "count: sqs (web/worker)")

	_, err = ask(model.SubnetsLookup{SubnetIDs: value.Lit(public), Tasks: "private"})
	nextStep(t, err, "tasks: private")
}

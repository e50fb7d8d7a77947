package awstest

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/e2e/testkit/proxy"
	awsec2 "github.com/company/deployer/internal/aws/ec2"
	awselbv2 "github.com/company/deployer/internal/aws/elbv2"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/resource/ec2"
	"github.com/company/deployer/internal/resource/elbv2"
	"github.com/company/deployer/internal/testkit/resourcetest"
	"github.com/company/deployer/internal/value"
)

// makeNew makes an object of a type and returns its outputs.
func makeNew(t *testing.T, behaviours []resource.Behaviour, typ string, props any) value.Value {
	t.Helper()
	b, req := behaviour(t, behaviours, typ), request(typ)
	inputs, problems := b.Check(value.Encode(props))
	require.Empty(t, problems)
	req.Inputs, req.Tags = inputs, resourcetest.Tags("late")
	state, err := b.Create(t.Context(), req)
	require.NoError(t, err, typ)
	return state.Outputs
}

// Everything in a new VPC may be made while AWS does not know the VPC and its parts everywhere.
func TestNewVPCsAreKnownLate(t *testing.T) {
	h := start(t)
	network, balancing := awsec2.Behaviours(h.Config), awselbv2.Behaviours(h.Config)
	h.Env.Late.Set(1)
	vpc := value.Lit(makeNew(t, network, ec2.VPCType, ec2.VPC{CIDR: "10.1.0.0/16"}).Get("id").Str())
	table := makeNew(t, network, ec2.RouteTableType, ec2.RouteTable{VPCID: vpc}).Get("id").Str()
	makeNew(t, network, ec2.InternetGatewayType, ec2.InternetGateway{VPCID: vpc})
	var subnets []string
	for zone, cidr := range map[string]string{"us-east-1a": "10.1.0.0/20", "us-east-1b": "10.1.16.0/20"} {
		subnet := makeNew(t, network, ec2.SubnetType, ec2.Subnet{
			VPCID: vpc, CIDR: cidr, AvailabilityZone: value.Lit(zone),
		}).Get("id").Str()
		makeNew(t, network, ec2.RouteTableAssociationType, ec2.RouteTableAssociation{
			SubnetID: value.Lit(subnet), RouteTableID: value.Lit(table),
		})
		subnets = append(subnets, subnet)
	}
	group := makeNew(t, network, ec2.SecurityGroupType, ec2.SecurityGroup{
		VPCID: vpc, GroupName: "late", Description: "late",
	}).Get("id").Str()
	makeNew(t, balancing, elbv2.TargetGroupType, elbv2.TargetGroup{Name: "late", Port: 80, VPCID: vpc})
	makeNew(t, balancing, elbv2.LoadBalancerType, elbv2.LoadBalancer{
		Name: "late", Scheme: elbv2.InternetFacing, VPCID: vpc, Subnets: value.Lit(subnets),
		SecurityGroups: value.Lit([]string{group}),
	})
	require.Equal(t, []string{
		"ec2:AssociateRouteTable", "ec2:AttachInternetGateway", "ec2:CreateRouteTable", "ec2:CreateSecurityGroup",
		"ec2:CreateSubnet", "ec2:DescribeSecurityGroups", "ec2:DescribeVpcAttribute", "ec2:ModifyVpcAttribute",
		"elasticloadbalancing:CreateLoadBalancer", "elasticloadbalancing:CreateTargetGroup",
		"elasticloadbalancing:DescribeLoadBalancers", "elasticloadbalancing:ModifyLoadBalancerAttributes",
		"elasticloadbalancing:ModifyTargetGroupAttributes",
	}, slices.Sorted(maps.Keys(h.Env.Late.Told())))
	require.Equal(t, 5, h.Env.Late.Told()["elasticloadbalancing:CreateLoadBalancer"],
		"each of two subnets, the gateway of each, and the security group")
}

// A VPC that really has no internet gateway is reported after a minute, with what to do about it. Other answers about
// subnets are reported at once.
func TestLoadBalancerWithoutAnInternetGateway(t *testing.T) {
	b := startBalancing(t)
	lb, req := b.behaviour(t, elbv2.LoadBalancerType), request(elbv2.LoadBalancerType)
	req.Inputs, _ = lb.Check(value.Encode(b.props("closed")))
	req.Tags = resourcetest.Tags("closed")
	for says, repeated := range map[string]bool{
		"VPC " + b.vpc + " has no internet gateway":                              true,
		"Not enough IP space available in " + b.subnets[0] + ". ELB requires at": false,
	} {
		asked := 0
		b.Env.Proxy.Handle("elasticloadbalancing", "CreateLoadBalancer", func(c *proxy.Call) *proxy.Response {
			asked++
			return c.Failure(400, "InvalidSubnet", says)
		})
		_, err := lb.Create(t.Context(), req)
		var op *resource.OpError
		require.ErrorAs(t, err, &op)
		require.Equal(t, says, op.Message)
		require.Contains(t, op.Next, "route table leads to an internet gateway")
		require.Equal(t, repeated, asked > 5, "%s: %d times", says, asked)
		require.Less(t, asked, 12)
	}
}

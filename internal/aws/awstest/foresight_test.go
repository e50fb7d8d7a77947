package awstest

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdkec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	sdkiam "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/e2e/testkit/proxy"
	awsec2 "github.com/company/deployer/internal/aws/ec2"
	awsecs "github.com/company/deployer/internal/aws/ecs"
	awselasticache "github.com/company/deployer/internal/aws/elasticache"
	awselb "github.com/company/deployer/internal/aws/elbv2"
	awsiam "github.com/company/deployer/internal/aws/iam"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/resource/ec2"
	"github.com/company/deployer/internal/resource/ecs"
	"github.com/company/deployer/internal/resource/elasticache"
	"github.com/company/deployer/internal/resource/elbv2"
	"github.com/company/deployer/internal/resource/iam"
	"github.com/company/deployer/internal/value"
)

// new are requests for n new objects of a type.
func newOnes(n int, props value.Value) []resource.Request {
	out := make([]resource.Request, n)
	for i := range out {
		out[i] = resource.Request{Resource: fmt.Sprintf("web/a%d:x", i), Inputs: props}
	}
	return out
}

// What the account has counts, not only what the stack makes.
func TestQuotas(t *testing.T) {
	h := start(t)
	for _, c := range []struct {
		behaviours []resource.Behaviour
		typ        string
		fit        int // so many fit into the quota
		says       string
	}{
		{awsiam.Behaviours(h.Config), iam.RoleType, 900, "IAM roles and this run makes 1001, but AWS's quota is 1000"},
		{awsec2.Behaviours(h.Config), ec2.ElasticIPType, 5, "elastic IP addresses and this run makes 1001, but AWS's"},
		{awselb.Behaviours(h.Config), elbv2.LoadBalancerType, 20, "application load balancers and this run makes 1001"},
	} {
		b := behaviour(t, c.behaviours, c.typ)
		require.Empty(t, foreseen(t, b, newOnes(c.fit, value.NewMap(nil))...), c.typ)
		require.Contains(t, strings.Join(foreseen(t, b, newOnes(1001, value.NewMap(nil))...), " "), c.says)
		changed := newOnes(1001, value.NewMap(nil))
		for i := range changed {
			changed[i].Old.Inputs = changed[i].Inputs
		}
		require.Empty(t, foreseen(t, b, changed...), "%s: changes need no room", c.typ)
	}
	b := behaviour(t, awsec2.Behaviours(h.Config), ec2.VPCType)
	require.Empty(t, foreseen(t, b, newOnes(4, value.NewMap(nil))...), "with the default VPC")
	require.Equal(t, []string{"the account has 1 VPCs in this region and this run makes 5, but AWS's quota is 5"},
		foreseen(t, b, newOnes(5, value.NewMap(nil))...))
	h.Fail("servicequotas:GetServiceQuota", "AccessDeniedException", 1)
	var f resource.Foresight
	b.(resource.Foreseer).Foresee(t.Context(), newOnes(5, value.NewMap(nil)), resource.Neighbours{}, &f)
	refusals, unasked := f.Wait()
	require.ErrorContains(t, errors.Join(unasked...), "servicequotas:GetServiceQuota")
	require.Len(t, refusals, 1)
	require.True(t, refusals[0].Unsure, "without the quota, the default only warns")
	require.Contains(t, refusals[0].What, "AWS's default quota is 5")
}

// listedToo adds the XML of more items to the answers of a list of EC2, which the emulator cannot make.
func listedToo(h *harness, operation, list, items string) {
	h.Env.Proxy.Handle("ec2", operation, func(c *proxy.Call) *proxy.Response {
		answer, err := c.Forward()
		if err != nil {
			return c.Failed(err)
		}
		answer.Body = bytes.Replace(answer.Body, []byte("</"+list+">"), []byte(items+"</"+list+">"), 1)
		answer.Header.Del("Content-Length")
		return answer
	})
}

// AWS lists VPCs that others share, too, but they count for their owners.
func TestQuotaOfVPCsWithSharedOnes(t *testing.T) {
	h := start(t)
	b := behaviour(t, awsec2.Behaviours(h.Config), ec2.VPCType)
	listedToo(h, "DescribeVpcs", "vpcSet", strings.Repeat("<item><vpcId>vpc-0shared</vpcId><ownerId>999999999999"+
		"</ownerId><isDefault>false</isDefault></item>", 4))
	require.Empty(t, foreseen(t, b, newOnes(4, value.NewMap(nil))...), "the default VPC is the only own one")
	require.Equal(t, []string{"the account has 1 VPCs in this region and this run makes 5, but AWS's quota is 5"},
		foreseen(t, b, newOnes(5, value.NewMap(nil))...))
	h.Fail("servicequotas:GetServiceQuota", "AccessDeniedException", 1)
	var f resource.Foresight
	b.(resource.Foreseer).Foresee(t.Context(), newOnes(4, value.NewMap(nil)), resource.Neighbours{}, &f)
	refusals, _ := f.Wait()
	require.Empty(t, refusals, "nor do they count for AWS's default quota")

	client := sdkec2.NewFromConfig(h.Plain)
	all, err := client.DescribeVpcs(t.Context(), &sdkec2.DescribeVpcsInput{
		Filters: []types.Filter{{Name: aws.String("is-default"), Values: []string{"true"}}},
	})
	require.NoError(t, err)
	_, err = client.CreateVpc(t.Context(), &sdkec2.CreateVpcInput{CidrBlock: aws.String("10.9.0.0/16")})
	require.NoError(t, err)
	subnets, err := client.DescribeSubnets(t.Context(), &sdkec2.DescribeSubnetsInput{})
	require.NoError(t, err)
	for _, s := range subnets.Subnets {
		_, err := client.DeleteSubnet(t.Context(), &sdkec2.DeleteSubnetInput{SubnetId: s.SubnetId})
		require.NoError(t, err)
	}
	_, err = client.DeleteVpc(t.Context(), &sdkec2.DeleteVpcInput{VpcId: all.Vpcs[0].VpcId})
	require.NoError(t, err)
	require.Equal(t, []string{"the account has 1 VPCs in this region and this run makes 5, but AWS's quota is 5"},
		foreseen(t, b, newOnes(5, value.NewMap(nil))...), "STS says whose account it is where no default VPC does")
	used, err := awsec2.VPCsInUse(t.Context(), h.Config)
	require.NoError(t, err)
	require.Equal(t, 1, used)
}

// Only addresses of Amazon's that the account itself has allocated count.
func TestQuotaOfAddresses(t *testing.T) {
	h := start(t)
	b := behaviour(t, awsec2.Behaviours(h.Config), ec2.ElasticIPType)
	_, err := sdkec2.NewFromConfig(h.Plain).AllocateAddress(t.Context(), &sdkec2.AllocateAddressInput{})
	require.NoError(t, err)
	address := func(more string) string {
		return "<item><allocationId>eipalloc-0</allocationId><domain>vpc</domain>" + more + "</item>"
	}
	for _, more := range []string{
		"<publicIpv4Pool>ipv4pool-ec2-0123</publicIpv4Pool>", "<carrierIp>155.1.2.3</carrierIp>",
		"<publicIpv4Pool>amazon</publicIpv4Pool><customerOwnedIp>10.1.2.3</customerOwnedIp>",
		"<customerOwnedIpv4Pool>ipv4pool-coip-0123</customerOwnedIpv4Pool>",
		"<publicIpv4Pool>amazon</publicIpv4Pool><serviceManaged>alb</serviceManaged>",
	} {
		listedToo(h, "DescribeAddresses", "addressesSet", address(more))
		require.Empty(t, foreseen(t, b, newOnes(4, value.NewMap(nil))...), more)
	}
	listedToo(h, "DescribeAddresses", "addressesSet", address("<publicIpv4Pool>amazon</publicIpv4Pool>")+address(""))
	require.Empty(t, foreseen(t, b, newOnes(2, value.NewMap(nil))...))
	require.Equal(t, []string{"the account has 3 elastic IP addresses and this run makes 3, but AWS's quota is 5"},
		foreseen(t, b, newOnes(3, value.NewMap(nil))...))
	used, err := awsec2.AddressesInUse(t.Context(), h.Config)
	require.NoError(t, err)
	require.Equal(t, 3, used)
}

// The zone of a NAT gateway is that of its subnet, which may be new.
func TestQuotaOfNATGateways(t *testing.T) {
	h := start(t)
	b := behaviour(t, awsec2.Behaviours(h.Config), ec2.NATGatewayType)
	in := func(zone string, n int) []resource.Request {
		out := newOnes(n, value.NewMap(nil))
		for i := range out {
			subnet := value.Encode(ec2.Subnet{AvailabilityZone: value.Lit(zone)})
			out[i].Uses = map[string]value.Value{"subnetId": subnet}
		}
		return out
	}
	const full = "the account has 1 NAT gateways in us-east-1a and this run makes 5, but AWS's quota is 5"
	require.Empty(t, foreseen(t, b, in("us-east-1a", 5)...))
	client := sdkec2.NewFromConfig(h.Plain)
	subnets, err := client.DescribeSubnets(t.Context(), &sdkec2.DescribeSubnetsInput{})
	require.NoError(t, err)
	for _, s := range subnets.Subnets {
		if zone := *s.AvailabilityZone; zone == "us-east-1a" || zone == "us-east-1b" {
			_, err := client.CreateNatGateway(t.Context(), &sdkec2.CreateNatGatewayInput{
				SubnetId: s.SubnetId, ConnectivityType: types.ConnectivityTypePrivate,
			})
			require.NoError(t, err)
		}
	}
	require.Equal(t, []string{full}, foreseen(t, b, append(in("us-east-1a", 5), in("us-east-1b", 4)...)...))
	require.Empty(t, foreseen(t, b, newOnes(9, value.NewMap(nil))...), "a zone that is not known yet")
}

// The nodes of all engines count together.
func TestQuotaOfCacheNodes(t *testing.T) {
	h := start(t)
	groups := behaviour(t, awselasticache.Behaviours(h.Config), elasticache.ReplicationGroupType)
	clusters := behaviour(t, awselasticache.Behaviours(h.Config), elasticache.ClusterType)
	shards := 40
	large := newOnes(1, value.Encode(elasticache.ReplicationGroup{Nodes: 6, Shards: &shards})) // 240
	require.Empty(t, foreseen(t, groups, large...))
	more := newOnes(2, value.Encode(elasticache.Cluster{Nodes: 40}))
	more[1].Old.Inputs = value.Encode(elasticache.Cluster{Nodes: 15})
	var f resource.Foresight
	groups.(resource.Foreseer).Foresee(t.Context(), large, resource.Neighbours{}, &f)
	clusters.(resource.Foreseer).Foresee(t.Context(), more, resource.Neighbours{}, &f)
	refusals, unasked := f.Wait()
	require.Empty(t, unasked)
	require.Equal(t, []resource.Refusal{{
		Resource: "web/a0:x", Next: refusals[0].Next,
		What: "this run needs 305 cache nodes in this region, and AWS's quota is 300",
	}}, refusals)
}

// AWS tells late how many vCPUs an account uses: that is no reason to refuse.
func TestQuotaOfFargate(t *testing.T) {
	h := start(t)
	b := behaviour(t, awsecs.Behaviours(h.Config), ecs.ServiceType)
	service := func(tasks int, providers ...ecs.CapacityProvider) resource.Request {
		r := newOnes(1, value.Encode(ecs.Service{DesiredCount: &tasks, CapacityProviders: providers}))[0]
		r.Uses = map[string]value.Value{"taskDefinition": value.Encode(ecs.TaskDefinition{CPU: 512})}
		return r
	}
	require.Empty(t, foreseen(t, b, service(1998)))
	require.Equal(t, []string{"some minutes ago the account used 1 vCPUs of Fargate in this region, this run needs " +
		"999.5 more, and AWS's quota is 1000"}, foreseen(t, b, service(1999)))
	require.Equal(t, []string{"this run needs 1000.5 vCPUs of Fargate in this region, and AWS's quota is 1000"},
		foreseen(t, b, service(2001)))
	require.Empty(t, foreseen(t, b, service(2900, ecs.CapacityProvider{Name: "FARGATE", Base: 1000, Weight: 1},
		ecs.CapacityProvider{Name: "FARGATE_SPOT", Weight: 1})), "1950 on demand, 950 on Spot")
	changed := service(2500)
	changed.Old.Inputs = service(1000).Inputs
	require.Empty(t, foreseen(t, b, changed), "1500 more")
}

func TestRolesThatOverridesName(t *testing.T) {
	h := start(t)
	b := behaviour(t, awsecs.Behaviours(h.Config), ecs.TaskDefinitionType)
	nobody := value.Encode(ecs.TaskDefinition{TaskRoleArn: value.Lit("arn:aws:iam::123456789012:role/a/nobody")})
	require.Equal(t, []string{"the role arn:aws:iam::123456789012:role/a/nobody does not exist in this account"},
		foreseen(t, b, newOnes(1, nobody)...))
	var f resource.Foresight
	b.(resource.Foreseer).Foresee(t.Context(), newOnes(1, nobody), resource.Neighbours{Ours: []string{"nobody"}}, &f)
	refusals, _ := f.Wait()
	require.Empty(t, refusals, "a role of the stack itself")
	policy := b.Definition().Permissions(resource.Scope{Props: nobody})
	require.Equal(t, []string{"iam:PassRole"}, policy[0].Actions)
	require.Equal(t, []string{"arn:aws:iam::123456789012:role/a/nobody"}, policy[0].On)
}

func TestSnapshotsOfCaches(t *testing.T) {
	h := start(t)
	b := behaviour(t, awselasticache.Behaviours(h.Config), elasticache.ReplicationGroupType)
	lost := value.Encode(elasticache.ReplicationGroup{Engine: "valkey", EngineVersion: "8.0", RestoreFrom: "lost"})
	require.Equal(t, []string{"there is no snapshot lost in this region of this account"},
		foreseen(t, b, newOnes(1, lost)...))
}

// A range cannot move to another zone as long as something is in its subnet.
func TestRangesThatMove(t *testing.T) {
	b := behaviour(t, awsec2.Behaviours(start(t).Config), ec2.SubnetType)
	moved := newOnes(1, value.Encode(ec2.Subnet{
		VPCID: value.Lit("vpc-01234567"), CIDR: "10.0.0.0/20", AvailabilityZone: value.Lit("us-east-1b"),
	}))
	require.Empty(t, foreseen(t, b, moved...), "a new subnet")
	moved[0].ID = "subnet-01234567"
	require.Equal(t, []string{
		"the subnet subnet-01234567 has the range 10.0.0.0/20 in another zone than us-east-1b, and AWS does not " +
			"delete it as long as tasks or load balancers are in it",
	}, foreseen(t, b, moved...))
	moved[0].Old.Inputs = moved[0].Inputs
	require.Empty(t, foreseen(t, b, moved...), "other tags")
}

func TestBucketsForAccessLogs(t *testing.T) {
	h := start(t)
	b := behaviour(t, awselb.Behaviours(h.Config), elbv2.LoadBalancerType)
	_, err := s3Client(h).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("logs-here")})
	require.NoError(t, err)
	with := func(bucket string) []resource.Request {
		return newOnes(1, value.Encode(elbv2.LoadBalancer{AccessLogs: &elbv2.AccessLogs{Bucket: value.Lit(bucket)}}))
	}
	require.Empty(t, foreseen(t, b, with("logs-here")...))
	wrong := with("logs-nowhere")
	require.Equal(t, []string{"there is no bucket logs-nowhere for the access logs"}, foreseen(t, b, wrong...))
	wrong[0].Old.Inputs, wrong[0].ID = wrong[0].Inputs, "arn"
	require.Empty(t, foreseen(t, b, wrong...), "it is not changed")
	own := with("logs-nowhere")
	own[0].Uses = map[string]value.Value{"accessLogs": value.NewMap(nil)}
	require.Empty(t, foreseen(t, b, own...), "the run makes it")
	for status, says := range map[int]string{
		http.StatusForbidden:        "",
		http.StatusMovedPermanently: "the bucket logs-here for the access logs is in another region",
	} {
		h.Env.Proxy.Handle("s3", "HeadBucket", func(*proxy.Call) *proxy.Response {
			return &proxy.Response{Status: status, Header: http.Header{}}
		})
		require.Equal(t, says, strings.Join(foreseen(t, b, with("logs-here")...), "; "))
	}
}

func TestSecurityPoliciesOfListeners(t *testing.T) {
	b := behaviour(t, awselb.Behaviours(start(t).Config), elbv2.ListenerType)
	with := func(policy string) value.Value { return value.Encode(elbv2.Listener{SSLPolicy: policy}) }
	require.Empty(t, foreseen(t, b, newOnes(1, with("ELBSecurityPolicy-TLS13-1-3-2021-06"))...))
	wrong := newOnes(1, with("ELBSecurityPolicy-TLS-9"))
	require.Equal(t, []string{"Elastic Load Balancing has no security policy ELBSecurityPolicy-TLS-9 in this region"},
		foreseen(t, b, wrong...))
	wrong[0].Old.Inputs = wrong[0].Inputs
	require.Empty(t, foreseen(t, b, wrong...), "it is not changed")
}

func TestRolesOfTasks(t *testing.T) {
	h := start(t)
	b := behaviour(t, awsecs.Behaviours(h.Config), ecs.TaskDefinitionType)
	client := sdkiam.NewFromConfig(h.Plain)
	role := func(name, principal string) string {
		out, err := client.CreateRole(t.Context(), &sdkiam.CreateRoleInput{
			RoleName: &name, AssumeRolePolicyDocument: aws.String(`{"Version": "2012-10-17", "Statement": [{"Effect": ` +
				`"Allow", "Action": "sts:AssumeRole", "Principal": ` + principal + `}]}`),
		})
		require.NoError(t, err)
		return *out.Role.Arn
	}
	with := func(arn string) []resource.Request {
		return newOnes(1, value.Encode(ecs.TaskDefinition{TaskRoleArn: value.Lit(arn)}))
	}
	fine := role("fine", `{"Service": ["lambda.amazonaws.com", "ecs-tasks.amazonaws.com"]}`)
	require.Empty(t, foreseen(t, b, with(fine)...))
	require.Empty(t, foreseen(t, b, with(role("open", `"*"`))...))
	other := role("other", `{"Service": "lambda.amazonaws.com"}`)
	require.Equal(t, []string{"ECS tasks cannot have the role " + other + ": its trust policy does not name them"},
		foreseen(t, b, with(other)...))
	foreign := "arn:aws:iam::999999999999:role/fine"
	require.Equal(t, []string{"the role " + foreign + " does not exist in this account, but " + fine + " does"},
		foreseen(t, b, with(foreign)...))
	require.Equal(t, []string{"the role " + fine + "-too does not exist in this account"},
		foreseen(t, b, with(fine+"-too")...))
}

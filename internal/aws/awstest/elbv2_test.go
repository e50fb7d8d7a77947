package awstest

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/stretchr/testify/require"

	awselbv2 "github.com/company/deployer/internal/aws/elbv2"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/elbv2"
	"github.com/company/deployer/internal/testkit/resourcetest"
	"github.com/company/deployer/internal/value"
)

// balancing is a VPC with everything that load balancers need, and clients for the hooks.
type balancing struct {
	*harness
	client  *elb.Client
	vpc     string
	subnets []string
	groups  []string
}

func startBalancing(t *testing.T) *balancing {
	t.Helper()
	h := start(t)
	b := &balancing{harness: h, client: elb.NewFromConfig(h.Plain)}
	network := ec2.NewFromConfig(h.Plain)
	vpc, err := network.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.77.0.0/16")})
	require.NoError(t, err)
	b.vpc = *vpc.Vpc.VpcId
	for i, zone := range []string{"us-east-1a", "us-east-1b", "us-east-1c"} {
		subnet, err := network.CreateSubnet(t.Context(), &ec2.CreateSubnetInput{
			VpcId: &b.vpc, AvailabilityZone: aws.String(zone),
			CidrBlock: aws.String("10.77." + string(rune('0'+i)) + ".0/24"),
		})
		require.NoError(t, err)
		b.subnets = append(b.subnets, *subnet.Subnet.SubnetId)
	}
	for _, name := range []string{"one", "two"} {
		group, err := network.CreateSecurityGroup(t.Context(),
			&ec2.CreateSecurityGroupInput{VpcId: &b.vpc, GroupName: aws.String(name), Description: aws.String(name)})
		require.NoError(t, err)
		b.groups = append(b.groups, *group.GroupId)
	}
	return b
}

func (b *balancing) behaviour(t *testing.T, typ string) resource.Behaviour {
	t.Helper()
	return behaviour(t, awselbv2.Behaviours(b.Config), typ)
}

func (b *balancing) balancer(t *testing.T, name string) string {
	t.Helper()
	out, err := b.client.CreateLoadBalancer(t.Context(),
		&elb.CreateLoadBalancerInput{Name: &name, Subnets: b.subnets[:2], SecurityGroups: b.groups[:1]})
	require.NoError(t, err)
	return *out.LoadBalancers[0].LoadBalancerArn
}

func (b *balancing) listener(t *testing.T, balancer string, port int32) string {
	t.Helper()
	out, err := b.client.CreateListener(t.Context(), b.listenerInput(balancer, port))
	require.NoError(t, err)
	return *out.Listeners[0].ListenerArn
}

func (b *balancing) listenerInput(balancer string, port int32) *elb.CreateListenerInput {
	return &elb.CreateListenerInput{
		LoadBalancerArn: &balancer, Port: &port, Protocol: types.ProtocolEnumHttp,
		DefaultActions: []types.Action{{
			Type:                types.ActionTypeEnumFixedResponse,
			FixedResponseConfig: &types.FixedResponseActionConfig{StatusCode: aws.String("503")},
		}},
	}
}

func (b *balancing) targetGroup(t *testing.T, name string) string {
	t.Helper()
	out, err := b.client.CreateTargetGroup(t.Context(), &elb.CreateTargetGroupInput{
		Name: &name, Port: aws.Int32(8080), Protocol: types.ProtocolEnumHttp, VpcId: &b.vpc,
		TargetType: types.TargetTypeEnumIp,
	})
	require.NoError(t, err)
	return *out.TargetGroups[0].TargetGroupArn
}

func (b *balancing) certificate(t *testing.T, domain string) string {
	t.Helper()
	out, err := acm.NewFromConfig(b.Plain).RequestCertificate(t.Context(),
		&acm.RequestCertificateInput{DomainName: &domain})
	require.NoError(t, err)
	return *out.CertificateArn
}

func (b *balancing) props(name string) model.LoadBalancer {
	return model.LoadBalancer{
		Name: name, Scheme: model.InternetFacing, VPCID: value.Lit(b.vpc),
		Subnets: value.Lit([]string{b.subnets[1], b.subnets[0]}), SecurityGroups: value.Lit(b.groups[:1]),
		Tags: map[string]string{"team": "platform"},
	}
}

func TestTargetGroup(t *testing.T) {
	b := startBalancing(t)
	props := model.TargetGroup{Name: "tg-suite", Port: 8080, VPCID: value.Lit(b.vpc), Tags: map[string]string{"a": "1"}}
	changed := props
	changed.HealthCheck = model.HealthCheck{
		Path: "/healthz", Port: "9090", Interval: 10, Timeout: 3,
		HealthyThreshold: 2, UnhealthyThreshold: 4, Matcher: "200-299",
	}
	changed.DeregistrationDelay, changed.SlowStart, changed.Stickiness = pointer(15), 30,
		&model.Stickiness{Duration: 600}
	changed.Tags = map[string]string{"b": "2"}
	other := props
	other.Port = 9090
	listener := b.listener(t, b.balancer(t, "tg-suite"), 80)
	resourcetest.Run(t, resourcetest.Case{
		Behaviour: b.behaviour(t, model.TargetGroupType), Props: props, Update: changed, Replace: other,
		Foreign: func(ctx context.Context, t *testing.T, checked resource.State) func() {
			arn := b.targetGroup(t, checked.Inputs.Get("name").Str())
			return func() {
				_, err := b.client.DeleteTargetGroup(ctx, &elb.DeleteTargetGroupInput{TargetGroupArn: &arn})
				require.NoError(t, err)
			}
		},
		Obstruct: func(ctx context.Context, t *testing.T, state resource.State) (string, func()) {
			rule, err := b.client.CreateRule(ctx, &elb.CreateRuleInput{
				ListenerArn: &listener, Priority: aws.Int32(7),
				Conditions: []types.RuleCondition{{Field: aws.String("path-pattern"), Values: []string{"/by-hand"}}},
				Actions:    []types.Action{{Type: types.ActionTypeEnumForward, TargetGroupArn: &state.ID}},
			})
			require.NoError(t, err)
			return *rule.Rules[0].RuleArn, func() {
				_, err := b.client.DeleteRule(ctx, &elb.DeleteRuleInput{RuleArn: rule.Rules[0].RuleArn})
				require.NoError(t, err)
			}
		},
		LoseAnswer: b.LoseAnswer, Actions: b.Actions,
	})
}

func TestTargetGroupDeleteWaitsForItsRules(t *testing.T) {
	b := startBalancing(t)
	g := b.behaviour(t, model.TargetGroupType)
	req := request(model.TargetGroupType)
	req.ID = b.targetGroup(t, "in-use")
	b.Fail("elasticloadbalancing:DeleteTargetGroup", "ResourceInUse", 3)
	require.NoError(t, g.Delete(t.Context(), req))
	_, found, err := g.Read(t.Context(), req)
	require.NoError(t, err)
	require.False(t, found)
}

func TestBalancingChecks(t *testing.T) {
	b := &balancing{harness: &harness{}, subnets: []string{"s-1", "s-2"}, groups: []string{"sg-1"}}
	all := awselbv2.Behaviours(aws.Config{})
	arn := value.Lit("arn")
	oneSubnet := b.props("x")
	oneSubnet.Subnets = value.Lit([]string{"s-1", "s-1"})
	for name, c := range map[string]struct {
		typ   string
		props any
		path  string
	}{
		"one subnet": {model.LoadBalancerType, oneSubnet, "subnets"},
		"http certificate": {
			model.ListenerType,
			model.Listener{
				LoadBalancerARN: arn, Port: 80, Protocol: "HTTP", CertificateARN: arn,
				DefaultAction: model.NotFound(),
			},
			"certificateArn",
		},
		"https without": {
			model.ListenerType,
			model.Listener{LoadBalancerARN: arn, Port: 443, Protocol: "HTTPS", DefaultAction: model.NotFound()},
			"certificateArn",
		},
		"no action": {
			model.ListenerType,
			model.Listener{LoadBalancerARN: arn, Port: 80, Protocol: "HTTP"},
			"defaultAction",
		},
		"endless redirect": {
			model.ListenerType,
			model.Listener{
				LoadBalancerARN: arn, Port: 80, Protocol: "HTTP",
				DefaultAction: model.Action{Redirect: &model.Redirect{}},
			},
			"defaultAction.redirect",
		},
		"no condition": {
			model.ListenerRuleType,
			model.ListenerRule{ListenerARN: arn, Priority: 1, Action: model.ToHTTPS()},
			"hosts",
		},
		"six conditions": {
			model.ListenerRuleType,
			model.ListenerRule{
				ListenerARN: arn, Priority: 1, Hosts: []string{"a", "b", "c", "d", "e", "f"},
				Action: model.ToHTTPS(),
			},
			"hosts",
		},
		"priority": {
			model.ListenerRuleType,
			model.ListenerRule{ListenerARN: arn, Priority: 50001, Hosts: []string{"a"}, Action: model.ToHTTPS()},
			"priority",
		},
		"path": {
			model.ListenerRuleType,
			model.ListenerRule{ListenerARN: arn, Priority: 1, Paths: []string{"api"}, Action: model.ToHTTPS()},
			"paths.0",
		},
		"timeout of interval": {
			model.TargetGroupType,
			model.TargetGroup{Name: "x", Port: 1, VPCID: arn, HealthCheck: model.HealthCheck{Interval: 5, Timeout: 5}},
			"healthCheck.timeout",
		},
		"health check port": {
			model.TargetGroupType,
			model.TargetGroup{Name: "x", Port: 1, VPCID: arn, HealthCheck: model.HealthCheck{Port: "http"}},
			"healthCheck.port",
		},
		"slow start": {
			model.TargetGroupType,
			model.TargetGroup{Name: "x", Port: 1, VPCID: arn, SlowStart: 5},
			"slowStart",
		},
	} {
		_, problems := behaviour(t, all, c.typ).Check(value.Encode(c.props))
		require.Len(t, problems, 1, name)
		require.Equal(t, c.path, strings.Join(problems[0].Path, "."), name)
	}
}

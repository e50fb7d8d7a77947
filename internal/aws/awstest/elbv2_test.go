package awstest

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/company/deployer/e2e/testkit/proxy"
	awselbv2 "github.com/company/deployer/internal/aws/elbv2"
	"github.com/company/deployer/internal/plan"
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

func TestLoadBalancer(t *testing.T) {
	b := startBalancing(t)
	changed := b.props("lb-suite")
	changed.Subnets, changed.SecurityGroups = value.Lit(b.subnets), value.Lit(b.groups)
	changed.IdleTimeout, changed.HTTP2, changed.DropInvalidHeaders = 120, pointer(false), pointer(false)
	changed.DesyncMitigation, changed.IPAddressType = "strictest", "dualstack"
	_, err := s3.NewFromConfig(b.Plain, func(o *s3.Options) { o.UsePathStyle = true }).CreateBucket(t.Context(),
		&s3.CreateBucketInput{Bucket: aws.String("lb-suite-logs")})
	require.NoError(t, err)
	changed.AccessLogs = &model.AccessLogs{Bucket: value.Lit("lb-suite-logs"), Prefix: "a/b"}
	changed.Tags = map[string]string{"owner": "web"}
	internal := b.props("lb-suite")
	internal.Scheme = model.Internal
	resourcetest.Run(t, resourcetest.Case{
		Behaviour: b.behaviour(t, model.LoadBalancerType), Props: b.props("lb-suite"), Update: changed,
		Replace: internal,
		Foreign: func(ctx context.Context, t *testing.T, checked resource.State) func() {
			arn := b.balancer(t, checked.Inputs.Get("name").Str())
			return func() {
				_, err := b.client.DeleteLoadBalancer(ctx, &elb.DeleteLoadBalancerInput{LoadBalancerArn: &arn})
				require.NoError(t, err)
			}
		},
		Extend: func(ctx context.Context, t *testing.T, state resource.State) (string, func()) {
			arn := b.listener(t, state.ID, 8080)
			return arn, func() {
				_, err := b.client.DeleteListener(ctx, &elb.DeleteListenerInput{ListenerArn: &arn})
				require.NoError(t, err)
			}
		},
		Obstruct: func(ctx context.Context, t *testing.T, state resource.State) (string, func()) {
			protect := func(on string) {
				_, err := b.client.ModifyLoadBalancerAttributes(ctx, &elb.ModifyLoadBalancerAttributesInput{
					LoadBalancerArn: &state.ID,
					Attributes: []types.LoadBalancerAttribute{
						{Key: pointer("deletion_protection.enabled"), Value: &on},
					},
				})
				require.NoError(t, err)
			}
			protect("true")
			return "", func() { protect("false") }
		},
		LoseAnswer: b.LoseAnswer, Actions: b.Actions,
	})
}

// AWS moves no load balancer into another VPC.
func TestLoadBalancerInAnotherVPCIsAnother(t *testing.T) {
	b := startBalancing(t)
	lb := b.behaviour(t, model.LoadBalancerType)
	here, problems := lb.Check(value.Encode(b.props("move")))
	require.Empty(t, problems)
	props := b.props("move")
	props.VPCID = value.Lit("vpc-0123456789abcdef0")
	there, problems := lb.Check(value.Encode(props))
	require.Empty(t, problems)
	require.Equal(t, []string{"name", "vpcId"}, resource.Compare(lb.Definition(), here, there).Replace,
		"both can stand side by side")
	require.Equal(t, plan.Downtime, lb.Definition().Meaning(resource.Change{Changed: []string{"vpcId"}}),
		"its DNS name changes")
}

func TestLoadBalancerIsSafeByDefault(t *testing.T) {
	b := startBalancing(t)
	lb := b.behaviour(t, model.LoadBalancerType)
	req := request(model.LoadBalancerType)
	inputs, problems := lb.Check(value.Encode(b.props("internal/shop")))
	require.Empty(t, problems)
	require.True(t, strings.HasPrefix(inputs.Get("name").Str(), "int-shop-"),
		"AWS keeps names that begin with internal- for itself")
	require.Equal(t, true, inputs.Get("dropInvalidHeaders").Bool())
	req.Inputs, req.Tags = inputs, resourcetest.Tags("safe")
	state, err := lb.Create(t.Context(), req)
	require.NoError(t, err)
	require.Equal(t, "app/"+state.Outputs.Get("name").Str(),
		state.Outputs.Get("arnSuffix").Str()[:len("app/")+len(state.Outputs.Get("name").Str())])
	out, err := b.client.DescribeLoadBalancerAttributes(t.Context(),
		&elb.DescribeLoadBalancerAttributesInput{LoadBalancerArn: &state.ID})
	require.NoError(t, err)
	got := map[string]string{}
	for _, a := range out.Attributes {
		got[*a.Key] = *a.Value
	}
	require.Equal(t, "true", got["routing.http.drop_invalid_header_fields.enabled"])
	require.Equal(t, "defensive", got["routing.http.desync_mitigation_mode"])
}

func TestLoadBalancerHalfMadeIsRecorded(t *testing.T) {
	b := startBalancing(t)
	lb := b.behaviour(t, model.LoadBalancerType)
	req := request(model.LoadBalancerType)
	req.Inputs, _ = lb.Check(value.Encode(b.props("half")))
	req.Tags = resourcetest.Tags("half")
	b.Fail("elasticloadbalancing:ModifyLoadBalancerAttributes", "InvalidConfigurationRequest", 1)
	_, err := lb.Create(t.Context(), req)
	var partial *resource.PartialError
	require.ErrorAs(t, err, &partial)
	require.NotEmpty(t, partial.State.ID)
	diff := resource.Compare(lb.Definition(), partial.State.Inputs, req.Inputs)
	require.Contains(t, diff.Changed(), "idleTimeout", "the next run must see that the attributes are missing")
	require.Empty(t, diff.Replace)

	req.ID, req.Old = partial.State.ID, partial.State
	_, err = lb.Update(t.Context(), req)
	require.NoError(t, err)
	read, found, err := lb.Read(t.Context(), req)
	require.NoError(t, err)
	require.True(t, found)
	require.Empty(t, resource.Compare(lb.Definition(), read.Inputs, req.Inputs).Changes)
}

func TestLoadBalancerDelete(t *testing.T) {
	b := startBalancing(t)
	lb := b.behaviour(t, model.LoadBalancerType)
	arn := b.balancer(t, "held")
	req := request(model.LoadBalancerType)
	req.ID = arn

	// A load balancer that somebody else has protected stays.
	shield := func(on string) {
		_, err := b.client.ModifyLoadBalancerAttributes(t.Context(), &elb.ModifyLoadBalancerAttributesInput{
			LoadBalancerArn: &arn, Attributes: []types.LoadBalancerAttribute{
				{Key: pointer("deletion_protection.enabled"), Value: &on},
			},
		})
		require.NoError(t, err)
	}
	shield("true")
	props := b.props("held")
	props.DeletionProtection = pointer(false)
	req.Old.Inputs, _ = lb.Check(value.Encode(props))
	err := lb.Delete(t.Context(), req)
	var op *resource.OpError
	require.ErrorAs(t, err, &op)
	require.Equal(t, "OperationNotPermitted", op.Code)
	require.Contains(t, op.Next, "deletion_protection.enabled,Value=false")
	require.False(t, lb.Definition().OnDelete(req.Old.Inputs).Lifts)

	// Our own protection is switched off, and so is one that nobody could record.
	for _, ours := range []*bool{pointer(true), nil} {
		shield("true")
		props.DeletionProtection = ours
		old := req
		old.Old.Inputs = value.Encode(props)
		require.Equal(t, ours != nil, lb.Definition().OnDelete(old.Old.Inputs).Lifts)
		b.Fail("elasticloadbalancing:DeleteLoadBalancer", "ResourceInUse", 1)
		require.ErrorContains(t, lb.Delete(t.Context(), old), "ResourceInUse")
		read, found, err := lb.Read(t.Context(), old)
		require.NoError(t, err)
		require.True(t, found)
		require.False(t, read.Inputs.Get("deletionProtection").Bool())
	}

	// The network interfaces of a deleted load balancer block its security groups for a while.
	network := ec2.NewFromConfig(b.Plain)
	_, suffix, _ := strings.Cut(arn, ":loadbalancer/")
	held, err := network.CreateNetworkInterface(t.Context(),
		&ec2.CreateNetworkInterfaceInput{SubnetId: &b.subnets[0], Description: aws.String("ELB " + suffix)})
	require.NoError(t, err)
	var lines []string
	req.Progress = func(line string) {
		lines = append(lines, line)
		_, err := network.DeleteNetworkInterface(t.Context(),
			&ec2.DeleteNetworkInterfaceInput{NetworkInterfaceId: held.NetworkInterface.NetworkInterfaceId})
		require.NoError(t, err)
	}
	require.NoError(t, lb.Delete(t.Context(), req))
	require.Len(t, lines, 1)
	left, err := network.DescribeNetworkInterfaces(t.Context(), &ec2.DescribeNetworkInterfacesInput{
		Filters: []ec2types.Filter{{Name: aws.String("description"), Values: []string{"ELB " + suffix}}},
	})
	require.NoError(t, err)
	require.Empty(t, left.NetworkInterfaces)
}

func TestListener(t *testing.T) {
	b := startBalancing(t)
	balancer, other := b.balancer(t, "listener-suite"), b.balancer(t, "listener-other")
	certificate := b.certificate(t, "listener.example.com")
	props := model.Listener{
		LoadBalancerARN: value.Lit(balancer), Port: 80, Protocol: "HTTP",
		DefaultAction: model.NotFound(), Tags: map[string]string{"a": "1"},
	}
	https := model.Listener{
		LoadBalancerARN: value.Lit(balancer), Port: 80, Protocol: "HTTPS", CertificateARN: value.Lit(certificate),
		DefaultAction: model.To(value.NewString(b.targetGroup(t, "listener-suite"))), Tags: map[string]string{"b": "2"},
	}
	elsewhere := props
	elsewhere.LoadBalancerARN = value.Lit(other)
	resourcetest.Run(t, resourcetest.Case{
		Behaviour: b.behaviour(t, model.ListenerType), Props: props, Update: https, Replace: elsewhere, Distinct: true,
		Foreign: func(ctx context.Context, t *testing.T, _ resource.State) func() {
			arn := b.listener(t, balancer, 80)
			return func() {
				_, err := b.client.DeleteListener(ctx, &elb.DeleteListenerInput{ListenerArn: &arn})
				require.NoError(t, err)
			}
		},
		Extend: func(ctx context.Context, t *testing.T, state resource.State) (string, func()) {
			rule, err := b.client.CreateRule(ctx, &elb.CreateRuleInput{
				ListenerArn: &state.ID, Priority: aws.Int32(7),
				Conditions: []types.RuleCondition{{Field: aws.String("path-pattern"), Values: []string{"/by-hand"}}},
				Actions: []types.Action{{
					Type:                types.ActionTypeEnumFixedResponse,
					FixedResponseConfig: &types.FixedResponseActionConfig{StatusCode: aws.String("418")},
				}},
			})
			require.NoError(t, err)
			return *rule.Rules[0].RuleArn, func() {
				_, err := b.client.DeleteRule(ctx, &elb.DeleteRuleInput{RuleArn: rule.Rules[0].RuleArn})
				require.NoError(t, err)
			}
		},
		LoseAnswer: b.LoseAnswer, Actions: b.Actions,
		Unused: map[string]string{
			"elasticloadbalancing:DescribeLoadBalancers": "a load balancer that is not known: " +
				"TestLocateOnAnUnknownLoadBalancer",
		},
	})
}

func TestListenerMovesItsPortInPlace(t *testing.T) {
	b := startBalancing(t)
	l := b.behaviour(t, model.ListenerType)
	props := model.Listener{
		LoadBalancerARN: value.Lit(b.balancer(t, "port")), Port: 80, Protocol: "HTTP",
		DefaultAction: model.ToHTTPS(),
	}
	req := request(model.ListenerType)
	req.Inputs, _ = l.Check(value.Encode(props))
	req.Tags = resourcetest.Tags("port")
	state, err := l.Create(t.Context(), req)
	require.NoError(t, err)
	props.Port = 8080
	req.Inputs, _ = l.Check(value.Encode(props))
	diff := resource.Compare(l.Definition(), state.Inputs, req.Inputs)
	require.Equal(t, []string{"port"}, diff.Changed())
	require.Empty(t, diff.Replace)
	require.Equal(t, plan.Downtime, l.Definition().Meaning(resource.Change{Changed: diff.Changed()}))
	req.ID, req.Old = state.ID, state
	_, err = l.Update(t.Context(), req)
	require.NoError(t, err)
	out, err := b.client.DescribeListeners(t.Context(), &elb.DescribeListenersInput{ListenerArns: []string{state.ID}})
	require.NoError(t, err)
	require.EqualValues(t, 8080, *out.Listeners[0].Port)
	require.Equal(t, "#{host}", *out.Listeners[0].DefaultActions[0].RedirectConfig.Host)
}

func TestListenerCertificates(t *testing.T) {
	b := startBalancing(t)
	balancer := b.balancer(t, "certificates-suite")
	listen := func(port int32) string {
		in := b.listenerInput(balancer, port)
		in.Protocol, in.Certificates = types.ProtocolEnumHttps,
			[]types.Certificate{{CertificateArn: aws.String(b.certificate(t, "default.example.com"))}}
		made, err := b.client.CreateListener(t.Context(), in)
		require.NoError(t, err)
		return *made.Listeners[0].ListenerArn
	}
	listener, other := listen(443), listen(444)
	one, two, three := b.certificate(t, "one.example.com"), b.certificate(t, "two.example.com"),
		b.certificate(t, "three.example.com")
	foreign := b.certificate(t, "foreign.example.com")
	_, err := b.client.AddListenerCertificates(t.Context(), &elb.AddListenerCertificatesInput{
		ListenerArn: &listener, Certificates: []types.Certificate{{CertificateArn: &foreign}},
	})
	require.NoError(t, err)
	resourcetest.Run(t, resourcetest.Case{
		Behaviour: b.behaviour(t, model.ListenerCertificatesType),
		// Two hosts with the same wildcard certificate are one entry.
		Props: model.ListenerCertificates{
			ListenerARN:     value.Lit(listener),
			CertificateARNs: value.Lit([]string{two, one, two}),
		},
		Update: model.ListenerCertificates{
			ListenerARN:     value.Lit(listener),
			CertificateARNs: value.Lit([]string{three, two}),
		},
		Replace: model.ListenerCertificates{
			ListenerARN:     value.Lit(other),
			CertificateARNs: value.Lit([]string{one, two}),
		},
		Upsert: true, Distinct: true, LoseAnswer: b.LoseAnswer, Actions: b.Actions,
	})
	left, err := b.client.DescribeListenerCertificates(t.Context(),
		&elb.DescribeListenerCertificatesInput{ListenerArn: &listener})
	require.NoError(t, err)
	require.Len(t, left.Certificates, 2, "the default and the one that somebody else added stay")
	require.Equal(t, foreign, *left.Certificates[1].CertificateArn)
}

func TestListenerCertificatesThatAreGone(t *testing.T) {
	b := startBalancing(t)
	c := b.behaviour(t, model.ListenerCertificatesType)
	for _, code := range []string{
		"CertificateNotFound",   // deleted in ACM
		"OperationNotPermitted", // the listener's default, which goes with the listener
	} {
		req := request(model.ListenerCertificatesType)
		req.ID = "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/x/1/2"
		req.Old.Inputs = value.Encode(model.ListenerCertificates{
			ListenerARN:     value.Lit(req.ID),
			CertificateARNs: value.Lit([]string{"arn:one"}),
		})
		b.Fail("elasticloadbalancing:RemoveListenerCertificates", code, 1)
		require.NoError(t, c.Delete(t.Context(), req))
	}
}

func TestListenerRule(t *testing.T) {
	b := startBalancing(t)
	balancer := b.balancer(t, "rule-suite")
	listener, other := b.listener(t, balancer, 80), b.listener(t, balancer, 81)
	target := model.To(value.NewString(b.targetGroup(t, "rule-suite")))
	props := model.ListenerRule{
		ListenerARN: value.Lit(listener), Priority: 1200, Hosts: []string{"Shop.example.com", "a.example.com"},
		Paths:  []string{"/api", "/api/*"},
		Action: target, Tags: map[string]string{"a": "1"},
	}
	changed := model.ListenerRule{
		ListenerARN: value.Lit(listener), Priority: 1200, Paths: []string{"/api", "/api/*", "/v2"},
		Action: target, Tags: map[string]string{"b": "1"},
	}
	elsewhere := props
	elsewhere.ListenerARN = value.Lit(other)
	resourcetest.Run(t, resourcetest.Case{
		Behaviour: b.behaviour(t, model.ListenerRuleType), Props: props, Update: changed, Replace: elsewhere,
		Foreign: func(ctx context.Context, t *testing.T, _ resource.State) func() {
			arn := b.rule(t, listener, 1200, nil)
			return func() {
				_, err := b.client.DeleteRule(ctx, &elb.DeleteRuleInput{RuleArn: &arn})
				require.NoError(t, err)
			}
		},
		LoseAnswer: b.LoseAnswer, Actions: b.Actions,
		Unused: map[string]string{
			"elasticloadbalancing:SetRulePriorities": "a changed priority",
			"elasticloadbalancing:DescribeLoadBalancers": "a listener that is not known: " +
				"TestLocateOnAnUnknownLoadBalancer",
			"elasticloadbalancing:DescribeListeners": "the same",
		},
	})
}

func TestListenerRuleMoves(t *testing.T) {
	b := startBalancing(t)
	r := b.behaviour(t, model.ListenerRuleType)
	listener := b.listener(t, b.balancer(t, "rule-moves"), 80)
	props := model.ListenerRule{
		ListenerARN: value.Lit(listener), Priority: 2000, Hosts: []string{"a.example.com"},
		Action: model.ToHTTPS(),
	}
	req := request(model.ListenerRuleType)
	req.Inputs, _ = r.Check(value.Encode(props))
	req.Tags = resourcetest.Tags("moves")
	made, err := r.Create(t.Context(), req)
	require.NoError(t, err)

	// An interrupted run made the rule with another priority: the same conditions identify it.
	props.Priority = 2001
	req.Inputs, _ = r.Check(value.Encode(props))
	req.Adopt = true
	adopted, err := r.Create(t.Context(), req)
	require.NoError(t, err)
	require.Equal(t, made.ID, adopted.ID)

	// The update is in place, also after the answer to the same update was lost.
	req.ID, req.Old = made.ID, made
	for range 2 {
		_, err = r.Update(t.Context(), req)
		require.NoError(t, err)
	}
	out, err := b.client.DescribeRules(t.Context(), &elb.DescribeRulesInput{RuleArns: []string{made.ID}})
	require.NoError(t, err)
	require.Equal(t, "2001", *out.Rules[0].Priority)
	require.Subset(t, r.Definition().Actions(), b.Actions())
}

func (b *balancing) rule(t *testing.T, listener string, priority int32, tags map[string]string) string {
	t.Helper()
	in := &elb.CreateRuleInput{
		ListenerArn: &listener, Priority: &priority,
		Conditions: []types.RuleCondition{{Field: aws.String("path-pattern"), Values: []string{"/held"}}},
		Actions:    b.listenerInput("", 0).DefaultActions,
	}
	for key, text := range tags {
		in.Tags = append(in.Tags, types.Tag{Key: &key, Value: &text})
	}
	out, err := b.client.CreateRule(t.Context(), in)
	require.NoError(t, err)
	return *out.Rules[0].RuleArn
}

// TestListenerRuleBesideStrangers: on the listener of somebody else, a rule whose priority is taken has the next one.
func TestListenerRuleBesideStrangers(t *testing.T) {
	b := startBalancing(t)
	r := b.behaviour(t, model.ListenerRuleType)
	listener := b.listener(t, b.balancer(t, "shared"), 80)
	b.rule(t, listener, 2000, map[string]string{"made-by": "hand"})
	b.rule(t, listener, 2001, map[string]string{"made-by": "hand"})
	b.rule(t, listener, 100, map[string]string{"made-by": "hand"})
	wanted := func(priority int) resource.Request {
		req := request(model.ListenerRuleType)
		req.Inputs, _ = r.Check(value.Encode(model.ListenerRule{
			ListenerARN: value.Lit(listener), Priority: priority, Paths: []string{"/x"}, Action: model.ToHTTPS(),
			Shared: true,
		}))
		req.Tags = resourcetest.Tags("mine")
		return req
	}
	made, err := r.Create(t.Context(), wanted(2000))
	require.NoError(t, err)
	require.Equal(t, 2002, b.priority(t, made.ID))
	require.Equal(t, 2000, atPriority(made), "the state has what is wanted")
	same := func(state resource.State) {
		t.Helper()
		req := request(model.ListenerRuleType)
		req.ID, req.Old, req.Tags = state.ID, state, resourcetest.Tags("mine")
		now, found, err := r.Read(t.Context(), req)
		require.NoError(t, err)
		require.True(t, found)
		require.True(t, value.Equal(state.Inputs, now.Inputs), "no difference: %s", now.Inputs)
	}
	same(made)

	// Another priority, which is taken, too; then one that is free.
	b.rule(t, listener, 3000, nil)
	move := func(to int) {
		req := wanted(to)
		req.ID, req.Old = made.ID, made
		made, err = r.Update(t.Context(), req)
		require.NoError(t, err)
		same(made)
	}
	move(3000)
	require.Equal(t, 3001, b.priority(t, made.ID))
	move(4000)
	require.Equal(t, 4000, b.priority(t, made.ID))

	// Somebody moves it by hand: that is a difference.
	_, err = b.client.SetRulePriorities(t.Context(), &elb.SetRulePrioritiesInput{
		RulePriorities: []types.RulePriorityPair{{RuleArn: &made.ID, Priority: aws.Int32(4004)}},
	})
	require.NoError(t, err)
	req := request(model.ListenerRuleType)
	req.ID, req.Old = made.ID, made
	now, _, err := r.Read(t.Context(), req)
	require.NoError(t, err)
	require.Equal(t, 4004, atPriority(now))

	// A priority that a user chose is not replaced by another one.
	_, err = r.Create(t.Context(), wanted(100))
	wantNext(t, err, "ingress.priority from 1 to 999")
}

func TestFindListener(t *testing.T) {
	b := startBalancing(t)
	made, err := b.client.CreateLoadBalancer(t.Context(), &elb.CreateLoadBalancerInput{
		Name: aws.String("existing"), Subnets: b.subnets[:2], SecurityGroups: b.groups[:1],
		Scheme: types.LoadBalancerSchemeEnumInternal,
	})
	require.NoError(t, err)
	balancer := *made.LoadBalancers[0].LoadBalancerArn
	http := b.listener(t, balancer, 80)
	b.listener(t, balancer, 8080)
	ask := func(change func(*model.ListenerLookup)) (model.FoundListener, error) {
		want := model.ListenerLookup{LoadBalancer: balancer, Scheme: model.Internal, VPCID: value.Lit(b.vpc)}
		change(&want)
		answer, err := lookUp(t, b.harness, awselbv2.Lookups(b.Config), want)
		var out model.FoundListener
		if err == nil {
			require.Empty(t, value.Decode(answer, &out))
		}
		return out, err
	}
	found, err := ask(func(*model.ListenerLookup) {})
	require.NoError(t, err)
	require.Equal(t, http, found.ListenerARN)
	require.Equal(t, "http://", found.Origin)
	require.Empty(t, found.Port)
	require.Equal(t, b.groups[0], found.SecurityGroupID)
	require.NotEmpty(t, found.DNSName)

	in := b.listenerInput(balancer, 8443)
	in.Protocol = types.ProtocolEnumHttps
	in.Certificates = []types.Certificate{{CertificateArn: aws.String(b.certificate(t, "a.example.com"))}}
	_, err = b.client.CreateListener(t.Context(), in)
	require.NoError(t, err)
	found, err = ask(func(*model.ListenerLookup) {})
	require.NoError(t, err)
	require.Equal(t, []string{"https://", ":8443"}, []string{found.Origin, found.Port})
	found, err = ask(func(l *model.ListenerLookup) { l.LoadBalancer, l.Listener = "", http })
	require.NoError(t, err)
	require.Equal(t, http, found.ListenerARN)

	for next, change := range map[string]func(*model.ListenerLookup){
		"under internal":   func(l *model.ListenerLookup) { l.Scheme = model.InternetFacing },
		"vpc.id of the Ne": func(l *model.ListenerLookup) { l.VPCID = value.Lit("vpc-other") },
		"correct existing.listener": func(l *model.ListenerLookup) {
			l.LoadBalancer, l.Listener = "", strings.Replace(http, "/existing/", "/gone/", 1)
		},
		"correct existing.loadBalancer": func(l *model.ListenerLookup) { l.LoadBalancer += "0" },
		"choose a free ingress.priority": func(l *model.ListenerLookup) {
			b.rule(t, http, 7, map[string]string{"made-by": "hand"})
			l.Listener, l.LoadBalancer, l.Priorities, l.Tags = http, "", []int{7}, resourcetest.Tags("mine")
		},
	} {
		_, err := ask(change)
		require.Error(t, err, next)
		wantNext(t, err, next)
	}
	b.rule(t, http, 8, resourcetest.Tags("mine"))
	_, err = ask(func(l *model.ListenerLookup) {
		l.Listener, l.LoadBalancer, l.Priorities, l.Tags = http, "", []int{8}, resourcetest.Tags("mine")
	})
	require.NoError(t, err, "a rule of our own")
}

func TestListenerRulePriorityInUse(t *testing.T) {
	b := startBalancing(t)
	r := b.behaviour(t, model.ListenerRuleType)
	listener := b.listener(t, b.balancer(t, "in-use"), 80)
	create := func(priority int, progress func(string)) (resource.State, error) {
		req := request(model.ListenerRuleType)
		inputs, problems := r.Check(value.Encode(model.ListenerRule{
			ListenerARN: value.Lit(listener), Priority: priority, Paths: []string{"/new"}, Action: model.ToHTTPS(),
		}))
		require.Empty(t, problems)
		req.Inputs, req.Tags, req.Progress = inputs, resourcetest.Tags("mine"), progress
		return r.Create(t.Context(), req)
	}

	// Somebody else's rule: reported at once, with advice.
	b.rule(t, listener, 100, map[string]string{"made-by": "hand"})
	_, err := create(100, func(string) { t.Error("waits for a rule that is not of this stack") })
	var op *resource.OpError
	require.ErrorAs(t, err, &op)
	require.Contains(t, op.Next, "ingress.priority from 1 to 999")
	var owned *resource.OwnedError
	require.ErrorAs(t, err, &owned)
	require.Equal(t, "priority 100", owned.Name)

	// A rule of another component of the stack, even if it is not in the state: our rule waits, and moves the other one
	// when everything else is done.
	held := b.rule(t, listener, 200, resourcetest.Tags("other"))
	b.rule(t, listener, 201, map[string]string{"made-by": "hand"})
	progress := func(string) {}
	waiting, err := create(200, progress)
	require.NoError(t, err)
	require.NotEqual(t, held, waiting.ID)
	require.Equal(t, b.priority(t, waiting.ID), atPriority(waiting), "the state says where it waits")
	require.GreaterOrEqual(t, b.priority(t, waiting.ID), model.WaitingMin)

	again := request(model.ListenerRuleType)
	again.ID, again.Old, again.Tags, again.Progress = waiting.ID, waiting, resourcetest.Tags("mine"), progress
	again.Inputs = waiting.Inputs.With("priority", value.NewInt(200))
	updated, err := r.Update(t.Context(), again)
	require.NoError(t, err)
	require.Equal(t, waiting.Inputs, updated.Inputs, "an update leaves it there, too")
	recorded := map[string]string{}
	again.Displace = func(id string, set value.Value, do func() error) error {
		if err := do(); err != nil {
			return err
		}
		recorded[id] = set.String()
		return nil
	}
	for range 2 {
		active, err := r.(resource.Activator).Activate(t.Context(), again)
		require.NoError(t, err)
		require.Equal(t, 200, atPriority(active))
		require.Equal(t, 200, b.priority(t, waiting.ID))
		require.Equal(t, 202, b.priority(t, held), "the next free place: nobody's requests go elsewhere")
	}
	require.Equal(t, map[string]string{held: "{priority: 202}"}, recorded, "the state says where it has gone")

	// An update does not take somebody else's priority either.
	again.Old, again.Inputs = waiting, again.Inputs.With("priority", value.NewInt(100))
	_, err = r.Update(t.Context(), again)
	require.ErrorAs(t, err, &owned)
	_, err = r.(resource.Activator).Activate(t.Context(), again)
	require.ErrorAs(t, err, &owned)
	require.Equal(t, 200, b.priority(t, waiting.ID))
}

// Rules that want the same waiting priority at the same time get one each.
func TestListenerRulesWaitSideBySide(t *testing.T) {
	b := startBalancing(t)
	r := b.behaviour(t, model.ListenerRuleType)
	listener := b.listener(t, b.balancer(t, "side-by-side"), 80)
	var all errgroup.Group
	for i := range 4 {
		b.rule(t, listener, int32(300+i), resourcetest.Tags("other"))
		all.Go(func() error {
			req := request(model.ListenerRuleType)
			req.Inputs, _ = r.Check(value.Encode(model.ListenerRule{
				ListenerARN: value.Lit(listener), Priority: 300 + i, Paths: []string{"/" + strconv.Itoa(i)},
				Action: model.ToHTTPS(),
			}))
			req.Tags = resourcetest.Tags("mine" + strconv.Itoa(i))
			_, err := r.Create(t.Context(), req)
			return err
		})
	}
	require.NoError(t, all.Wait())
}

func (b *balancing) priority(t *testing.T, rule string) int {
	t.Helper()
	out, err := b.client.DescribeRules(t.Context(), &elb.DescribeRulesInput{RuleArns: []string{rule}})
	require.NoError(t, err)
	n, err := strconv.Atoi(*out.Rules[0].Priority)
	require.NoError(t, err)
	return n
}

func atPriority(s resource.State) int {
	n, _ := strconv.Atoi(s.Inputs.Get("priority").String())
	return n
}

func TestListenerRuleWaitsForATargetGroup(t *testing.T) {
	b := startBalancing(t)
	r := b.behaviour(t, model.ListenerRuleType)
	req := request(model.ListenerRuleType)
	req.Inputs, _ = r.Check(value.Encode(model.ListenerRule{
		ListenerARN: value.Lit(b.listener(t, b.balancer(t, "moves"), 80)), Priority: 1000, Paths: []string{"/x"},
		Action: model.To(value.NewString(b.targetGroup(t, "moves"))),
	}))
	req.Tags = resourcetest.Tags("moves")
	b.Fail("elasticloadbalancing:CreateRule", "TargetGroupAssociationLimit", 2)
	_, err := r.Create(t.Context(), req)
	require.NoError(t, err)
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

// If another rule in the state has the requests, a new rule waits behind it until Settle, whatever is repeated.
func TestListenerRuleTakesOver(t *testing.T) {
	b := startBalancing(t)
	r := b.behaviour(t, model.ListenerRuleType)
	activator, ok := r.(resource.Activator)
	require.True(t, ok)
	balancer := b.balancer(t, "takes-over")
	for name, c := range map[string]struct{ old, new int }{
		"the same priority":          {10, 10},
		"it would come in front":     {30000, 20000},
		"it would come behind":       {31000, 32001},
		"both at the waiting places": {model.WaitingMin, model.WaitingMin + 1},
	} {
		t.Run(name, func(t *testing.T) {
			listener := b.listener(t, balancer, int32(c.new%1000+1000))
			host := strings.ReplaceAll(name, " ", "-") + ".example.com"
			props := func(priority int, group string) value.Value {
				checked, problems := r.Check(value.Encode(model.ListenerRule{
					ListenerARN: value.Lit(listener), Priority: priority, Hosts: []string{host},
					Action: model.To(value.NewString(b.targetGroup(t, group))),
				}))
				require.Empty(t, problems)
				return checked
			}
			priority := func(id string) int { return b.priority(t, id) }
			short := strconv.Itoa(c.new)
			first := request(model.ListenerRuleType)
			first.Resource, first.Inputs, first.Tags = "web/old:listener-rule", props(c.old, "old-"+short),
				resourcetest.Tags("old")
			old, err := r.Create(t.Context(), first)
			require.NoError(t, err)

			second := request(model.ListenerRuleType)
			second.Resource, second.Inputs, second.Tags = "web/new:listener-rule", props(c.new, "new-"+short),
				resourcetest.Tags("new")
			second.InState = func(id string) bool { return id == old.ID }
			second.Others = func() []resource.Other {
				return []resource.Other{{Resource: "web/old:listener-rule", State: old, Going: true}}
			}
			require.Equal(t, "takes "+host+" over from web/old when the targets are healthy",
				activator.Overtakes(second.Inputs, value.NullValue, second.Others()))
			// The answer is lost and the SDK repeats the call: this very rule already has the waiting priority.
			b.Env.Proxy.Inject(proxy.Fault{
				Filter: proxy.Filter{Operation: "CreateRule"}, Times: 1, Action: proxy.ResetAfter,
			})
			made, err := r.Create(t.Context(), second)
			require.NoError(t, err)
			rules, err := b.client.DescribeRules(t.Context(), &elb.DescribeRulesInput{ListenerArn: &listener})
			require.NoError(t, err)
			require.Len(t, rules.Rules, 3, "the old one, the new one, and the default")
			require.Greater(t, priority(made.ID), priority(old.ID), "it waits")
			require.Equal(t, priority(made.ID), atPriority(made), "and the state says where")

			again := second
			again.Adopt = true
			found, err := r.Create(t.Context(), again)
			require.NoError(t, err)
			require.Equal(t, made.ID, found.ID, "a repetition finds it where it waits")
			require.Greater(t, priority(made.ID), priority(old.ID))

			update := second
			update.ID, update.Old = made.ID, made
			updated, err := r.Update(t.Context(), update)
			require.NoError(t, err)
			require.Equal(t, made.Inputs, updated.Inputs)
			require.Greater(t, priority(made.ID), priority(old.ID), "an update leaves it there")

			for range 2 { // a death between the call and the record repeats the call
				active, err := activator.Activate(t.Context(), update)
				require.NoError(t, err)
				require.Equal(t, second.Inputs, active.Inputs)
				require.Equal(t, c.new, priority(made.ID))
				require.Greater(t, priority(old.ID), c.new, "the old one is behind")
			}
		})
	}
}

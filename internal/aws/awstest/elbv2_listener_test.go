package awstest

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/stretchr/testify/require"

	awselbv2 "github.com/company/deployer/internal/aws/elbv2"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/elbv2"
	"github.com/company/deployer/internal/testkit/resourcetest"
	"github.com/company/deployer/internal/value"
)

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

package service_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/e2e/testkit"
)

func TestLoadBalancersAndListenersRepeat(t *testing.T) {
	env := testkit.Start(t)
	client := elb.NewFromConfig(env.Config)
	subnets, err := ec2.NewFromConfig(env.Config).DescribeSubnets(t.Context(), &ec2.DescribeSubnetsInput{})
	require.NoError(t, err)
	in := &elb.CreateLoadBalancerInput{
		Name: aws.String("shop"), Scheme: elbtypes.LoadBalancerSchemeEnumInternal,
		Type:    elbtypes.LoadBalancerTypeEnumApplication,
		Subnets: []string{*subnets.Subnets[1].SubnetId, *subnets.Subnets[0].SubnetId},
		Tags:    []elbtypes.Tag{{Key: aws.String("a"), Value: aws.String("1")}},
	}
	loseAnswer(t, env, "CreateLoadBalancer")
	made, err := client.CreateLoadBalancer(t.Context(), in)
	require.NoError(t, err)
	require.Len(t, made.LoadBalancers, 1)
	all, err := client.DescribeLoadBalancers(t.Context(), &elb.DescribeLoadBalancersInput{})
	require.NoError(t, err)
	require.Len(t, all.LoadBalancers, 1)
	assert.Equal(t, *all.LoadBalancers[0].LoadBalancerArn, *made.LoadBalancers[0].LoadBalancerArn)
	assert.Equal(t, *all.LoadBalancers[0].DNSName, *made.LoadBalancers[0].DNSName)

	other := *in
	other.Scheme = elbtypes.LoadBalancerSchemeEnumInternetFacing
	_, err = client.CreateLoadBalancer(t.Context(), &other)
	assert.Equal(t, "DuplicateLoadBalancerName", codeOf(err))
	other = *in
	other.Subnets = in.Subnets[:1]
	_, err = client.CreateLoadBalancer(t.Context(), &other)
	assert.Equal(t, "DuplicateLoadBalancerName", codeOf(err))

	protect := func(on string) {
		_, err := client.ModifyLoadBalancerAttributes(t.Context(), &elb.ModifyLoadBalancerAttributesInput{
			LoadBalancerArn: made.LoadBalancers[0].LoadBalancerArn,
			Attributes: []elbtypes.LoadBalancerAttribute{
				{Key: aws.String("deletion_protection.enabled"), Value: &on},
			},
		})
		require.NoError(t, err)
	}
	protect("true")
	_, err = client.DeleteLoadBalancer(t.Context(),
		&elb.DeleteLoadBalancerInput{LoadBalancerArn: made.LoadBalancers[0].LoadBalancerArn})
	assert.Equal(t, "OperationNotPermitted", codeOf(err))
	protect("false")

	listener := &elb.CreateListenerInput{
		LoadBalancerArn: made.LoadBalancers[0].LoadBalancerArn, Port: aws.Int32(80),
		Protocol: elbtypes.ProtocolEnumHttp,
		DefaultActions: []elbtypes.Action{{
			Type: elbtypes.ActionTypeEnumRedirect,
			RedirectConfig: &elbtypes.RedirectActionConfig{
				Protocol: aws.String("HTTPS"), Port: aws.String("443"),
				StatusCode: elbtypes.RedirectActionStatusCodeEnumHttp301,
			},
		}},
	}
	loseAnswer(t, env, "CreateListener")
	first, err := client.CreateListener(t.Context(), listener)
	require.NoError(t, err)
	further := *listener
	further.Port = aws.Int32(81)
	second, err := client.CreateListener(t.Context(), &further)
	require.NoError(t, err, "another port is another listener")
	assert.NotEqual(t, *first.Listeners[0].ListenerArn, *second.Listeners[0].ListenerArn)
	listeners, err := client.DescribeListeners(t.Context(),
		&elb.DescribeListenersInput{LoadBalancerArn: listener.LoadBalancerArn})
	require.NoError(t, err)
	require.Len(t, listeners.Listeners, 2)
	defer func() {
		_, err := client.DeleteLoadBalancer(t.Context(),
			&elb.DeleteLoadBalancerInput{LoadBalancerArn: made.LoadBalancers[0].LoadBalancerArn})
		require.NoError(t, err, "without protection it may go")
	}()

	listener.DefaultActions[0].RedirectConfig.Port = aws.String("444")
	_, err = client.CreateListener(t.Context(), listener)
	assert.Equal(t, "DuplicateListener", codeOf(err))
}

func TestSixWildcards(t *testing.T) {
	env := testkit.Start(t)
	_, err := elb.NewFromConfig(env.Config).CreateRule(t.Context(), &elb.CreateRuleInput{
		ListenerArn: aws.String("arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/a/1/2"),
		Priority:    aws.Int32(1),
		Conditions: []elbtypes.RuleCondition{{
			Field: aws.String("path-pattern"), PathPatternConfig: &elbtypes.PathPatternConditionConfig{
				Values: []string{"/*/*/*", "/?/?/?/?"},
			},
		}},
		Actions: []elbtypes.Action{{Type: elbtypes.ActionTypeEnumForward, TargetGroupArn: aws.String("x")}},
	})
	assert.Equal(t, "ValidationError", codeOf(err))
}

package testkit

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/wafv2"
	waftypes "github.com/aws/aws-sdk-go-v2/service/wafv2/types"
)

// Balancer is a load balancer that another tool has made.
type Balancer struct{ ARN, Listener, Group string }

// Balancer makes a public load balancer in the default VPC, with a listener for HTTP.
func (e *Env) Balancer(ctx context.Context, name string) (Balancer, error) {
	network, client := ec2.NewFromConfig(e.Config), elb.NewFromConfig(e.Config)
	only := func(name, v string) []ec2types.Filter {
		return []ec2types.Filter{{Name: aws.String(name), Values: []string{v}}}
	}
	vpcs, err := network.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{Filters: only("is-default", "true")})
	if err != nil {
		return Balancer{}, err
	}
	vpc := *vpcs.Vpcs[0].VpcId
	subnets, err := network.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{Filters: only("vpc-id", vpc)})
	if err != nil {
		return Balancer{}, err
	}
	group, err := network.CreateSecurityGroup(ctx,
		&ec2.CreateSecurityGroupInput{GroupName: &name, Description: &name, VpcId: &vpc})
	if err != nil {
		return Balancer{}, err
	}
	made, err := client.CreateLoadBalancer(ctx, &elb.CreateLoadBalancerInput{
		Name: &name, SecurityGroups: []string{*group.GroupId}, Scheme: types.LoadBalancerSchemeEnumInternetFacing,
		Subnets: []string{*subnets.Subnets[0].SubnetId, *subnets.Subnets[1].SubnetId},
	})
	if err != nil {
		return Balancer{}, err
	}
	arn := made.LoadBalancers[0].LoadBalancerArn
	listener, err := client.CreateListener(ctx, &elb.CreateListenerInput{
		LoadBalancerArn: arn, Port: aws.Int32(80), Protocol: types.ProtocolEnumHttp,
		DefaultActions: []types.Action{NotHere()},
	})
	if err != nil {
		return Balancer{}, err
	}
	return Balancer{*arn, *listener.Listeners[0].ListenerArn, *group.GroupId}, nil
}

// Drop deletes it.
func (e *Env) Drop(ctx context.Context, balancer, group string) error {
	_, first := elb.NewFromConfig(e.Config).DeleteLoadBalancer(ctx,
		&elb.DeleteLoadBalancerInput{LoadBalancerArn: &balancer})
	_, second := ec2.NewFromConfig(e.Config).DeleteSecurityGroup(ctx, &ec2.DeleteSecurityGroupInput{GroupId: &group})
	return errors.Join(first, second)
}

// NotHere is the action of a rule that answers by itself.
func NotHere() types.Action {
	return types.Action{
		Type:                types.ActionTypeEnumFixedResponse,
		FixedResponseConfig: &types.FixedResponseActionConfig{StatusCode: aws.String("503")},
	}
}

// WebACL makes a web ACL and returns its ARN.
func (e *Env) WebACL(ctx context.Context, name string) (string, error) {
	made, err := wafv2.NewFromConfig(e.Config).CreateWebACL(ctx, &wafv2.CreateWebACLInput{
		Name: &name, Scope: waftypes.ScopeRegional,
		DefaultAction:    &waftypes.DefaultAction{Allow: &waftypes.AllowAction{}},
		VisibilityConfig: &waftypes.VisibilityConfig{MetricName: &name},
	})
	if err != nil {
		return "", err
	}
	return *made.Summary.ARN, nil
}

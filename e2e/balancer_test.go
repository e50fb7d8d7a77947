package e2e

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/wafv2"
	waftypes "github.com/aws/aws-sdk-go-v2/service/wafv2/types"
	"github.com/rogpeppe/go-internal/testscript"
)

// elbCommand acts in Elastic Load Balancing, beside the binary.
//
//	elb make NAME VARIABLE              make a public load balancer in the default VPC, with a listener for HTTP:
//	                                    their ARNs are $VARIABLE and $VARIABLE_LISTENER, its group $VARIABLE_GROUP
//	elb rule LISTENER PRIORITY HOST     make a rule
//	elb rules LISTENER FILE             write the rules of a listener into a file: priority, hosts, type of the action
//	elb attributes NAME FILE            write the attributes of the load balancer whose name begins so into a file
//	elb acl NAME VARIABLE               make a web ACL; its ARN is $VARIABLE
//	elb guard NAME ACL                  put a web ACL in front of that load balancer
//	elb guarded NAME FILE               write the name of the web ACL of that load balancer into a file
//	elb drop BALANCER GROUP             delete a load balancer and its security group
func elbCommand(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg, "elb")
	w := worldOf(ts)
	ctx := context.Background()
	client, waf := elb.NewFromConfig(w.Config), wafv2.NewFromConfig(w.Config)
	usage := map[string]int{
		"make": 3, "rule": 4, "rules": 3, "attributes": 3, "acl": 3, "guard": 3, "guarded": 3, "drop": 3,
	}
	if len(args) == 0 || usage[args[0]] != len(args) {
		ts.Fatalf("unknown: elb %s", strings.Join(args, " "))
	}
	switch args[0] {
	case "make":
		w.balancer(ctx, ts, args[1], args[2])
	case "rule":
		_, err := client.CreateRule(ctx, &elb.CreateRuleInput{
			ListenerArn: &args[1], Priority: aws.Int32(number(ts, args[2])),
			Conditions: []types.RuleCondition{{
				Field: aws.String("host-header"), HostHeaderConfig: &types.HostHeaderConditionConfig{Values: args[3:]},
			}},
			Actions: []types.Action{notHere()},
		})
		ts.Check(err)
	case "rules":
		var lines strings.Builder
		for _, r := range rulesOf(ctx, ts, client, args[1]) {
			var hosts []string
			for _, c := range r.Conditions {
				if c.HostHeaderConfig != nil {
					hosts = append(hosts, c.HostHeaderConfig.Values...)
				}
			}
			fmt.Fprintf(&lines, "%s %s %s\n", *r.Priority, strings.Join(hosts, ","), r.Actions[0].Type)
		}
		ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(lines.String()), 0o644))
	case "attributes":
		found, err := client.DescribeLoadBalancerAttributes(ctx, &elb.DescribeLoadBalancerAttributesInput{
			LoadBalancerArn: balancerNamed(ctx, ts, client, args[1]),
		})
		ts.Check(err)
		var lines strings.Builder
		for _, a := range found.Attributes {
			fmt.Fprintf(&lines, "%s=%s\n", *a.Key, *a.Value)
		}
		ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(lines.String()), 0o644))
	case "acl":
		made, err := waf.CreateWebACL(ctx, &wafv2.CreateWebACLInput{
			Name: &args[1], Scope: waftypes.ScopeRegional,
			DefaultAction:    &waftypes.DefaultAction{Allow: &waftypes.AllowAction{}},
			VisibilityConfig: &waftypes.VisibilityConfig{MetricName: &args[1]},
		})
		ts.Check(err)
		ts.Setenv(args[2], *made.Summary.ARN)
	case "guard":
		_, err := waf.AssociateWebACL(ctx, &wafv2.AssociateWebACLInput{
			ResourceArn: balancerNamed(ctx, ts, client, args[1]), WebACLArn: &args[2],
		})
		ts.Check(err)
	case "guarded":
		found, err := waf.GetWebACLForResource(ctx, &wafv2.GetWebACLForResourceInput{
			ResourceArn: balancerNamed(ctx, ts, client, args[1]),
		})
		ts.Check(err)
		name := "none\n"
		if found.WebACL != nil {
			name = *found.WebACL.Name + "\n"
		}
		ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(name), 0o644))
	case "drop":
		_, err := client.DeleteLoadBalancer(ctx, &elb.DeleteLoadBalancerInput{LoadBalancerArn: &args[1]})
		ts.Check(err)
		_, err = ec2.NewFromConfig(w.Config).DeleteSecurityGroup(ctx, &ec2.DeleteSecurityGroupInput{GroupId: &args[2]})
		ts.Check(err)
	}
}

func number(ts *testscript.TestScript, text string) int32 {
	var n int32
	_, err := fmt.Sscan(text, &n)
	ts.Check(err)
	return n
}

func notHere() types.Action {
	return types.Action{
		Type:                types.ActionTypeEnumFixedResponse,
		FixedResponseConfig: &types.FixedResponseActionConfig{StatusCode: aws.String("503")},
	}
}

func rulesOf(ctx context.Context, ts *testscript.TestScript, client *elb.Client, listener string) []types.Rule {
	found, err := client.DescribeRules(ctx, &elb.DescribeRulesInput{ListenerArn: &listener})
	ts.Check(err)
	return found.Rules
}

func balancerNamed(ctx context.Context, ts *testscript.TestScript, client *elb.Client, name string) *string {
	all, err := client.DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{})
	ts.Check(err)
	for _, b := range all.LoadBalancers {
		if strings.HasPrefix(*b.LoadBalancerName, name) {
			return b.LoadBalancerArn
		}
	}
	ts.Fatalf("no load balancer %s", name)
	return nil
}

// balancer makes a load balancer as another tool does.
func (w *world) balancer(ctx context.Context, ts *testscript.TestScript, name, variable string) {
	network, client := ec2.NewFromConfig(w.Config), elb.NewFromConfig(w.Config)
	only := func(name, v string) []ec2types.Filter {
		return []ec2types.Filter{{Name: aws.String(name), Values: []string{v}}}
	}
	vpcs, err := network.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{Filters: only("is-default", "true")})
	ts.Check(err)
	vpc := *vpcs.Vpcs[0].VpcId
	subnets, err := network.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{Filters: only("vpc-id", vpc)})
	ts.Check(err)
	group, err := network.CreateSecurityGroup(ctx,
		&ec2.CreateSecurityGroupInput{GroupName: &name, Description: &name, VpcId: &vpc})
	ts.Check(err)
	made, err := client.CreateLoadBalancer(ctx, &elb.CreateLoadBalancerInput{
		Name: &name, SecurityGroups: []string{*group.GroupId}, Scheme: types.LoadBalancerSchemeEnumInternetFacing,
		Subnets: []string{*subnets.Subnets[0].SubnetId, *subnets.Subnets[1].SubnetId},
	})
	ts.Check(err)
	arn := made.LoadBalancers[0].LoadBalancerArn
	listener, err := client.CreateListener(ctx, &elb.CreateListenerInput{
		LoadBalancerArn: arn, Port: aws.Int32(80), Protocol: types.ProtocolEnumHttp,
		DefaultActions: []types.Action{notHere()},
	})
	ts.Check(err)
	ts.Setenv(variable, *arn)
	ts.Setenv(variable+"_LISTENER", *listener.Listeners[0].ListenerArn)
	ts.Setenv(variable+"_GROUP", *group.GroupId)
}

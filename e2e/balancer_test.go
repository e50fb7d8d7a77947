package e2e

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/wafv2"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/company/deployer/e2e/testkit"
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
		made, err := w.Balancer(ctx, args[1])
		ts.Check(err)
		ts.Setenv(args[2], made.ARN)
		ts.Setenv(args[2]+"_LISTENER", made.Listener)
		ts.Setenv(args[2]+"_GROUP", made.Group)
	case "rule":
		_, err := client.CreateRule(ctx, &elb.CreateRuleInput{
			ListenerArn: &args[1], Priority: aws.Int32(number(ts, args[2])),
			Conditions: []types.RuleCondition{{
				Field: aws.String("host-header"), HostHeaderConfig: &types.HostHeaderConditionConfig{Values: args[3:]},
			}},
			Actions: []types.Action{testkit.NotHere()},
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
		arn, err := w.WebACL(ctx, args[1])
		ts.Check(err)
		ts.Setenv(args[2], arn)
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
		ts.Check(w.Drop(ctx, args[1], args[2]))
	}
}

func number(ts *testscript.TestScript, text string) int32 {
	var n int32
	_, err := fmt.Sscan(text, &n)
	ts.Check(err)
	return n
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

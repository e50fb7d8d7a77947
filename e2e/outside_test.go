package e2e

import (
	"context"
	"path"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/rogpeppe/go-internal/testscript"
)

// outside adds to the objects of a stack what deployer did not make, or takes it away. It reports whether it knows the
// words.
func (w *world) outside(ctx context.Context, ts *testscript.TestScript, args []string) bool {
	if len(args) < 3 {
		return false
	}
	name, err := regexp.Compile(args[2])
	ts.Check(err)
	rest := args[3:]
	if len(rest) != 1 {
		return false
	}
	switch args[0] + " " + args[1] {
	case "role attach", "role detach", "role policy":
		w.role(ctx, ts, args[1], name, rest)
	case "group open":
		w.open(ctx, ts, name, rest[0])
	case "listener route":
		w.route(ctx, ts, name, rest[0])
	default:
		return false
	}
	return true
}

// role changes the policies of the only role whose name matches.
func (w *world) role(ctx context.Context, ts *testscript.TestScript, verb string, name *regexp.Regexp, rest []string) {
	client := iam.NewFromConfig(w.Config)
	all, err := client.ListRoles(ctx, &iam.ListRolesInput{})
	ts.Check(err)
	var roles []string
	for _, r := range all.Roles {
		if name.MatchString(*r.RoleName) {
			roles = append(roles, *r.RoleName)
		}
	}
	if len(roles) != 1 {
		ts.Fatalf("%d roles match %s: %v", len(roles), name, roles)
	}
	switch verb {
	case "attach":
		_, err = client.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: &roles[0], PolicyArn: &rest[0]})
	case "detach":
		_, err = client.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: &roles[0], PolicyArn: &rest[0]})
	case "policy":
		_, err = client.PutRolePolicy(ctx, &iam.PutRolePolicyInput{
			RoleName: &roles[0], PolicyName: &rest[0], PolicyDocument: aws.String(
				`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}`),
		})
	}
	ts.Check(err)
}

// open lets a range of addresses into the only security group whose name matches.
func (w *world) open(ctx context.Context, ts *testscript.TestScript, name *regexp.Regexp, cidr string) {
	client := ec2.NewFromConfig(w.Config)
	all, err := client.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{})
	ts.Check(err)
	var groups []string
	for _, g := range all.SecurityGroups {
		if name.MatchString(*g.GroupName) {
			groups = append(groups, *g.GroupId)
		}
	}
	if len(groups) != 1 {
		ts.Fatalf("%d security groups match %s", len(groups), name)
	}
	_, err = client.AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{
		GroupId: &groups[0], IpPermissions: []ec2types.IpPermission{{
			IpProtocol: aws.String("tcp"), FromPort: aws.Int32(22), ToPort: aws.Int32(22),
			IpRanges: []ec2types.IpRange{{CidrIp: &cidr}},
		}},
	})
	ts.Check(err)
}

// route makes a rule for a path in every listener of the only load balancer whose name matches.
func (w *world) route(ctx context.Context, ts *testscript.TestScript, name *regexp.Regexp, at string) {
	client := elb.NewFromConfig(w.Config)
	all, err := client.DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{})
	ts.Check(err)
	for _, b := range all.LoadBalancers {
		if !name.MatchString(path.Base(*b.LoadBalancerName)) {
			continue
		}
		listeners, err := client.DescribeListeners(ctx, &elb.DescribeListenersInput{LoadBalancerArn: b.LoadBalancerArn})
		ts.Check(err)
		for _, l := range listeners.Listeners {
			_, err := client.CreateRule(ctx, &elb.CreateRuleInput{
				ListenerArn: l.ListenerArn, Priority: aws.Int32(7),
				Conditions: []elbtypes.RuleCondition{{
					Field: aws.String("path-pattern"), Values: []string{at},
				}},
				Actions: []elbtypes.Action{{
					Type:                elbtypes.ActionTypeEnumFixedResponse,
					FixedResponseConfig: &elbtypes.FixedResponseActionConfig{StatusCode: aws.String("418")},
				}},
			})
			ts.Check(err)
		}
	}
}

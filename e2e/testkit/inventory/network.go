package inventory

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
)

func (l *lister) network() error {
	client := ec2.NewFromConfig(l.cfg)
	groups, err := client.DescribeSecurityGroups(l.ctx, &ec2.DescribeSecurityGroupsInput{})
	if err != nil {
		return err
	}
	for _, g := range groups.SecurityGroups {
		l.names[*g.GroupId] = *g.GroupName
	}
	rules := map[string][]string{}
	for pages := ec2.NewDescribeSecurityGroupRulesPaginator(client,
		&ec2.DescribeSecurityGroupRulesInput{}); pages.HasMorePages(); {
		page, err := pages.NextPage(l.ctx)
		if err != nil {
			return err
		}
		for _, r := range page.SecurityGroupRules {
			from := aws.ToString(r.CidrIpv4) + aws.ToString(r.CidrIpv6)
			if r.ReferencedGroupInfo != nil {
				from = aws.ToString(r.ReferencedGroupInfo.GroupId)
			}
			rules[*r.GroupId] = append(rules[*r.GroupId],
				l.named(fmt.Sprintf("egress=%v %s %d-%d %s", aws.ToBool(r.IsEgress),
					aws.ToString(r.IpProtocol), aws.ToInt32(r.FromPort), aws.ToInt32(r.ToPort), from)))
		}
	}
	for _, g := range groups.SecurityGroups {
		if *g.GroupName == "default" {
			continue
		}
		slices.Sort(rules[*g.GroupId])
		labels := map[string]string{}
		for _, t := range g.Tags {
			labels[*t.Key] = *t.Value
		}
		if err := l.add("security group", *g.GroupName, rules[*g.GroupId], tags(labels)); err != nil {
			return err
		}
	}
	return nil
}

func (l *lister) balancers() error {
	client := elb.NewFromConfig(l.cfg)
	groups, err := client.DescribeTargetGroups(l.ctx, &elb.DescribeTargetGroupsInput{})
	if err != nil {
		return err
	}
	for _, g := range groups.TargetGroups {
		l.names[*g.TargetGroupArn] = *g.TargetGroupName
		l.names[last(*g.TargetGroupArn, ":")] = *g.TargetGroupName
	}
	balancers, err := client.DescribeLoadBalancers(l.ctx, &elb.DescribeLoadBalancersInput{})
	if err != nil {
		return err
	}
	for _, b := range balancers.LoadBalancers {
		l.names[*b.LoadBalancerArn] = *b.LoadBalancerName
		_, label, _ := strings.Cut(*b.LoadBalancerArn, ":loadbalancer/")
		l.names[label] = *b.LoadBalancerName
		listeners, err := client.DescribeListeners(l.ctx,
			&elb.DescribeListenersInput{LoadBalancerArn: b.LoadBalancerArn})
		if err != nil {
			return err
		}
		var rules []string
		for _, at := range listeners.Listeners {
			found, err := client.DescribeRules(l.ctx, &elb.DescribeRulesInput{ListenerArn: at.ListenerArn})
			if err != nil {
				return err
			}
			for _, r := range found.Rules {
				text := fmt.Sprintf("%d %s", *at.Port, *r.Priority)
				for _, c := range r.Conditions {
					if c.PathPatternConfig != nil {
						text += fmt.Sprint(" ", c.PathPatternConfig.Values)
					}
					if c.HostHeaderConfig != nil {
						text += fmt.Sprint(" ", c.HostHeaderConfig.Values)
					}
				}
				for _, a := range r.Actions {
					text += " " + string(a.Type) + " " + l.named(aws.ToString(a.TargetGroupArn))
				}
				rules = append(rules, text)
			}
		}
		slices.Sort(rules)
		slices.Sort(b.SecurityGroups)
		if err := l.add("load balancer", *b.LoadBalancerName, b.Scheme, rules, len(b.SecurityGroups)); err != nil {
			return err
		}
	}
	for _, g := range groups.TargetGroups {
		// The emulator still names deleted load balancers.
		g.LoadBalancerArns = slices.DeleteFunc(g.LoadBalancerArns, func(arn string) bool { return l.names[arn] == "" })
		slices.Sort(g.LoadBalancerArns)
		g.LoadBalancerArns = slices.Compact(g.LoadBalancerArns) // the emulator repeats one that is made again
		if err := l.add("target group", *g.TargetGroupName, g.Port, g.Protocol, g.TargetType, g.HealthCheckPath,
			g.HealthCheckIntervalSeconds, g.LoadBalancerArns); err != nil {
			return err
		}
	}
	return nil
}

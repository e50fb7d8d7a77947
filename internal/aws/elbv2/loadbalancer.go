package elbv2

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/tagging"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/elbv2"
	"github.com/company/deployer/internal/value"
)

type (
	loadBalancerCall = resource.Call[model.LoadBalancer, model.LoadBalancerOutputs]
	loadBalancer     struct{ api *api }
)

// interfacesGone is how long the network interfaces of a deleted load balancer may stay; usually it is a minute.
var interfacesGone = call.Pace{First: time.Second, Longest: 10 * time.Second, Limit: 10 * time.Minute}

func newLoadBalancer(api *api) resource.Behaviour {
	l := loadBalancer{api}
	return &resource.Typed[model.LoadBalancer, model.LoadBalancerOutputs]{
		Def: resource.Definition{
			Type: model.LoadBalancerType, Version: 1,
			ReplaceOn: []string{"scheme", "vpcId"}, HashedName: "name", NameLimit: nameLimit,
			NotYet: notYet,
			Deleting: func(old value.Value) resource.Deleting {
				return resource.Deleting{Lifts: old.Get("deletionProtection").Bool()}
			},
			FindFirst: true, // CreateLoadBalancer answers an existing one with equal settings as if it were new
			// The DNS name changes: whatever points to it must change, too.
			Consequence: resource.Causes(plan.Downtime, "scheme", "vpcId"),
			Lasts:       resource.Always("until clients know its new name in DNS"),
			Permissions: loadBalancerPermissions,
		},
		CheckProps: checkLoadBalancer, CreateObject: l.create, ReadObject: l.read, UpdateObject: l.update,
		DeleteObject: l.delete, AwaitReady: l.awaitReady,
		Ahead: l.foresee, InTheWay: l.inTheWay, Added: l.added, Find: l.find, Taggable: true,
		Observe: resource.Observing[model.LoadBalancer, model.LoadBalancerOutputs]{
			Health: l.health, Metrics: l.metrics,
		},
		Marked: func(ctx context.Context, _ loadBalancerCall) ([]resource.Found, error) {
			arns, err := api.allBalancers(ctx)
			return api.withTags(ctx, arns, err)
		},
	}
}

func checkLoadBalancer(p *model.LoadBalancer) []value.Problem {
	var problems []value.Problem
	checkName(&p.Name)
	p.Subnets, p.SecurityGroups = value.AsSet(p.Subnets), value.AsSet(p.SecurityGroups)
	if p.Subnets.Known() && len(p.Subnets.Get()) < 2 {
		problems = append(problems, bad("an application load balancer needs subnets in at least two zones", "subnets"))
	}
	if p.SecurityGroups.Known() && len(p.SecurityGroups.Get()) == 0 {
		problems = append(problems, bad("at least one security group is needed", "securityGroups"))
	}
	set(&p.IPAddressType, "ipv4")
	set(&p.DesyncMitigation, "defensive")
	set(&p.IdleTimeout, 60)
	pointer(&p.DeletionProtection, false)
	pointer(&p.DropInvalidHeaders, true)
	pointer(&p.HTTP2, true)
	return append(problems, within(p.IdleTimeout, 1, 4000, "idleTimeout")...)
}

func (l loadBalancer) create(ctx context.Context, c loadBalancerCall) (string, model.LoadBalancerOutputs, error) {
	p := c.Props
	made, err := l.api.client.CreateLoadBalancer(ctx, &elb.CreateLoadBalancerInput{
		Name: &p.Name, Type: types.LoadBalancerTypeEnumApplication, Scheme: types.LoadBalancerSchemeEnum(p.Scheme),
		IpAddressType: types.IpAddressType(p.IPAddressType), Subnets: p.Subnets.Get(),
		SecurityGroups: p.SecurityGroups.Get(),
		Tags:           tagList(c.Request, p.Tags),
	})
	if err != nil {
		return "", model.LoadBalancerOutputs{}, failed(err, noSuchSubnet)
	}
	if len(made.LoadBalancers) == 0 {
		return "", model.LoadBalancerOutputs{},
			errors.New("elasticloadbalancing:CreateLoadBalancer answered without a load balancer")
	}
	arn, out := aws.ToString(made.LoadBalancers[0].LoadBalancerArn), loadBalancerOutputs(made.LoadBalancers[0])
	if err := l.setAttributes(ctx, arn, model.LoadBalancer{}, p); err != nil {
		return arn, out, unfinishedLoadBalancer(arn, withoutAttributes(p), out, err)
	}
	return arn, out, nil
}

func (l loadBalancer) awaitReady(ctx context.Context, c loadBalancerCall) (model.LoadBalancerOutputs, error) {
	isNew := c.Old.Name == ""
	if isNew {
		c.Progress("waiting for load balancer " + c.Props.Name + " to become active; AWS takes two to three minutes")
	}
	return c.Out, l.waitActive(ctx, c.ID, isNew)
}

var noSuchSubnet = advice{"InvalidSubnet", "an internet-facing load balancer needs subnets whose route table leads " +
	"to an internet gateway, each in another zone"}

func unfinishedLoadBalancer(arn string, p model.LoadBalancer, out model.LoadBalancerOutputs, err error) error {
	return &resource.Unfinished[model.LoadBalancer, model.LoadBalancerOutputs]{ID: arn, Props: p, Out: out, Err: err}
}

func (l loadBalancer) waitActive(ctx context.Context, arn string, isNew bool) error {
	return call.Wait(ctx, call.Slowly, "load balancer "+suffix(arn)+" becomes active",
		func(ctx context.Context) (bool, error) {
			found, err := l.describe(ctx, &elb.DescribeLoadBalancersInput{LoadBalancerArns: []string{arn}})
			if isNew && errors.Is(err, resource.ErrNotFound) {
				return false, nil // not known everywhere yet
			}
			if err != nil || found.State == nil {
				return false, err
			}
			switch found.State.Code {
			case types.LoadBalancerStateEnumActive, types.LoadBalancerStateEnumActiveImpaired:
				return true, nil
			case types.LoadBalancerStateEnumFailed:
				return false, fmt.Errorf("load balancer %s failed: %s", suffix(arn), aws.ToString(found.State.Reason))
			}
			return false, nil
		})
}

// describe returns the one load balancer that in asks for.
func (l loadBalancer) describe(ctx context.Context, in *elb.DescribeLoadBalancersInput) (types.LoadBalancer, error) {
	out, err := l.api.client.DescribeLoadBalancers(ctx, in)
	if err != nil {
		return types.LoadBalancer{}, failed(err)
	}
	if len(out.LoadBalancers) == 0 {
		return types.LoadBalancer{}, fmt.Errorf("elasticloadbalancing:DescribeLoadBalancers: %w", resource.ErrNotFound)
	}
	return out.LoadBalancers[0], nil
}

func (l loadBalancer) find(ctx context.Context, c loadBalancerCall) (string, map[string]string, error) {
	found, err := l.describe(ctx, &elb.DescribeLoadBalancersInput{Names: []string{c.Props.Name}})
	if err != nil {
		return "", nil, err
	}
	tags, err := l.api.tagsOf(ctx, *found.LoadBalancerArn)
	return *found.LoadBalancerArn, tags, err
}

func (l loadBalancer) read(
	ctx context.Context, c loadBalancerCall,
) (model.LoadBalancer, model.LoadBalancerOutputs, error) {
	var found types.LoadBalancer
	var set model.LoadBalancer
	var tags map[string]string
	err := sideBySide(ctx,
		func(ctx context.Context) (err error) {
			found, err = get(ctx, l.api.balancers, c.ID)
			return err
		},
		func(ctx context.Context) error { return l.readAttributes(ctx, c.ID, &set) },
		func(ctx context.Context) (err error) {
			tags, err = get(ctx, l.api.tags, c.ID)
			return err
		},
	)
	if err != nil {
		return model.LoadBalancer{}, model.LoadBalancerOutputs{}, err
	}
	subnets := make([]string, len(found.AvailabilityZones))
	for i, zone := range found.AvailabilityZones {
		subnets[i] = aws.ToString(zone.SubnetId)
	}
	p := set // the attributes
	if c.Old.AccessLogs == nil {
		p.AccessLogs = nil // not ours to switch off
	}
	p.Name, p.Scheme, p.IPAddressType = aws.ToString(found.LoadBalancerName), string(found.Scheme),
		string(found.IpAddressType)
	p.VPCID, p.Subnets = value.Lit(aws.ToString(found.VpcId)), value.AsSet(value.Lit(subnets))
	p.SecurityGroups, p.Tags = value.AsSet(value.Lit(slices.Clone(found.SecurityGroups))), tagging.Seen(c.Request, tags)
	return p, loadBalancerOutputs(found), nil
}

func (l loadBalancer) update(ctx context.Context, c loadBalancerCall) (model.LoadBalancerOutputs, error) {
	calls := l.api
	if !value.Equal(c.Old.Subnets.Value(), c.Props.Subnets.Value()) {
		if _, err := calls.client.SetSubnets(ctx,
			&elb.SetSubnetsInput{LoadBalancerArn: &c.ID, Subnets: c.Props.Subnets.Get()}); err != nil {
			return c.Out, failed(err, noSuchSubnet)
		}
	}
	if !value.Equal(c.Old.SecurityGroups.Value(), c.Props.SecurityGroups.Value()) {
		if _, err := calls.client.SetSecurityGroups(ctx,
			&elb.SetSecurityGroupsInput{
				LoadBalancerArn: &c.ID,
				SecurityGroups:  c.Props.SecurityGroups.Get(),
			}); err != nil {
			return c.Out, failed(err)
		}
	}
	if c.Old.IPAddressType != c.Props.IPAddressType {
		if _, err := calls.client.SetIpAddressType(ctx,
			&elb.SetIpAddressTypeInput{
				LoadBalancerArn: &c.ID,
				IpAddressType:   types.IpAddressType(c.Props.IPAddressType),
			}); err != nil {
			return c.Out, failed(err)
		}
	}
	if !value.Equal(value.Encode(attributesOf(c.Old)), value.Encode(attributesOf(c.Props))) {
		if err := l.setAttributes(ctx, c.ID, c.Old, c.Props); err != nil {
			return c.Out, err
		}
	}
	if err := l.api.retag(ctx, c.Request, c.Old.Tags, c.Props.Tags); err != nil {
		return c.Out, err
	}
	return c.Out, nil
}

// delete switches off the deletion protection if it is in the state or the state may lack it: the approved plan says
// so. A protection that somebody else switched on stays.
func (l loadBalancer) delete(ctx context.Context, c loadBalancerCall) error {
	if ours := c.Old.DeletionProtection; ours == nil || *ours {
		err := l.lift(ctx, c.ID)
		if errors.Is(err, resource.ErrNotFound) {
			return l.waitInterfaces(ctx, c) // an earlier run may have been interrupted here
		}
		if err != nil {
			return err
		}
	}
	_, err := l.api.client.DeleteLoadBalancer(ctx, &elb.DeleteLoadBalancerInput{LoadBalancerArn: &c.ID})
	err = failed(err, advice{
		"OperationNotPermitted", "to allow it, " + liftByHand(c.ID),
	})
	if err != nil && !errors.Is(err, resource.ErrNotFound) {
		return err
	}
	err = call.Wait(ctx, call.Slowly, "load balancer "+suffix(c.ID)+" is gone",
		func(ctx context.Context) (bool, error) {
			_, err := l.describe(ctx, &elb.DescribeLoadBalancersInput{LoadBalancerArns: []string{c.ID}})
			if errors.Is(err, resource.ErrNotFound) {
				return true, nil
			}
			return false, err
		})
	if err != nil {
		return err
	}
	return l.waitInterfaces(ctx, c)
}

// waitInterfaces waits for the network interfaces to disappear, because they block security groups and subnets that are
// deleted next.
func (l loadBalancer) waitInterfaces(ctx context.Context, c loadBalancerCall) error {
	told := false
	what := "the network interfaces of load balancer " + suffix(c.ID) + " are gone"
	return call.Wait(ctx, interfacesGone, what, func(ctx context.Context) (bool, error) {
		out, err := l.api.network.DescribeNetworkInterfaces(ctx, &ec2.DescribeNetworkInterfacesInput{
			Filters: []ec2types.Filter{{Name: aws.String("description"), Values: []string{"ELB " + suffix(c.ID)}}},
		})
		if err != nil {
			return false, call.Error(err)
		}
		if len(out.NetworkInterfaces) > 0 && !told {
			told = true
			c.Progress("waiting until " + what)
		}
		return len(out.NetworkInterfaces) == 0, nil
	})
}

func loadBalancerOutputs(b types.LoadBalancer) model.LoadBalancerOutputs {
	arn := aws.ToString(b.LoadBalancerArn)
	return model.LoadBalancerOutputs{
		ARN: arn, Name: aws.ToString(b.LoadBalancerName), DNSName: aws.ToString(b.DNSName),
		ZoneID: aws.ToString(b.CanonicalHostedZoneId), ARNSuffix: suffix(arn),
	}
}

func loadBalancerPermissions(s resource.Scope) []resource.Statement {
	bucket := s.Props.Get("accessLogs").Get("bucket")
	if s.Props.IsNull() {
		bucket = value.NewString("*")
	}
	var looks []resource.Statement
	if bucket.Kind() == value.String {
		statement := resource.Foreseeing("s3:ListBucket")
		statement.On = []string{"arn:" + s.Partition() + ":s3:::" + bucket.Str()}
		looks = append(looks, statement)
	}
	return append(looks, []resource.Statement{
		{On: own(s, "loadbalancer/app/"), Actions: append([]string{
			"elasticloadbalancing:CreateLoadBalancer", "elasticloadbalancing:DeleteLoadBalancer",
			"elasticloadbalancing:ModifyLoadBalancerAttributes",
			"elasticloadbalancing:SetSubnets", "elasticloadbalancing:SetSecurityGroups",
			"elasticloadbalancing:SetIpAddressType",
		}, tagActions...)},
		{Actions: []string{
			"elasticloadbalancing:DescribeLoadBalancers", "elasticloadbalancing:DescribeLoadBalancerAttributes",
			"elasticloadbalancing:DescribeListeners", "elasticloadbalancing:DescribeTags",
			"ec2:DescribeNetworkInterfaces",
		}},
		resource.Foreseeing("elasticloadbalancing:DescribeAccountLimits"),
		s.ServiceLinkedRole("elasticloadbalancing.amazonaws.com"),
		{Actions: lookingAround, Why: looksAround},
		{
			On: []string{s.ARN("ec2", "vpc/*")}, Actions: []string{"ec2:GetSecurityGroupsForVpc"}, Why: looksAround,
		},
	}...)
}

// lookingAround is what ELB reads with the caller's permissions, as its table of API permissions says: for
// CreateLoadBalancer, CreateTargetGroup, SetSubnets and SetIpAddressType. GetSecurityGroupsForVpc is for
// CreateLoadBalancer and SetSecurityGroups.
var lookingAround = []string{
	"ec2:DescribeAccountAttributes", "ec2:DescribeAddresses", "ec2:DescribeInternetGateways",
	"ec2:DescribeSecurityGroups",
	"ec2:DescribeSubnets", "ec2:DescribeVpcs",
}

const looksAround = "AWS reads the network in the name of the caller before it creates or changes a load balancer"

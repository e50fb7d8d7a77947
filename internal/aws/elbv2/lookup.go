package elbv2

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/elbv2"
	"github.com/company/deployer/internal/value"
)

// Lookups returns the lookups of Elastic Load Balancing.
func Lookups(cfg aws.Config) []resource.Lookup {
	f := finder{newAPI(cfg)}
	return []resource.Lookup{{
		Type: model.LookupListener, Read: f.read, Outputs: value.Fields[model.FoundListener](),
		Permissions: func(resource.Scope) []resource.Statement {
			return []resource.Statement{{Actions: []string{
				"elasticloadbalancing:DescribeLoadBalancers", "elasticloadbalancing:DescribeListeners",
				"elasticloadbalancing:DescribeRules", "elasticloadbalancing:DescribeTags",
			}}}
		},
	}}
}

// finder answers the lookup. It checks as early as the plan what would let an apply fail.
type finder struct{ api *api }

func (f finder) read(ctx context.Context, props value.Value) (value.Value, error) {
	var want model.ListenerLookup
	if problems := value.Decode(props, &want); len(problems) > 0 {
		return value.NullValue, fmt.Errorf("the properties of the lookup %s do not fit: %w", model.LookupListener,
			problems[0])
	}
	listener, err := f.listener(ctx, want)
	if err != nil {
		return value.NullValue, err
	}
	balancer, err := f.balancer(ctx, want, aws.ToString(listener.LoadBalancerArn))
	if err != nil {
		return value.NullValue, err
	}
	if err := f.free(ctx, want, aws.ToString(listener.ListenerArn)); err != nil {
		return value.NullValue, err
	}
	out := model.FoundListener{
		ListenerARN: aws.ToString(listener.ListenerArn), Origin: "http://", DNSName: aws.ToString(balancer.DNSName),
		ZoneID: aws.ToString(balancer.CanonicalHostedZoneId), SecurityGroupID: balancer.SecurityGroups[0],
	}
	usual := int32(80)
	if listener.Protocol == types.ProtocolEnumHttps {
		out.Origin, usual = "https://", 443
	}
	if port := aws.ToInt32(listener.Port); port != usual {
		out.Port = ":" + strconv.Itoa(int(port))
	}
	return value.Encode(out), nil
}

// wrong is the error of a listener or a load balancer that cannot be used.
func wrong(operation, next, format string, args ...any) error {
	return &resource.OpError{
		Operation: "elasticloadbalancing:" + operation, Message: fmt.Sprintf(format, args...),
		Next: next,
	}
}

const (
	correctListener = "correct existing.listener in the document Ingress; `aws elbv2 describe-listeners " +
		"--load-balancer-arn ARN` lists the listeners of a load balancer"
	correctBalancer = "correct existing.loadBalancer in the document Ingress; `aws elbv2 describe-load-balancers` " +
		"lists the load balancers"
)

// listener returns the named listener, or that of the named load balancer: the one for HTTPS, else the one for HTTP,
// and of several the one with the usual port.
func (f finder) listener(ctx context.Context, want model.ListenerLookup) (types.Listener, error) {
	in := &elb.DescribeListenersInput{LoadBalancerArn: &want.LoadBalancer}
	correct := correctBalancer
	if want.Listener != "" {
		in, correct = &elb.DescribeListenersInput{ListenerArns: []string{want.Listener}}, correctListener
	}
	all, err := call.All(ctx, f.api.client.DescribeListeners, in, &in.Marker, listeners)
	if err = failed(err); errors.Is(err, resource.ErrNotFound) {
		return types.Listener{}, wrong("DescribeListeners", correct, "there is no %s in this account and region",
			want.Listener+want.LoadBalancer)
	}
	if err != nil {
		return types.Listener{}, err
	}
	rank := func(l types.Listener) int {
		switch port := aws.ToInt32(l.Port); {
		case l.Protocol == types.ProtocolEnumHttps && port == 443:
			return 0
		case l.Protocol == types.ProtocolEnumHttps:
			return 1
		case port == 80:
			return 2
		}
		return 3
	}
	slices.SortStableFunc(all, func(a, b types.Listener) int {
		if rank(a) != rank(b) {
			return rank(a) - rank(b)
		}
		return int(aws.ToInt32(a.Port) - aws.ToInt32(b.Port))
	})
	if len(all) == 0 {
		return types.Listener{}, wrong("DescribeListeners", "add a listener to it, or name another load balancer",
			"the load balancer %s has no listener", want.LoadBalancer)
	}
	return all[0], nil
}

// balancer returns the load balancer of the listener, and checks that the services can be its targets.
func (f finder) balancer(ctx context.Context, want model.ListenerLookup, arn string) (types.LoadBalancer, error) {
	out, err := f.api.client.DescribeLoadBalancers(
		ctx,
		&elb.DescribeLoadBalancersInput{LoadBalancerArns: []string{arn}},
	)
	if err != nil {
		return types.LoadBalancer{}, failed(err)
	}
	if len(out.LoadBalancers) == 0 {
		return types.LoadBalancer{}, wrong(
			"DescribeLoadBalancers",
			correctBalancer,
			"there is no load balancer %s",
			arn,
		)
	}
	found := out.LoadBalancers[0]
	bad := func(next, format string, args ...any) (types.LoadBalancer, error) {
		return found, wrong("DescribeLoadBalancers", next, "the load balancer "+suffix(arn)+" "+format, args...)
	}
	switch {
	case found.Type != types.LoadBalancerTypeEnumApplication:
		return bad(
			"name an application load balancer",
			"is no application load balancer, but of the type %s",
			found.Type,
		)
	case string(found.Scheme) != want.Scheme && want.Scheme == model.Internal:
		return bad(
			"name it under public in the document Ingress",
			"is reached from the internet, and internal names it",
		)
	case string(found.Scheme) != want.Scheme:
		return bad("name it under internal in the document Ingress, and set ingress.public: false in the services",
			"is internal, and public names it")
	case want.VPCID.Get() != aws.ToString(found.VpcId):
		return bad("set vpc.id of the Network to "+aws.ToString(found.VpcId)+", or name a load balancer of that VPC",
			"is in the VPC %s, and the stack is in %s: a load balancer reaches only targets of its own VPC",
			aws.ToString(found.VpcId), want.VPCID.Get())
	case len(found.SecurityGroups) == 0:
		return bad("give it a security group", "has no security group that the tasks could let in")
	}
	return found, nil
}

// free checks that no rule of somebody else has a priority that a user chose.
func (f finder) free(ctx context.Context, want model.ListenerLookup, listener string) error {
	if len(want.Priorities) == 0 {
		return nil
	}
	rules, err := rule(f).listed(ctx, listener)
	if err != nil {
		return err
	}
	for _, found := range rules {
		if !slices.Contains(want.Priorities, priorityOf(found)) {
			continue
		}
		arn := aws.ToString(found.RuleArn)
		tags, err := f.api.tagsOf(ctx, arn)
		if errors.Is(err, resource.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if tags[resource.TagStack] == want.Tags[resource.TagStack] &&
			tags[resource.TagEnvironment] == want.Tags[resource.TagEnvironment] {
			continue
		}
		return wrong("DescribeRules", fmt.Sprintf(
			"choose a free ingress.priority from %d to %d, or leave it out",
			model.ExplicitMin,
			model.ExplicitMax,
		), "the priority %d of the listener is taken by a rule that this stack "+
			"did not make: %s", priorityOf(found), arn)
	}
	return nil
}

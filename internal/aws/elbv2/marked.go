package elbv2

import (
	"context"
	"errors"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"github.com/company/deployer/internal/resource"
)

// forRecovery is why a type needs the reads of this file.
const forRecovery = "what a run that was killed has made of a load balancer that was new"

// withTags adds their tags to objects. ELB has no filter by tag.
func (a *api) withTags(ctx context.Context, arns []string, err error) ([]resource.Found, error) {
	if err != nil {
		return nil, err
	}
	tags, err := a.tagsOfAll(ctx, arns)
	out := make([]resource.Found, len(arns))
	for i, arn := range arns {
		out[i] = resource.Found{ID: arn, Tags: tags[arn]}
	}
	return out, err
}

// allBalancers returns the ARNs of the load balancers of the region.
func (a *api) allBalancers(ctx context.Context) (arns []string, err error) {
	for in := (&elb.DescribeLoadBalancersInput{}); ; {
		page, err := a.client.DescribeLoadBalancers(ctx, in)
		if err != nil {
			return nil, failed(err)
		}
		for _, found := range page.LoadBalancers {
			arns = append(arns, aws.ToString(found.LoadBalancerArn))
		}
		if in.Marker = page.NextMarker; in.Marker == nil {
			return arns, nil
		}
	}
}

// allGroups returns the ARNs of the target groups of the region.
func (a *api) allGroups(ctx context.Context) (arns []string, err error) {
	for in := (&elb.DescribeTargetGroupsInput{}); ; {
		page, err := a.client.DescribeTargetGroups(ctx, in)
		if err != nil {
			return nil, failed(err)
		}
		for _, found := range page.TargetGroups {
			arns = append(arns, aws.ToString(found.TargetGroupArn))
		}
		if in.Marker = page.NextMarker; in.Marker == nil {
			return arns, nil
		}
	}
}

// ownListeners returns the ARNs of the listeners of the stack's load balancers.
func (a *api) ownListeners(ctx context.Context, req resource.Request) (arns []string, err error) {
	all, err := a.allBalancers(ctx)
	balancers, err := a.withTags(ctx, all, err)
	if err != nil {
		return nil, err
	}
	for _, b := range balancers {
		lineage := b.Tags[resource.TagLineage]
		if lineage == "" || lineage != req.Tags[resource.TagLineage] && !slices.Contains(req.Former, lineage) {
			continue
		}
		for in := (&elb.DescribeListenersInput{LoadBalancerArn: &b.ID}); ; {
			page, err := a.client.DescribeListeners(ctx, in)
			if err = failed(err); errors.Is(err, resource.ErrNotFound) {
				break // deleted just now
			}
			if err != nil {
				return nil, err
			}
			for _, found := range page.Listeners {
				arns = append(arns, aws.ToString(found.ListenerArn))
			}
			if in.Marker = page.NextMarker; in.Marker == nil {
				break
			}
		}
	}
	return arns, nil
}

// ownRules returns the ARNs of the rules of the stack's listeners.
func (a *api) ownRules(ctx context.Context, req resource.Request) (arns []string, err error) {
	listeners, err := a.ownListeners(ctx, req)
	for _, listener := range listeners {
		for in := (&elb.DescribeRulesInput{ListenerArn: &listener}); ; {
			page, err := a.client.DescribeRules(ctx, in)
			if err = failed(err); errors.Is(err, resource.ErrNotFound) {
				break // deleted just now
			}
			if err != nil {
				return nil, err
			}
			for _, found := range page.Rules {
				arns = append(arns, aws.ToString(found.RuleArn))
			}
			if in.Marker = page.NextMarker; in.Marker == nil {
				break
			}
		}
	}
	return arns, err
}

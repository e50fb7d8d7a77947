package elbv2

import (
	"context"
	"errors"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/company/deployer/internal/aws/call"
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
	in := &elb.DescribeLoadBalancersInput{}
	for found, err := range call.Each(ctx, a.client.DescribeLoadBalancers, in, &in.Marker, balancers) {
		if err != nil {
			return nil, failed(err)
		}
		arns = append(arns, aws.ToString(found.LoadBalancerArn))
	}
	return arns, nil
}

// allGroups returns the ARNs of the target groups of the region.
func (a *api) allGroups(ctx context.Context) (arns []string, err error) {
	in := &elb.DescribeTargetGroupsInput{}
	for found, err := range call.Each(ctx, a.client.DescribeTargetGroups, in, &in.Marker,
		func(page *elb.DescribeTargetGroupsOutput) ([]types.TargetGroup, *string) {
			return page.TargetGroups, page.NextMarker
		}) {
		if err != nil {
			return nil, failed(err)
		}
		arns = append(arns, aws.ToString(found.TargetGroupArn))
	}
	return arns, nil
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
		in := &elb.DescribeListenersInput{LoadBalancerArn: &b.ID}
		for found, err := range call.Each(ctx, a.client.DescribeListeners, in, &in.Marker, listeners) {
			if err = failed(err); errors.Is(err, resource.ErrNotFound) {
				break // deleted just now
			}
			if err != nil {
				return nil, err
			}
			arns = append(arns, aws.ToString(found.ListenerArn))
		}
	}
	return arns, nil
}

// ownRules returns the ARNs of the rules of the stack's listeners.
func (a *api) ownRules(ctx context.Context, req resource.Request) (arns []string, err error) {
	listeners, err := a.ownListeners(ctx, req)
	for _, listener := range listeners {
		in := &elb.DescribeRulesInput{ListenerArn: &listener}
		for found, err := range call.Each(ctx, a.client.DescribeRules, in, &in.Marker, rules) {
			if err = failed(err); errors.Is(err, resource.ErrNotFound) {
				break // deleted just now
			}
			if err != nil {
				return nil, err
			}
			arns = append(arns, aws.ToString(found.RuleArn))
		}
	}
	return arns, err
}

package elbv2

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"github.com/company/deployer/internal/resource"
)

// marked returns the one of the objects that was made for the resource and is not in the state, with its tags;
// ErrNotFound if there is none.
func (a *api) marked(ctx context.Context, req resource.Request, arns []string) (string, map[string]string, error) {
	all, err := a.tagsOfAll(ctx, arns)
	if err != nil {
		return "", nil, err
	}
	for _, arn := range arns {
		if req.Marks(arn, all[arn]) {
			return arn, all[arn], nil
		}
	}
	return "", nil, fmt.Errorf("nothing is marked as %s: %w", req.Resource, resource.ErrNotFound)
}

// ownListeners returns the ARNs of all listeners of the stack's load balancers.
func (a *api) ownListeners(ctx context.Context, req resource.Request) ([]string, error) {
	var balancers, listeners []string
	for in := (&elb.DescribeLoadBalancersInput{}); ; {
		page, err := a.client.DescribeLoadBalancers(ctx, in)
		if err != nil {
			return nil, failed(err)
		}
		for _, found := range page.LoadBalancers {
			balancers = append(balancers, aws.ToString(found.LoadBalancerArn))
		}
		if in.Marker = page.NextMarker; in.Marker == nil {
			break
		}
	}
	tags, err := a.tagsOfAll(ctx, balancers)
	if err != nil {
		return nil, err
	}
	for _, arn := range balancers {
		if lineage := req.Tags[resource.TagLineage]; lineage == "" || tags[arn][resource.TagLineage] != lineage {
			continue
		}
		for in := (&elb.DescribeListenersInput{LoadBalancerArn: &arn}); ; {
			page, err := a.client.DescribeListeners(ctx, in)
			if err = failed(err); errors.Is(err, resource.ErrNotFound) {
				break // deleted just now
			}
			if err != nil {
				return nil, err
			}
			for _, found := range page.Listeners {
				listeners = append(listeners, aws.ToString(found.ListenerArn))
			}
			if in.Marker = page.NextMarker; in.Marker == nil {
				break
			}
		}
	}
	return listeners, nil
}

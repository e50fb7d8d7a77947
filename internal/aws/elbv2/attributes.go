package elbv2

import (
	"context"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/company/deployer/internal/aws/tagging"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/elbv2"
)

// The attributes of a load balancer that we set.
const (
	deletionProtection = "deletion_protection.enabled"
	idleTimeout        = "idle_timeout.timeout_seconds"
	dropInvalidHeaders = "routing.http.drop_invalid_header_fields.enabled"
	http2              = "routing.http2.enabled"
	desyncMitigation   = "routing.http.desync_mitigation_mode"
)

// attributesOf returns the attributes that are set in p.
func attributesOf(p model.LoadBalancer) map[string]string {
	out := map[string]string{}
	for key, flag := range map[string]*bool{
		deletionProtection: p.DeletionProtection,
		dropInvalidHeaders: p.DropInvalidHeaders, http2: p.HTTP2,
	} {
		if flag != nil {
			out[key] = strconv.FormatBool(*flag)
		}
	}
	if p.IdleTimeout != 0 {
		out[idleTimeout] = strconv.Itoa(p.IdleTimeout)
	}
	if p.DesyncMitigation != "" {
		out[desyncMitigation] = p.DesyncMitigation
	}
	return out
}

// withoutAttributes returns p for a load balancer whose attributes nobody knows: the next run sees a difference.
func withoutAttributes(p model.LoadBalancer) model.LoadBalancer {
	p.DeletionProtection, p.DropInvalidHeaders, p.HTTP2, p.IdleTimeout, p.DesyncMitigation = nil, nil, nil, 0, ""
	return p
}

func (l loadBalancer) setAttributes(ctx context.Context, arn string, p model.LoadBalancer) error {
	_, err := l.api.client.ModifyLoadBalancerAttributes(ctx, &elb.ModifyLoadBalancerAttributesInput{
		LoadBalancerArn: &arn,
		Attributes: tagging.List(attributesOf(p), func(a *types.LoadBalancerAttribute) (key, text **string) {
			return &a.Key, &a.Value
		}),
	})
	return failed(err)
}

// lift switches the deletion protection off.
func (l loadBalancer) lift(ctx context.Context, arn string) error {
	_, err := l.api.client.ModifyLoadBalancerAttributes(ctx, &elb.ModifyLoadBalancerAttributesInput{
		LoadBalancerArn: &arn, Attributes: []types.LoadBalancerAttribute{
			{Key: aws.String(deletionProtection), Value: aws.String("false")},
		},
	})
	return failed(err)
}

// liftByHand says how to do that for a load balancer that somebody else has protected.
func liftByHand(arn string) string {
	return "switch its deletion protection off: aws elbv2 modify-load-balancer-attributes --load-balancer-arn " + arn +
		" --attributes Key=deletion_protection.enabled,Value=false"
}

// inTheWay finds a deletion protection that we may not switch off.
func (l loadBalancer) inTheWay(
	ctx context.Context, c loadBalancerCall, _ resource.Neighbours,
) ([]plan.Obstacle, error) {
	if ours := c.Old.DeletionProtection; ours == nil || *ours {
		return nil, nil
	}
	var now model.LoadBalancer
	if err := l.readAttributes(ctx, c.ID, &now); err != nil || !aws.ToBool(now.DeletionProtection) {
		return nil, err
	}
	return []plan.Obstacle{{
		What: "deletion protection was switched on outside of deployer for the load balancer " + suffix(c.ID),
		Next: "to allow it, " + liftByHand(c.ID),
	}}, nil
}

func (l loadBalancer) readAttributes(ctx context.Context, arn string, p *model.LoadBalancer) error {
	out, err := l.api.client.DescribeLoadBalancerAttributes(ctx,
		&elb.DescribeLoadBalancerAttributesInput{LoadBalancerArn: &arn})
	if err != nil {
		return failed(err)
	}
	for _, a := range out.Attributes {
		text := aws.ToString(a.Value)
		switch aws.ToString(a.Key) {
		case deletionProtection:
			p.DeletionProtection = aws.Bool(text == "true")
		case dropInvalidHeaders:
			p.DropInvalidHeaders = aws.Bool(text == "true")
		case http2:
			p.HTTP2 = aws.Bool(text == "true")
		case desyncMitigation:
			p.DesyncMitigation = text
		case idleTimeout:
			if p.IdleTimeout, err = strconv.Atoi(text); err != nil {
				return failed(err)
			}
		}
	}
	return nil
}

package elbv2

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/company/deployer/internal/aws/tagging"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/elbv2"
	"github.com/company/deployer/internal/value"
)

// The attributes of a load balancer that we set.
const (
	deletionProtection = "deletion_protection.enabled"
	idleTimeout        = "idle_timeout.timeout_seconds"
	dropInvalidHeaders = "routing.http.drop_invalid_header_fields.enabled"
	http2              = "routing.http2.enabled"
	desyncMitigation   = "routing.http.desync_mitigation_mode"
	logsEnabled        = "access_logs.s3.enabled"
	logsBucket         = "access_logs.s3.bucket"
	logsPrefix         = "access_logs.s3.prefix"
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
	if p.AccessLogs != nil {
		out[logsEnabled], out[logsBucket], out[logsPrefix] = "true", p.AccessLogs.Bucket.Get(), p.AccessLogs.Prefix
	}
	return out
}

// withoutAttributes returns p for a load balancer whose attributes nobody knows: the next run sees a difference.
func withoutAttributes(p model.LoadBalancer) model.LoadBalancer {
	p.DeletionProtection, p.DropInvalidHeaders, p.HTTP2, p.IdleTimeout, p.DesyncMitigation = nil, nil, nil, 0, ""
	p.AccessLogs = nil
	return p
}

// setAttributes sets what is wanted, and switches off the access logs that only was has.
func (l loadBalancer) setAttributes(ctx context.Context, arn string, was, p model.LoadBalancer) error {
	set := attributesOf(p)
	if was.AccessLogs != nil && p.AccessLogs == nil {
		set[logsEnabled] = "false"
	}
	_, err := l.api.client.ModifyLoadBalancerAttributes(ctx, &elb.ModifyLoadBalancerAttributesInput{
		LoadBalancerArn: &arn,
		Attributes: tagging.List(set, func(a *types.LoadBalancerAttribute) (key, text **string) {
			return &a.Key, &a.Value
		}),
	})
	err = failed(err)
	var op *resource.OpError
	if errors.As(err, &op) && p.AccessLogs != nil && strings.Contains(strings.ToLower(op.Message), "bucket") {
		op.Next = "the bucket of the access logs must be in the region of the load balancer and encrypted with keys " +
			"of S3 (AES256), and its policy must let logdelivery.elasticloadbalancing.amazonaws.com put objects; " +
			"without accessLogs.bucket, deployer makes such a bucket"
	}
	return err
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
	var logs model.AccessLogs
	logging := false
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
		case logsEnabled:
			logging = text == "true"
		case logsBucket:
			logs.Bucket = value.Lit(text)
		case logsPrefix:
			logs.Prefix = text
		}
	}
	if logging {
		p.AccessLogs = &logs
	}
	return nil
}

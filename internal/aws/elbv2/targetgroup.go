package elbv2

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
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
	targetGroupCall = resource.Call[model.TargetGroup, model.TargetGroupOutputs]
	targetGroup     struct{ api *api }
)

// released is how long a target group may count as in use after its rules and listeners are gone.
var released = call.Pace{First: 500 * time.Millisecond, Longest: 5 * time.Second, Limit: 2 * time.Minute}

func newTargetGroup(api *api) resource.Behaviour {
	g := targetGroup{api}
	return &resource.Typed[model.TargetGroup, model.TargetGroupOutputs]{
		Def: resource.Definition{
			Type: model.TargetGroupType, Version: 1,
			ReplaceOn:  []string{"port", "protocol", "protocolVersion", "vpcId", "targetType"},
			NotYet:     notYet,
			HashedName: "name", NameLimit: nameLimit,
			FindFirst: true, // CreateTargetGroup answers an existing one with equal settings as if it were new
			Permissions: func(s resource.Scope) []resource.Statement {
				return []resource.Statement{
					{On: own(s, "targetgroup/"), Actions: append([]string{
						"elasticloadbalancing:CreateTargetGroup", "elasticloadbalancing:ModifyTargetGroup",
						"elasticloadbalancing:DeleteTargetGroup", "elasticloadbalancing:ModifyTargetGroupAttributes",
					}, tagActions...)},
					{Actions: []string{
						"elasticloadbalancing:DescribeTargetGroups",
						"elasticloadbalancing:DescribeTargetGroupAttributes", "elasticloadbalancing:DescribeTags",
						"elasticloadbalancing:DescribeListeners", "elasticloadbalancing:DescribeRules",
					}},
				}
			},
		},
		CheckProps: checkTargetGroup, CreateObject: g.create, ReadObject: g.read, UpdateObject: g.update,
		DeleteObject: g.delete,
		InTheWay:     g.inTheWay, Find: g.find, Taggable: true,
		Observe: resource.Observing[model.TargetGroup, model.TargetGroupOutputs]{Metrics: g.metrics},
		Marked: func(ctx context.Context, _ targetGroupCall) ([]resource.Found, error) {
			arns, err := api.allGroups(ctx)
			return api.withTags(ctx, arns, err)
		},
	}
}

func checkTargetGroup(p *model.TargetGroup) []value.Problem {
	checkName(&p.Name)
	set(&p.Protocol, "HTTP")
	set(&p.ProtocolVersion, "HTTP1")
	set(&p.TargetType, "ip")
	pointer(&p.DeregistrationDelay, 300)
	h := &p.HealthCheck
	path, matcher := "/", "200"
	if p.ProtocolVersion == "GRPC" {
		path, matcher = "/AWS.ALB/healthcheck", "12"
	}
	set(&h.Path, path)
	set(&h.Matcher, matcher)
	set(&h.Port, "traffic-port")
	set(&h.Protocol, "HTTP")
	set(&h.Interval, 30)
	set(&h.Timeout, 5)
	set(&h.HealthyThreshold, 5)
	set(&h.UnhealthyThreshold, 2)

	problems := within(p.Port, 1, 65535, "port")
	problems = append(problems, within(*p.DeregistrationDelay, 0, 3600, "deregistrationDelay")...)
	problems = append(problems, within(h.Interval, 5, 300, "healthCheck", "interval")...)
	problems = append(problems, within(h.Timeout, 2, 120, "healthCheck", "timeout")...)
	problems = append(problems, within(h.HealthyThreshold, 2, 10, "healthCheck", "healthyThreshold")...)
	problems = append(problems, within(h.UnhealthyThreshold, 2, 10, "healthCheck", "unhealthyThreshold")...)
	if h.Timeout >= h.Interval {
		problems = append(problems,
			bad(fmt.Sprintf("must be shorter than the interval of %d s, but is %d s", h.Interval, h.Timeout),
				"healthCheck", "timeout"))
	}
	if h.Path[0] != '/' {
		problems = append(problems, bad("must begin with /", "healthCheck", "path"))
	}
	if h.Port != "traffic-port" {
		if n, err := strconv.Atoi(h.Port); err != nil || n < 1 || n > 65535 {
			problems = append(problems, bad(fmt.Sprintf("%q is neither a port nor traffic-port", h.Port), "healthCheck",
				"port"))
		}
	}
	if p.SlowStart != 0 {
		problems = append(problems, within(p.SlowStart, 30, 900, "slowStart")...)
	}
	if p.Stickiness != nil {
		set(&p.Stickiness.Duration, 86400)
		problems = append(problems, within(p.Stickiness.Duration, 1, 604800, "stickiness", "duration")...)
	}
	return problems
}

func matcher(p model.TargetGroup) *types.Matcher {
	if p.ProtocolVersion == "GRPC" {
		return &types.Matcher{GrpcCode: &p.HealthCheck.Matcher}
	}
	return &types.Matcher{HttpCode: &p.HealthCheck.Matcher}
}

func (g targetGroup) create(ctx context.Context, c targetGroupCall) (string, model.TargetGroupOutputs, error) {
	p, h := c.Props, c.Props.HealthCheck
	made, err := g.api.client.CreateTargetGroup(ctx, &elb.CreateTargetGroupInput{
		Name: &p.Name, Port: aws.Int32(int32(p.Port)), Protocol: types.ProtocolEnum(p.Protocol),
		ProtocolVersion: &p.ProtocolVersion,
		VpcId:           aws.String(p.VPCID.Get()), TargetType: types.TargetTypeEnum(p.TargetType),
		HealthCheckEnabled: aws.Bool(true), HealthCheckPath: &h.Path, HealthCheckPort: &h.Port,
		HealthCheckProtocol:        types.ProtocolEnum(h.Protocol),
		HealthCheckIntervalSeconds: aws.Int32(int32(h.Interval)),
		HealthCheckTimeoutSeconds:  aws.Int32(int32(h.Timeout)),
		HealthyThresholdCount:      aws.Int32(int32(h.HealthyThreshold)),
		UnhealthyThresholdCount:    aws.Int32(int32(h.UnhealthyThreshold)),
		Matcher:                    matcher(p), Tags: tagList(c.Request, p.Tags),
	})
	if err != nil {
		return "", model.TargetGroupOutputs{}, failed(err)
	}
	if len(made.TargetGroups) == 0 {
		return "", model.TargetGroupOutputs{},
			errors.New("elasticloadbalancing:CreateTargetGroup answered without a target group")
	}
	out := targetGroupOutputs(made.TargetGroups[0])
	if err := g.setAttributes(ctx, out.ARN, p); err != nil {
		p.DeregistrationDelay = nil // nobody knows its attributes: the next run sees a difference
		return out.ARN, out, &resource.Unfinished[model.TargetGroup, model.TargetGroupOutputs]{
			ID: out.ARN, Props: p, Out: out, Err: err,
		}
	}
	return out.ARN, out, nil
}

func targetGroupOutputs(g types.TargetGroup) model.TargetGroupOutputs {
	arn := aws.ToString(g.TargetGroupArn)
	return model.TargetGroupOutputs{ARN: arn, Name: aws.ToString(g.TargetGroupName), ARNSuffix: suffix(arn)}
}

// The attributes of a target group that we set.
const (
	deregistrationDelay = "deregistration_delay.timeout_seconds"
	slowStart           = "slow_start.duration_seconds"
	stickinessEnabled   = "stickiness.enabled"
	stickinessType      = "stickiness.type"
	stickinessDuration  = "stickiness.lb_cookie.duration_seconds"
)

func (g targetGroup) setAttributes(ctx context.Context, arn string, p model.TargetGroup) error {
	attributes := map[string]string{
		slowStart:         strconv.Itoa(p.SlowStart),
		stickinessEnabled: strconv.FormatBool(p.Stickiness != nil),
	}
	if p.DeregistrationDelay != nil {
		attributes[deregistrationDelay] = strconv.Itoa(*p.DeregistrationDelay)
	}
	if p.Stickiness != nil {
		attributes[stickinessType] = "lb_cookie"
		attributes[stickinessDuration] = strconv.Itoa(p.Stickiness.Duration)
	}
	_, err := g.api.client.ModifyTargetGroupAttributes(ctx, &elb.ModifyTargetGroupAttributesInput{
		TargetGroupArn: &arn,
		Attributes: tagging.List(attributes, func(a *types.TargetGroupAttribute) (key, text **string) {
			return &a.Key, &a.Value
		}),
	})
	return failed(err)
}

func (g targetGroup) readAttributes(ctx context.Context, arn string, p *model.TargetGroup) error {
	out, err := g.api.client.DescribeTargetGroupAttributes(ctx,
		&elb.DescribeTargetGroupAttributesInput{TargetGroupArn: &arn})
	if err != nil {
		return failed(err)
	}
	sticky, duration := false, 0
	for _, a := range out.Attributes {
		number := func(into *int) error {
			n, err := strconv.Atoi(aws.ToString(a.Value))
			*into = n
			return err
		}
		switch aws.ToString(a.Key) {
		case deregistrationDelay:
			p.DeregistrationDelay = new(int)
			err = number(p.DeregistrationDelay)
		case slowStart:
			err = number(&p.SlowStart)
		case stickinessEnabled:
			sticky = aws.ToString(a.Value) == "true"
		case stickinessDuration:
			err = number(&duration)
		}
		if err != nil {
			return failed(err)
		}
	}
	if sticky {
		p.Stickiness = &model.Stickiness{Duration: duration}
	}
	return nil
}

func (g targetGroup) describe(ctx context.Context, in *elb.DescribeTargetGroupsInput) (types.TargetGroup, error) {
	out, err := g.api.client.DescribeTargetGroups(ctx, in)
	if err != nil {
		return types.TargetGroup{}, failed(err)
	}
	if len(out.TargetGroups) == 0 {
		return types.TargetGroup{}, fmt.Errorf("elasticloadbalancing:DescribeTargetGroups: %w", resource.ErrNotFound)
	}
	return out.TargetGroups[0], nil
}

func (g targetGroup) find(ctx context.Context, c targetGroupCall) (string, map[string]string, error) {
	found, err := g.describe(ctx, &elb.DescribeTargetGroupsInput{Names: []string{c.Props.Name}})
	if err != nil {
		return "", nil, err
	}
	tags, err := g.api.tagsOf(ctx, *found.TargetGroupArn)
	return *found.TargetGroupArn, tags, err
}

func (g targetGroup) read(ctx context.Context, c targetGroupCall) (model.TargetGroup, model.TargetGroupOutputs, error) {
	var found types.TargetGroup
	var set model.TargetGroup
	var tags map[string]string
	err := sideBySide(ctx,
		func(ctx context.Context) (err error) {
			found, err = get(ctx, g.api.groups, c.ID)
			return err
		},
		func(ctx context.Context) error { return g.readAttributes(ctx, c.ID, &set) },
		func(ctx context.Context) (err error) {
			tags, err = get(ctx, g.api.tags, c.ID)
			return err
		},
	)
	if err != nil {
		return model.TargetGroup{}, model.TargetGroupOutputs{}, err
	}
	p := model.TargetGroup{
		Name: aws.ToString(found.TargetGroupName), Port: int(aws.ToInt32(found.Port)), Protocol: string(found.Protocol),
		ProtocolVersion: aws.ToString(found.ProtocolVersion), VPCID: value.Lit(aws.ToString(found.VpcId)),
		TargetType: string(found.TargetType),
		HealthCheck: model.HealthCheck{
			Path: aws.ToString(found.HealthCheckPath), Port: aws.ToString(found.HealthCheckPort),
			Protocol:           string(found.HealthCheckProtocol),
			Interval:           int(aws.ToInt32(found.HealthCheckIntervalSeconds)),
			Timeout:            int(aws.ToInt32(found.HealthCheckTimeoutSeconds)),
			HealthyThreshold:   int(aws.ToInt32(found.HealthyThresholdCount)),
			UnhealthyThreshold: int(aws.ToInt32(found.UnhealthyThresholdCount)),
		},
	}
	if m := found.Matcher; m != nil {
		p.HealthCheck.Matcher = aws.ToString(m.HttpCode) + aws.ToString(m.GrpcCode) // one of them is set
	}
	p.DeregistrationDelay, p.SlowStart, p.Stickiness = set.DeregistrationDelay, set.SlowStart, set.Stickiness
	p.Tags = tagging.Seen(c.Request, tags)
	return p, targetGroupOutputs(found), nil
}

func (g targetGroup) update(ctx context.Context, c targetGroupCall) (model.TargetGroupOutputs, error) {
	p, h := c.Props, c.Props.HealthCheck
	if c.Old.HealthCheck != h {
		_, err := g.api.client.ModifyTargetGroup(ctx, &elb.ModifyTargetGroupInput{
			TargetGroupArn: &c.ID, HealthCheckEnabled: aws.Bool(true), HealthCheckPath: &h.Path,
			HealthCheckPort:            &h.Port,
			HealthCheckProtocol:        types.ProtocolEnum(h.Protocol),
			HealthCheckIntervalSeconds: aws.Int32(int32(h.Interval)),
			HealthCheckTimeoutSeconds:  aws.Int32(int32(h.Timeout)),
			HealthyThresholdCount:      aws.Int32(int32(h.HealthyThreshold)),
			UnhealthyThresholdCount:    aws.Int32(int32(h.UnhealthyThreshold)),
			Matcher:                    matcher(p),
		})
		if err != nil {
			return c.Out, failed(err)
		}
	}
	if err := g.setAttributes(ctx, c.ID, p); err != nil {
		return c.Out, err
	}
	return c.Out, g.api.retag(ctx, c.Request, c.Old.Tags, p.Tags)
}

const removeForward = "a listener or rule that was created outside of deployer forwards to it: delete it"

// inTheWay finds listeners and rules that forward to the group but do not belong to the stack.
func (g targetGroup) inTheWay(
	ctx context.Context, c targetGroupCall, stack resource.Neighbours,
) ([]plan.Obstacle, error) {
	found, err := g.api.client.DescribeTargetGroups(ctx,
		&elb.DescribeTargetGroupsInput{TargetGroupArns: []string{c.ID}})
	if err != nil {
		return nil, failed(err)
	}
	var foreign []string
	for _, group := range found.TargetGroups {
		for _, balancer := range group.LoadBalancerArns {
			forwards, err := g.api.forwards(ctx, balancer, c.ID, stack.Going)
			if err != nil {
				return nil, err
			}
			for _, arn := range forwards {
				if !stack.Has(arn) {
					foreign = append(foreign, arn)
				}
			}
		}
	}
	if len(foreign) == 0 {
		return nil, nil
	}
	return []plan.Obstacle{{
		What: "listeners or rules that were created outside of deployer forward to the target group " + suffix(c.ID) +
			": " +
			strings.Join(foreign, ", "),
		Next: "delete these listeners or rules, or let them forward to another target group",
	}}, nil
}

// forwards returns the ARNs of a load balancer's listeners (for their default action) and rules that forward to a
// target group, except those that are deleted with their listener.
func (a *api) forwards(ctx context.Context, balancer, group string, going []string) ([]string, error) {
	var out []string
	to := func(actions []types.Action) bool {
		return slices.ContainsFunc(actions, func(action types.Action) bool {
			return aws.ToString(action.TargetGroupArn) == group || action.ForwardConfig != nil &&
				slices.ContainsFunc(action.ForwardConfig.TargetGroups,
					func(t types.TargetGroupTuple) bool { return aws.ToString(t.TargetGroupArn) == group })
		})
	}
	in := &elb.DescribeListenersInput{LoadBalancerArn: &balancer}
	for l, err := range call.Each(ctx, a.client.DescribeListeners, in, &in.Marker, listeners) {
		if err != nil {
			return nil, failed(err)
		}
		if slices.Contains(going, aws.ToString(l.ListenerArn)) {
			continue
		}
		if to(l.DefaultActions) {
			out = append(out, aws.ToString(l.ListenerArn))
		}
		in := &elb.DescribeRulesInput{ListenerArn: l.ListenerArn}
		for r, err := range call.Each(ctx, a.client.DescribeRules, in, &in.Marker, rules) {
			if err != nil {
				return nil, failed(err)
			}
			if !aws.ToBool(r.IsDefault) && to(r.Actions) {
				out = append(out, aws.ToString(r.RuleArn))
			}
		}
	}
	return out, nil
}

func (g targetGroup) delete(ctx context.Context, c targetGroupCall) error {
	var last error
	err := call.Wait(ctx, released, "target group "+suffix(c.ID)+" is in use by no listener",
		func(ctx context.Context) (bool, error) {
			_, err := g.api.client.DeleteTargetGroup(ctx, &elb.DeleteTargetGroupInput{TargetGroupArn: &c.ID})
			if call.HasCode(err, "ResourceInUse") {
				last = failed(err, advice{"ResourceInUse", removeForward})
				return false, nil
			}
			return err == nil, failed(err)
		})
	var answered *resource.OpError
	if err != nil && last != nil && ctx.Err() == nil && !errors.As(err, &answered) {
		return last // the wait is over: return the last refusal
	}
	return err
}

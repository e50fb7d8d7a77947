package elbv2

import (
	"context"
	"errors"
	"fmt"
	"maps"
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
	ruleCall = resource.Call[model.ListenerRule, model.ListenerRuleOutputs]
	rule     struct{ api *api }
)

// release is how long a rule waits for its target group while another rule still forwards to it.
var release = call.Pace{First: 500 * time.Millisecond, Longest: 3 * time.Second, Limit: 30 * time.Second}

func newListenerRule(api *api) resource.Behaviour {
	r := rule{api}
	return &waitingRule{activate: r.activate, Typed: &resource.Typed[model.ListenerRule, model.ListenerRuleOutputs]{
		Def: resource.Definition{
			Type: model.ListenerRuleType, Version: 2,
			ReplaceOn: []string{"listenerArn", "loadBalancer"}, FoundBy: []string{"listenerArn"},
			// AWS changes hosts and paths in place, but then nobody serves what the rule gives up until another rule
			// takes it.
			Replaces: func(old, desired value.Value) []string { return ruleOf(old).GivesUp(ruleOf(desired)) },
			Instead:  "the old rule serves its requests until all other changes are done",
			// The new target group gets requests before tasks are registered in it: ECS takes a target group only when
			// a rule forwards to it.
			Consequence: func(c resource.Change) plan.Consequence {
				target := func(v value.Value) value.Value { return v.Get("action", "forward", "targetGroupArn") }
				if slices.Contains(c.Changed, "action") && !target(c.Old).IsNull() &&
					!value.Equal(target(c.Old), target(c.Desired)) {
					return plan.Downtime
				}
				return plan.InPlace
			},
			Lasts:  resource.Always("until tasks are registered in the new target group"),
			NotYet: notYet,
			// A target group serves one load balancer only: if that is another one, the old rule must release the
			// target group first.
			DeleteBeforeReplace: true,
			Beside: func(old, desired value.Value) bool {
				return value.Equal(old.Get("loadBalancer"), desired.Get("loadBalancer"))
			},
			Upgrade: func(_ int, inputs, outputs value.Value) (value.Value, value.Value) {
				balancer := model.BalancerOf(inputs.Get("listenerArn").Str())
				return inputs.With("loadBalancer", value.NewString(balancer)), outputs
			},
			Permissions: func(s resource.Scope) []resource.Statement {
				listeners, rules := own(s, "listener/app/"), own(s, "listener-rule/app/")
				if balancer := s.Props.Get("loadBalancer").Str(); s.Props.Get("shared").Bool() {
					listeners = []string{s.ARN("elasticloadbalancing", "listener/"+balancer+"/*")}
					rules = []string{s.ARN("elasticloadbalancing", "listener-rule/"+balancer+"/*")}
				}
				return []resource.Statement{
					{On: listeners, Actions: []string{"elasticloadbalancing:CreateRule"}},
					{On: rules, Actions: append([]string{
						"elasticloadbalancing:ModifyRule", "elasticloadbalancing:DeleteRule",
						"elasticloadbalancing:SetRulePriorities",
					}, tagActions...)},
					{Actions: []string{"elasticloadbalancing:DescribeRules", "elasticloadbalancing:DescribeTags"}},
					{
						Actions: []string{
							"elasticloadbalancing:DescribeLoadBalancers",
							"elasticloadbalancing:DescribeListeners",
						},
						Why: forRecovery,
					},
				}
			},
		},
		CheckProps: checkRule, CreateObject: r.create, ReadObject: r.read, UpdateObject: r.update,
		DeleteObject: r.delete,
		Find:         r.find, Taggable: true,
		Marked: func(ctx context.Context, c ruleCall) ([]resource.Found, error) {
			arns, err := api.ownRules(ctx, c.Request)
			return api.withTags(ctx, arns, err)
		},
	}}
}

var ruleAdvice = []advice{
	{"TargetGroupAssociationLimit", "a target group can serve only one load balancer, and this one still " +
		"serves another"},
	{"TooManyRules", "AWS allows 100 rules per load balancer unless you request more (Service Quotas, Rules per " +
		"Application Load Balancer)"},
}

func (r rule) create(ctx context.Context, c ruleCall) (string, model.ListenerRuleOutputs, error) {
	var made *elb.CreateRuleOutput
	waiting := waits(c.Props, 0, c.Request)
	priority := 0
	err := r.whenReleased(ctx, c, func(ctx context.Context) error {
		rules, err := r.beside(ctx, c.Props, waiting)
		if err != nil {
			return err
		}
		if waiting {
			priority, err = free(rules, waitingFrom(c.Props, c.Request), model.Last)
		} else {
			priority, err = r.within(ctx, c, rules)
		}
		if err != nil {
			return err
		}
		made, err = r.api.client.CreateRule(ctx, &elb.CreateRuleInput{
			ListenerArn: aws.String(c.Props.ListenerARN.Get()), Priority: aws.Int32(int32(priority)),
			Conditions: conditions(c.Props), Actions: toAWS(c.Props.Action), Tags: tagList(c.Request, c.Props.Tags),
		})
		switch {
		case err == nil:
			if waiting {
				c.Progress("it waits at priority " + strconv.Itoa(priority) + " until all other changes are done")
				there := c.Props
				there.Priority = priority
				waitsAs(ctx, there)
			}
			return nil
		case call.HasCode(err, "PriorityInUse"):
			// This very rule may already have the waiting priority that was free a moment ago: the answer to the first
			// attempt was lost.
			if _, inUse := r.inUse(ctx, c, priority, failed(err)); inUse != nil &&
				(!waiting || errors.Is(inUse, resource.ErrExists)) {
				return inUse
			}
			waiting = true
			return fmt.Errorf("%w: %w", errAgain, failed(err))
		}
		return err
	})
	if err != nil {
		return "", model.ListenerRuleOutputs{}, err
	}
	if len(made.Rules) == 0 {
		return "", model.ListenerRuleOutputs{}, errors.New("elasticloadbalancing:CreateRule answered without a rule")
	}
	arn := aws.ToString(made.Rules[0].RuleArn)
	return arn, placed(c.Props, arn, priority), nil
}

// errAgain asks for another try.
var errAgain = errors.New("try again")

// whenReleased makes a call that needs the target group for itself. Another rule that the same apply is about to change
// may still use it, so the call is repeated for a while before it fails.
func (r rule) whenReleased(ctx context.Context, c ruleCall, do func(context.Context) error) error {
	var last error
	told := false
	err := call.Wait(ctx, release, "the target group to be released", func(ctx context.Context) (bool, error) {
		err := do(ctx)
		if err == nil {
			last = nil
			return true, nil
		}
		if ctx.Err() != nil {
			return false, nil // Wait says why; the last error says more
		}
		last = failed(err, ruleAdvice...)
		if errors.Is(err, errAgain) {
			return false, nil
		}
		if !call.HasCode(err, "TargetGroupAssociationLimit") {
			return false, last
		}
		if !told {
			told = true
			c.Progress("waiting until another rule of this stack is changed: " + last.Error())
		}
		return false, nil
	})
	if err != nil && last != nil && ctx.Err() == nil {
		return last
	}
	return err
}

// inUse returns our rule that has a priority, "" if the priority is free by now. A rule of somebody else is an error.
// So is a rule of this component that is not in the state: Typed adopts it.
func (r rule) inUse(ctx context.Context, c ruleCall, priority int, err error) (string, error) {
	rules, findErr := r.listed(ctx, c.Props.ListenerARN.Get())
	if findErr != nil {
		return "", errors.Join(err, findErr)
	}
	i := slices.IndexFunc(rules, func(found types.Rule) bool { return priorityOf(found) == priority })
	if i < 0 {
		return "", nil
	}
	holder := aws.ToString(rules[i].RuleArn)
	if holder == c.ID {
		return holder, nil
	}
	known := c.InState != nil && c.InState(holder)
	tags, findErr := r.api.tagsOf(ctx, holder)
	switch {
	case errors.Is(findErr, resource.ErrNotFound):
		return "", nil
	case findErr != nil:
		return "", errors.Join(err, findErr)
	case c.ID == "" && !known && c.Owns(tags):
		return "", err // ErrExists: Typed adopts it
	case c.ID == "" && known && tags[resource.TagResource] == c.Resource && c.Owns(tags): // it cannot be made twice
	case known || sameStack(c, tags):
		return holder, nil
	}
	out := &resource.OpError{
		Operation: "elasticloadbalancing", Code: "PriorityInUse",
		Err: &resource.OwnedError{
			Type: model.ListenerRuleType, Name: "priority " + strconv.Itoa(priority),
			Tags: tags,
		},
		Next: fmt.Sprintf("choose a free ingress.priority from %d to %d, or delete that rule", model.ExplicitMin,
			model.ExplicitMax),
	}
	var op *resource.OpError
	if errors.As(err, &op) {
		out.Operation, out.RequestID = op.Operation, op.RequestID
	}
	out.Message = out.Err.Error() + ", rule " + holder
	return "", out
}

// sameStack reports whether an object with those tags was made by a run of this stack, for any component.
func sameStack(c ruleCall, tags map[string]string) bool {
	as := c.Request
	as.Before, as.Tags = "", maps.Clone(c.Tags)
	if as.Tags == nil || tags[resource.TagComponent] == "" {
		return false
	}
	as.Tags[resource.TagComponent] = tags[resource.TagComponent]
	return as.Owns(tags)
}

// listed returns all rules of a listener.
func (r rule) listed(ctx context.Context, listener string) ([]types.Rule, error) {
	in := &elb.DescribeRulesInput{ListenerArn: &listener}
	rules, err := call.All(ctx, r.api.client.DescribeRules, in, &in.Marker, rules)
	return rules, failed(err)
}

// find looks among our rules for the one with the wanted priority, else for one that matches the same requests: an
// interrupted run may have made it with another priority. Create reports any other owner of the priority. If that run
// did not know the listener yet, the right rule is the one whose tags name the resource.
func (r rule) find(ctx context.Context, c ruleCall) (string, map[string]string, error) {
	rules, err := r.listed(ctx, c.Props.ListenerARN.Get())
	if err != nil {
		return "", nil, err
	}
	var alike []string
	for _, found := range rules {
		arn := aws.ToString(found.RuleArn)
		known := c.InState != nil && c.InState(arn)
		switch hosts, paths := conditionsOf(found); {
		case known && arn != c.ID: // another resource's; this rule may be about to follow it
		case priorityOf(found) == c.Props.Priority:
			alike = slices.Insert(alike, 0, arn)
		case slices.Equal(hosts, c.Props.Hosts) && slices.Equal(paths, c.Props.Paths) && arn != c.ID:
			alike = append(alike, arn)
		}
	}
	for _, arn := range alike {
		tags, err := r.api.tagsOf(ctx, arn)
		if err != nil {
			return "", nil, err
		}
		if c.Owns(tags) {
			return arn, tags, nil
		}
	}
	return "", nil, fmt.Errorf("no rule of priority %d: %w", c.Props.Priority, resource.ErrNotFound)
}

func (r rule) read(ctx context.Context, c ruleCall) (model.ListenerRule, model.ListenerRuleOutputs, error) {
	var found types.Rule
	var tags map[string]string
	err := sideBySide(ctx,
		func(ctx context.Context) (err error) {
			found, err = get(ctx, r.api.rules, c.ID)
			return err
		},
		func(ctx context.Context) (err error) {
			tags, err = get(ctx, r.api.tags, c.ID)
			return err
		},
	)
	if err != nil {
		return model.ListenerRule{}, model.ListenerRuleOutputs{}, err
	}
	p := model.ListenerRule{ListenerARN: value.Lit(listenerOf(c.ID)), LoadBalancer: value.Lit(model.BalancerOf(c.ID))}
	if p.Priority, err = strconv.Atoi(aws.ToString(found.Priority)); err != nil {
		return p, model.ListenerRuleOutputs{}, failed(err)
	}
	p.Hosts, p.Paths = conditionsOf(found)
	if p.Action, err = fromAWS(found.Actions); err != nil {
		return p, model.ListenerRuleOutputs{}, failed(err)
	}
	p.Shared = c.Old.Shared || c.Props.Shared
	out := placed(p, c.ID, p.Priority)
	if p.Shared && c.Out.Placed == p.Priority {
		p.Priority = c.Old.Priority // where it is because a rule of somebody else has its priority
	}
	p.Tags = tagging.Seen(c.Request, tags)
	return p, out, nil
}

// listenerOf returns the listener's ARN, which a rule's ARN contains.
func listenerOf(ruleARN string) string {
	arn := strings.Replace(ruleARN, ":listener-rule/", ":listener/", 1)
	if i := strings.LastIndex(arn, "/"); i >= 0 {
		arn = arn[:i]
	}
	return arn
}

func (r rule) update(ctx context.Context, c ruleCall) (model.ListenerRuleOutputs, error) {
	is := c.Props
	later := c.Others != nil && is.Action.Forward != nil && !sameRequests(c.Old, is)
	if later {
		// This rule's targets may not be healthy for its new requests yet.
		is.Hosts, is.Paths = c.Old.Hosts, c.Old.Paths
	}
	if !sameRequests(c.Old, is) || !value.Equal(value.Encode(c.Old.Action), value.Encode(is.Action)) {
		if err := r.modify(ctx, c, is); err != nil {
			return c.Out, err
		}
	}
	switch {
	case later:
		waitsAs(ctx, c.Old)
	case c.Old.Priority != c.Props.Priority:
		if err := r.moveUp(ctx, &c); err != nil {
			return c.Out, err
		}
	}
	return c.Out, r.api.retag(ctx, c.Request, c.Old.Tags, c.Props.Tags)
}

func sameRequests(a, b model.ListenerRule) bool {
	return slices.Equal(a.Hosts, b.Hosts) && slices.Equal(a.Paths, b.Paths)
}

// modify sets the requests and the action of a rule.
func (r rule) modify(ctx context.Context, c ruleCall, to model.ListenerRule) error {
	return r.whenReleased(ctx, c, func(ctx context.Context) error {
		_, err := r.api.client.ModifyRule(ctx,
			&elb.ModifyRuleInput{RuleArn: &c.ID, Conditions: conditions(to), Actions: toAWS(to.Action)})
		return err
	})
}

// moveUp gives a rule its new priority. It leaves the rule where it is until Activate if the rule would take requests,
// or if another rule of ours has that priority and may be about to move itself.
func (r rule) moveUp(ctx context.Context, c *ruleCall) error {
	if waits(c.Props, c.Old.Priority, c.Request) {
		waitsAs(ctx, c.Old)
		return nil
	}
	rules, err := r.beside(ctx, c.Props, false)
	if err != nil {
		return err
	}
	priority, err := r.within(ctx, *c, rules)
	if err != nil {
		return err
	}
	c.Out = placed(c.Props, c.ID, priority)
	err = r.setPriority(ctx, c.ID, priority)
	if !call.HasCode(err, "PriorityInUse") {
		return failed(err, ruleAdvice...)
	}
	holder, err := r.inUse(ctx, *c, priority, failed(err))
	if err == nil && holder != c.ID {
		waitsAs(ctx, c.Old)
	}
	return err
}

func (r rule) delete(ctx context.Context, c ruleCall) error {
	_, err := r.api.client.DeleteRule(ctx, &elb.DeleteRuleInput{RuleArn: &c.ID})
	return failed(err)
}

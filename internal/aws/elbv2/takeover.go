package elbv2

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/elbv2"
	"github.com/company/deployer/internal/value"
)

// settlingRule is a rule that waits behind the rules that have its requests until the run has made everything, the service above all. ECS
// takes a target group only when a rule forwards to it, so the rule has to be there before there is a healthy target.
type settlingRule struct {
	*resource.Typed[model.ListenerRule, model.ListenerRuleOutputs]
	api rule
}

var _ resource.Settler = (*settlingRule)(nil)

// Create implements resource.Behaviour. The state is to say where a rule that waits really is.
func (s *settlingRule) Create(ctx context.Context, req resource.Request) (resource.State, error) {
	state, err := s.Typed.Create(ctx, req)
	if err != nil || !waits(ruleOf(req.Inputs), 0, req) {
		return state, err
	}
	is, found, err := s.Read(ctx, resource.Request{ID: state.ID, Resource: req.Resource, Type: req.Type, Tags: req.Tags, Progress: req.Progress})
	if err != nil || !found {
		// It exists. Without its real priority the state takes it for one that waits at the end.
		state.Inputs = state.Inputs.With("priority", value.NewInt(model.WaitingMin))
		return state, nil
	}
	state.Inputs = state.Inputs.With("priority", is.Inputs.Get("priority"))
	return state, nil
}

// Update implements resource.Behaviour.
func (s *settlingRule) Update(ctx context.Context, req resource.Request) (resource.State, error) {
	state, err := s.Typed.Update(ctx, req)
	if was := ruleOf(req.Old.Inputs); err == nil && waits(ruleOf(req.Inputs), was.Priority, req) {
		state.Inputs = state.Inputs.With("priority", value.NewInt(was.Priority))
	}
	return state, err
}

// Settle implements resource.Settler. First the rules that go make way, to places behind: from then on this rule takes the requests. Then it
// takes its own priority, which is free now. At no time there is no rule for the requests.
func (s *settlingRule) Settle(ctx context.Context, req resource.Request) (resource.State, error) {
	wanted := ruleOf(req.Inputs)
	rules, err := s.api.listed(ctx, wanted.ListenerARN.Get())
	if err != nil {
		return resource.State{}, err
	}
	at := slices.IndexFunc(rules, func(r types.Rule) bool { return aws.ToString(r.RuleArn) == req.ID })
	if at < 0 {
		return resource.State{}, fmt.Errorf("rule %s: %w", req.ID, resource.ErrNotFound)
	}
	behind := max(priorityOf(rules[at]), wanted.Priority)
	for _, rival := range rivals(wanted, req.Others()) {
		i := slices.IndexFunc(rules, func(r types.Rule) bool { return aws.ToString(r.RuleArn) == rival.State.ID })
		if i < 0 || !rival.Going || priorityOf(rules[i]) > behind {
			continue
		}
		to, err := free(rules, behind+1, model.Last)
		if err != nil {
			return resource.State{}, err
		}
		if err := s.api.place(ctx, rival.State.ID, to); err != nil {
			return resource.State{}, err
		}
		rules[i].Priority = aws.String(strconv.Itoa(to))
		req.Progress("the requests of " + resource.ComponentOf(rival.Resource) + " go to " + resource.ComponentOf(req.Resource) + " now")
	}
	if priorityOf(rules[at]) != wanted.Priority {
		c := ruleCall{Request: req, Props: wanted}
		err := s.api.withRoom(ctx, c, "SetRulePriorities", func(ctx context.Context) error { return s.api.setPriority(ctx, req.ID, wanted.Priority) })
		if err != nil {
			return resource.State{}, err
		}
	}
	return resource.State{ID: req.ID, Inputs: req.Inputs, Outputs: req.Old.Outputs}, nil
}

// Overtakes implements resource.Settler.
func (s *settlingRule) Overtakes(inputs, old value.Value, others []resource.Other) string {
	wanted := ruleOf(inputs)
	var from []string
	for _, r := range rivals(wanted, others) {
		was := ruleOf(old)
		if old.IsNull() || overtakes(wanted.Priority, was.Priority, r) {
			from = append(from, resource.ComponentOf(r.Resource))
		}
	}
	if len(from) == 0 {
		return ""
	}
	return "takes " + requests(wanted) + " over from " + strings.Join(slices.Compact(from), ", ") + " when the targets are healthy"
}

func requests(r model.ListenerRule) string {
	return strings.TrimSuffix(strings.Join(r.Hosts, ", ")+" "+strings.Join(r.Paths, ", "), " ")
}

func ruleOf(inputs value.Value) model.ListenerRule {
	var r model.ListenerRule
	value.Decode(inputs, &r)
	return r
}

// rivals are the rules that send requests of a rule to their targets today. A rule without targets, a redirect, needs not wait for any.
func rivals(wanted model.ListenerRule, others []resource.Other) []resource.Other {
	if wanted.Action.Forward == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(others), func(o resource.Other) bool {
		other := ruleOf(o.State.Inputs)
		return !wanted.Overlaps(other) || other.Action.Forward == nil
	})
}

// overtakes reports whether a rule takes requests from a rival that comes before it today; now is 0 for a rule that is not there yet.
func overtakes(wanted, now int, rival resource.Other) bool {
	p := ruleOf(rival.State.Inputs).Priority
	return rival.Going || wanted < p && (now == 0 || now > p)
}

// waits reports whether a rule may not take its priority before everything else is done.
func waits(wanted model.ListenerRule, now int, req resource.Request) bool {
	if req.Others == nil || now == wanted.Priority {
		return false
	}
	return slices.ContainsFunc(rivals(wanted, req.Others()), func(r resource.Other) bool { return overtakes(wanted.Priority, now, r) })
}

// waitingFrom is the first priority behind all rivals.
func waitingFrom(wanted model.ListenerRule, req resource.Request) int {
	from := model.WaitingMin
	for _, r := range rivals(wanted, req.Others()) {
		from = max(from, ruleOf(r.State.Inputs).Priority+1)
	}
	return from
}

// free returns the first priority of a range that no rule has.
func free(rules []types.Rule, from, to int) (int, error) {
	for p := from; p <= to; p++ {
		if !slices.ContainsFunc(rules, func(r types.Rule) bool { return priorityOf(r) == p }) {
			return p, nil
		}
	}
	return 0, &resource.OpError{
		Operation: "elasticloadbalancing:SetRulePriorities", Message: fmt.Sprintf("no priority from %d to %d is free on the listener", from, to),
		Next: "remove rules from the listener, or give them lower priorities", Err: errors.New("no free priority"),
	}
}

// priorityOf returns the priority of a rule, 0 of the default rule.
func priorityOf(r types.Rule) int {
	p, _ := strconv.Atoi(aws.ToString(r.Priority))
	return p
}

func (r rule) setPriority(ctx context.Context, arn string, priority int) error {
	_, err := r.api().ruleCalls.setPriorities(ctx, &elb.SetRulePrioritiesInput{
		RulePriorities: []types.RulePriorityPair{{RuleArn: &arn, Priority: aws.Int32(int32(priority))}},
	})
	return err
}

func (r rule) place(ctx context.Context, arn string, priority int) error {
	return failed("SetRulePriorities", r.setPriority(ctx, arn, priority))
}

// aside moves the rule that has the wanted priority to a place at the end, if the same run gives that rule another priority or deletes it. Two
// rules that swap their priorities would wait for each other for ever.
func (r rule) aside(ctx context.Context, c ruleCall) (bool, error) {
	if c.Others == nil {
		return false, nil
	}
	r.placing.Lock()
	defer r.placing.Unlock()
	rules, err := r.listed(ctx, c.Props.ListenerARN.Get())
	if err != nil {
		return false, err
	}
	for _, found := range rules {
		arn := aws.ToString(found.RuleArn)
		if priorityOf(found) != c.Props.Priority || !slices.ContainsFunc(c.Others(), func(o resource.Other) bool {
			return o.State.ID == arn && (o.Wanted || o.Going)
		}) {
			continue
		}
		to, err := free(rules, model.WaitingMax+1, model.Last)
		if err != nil {
			return false, err
		}
		c.Progress("moves the rule that has priority " + strconv.Itoa(c.Props.Priority) + " out of the way")
		return true, r.place(ctx, arn, to)
	}
	return false, nil
}

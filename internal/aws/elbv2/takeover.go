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

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/elbv2"
	"github.com/company/deployer/internal/value"
)

// waitingRule is a rule that waits behind the rules that have its requests, until the run has made everything else,
// above all the service. ECS accepts a target group only if a rule forwards to it, so the rule must exist before there
// is a healthy target.
type waitingRule struct {
	*resource.Typed[model.ListenerRule, model.ListenerRuleOutputs]
	// a rule here would keep the SDK's whole client linked
	activate func(context.Context, resource.Request) (resource.State, error)
}

var _ resource.Activator = (*waitingRule)(nil)

// Create implements resource.Behaviour. The state must have the real priority of a waiting rule.
func (s *waitingRule) Create(ctx context.Context, req resource.Request) (resource.State, error) {
	ctx, as := noting(ctx)
	state, err := s.Typed.Create(ctx, req)
	return recorded(state, *as), err
}

// Update implements resource.Behaviour.
func (s *waitingRule) Update(ctx context.Context, req resource.Request) (resource.State, error) {
	ctx, as := noting(ctx)
	state, err := s.Typed.Update(ctx, req)
	return recorded(state, *as), err
}

type waitingKey struct{}

// noting returns a context in which waitsAs records the properties of a waiting rule; nil: the rule does not wait.
func noting(ctx context.Context) (context.Context, **model.ListenerRule) {
	as := new(*model.ListenerRule)
	return context.WithValue(ctx, waitingKey{}, as), as
}

func waitsAs(ctx context.Context, is model.ListenerRule) {
	if as, ok := ctx.Value(waitingKey{}).(**model.ListenerRule); ok {
		*as = &is
	}
}

func recorded(state resource.State, as *model.ListenerRule) resource.State {
	if as != nil && !state.Inputs.IsNull() {
		is := ruleOf(state.Inputs)
		is.Priority, is.Hosts, is.Paths = as.Priority, as.Hosts, as.Paths
		state.Inputs = value.Encode(is)
	}
	return state
}

// Activate implements resource.Activator. First the rule takes its own priority. Then the rules to be deleted that
// still come before it move behind it: from then on it gets the requests. At every moment a rule matches.
func (s *waitingRule) Activate(ctx context.Context, req resource.Request) (resource.State, error) {
	return s.activate(ctx, req)
}

func (r rule) activate(ctx context.Context, req resource.Request) (resource.State, error) {
	wanted := ruleOf(req.Inputs)
	rules, err := r.listed(ctx, wanted.ListenerARN.Get())
	if err != nil {
		return resource.State{}, err
	}
	at := slices.IndexFunc(rules, func(r types.Rule) bool { return aws.ToString(r.RuleArn) == req.ID })
	if at < 0 {
		return resource.State{}, fmt.Errorf("rule %s: %w", req.ID, resource.ErrNotFound)
	}
	c := ruleCall{Request: req, Props: wanted}
	is := model.ListenerRule{}
	if is.Hosts, is.Paths = conditionsOf(rules[at]); !sameRequests(is, wanted) {
		if err := r.modify(ctx, c, wanted); err != nil {
			return resource.State{}, err
		}
	}
	place, err := r.within(ctx, c, rules)
	if err != nil {
		return resource.State{}, err
	}
	if priorityOf(rules[at]) != place {
		if err := r.takePlace(ctx, c, rules, place); err != nil {
			return resource.State{}, err
		}
		rules[at].Priority = aws.String(strconv.Itoa(place))
	}
	for _, rival := range rivals(wanted, others(req)) {
		i := slices.IndexFunc(rules, func(r types.Rule) bool { return aws.ToString(r.RuleArn) == rival.State.ID })
		if i < 0 || !rival.Going || priorityOf(rules[i]) > place {
			continue
		}
		to, err := free(rules, place+1, model.Last)
		if err != nil {
			return resource.State{}, err
		}
		if err := r.displace(ctx, req, rival.State.ID, to); err != nil {
			return resource.State{}, err
		}
		rules[i].Priority = aws.String(strconv.Itoa(to))
		if from := resource.ComponentOf(rival.Resource); from != resource.ComponentOf(req.Resource) {
			req.Progress("the requests of " + from + " go to " + resource.ComponentOf(req.Resource) + " now")
		}
	}
	return resource.State{ID: req.ID, Inputs: req.Inputs, Outputs: value.Encode(placed(wanted, req.ID, place))}, nil
}

// beside returns the rules of the listener, where a rule needs to know them: to wait behind them, or to keep out of the
// way of somebody else's.
func (r rule) beside(ctx context.Context, wanted model.ListenerRule, waits bool) ([]types.Rule, error) {
	if !waits && !wanted.Shared {
		return nil, nil
	}
	return r.listed(ctx, wanted.ListenerARN.Get())
}

// within returns the priority that a rule takes: its own, or the next one on a listener where a rule of somebody else
// has that. A priority that a user chose stays.
func (r rule) within(ctx context.Context, c ruleCall, rules []types.Rule) (int, error) {
	wanted := c.Props.Priority
	if !c.Props.Shared || wanted <= model.ExplicitMax {
		return wanted, nil
	}
	others := slices.DeleteFunc(slices.Clone(rules), func(found types.Rule) bool {
		return aws.ToString(found.RuleArn) == c.ID
	})
	at := slices.IndexFunc(others, func(found types.Rule) bool { return priorityOf(found) == wanted })
	if at < 0 {
		return wanted, nil
	}
	holder := aws.ToString(others[at].RuleArn)
	if c.InState != nil && c.InState(holder) {
		return wanted, nil
	}
	tags, err := r.api.tagsOf(ctx, holder)
	switch {
	case errors.Is(err, resource.ErrNotFound):
		return wanted, nil
	case err != nil:
		return 0, err
	case sameStack(c, tags):
		return wanted, nil
	}
	place, err := free(others, wanted+1, model.WaitingMin-1)
	if err == nil {
		c.Progress(fmt.Sprintf("a rule that deployer did not make has priority %d: it takes %d", wanted, place))
	}
	return place, err
}

// placed are the outputs of a rule with that priority.
func placed(p model.ListenerRule, arn string, priority int) model.ListenerRuleOutputs {
	out := model.ListenerRuleOutputs{ARN: arn}
	if p.Shared {
		out.Placed = priority
	}
	return out
}

// takePlace gives a rule its priority. If another rule of ours has it, that rule moves to the next free priority behind
// it: the order of all other rules stays, and so does who gets which requests. The moved rule takes its own priority
// later in the run, unless this run does not change it.
func (r rule) takePlace(ctx context.Context, c ruleCall, rules []types.Rule, place int) error {
	err := r.setPriority(ctx, c.ID, place)
	if !call.HasCode(err, "PriorityInUse") {
		return failed(err, ruleAdvice...)
	}
	holder, err := r.inUse(ctx, c, place, failed(err))
	if err != nil || holder == c.ID {
		return err
	}
	if holder != "" {
		to, err := free(rules, place+1, model.Last)
		if err != nil {
			return err
		}
		c.Progress(fmt.Sprintf("another rule of this stack has priority %d: it moves to %d", place, to))
		if err := r.displace(ctx, c.Request, holder, to); err != nil {
			return err
		}
		if i := slices.IndexFunc(rules, func(r types.Rule) bool { return aws.ToString(r.RuleArn) == holder }); i >= 0 {
			rules[i].Priority = aws.String(strconv.Itoa(to))
		}
	}
	return r.place(ctx, c.ID, place)
}

// Overtakes implements resource.Activator.
func (s *waitingRule) Overtakes(inputs, old value.Value, others []resource.Other) string {
	wanted := ruleOf(inputs)
	var from []string
	was := ruleOf(old)
	for _, r := range rivals(wanted, others) {
		now := was.Priority
		if !was.Overlaps(ruleOf(r.State.Inputs)) {
			now = 0 // it had other requests, so its priority among these rules is new
		}
		if overtakes(wanted.Priority, now, r) {
			from = append(from, resource.ComponentOf(r.Resource))
		}
	}
	if len(from) == 0 {
		return ""
	}
	slices.Sort(from)
	text := "takes " + requests(wanted) + " over from " + strings.Join(slices.Compact(from), ", ")
	if wanted.Action.Forward == nil {
		return text + " when everything else is done"
	}
	return text + " when the targets are healthy"
}

// Turn implements resource.Activator. Rules that come first on the listener become active first: after each step, the
// requests of the rules so far are where they belong. Redirects come last: what they lead to must be there.
func (s *waitingRule) Turn(inputs value.Value) int {
	rule := ruleOf(inputs)
	if rule.Action.Forward == nil {
		return model.Last + rule.Priority
	}
	return rule.Priority
}

func requests(r model.ListenerRule) string {
	return strings.TrimSuffix(strings.Join(r.Hosts, ", ")+" "+strings.Join(r.Paths, ", "), " ")
}

func ruleOf(inputs value.Value) model.ListenerRule {
	var r model.ListenerRule
	value.Decode(inputs, &r)
	return r
}

func others(req resource.Request) []resource.Other {
	if req.Others == nil {
		return nil
	}
	return req.Others()
}

// rivals are the rules that have a rule's requests today, with targets or with a redirect.
func rivals(wanted model.ListenerRule, others []resource.Other) []resource.Other {
	return slices.DeleteFunc(slices.Clone(others), func(o resource.Other) bool {
		return !wanted.Overlaps(ruleOf(o.State.Inputs))
	})
}

// overtakes reports whether a rule takes requests from a rival that has them today; now is 0 for a rule that does not
// exist yet.
func overtakes(wanted, now int, rival resource.Other) bool {
	p := ruleOf(rival.State.Inputs).Priority
	if rival.Going {
		return now == 0 || p <= max(wanted, now)
	}
	return wanted <= p && (now == 0 || now > p)
}

// waits reports whether a rule may take its priority only after everything else is done.
func waits(wanted model.ListenerRule, now int, req resource.Request) bool {
	if now == wanted.Priority {
		return false
	}
	return slices.ContainsFunc(rivals(wanted, others(req)), func(r resource.Other) bool {
		return overtakes(wanted.Priority, now, r)
	})
}

// waitingFrom is the first priority behind all rivals.
func waitingFrom(wanted model.ListenerRule, req resource.Request) int {
	from := model.WaitingMin
	for _, r := range rivals(wanted, others(req)) {
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
		Operation: "elasticloadbalancing:SetRulePriorities",
		Message:   fmt.Sprintf("no priority from %d to %d is free on the listener", from, to),
		Next:      "delete rules of the listener, or give them lower priorities", Err: errors.New("no free priority"),
	}
}

// priorityOf returns the priority of a rule, 0 for the default rule.
func priorityOf(r types.Rule) int {
	p, _ := strconv.Atoi(aws.ToString(r.Priority))
	return p
}

func (r rule) setPriority(ctx context.Context, arn string, priority int) error {
	_, err := r.api.client.SetRulePriorities(ctx, &elb.SetRulePrioritiesInput{
		RulePriorities: []types.RulePriorityPair{{RuleArn: &arn, Priority: aws.Int32(int32(priority))}},
	})
	return err
}

func (r rule) place(ctx context.Context, arn string, priority int) error {
	return failed(r.setPriority(ctx, arn, priority))
}

// displace gives another rule a priority, and lets the state say where that rule is.
func (r rule) displace(ctx context.Context, req resource.Request, arn string, priority int) error {
	do := func() error { return r.place(ctx, arn, priority) }
	if req.Displace == nil {
		return do()
	}
	return req.Displace(arn, value.NewMap(map[string]value.Value{"priority": value.NewInt(priority)}), do)
}

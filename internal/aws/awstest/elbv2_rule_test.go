package awstest

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/company/deployer/e2e/testkit/proxy"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/elbv2"
	"github.com/company/deployer/internal/testkit/resourcetest"
	"github.com/company/deployer/internal/value"
)

func TestListenerRule(t *testing.T) {
	b := startBalancing(t)
	balancer := b.balancer(t, "rule-suite")
	listener, other := b.listener(t, balancer, 80), b.listener(t, balancer, 81)
	target := model.To(value.NewString(b.targetGroup(t, "rule-suite")))
	props := model.ListenerRule{
		ListenerARN: value.Lit(listener), Priority: 1200, Hosts: []string{"Shop.example.com", "a.example.com"},
		Paths:  []string{"/api", "/api/*"},
		Action: target, Tags: map[string]string{"a": "1"},
	}
	changed := model.ListenerRule{
		ListenerARN: value.Lit(listener), Priority: 1200, Paths: []string{"/api", "/api/*", "/v2"},
		Action: target, Tags: map[string]string{"b": "1"},
	}
	elsewhere := props
	elsewhere.ListenerARN = value.Lit(other)
	resourcetest.Run(t, resourcetest.Case{
		Behaviour: b.behaviour(t, model.ListenerRuleType), Props: props, Update: changed, Replace: elsewhere,
		Foreign: func(ctx context.Context, t *testing.T, _ resource.State) func() {
			arn := b.rule(t, listener, 1200, nil)
			return func() {
				_, err := b.client.DeleteRule(ctx, &elb.DeleteRuleInput{RuleArn: &arn})
				require.NoError(t, err)
			}
		},
		LoseAnswer: b.LoseAnswer, Actions: b.Actions,
		Unused: map[string]string{
			"elasticloadbalancing:SetRulePriorities": "a changed priority",
			"elasticloadbalancing:DescribeLoadBalancers": "a listener that is not known: " +
				"TestLocateOnAnUnknownLoadBalancer",
			"elasticloadbalancing:DescribeListeners": "the same",
		},
	})
}

func TestListenerRuleMoves(t *testing.T) {
	b := startBalancing(t)
	r := b.behaviour(t, model.ListenerRuleType)
	listener := b.listener(t, b.balancer(t, "rule-moves"), 80)
	props := model.ListenerRule{
		ListenerARN: value.Lit(listener), Priority: 2000, Hosts: []string{"a.example.com"},
		Action: model.ToHTTPS(),
	}
	req := request(model.ListenerRuleType)
	req.Inputs, _ = r.Check(value.Encode(props))
	req.Tags = resourcetest.Tags("moves")
	made, err := r.Create(t.Context(), req)
	require.NoError(t, err)

	// An interrupted run made the rule with another priority: the same conditions identify it.
	props.Priority = 2001
	req.Inputs, _ = r.Check(value.Encode(props))
	req.Adopt = true
	adopted, err := r.Create(t.Context(), req)
	require.NoError(t, err)
	require.Equal(t, made.ID, adopted.ID)

	// The update is in place, also after the answer to the same update was lost.
	req.ID, req.Old = made.ID, made
	for range 2 {
		_, err = r.Update(t.Context(), req)
		require.NoError(t, err)
	}
	out, err := b.client.DescribeRules(t.Context(), &elb.DescribeRulesInput{RuleArns: []string{made.ID}})
	require.NoError(t, err)
	require.Equal(t, "2001", *out.Rules[0].Priority)
	require.Subset(t, r.Definition().Actions(), b.Actions())
}

func (b *balancing) rule(t *testing.T, listener string, priority int32, tags map[string]string) string {
	t.Helper()
	in := &elb.CreateRuleInput{
		ListenerArn: &listener, Priority: &priority,
		Conditions: []types.RuleCondition{{Field: aws.String("path-pattern"), Values: []string{"/held"}}},
		Actions:    b.listenerInput("", 0).DefaultActions,
	}
	for key, text := range tags {
		in.Tags = append(in.Tags, types.Tag{Key: &key, Value: &text})
	}
	out, err := b.client.CreateRule(t.Context(), in)
	require.NoError(t, err)
	return *out.Rules[0].RuleArn
}

// TestListenerRuleBesideStrangers: on the listener of somebody else, a rule whose priority is taken has the next one.
func TestListenerRuleBesideStrangers(t *testing.T) {
	b := startBalancing(t)
	r := b.behaviour(t, model.ListenerRuleType)
	listener := b.listener(t, b.balancer(t, "shared"), 80)
	b.rule(t, listener, 2000, map[string]string{"made-by": "hand"})
	b.rule(t, listener, 2001, map[string]string{"made-by": "hand"})
	b.rule(t, listener, 100, map[string]string{"made-by": "hand"})
	wanted := func(priority int) resource.Request {
		req := request(model.ListenerRuleType)
		req.Inputs, _ = r.Check(value.Encode(model.ListenerRule{
			ListenerARN: value.Lit(listener), Priority: priority, Paths: []string{"/x"}, Action: model.ToHTTPS(),
			Shared: true,
		}))
		req.Tags = resourcetest.Tags("mine")
		return req
	}
	made, err := r.Create(t.Context(), wanted(2000))
	require.NoError(t, err)
	require.Equal(t, 2002, b.priority(t, made.ID))
	require.Equal(t, 2000, atPriority(made), "the state has what is wanted")
	same := func(state resource.State) {
		t.Helper()
		req := request(model.ListenerRuleType)
		req.ID, req.Old, req.Tags = state.ID, state, resourcetest.Tags("mine")
		now, found, err := r.Read(t.Context(), req)
		require.NoError(t, err)
		require.True(t, found)
		require.True(t, value.Equal(state.Inputs, now.Inputs), "no difference: %s", now.Inputs)
	}
	same(made)

	// Another priority, which is taken, too; then one that is free.
	b.rule(t, listener, 3000, nil)
	move := func(to int) {
		req := wanted(to)
		req.ID, req.Old = made.ID, made
		made, err = r.Update(t.Context(), req)
		require.NoError(t, err)
		same(made)
	}
	move(3000)
	require.Equal(t, 3001, b.priority(t, made.ID))
	move(4000)
	require.Equal(t, 4000, b.priority(t, made.ID))

	// Somebody moves it by hand: that is a difference.
	_, err = b.client.SetRulePriorities(t.Context(), &elb.SetRulePrioritiesInput{
		RulePriorities: []types.RulePriorityPair{{RuleArn: &made.ID, Priority: aws.Int32(4004)}},
	})
	require.NoError(t, err)
	req := request(model.ListenerRuleType)
	req.ID, req.Old = made.ID, made
	now, _, err := r.Read(t.Context(), req)
	require.NoError(t, err)
	require.Equal(t, 4004, atPriority(now))

	// A priority that a user chose is not replaced by another one.
	_, err = r.Create(t.Context(), wanted(100))
	wantNext(t, err, "ingress.priority from 1 to 999")
}

func TestListenerRulePriorityInUse(t *testing.T) {
	b := startBalancing(t)
	r := b.behaviour(t, model.ListenerRuleType)
	listener := b.listener(t, b.balancer(t, "in-use"), 80)
	create := func(priority int, progress func(string)) (resource.State, error) {
		req := request(model.ListenerRuleType)
		inputs, problems := r.Check(value.Encode(model.ListenerRule{
			ListenerARN: value.Lit(listener), Priority: priority, Paths: []string{"/new"}, Action: model.ToHTTPS(),
		}))
		require.Empty(t, problems)
		req.Inputs, req.Tags, req.Progress = inputs, resourcetest.Tags("mine"), progress
		return r.Create(t.Context(), req)
	}

	// Somebody else's rule: reported at once, with advice.
	b.rule(t, listener, 100, map[string]string{"made-by": "hand"})
	_, err := create(100, func(string) { t.Error("waits for a rule that is not of this stack") })
	var op *resource.OpError
	require.ErrorAs(t, err, &op)
	require.Contains(t, op.Next, "ingress.priority from 1 to 999")
	var owned *resource.OwnedError
	require.ErrorAs(t, err, &owned)
	require.Equal(t, "priority 100", owned.Name)

	// A rule of another component of the stack, even if it is not in the state: our rule waits, and moves the other one
	// when everything else is done.
	held := b.rule(t, listener, 200, resourcetest.Tags("other"))
	b.rule(t, listener, 201, map[string]string{"made-by": "hand"})
	progress := func(string) {}
	waiting, err := create(200, progress)
	require.NoError(t, err)
	require.NotEqual(t, held, waiting.ID)
	require.Equal(t, b.priority(t, waiting.ID), atPriority(waiting), "the state says where it waits")
	require.GreaterOrEqual(t, b.priority(t, waiting.ID), model.WaitingMin)

	again := request(model.ListenerRuleType)
	again.ID, again.Old, again.Tags, again.Progress = waiting.ID, waiting, resourcetest.Tags("mine"), progress
	again.Inputs = waiting.Inputs.With("priority", value.NewInt(200))
	updated, err := r.Update(t.Context(), again)
	require.NoError(t, err)
	require.Equal(t, waiting.Inputs, updated.Inputs, "an update leaves it there, too")
	recorded := map[string]string{}
	again.Displace = func(id string, set value.Value, do func() error) error {
		if err := do(); err != nil {
			return err
		}
		recorded[id] = set.String()
		return nil
	}
	for range 2 {
		active, err := r.(resource.Activator).Activate(t.Context(), again)
		require.NoError(t, err)
		require.Equal(t, 200, atPriority(active))
		require.Equal(t, 200, b.priority(t, waiting.ID))
		require.Equal(t, 202, b.priority(t, held), "the next free place: nobody's requests go elsewhere")
	}
	require.Equal(t, map[string]string{held: "{priority: 202}"}, recorded, "the state says where it has gone")

	// An update does not take somebody else's priority either.
	again.Old, again.Inputs = waiting, again.Inputs.With("priority", value.NewInt(100))
	_, err = r.Update(t.Context(), again)
	require.ErrorAs(t, err, &owned)
	_, err = r.(resource.Activator).Activate(t.Context(), again)
	require.ErrorAs(t, err, &owned)
	require.Equal(t, 200, b.priority(t, waiting.ID))
}

// Rules that want the same waiting priority at the same time get one each.
func TestListenerRulesWaitSideBySide(t *testing.T) {
	b := startBalancing(t)
	r := b.behaviour(t, model.ListenerRuleType)
	listener := b.listener(t, b.balancer(t, "side-by-side"), 80)
	var all errgroup.Group
	for i := range 4 {
		b.rule(t, listener, int32(300+i), resourcetest.Tags("other"))
		all.Go(func() error {
			req := request(model.ListenerRuleType)
			req.Inputs, _ = r.Check(value.Encode(model.ListenerRule{
				ListenerARN: value.Lit(listener), Priority: 300 + i, Paths: []string{"/" + strconv.Itoa(i)},
				Action: model.ToHTTPS(),
			}))
			req.Tags = resourcetest.Tags("mine" + strconv.Itoa(i))
			_, err := r.Create(t.Context(), req)
			return err
		})
	}
	require.NoError(t, all.Wait())
}

func (b *balancing) priority(t *testing.T, rule string) int {
	t.Helper()
	out, err := b.client.DescribeRules(t.Context(), &elb.DescribeRulesInput{RuleArns: []string{rule}})
	require.NoError(t, err)
	n, err := strconv.Atoi(*out.Rules[0].Priority)
	require.NoError(t, err)
	return n
}

func atPriority(s resource.State) int {
	n, _ := strconv.Atoi(s.Inputs.Get("priority").String())
	return n
}

func TestListenerRuleWaitsForATargetGroup(t *testing.T) {
	b := startBalancing(t)
	r := b.behaviour(t, model.ListenerRuleType)
	req := request(model.ListenerRuleType)
	req.Inputs, _ = r.Check(value.Encode(model.ListenerRule{
		ListenerARN: value.Lit(b.listener(t, b.balancer(t, "moves"), 80)), Priority: 1000, Paths: []string{"/x"},
		Action: model.To(value.NewString(b.targetGroup(t, "moves"))),
	}))
	req.Tags = resourcetest.Tags("moves")
	b.Fail("elasticloadbalancing:CreateRule", "TargetGroupAssociationLimit", 2)
	_, err := r.Create(t.Context(), req)
	require.NoError(t, err)
}

// If another rule in the state has the requests, a new rule waits behind it until Activate, whatever is repeated.
func TestListenerRuleTakesOver(t *testing.T) {
	b := startBalancing(t)
	r := b.behaviour(t, model.ListenerRuleType)
	activator, ok := r.(resource.Activator)
	require.True(t, ok)
	balancer := b.balancer(t, "takes-over")
	for name, c := range map[string]struct{ old, new int }{
		"the same priority":          {10, 10},
		"it would come in front":     {30000, 20000},
		"it would come behind":       {31000, 32001},
		"both at the waiting places": {model.WaitingMin, model.WaitingMin + 1},
	} {
		t.Run(name, func(t *testing.T) {
			listener := b.listener(t, balancer, int32(c.new%1000+1000))
			host := strings.ReplaceAll(name, " ", "-") + ".example.com"
			props := func(priority int, group string) value.Value {
				checked, problems := r.Check(value.Encode(model.ListenerRule{
					ListenerARN: value.Lit(listener), Priority: priority, Hosts: []string{host},
					Action: model.To(value.NewString(b.targetGroup(t, group))),
				}))
				require.Empty(t, problems)
				return checked
			}
			priority := func(id string) int { return b.priority(t, id) }
			short := strconv.Itoa(c.new)
			first := request(model.ListenerRuleType)
			first.Resource, first.Inputs, first.Tags = "web/old:listener-rule", props(c.old, "old-"+short),
				resourcetest.Tags("old")
			old, err := r.Create(t.Context(), first)
			require.NoError(t, err)

			second := request(model.ListenerRuleType)
			second.Resource, second.Inputs, second.Tags = "web/new:listener-rule", props(c.new, "new-"+short),
				resourcetest.Tags("new")
			second.InState = func(id string) bool { return id == old.ID }
			second.Others = func() []resource.Other {
				return []resource.Other{{Resource: "web/old:listener-rule", State: old, Going: true}}
			}
			require.Equal(t, "takes "+host+" over from web/old when the targets are healthy",
				activator.Overtakes(second.Inputs, value.NullValue, second.Others()))
			// The answer is lost and the SDK repeats the call: this very rule already has the waiting priority.
			b.Env.Proxy.Inject(proxy.Fault{
				Filter: proxy.Filter{Operation: "CreateRule"}, Times: 1, Action: proxy.ResetAfter,
			})
			made, err := r.Create(t.Context(), second)
			require.NoError(t, err)
			rules, err := b.client.DescribeRules(t.Context(), &elb.DescribeRulesInput{ListenerArn: &listener})
			require.NoError(t, err)
			require.Len(t, rules.Rules, 3, "the old one, the new one, and the default")
			require.Greater(t, priority(made.ID), priority(old.ID), "it waits")
			require.Equal(t, priority(made.ID), atPriority(made), "and the state says where")

			again := second
			again.Adopt = true
			found, err := r.Create(t.Context(), again)
			require.NoError(t, err)
			require.Equal(t, made.ID, found.ID, "a repetition finds it where it waits")
			require.Greater(t, priority(made.ID), priority(old.ID))

			update := second
			update.ID, update.Old = made.ID, made
			updated, err := r.Update(t.Context(), update)
			require.NoError(t, err)
			require.Equal(t, made.Inputs, updated.Inputs)
			require.Greater(t, priority(made.ID), priority(old.ID), "an update leaves it there")

			for range 2 { // a death between the call and the record repeats the call
				active, err := activator.Activate(t.Context(), update)
				require.NoError(t, err)
				require.Equal(t, second.Inputs, active.Inputs)
				require.Equal(t, c.new, priority(made.ID))
				require.Greater(t, priority(old.ID), c.new, "the old one is behind")
			}
		})
	}
}

package elbv2

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	model "github.com/company/deployer/internal/resource/elbv2"
	"github.com/company/deployer/internal/value"
)

func checkRule(p *model.ListenerRule) []value.Problem {
	problems := append(within(p.Priority, 1, 50000, "priority"), checkAction(&p.Action, "action")...)
	// AWS ignores the case of hosts and returns them as they were written. The order of hosts and paths means nothing.
	for i := range p.Hosts {
		p.Hosts[i] = strings.ToLower(p.Hosts[i])
	}
	p.Hosts, p.Paths = sorted(p.Hosts), sorted(p.Paths)
	if balancer := model.BalancerOf(p.ListenerARN.Get()); balancer != "" {
		p.LoadBalancer = p.LoadBalancer.Or(balancer)
	}
	if n := len(p.Hosts) + len(p.Paths); n == 0 {
		problems = append(problems, bad("a rule needs a host or a path", "hosts"))
	} else if n > 5 {
		problems = append(problems, bad(fmt.Sprintf("AWS allows five hosts and paths together, these are %d", n),
			"hosts"))
	}
	if n := model.Wildcards(p.Hosts, p.Paths); n > model.MaxWildcards {
		problems = append(problems,
			bad(fmt.Sprintf("AWS allows %d wildcards in hosts and paths together, these have %d", model.MaxWildcards,
				n),
				"hosts"))
	}
	for i, host := range p.Hosts {
		if host == "" || len(host) > 128 {
			problems = append(problems, bad("must be 1 to 128 characters long", "hosts", strconv.Itoa(i)))
		}
	}
	for i, path := range p.Paths {
		if path == "" || len(path) > 128 {
			problems = append(problems, bad("must be 1 to 128 characters long", "paths", strconv.Itoa(i)))
		} else if path[0] != '/' && path[0] != '*' {
			problems = append(problems, bad("must begin with /, else it never matches", "paths", strconv.Itoa(i)))
		}
	}
	return problems
}

func sorted(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}

func conditions(p model.ListenerRule) []types.RuleCondition {
	var out []types.RuleCondition
	if len(p.Hosts) > 0 {
		out = append(out, types.RuleCondition{
			Field:            aws.String("host-header"),
			HostHeaderConfig: &types.HostHeaderConditionConfig{Values: p.Hosts},
		})
	}
	if len(p.Paths) > 0 {
		out = append(out, types.RuleCondition{
			Field:             aws.String("path-pattern"),
			PathPatternConfig: &types.PathPatternConditionConfig{Values: p.Paths},
		})
	}
	return out
}

func conditionsOf(r types.Rule) (hosts, paths []string) {
	for _, condition := range r.Conditions {
		switch {
		case condition.HostHeaderConfig != nil:
			hosts = sorted(condition.HostHeaderConfig.Values)
		case condition.PathPatternConfig != nil:
			paths = sorted(condition.PathPatternConfig.Values)
		}
	}
	return hosts, paths
}

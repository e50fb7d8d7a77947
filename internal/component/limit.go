package component

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/resource/ec2"
	"github.com/company/deployer/internal/resource/iam"
	"github.com/company/deployer/internal/value"
)

// AWS's limits that can be checked on the whole graph only.
const (
	// maxPolicies is how many characters all inline policies of a role may have, without white space ("IAM and AWS STS
	// quotas"). AWS does not raise it.
	maxPolicies = 10240
	// maxGroupRules is the default quota of rules of a security group in one direction ("Amazon VPC quotas").
	maxGroupRules = 60
	// arnLength is the least length of an ARN that is not known yet.
	arnLength = 40
)

// Limited is a quota of Service Quotas with its default.
type Limited struct {
	Service, Code, Name string
	Default             int
	Fixed               bool // AWS raises it for nobody
}

// groupRules are the rules of a security group in one direction.
var groupRules = Limited{
	Service: "vpc", Code: "L-0EA8095F", Name: "Inbound or outbound rules per security group", Default: maxGroupRules,
}

// OverQuota says that a stack makes more objects than AWS allows by default. The account may have a higher quota, so it
// is a warning; a plan asks for the quota.
func OverQuota(path []string, count int, what string, quota Limited) value.Problem {
	next := "If it was not raised for the account, ask for more under Service Quotas before the apply, or spread the " +
		"services over several stacks"
	if quota.Fixed {
		next = "AWS does not raise it: spread the services over several stacks"
	}
	p := problem(Quota, path, nil, "%s: %d, and AWS's default quota %q is %d. %s", what, count, quota.Name,
		quota.Default, next)
	p.Over = &value.Over{
		What: fmt.Sprintf("%d %s", count, what), Service: quota.Service, Code: quota.Code, Name: quota.Name,
		Count: count, Fixed: quota.Fixed,
	}
	return p
}

// checkLimits finds what AWS would refuse in the middle of an apply.
func (x *expansion) checkLimits(graph *resource.Graph) {
	length := map[string]int{}
	policies := map[string]*resource.Resource{} // the longest policy of each role
	rules := map[string]int{}
	for _, r := range graph.Resources {
		switch {
		case r.Data:
		case r.Type == iam.RolePolicyType:
			role, n := named(r.Props.Get("role")), jsonLength(r.Props.Get("policy"), graph)
			length[role] += n
			if longest := policies[role]; longest == nil || n > jsonLength(longest.Props.Get("policy"), graph) {
				policies[role] = r
			}
		case r.Type == ec2.SecurityGroupRuleType:
			group := named(r.Props.Get("securityGroupId"))
			if address := resource.ComponentOf(group); address != "" {
				group = address // the component's output and its resource's output are the same group
			}
			rules[group+" "+r.Props.Get("direction").Str()]++
		}
	}
	for _, role := range slices.Sorted(maps.Keys(length)) {
		if length[role] > maxPolicies {
			r := policies[role]
			x.add(r.Component, problem(value.BadValue, nil, nil,
				"its %s has %d characters or more, and IAM allows %d for all inline policies of a role. Keep several "+
					"secrets in one JSON secret of "+
					"Secrets Manager and select them with #key, or use fewer components", r.Name, length[role],
				maxPolicies))
		}
	}
	for _, group := range slices.Sorted(maps.Keys(rules)) {
		if n := rules[group]; n > maxGroupRules {
			address, direction, _ := strings.Cut(group, " ")
			x.add(address, OverQuota(nil, n, direction+" rules of the security group", groupRules))
		}
	}
}

// named is what a property names: the target of its reference, or the name itself.
func named(v value.Value) string {
	for _, ref := range v.References() {
		return ref.Target
	}
	return v.Str()
}

// jsonLength is the least number of characters that a value has as JSON without white space. An unknown value counts as
// an ARN, or as part of one.
func jsonLength(v value.Value, graph *resource.Graph) int {
	switch v.Kind() {
	case value.Deferred:
		n := len(`""`)
		for _, arg := range v.Expression().Args {
			if arg.Kind() == value.String {
				n += len(arg.Str())
			}
		}
		for _, ref := range v.References() {
			n += arnLength
			// The ARN of a lookup ends in the name that is looked up.
			if r := graph.Resource(ref.Target); r != nil && r.Data {
				name := r.Props.Get("name").Str() + r.Props.Get("id").Str()
				n += max(len(name)-len("arn:aws:secretsmanager"), 0)
			}
		}
		return n
	case value.List:
		n := len(`[]`) + max(len(v.Items())-1, 0)
		for _, item := range v.Items() {
			n += jsonLength(item, graph)
		}
		return n
	case value.Map:
		n := len(`{}`) + max(len(v.Entries())-1, 0)
		for key, item := range v.Entries() {
			n += len(key) + len(`"":`) + jsonLength(item, graph)
		}
		return n
	}
	text, err := json.Marshal(v)
	if err != nil {
		return 0
	}
	return len(text)
}

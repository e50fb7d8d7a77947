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

// AWS's limits on what a whole graph shows.
const (
	// maxPolicies is the most characters of all inline policies of a role, white space left out ("IAM and AWS STS
	// quotas"). It cannot be raised.
	maxPolicies = 10240
	// maxGroupRules is the default quota of rules of a security group in one direction ("Amazon VPC quotas").
	maxGroupRules = 60
	// arnLength is how long an ARN is at least that is not known yet.
	arnLength = 40
)

// OverQuota says that a stack makes more of something than AWS allows by default. Quotas can be raised, so it is a
// warning.
func OverQuota(path []string, count int, what, quota string, limit int) value.Problem {
	return problem(Quota, path, nil, "%s: %d, and AWS's default quota %q is %d. If it was not raised for the "+
		"account, ask for more under "+
		"Service Quotas before the apply, or spread the services over several stacks", what, count, quota, limit)
}

// checkLimits finds what AWS would refuse of a graph in the middle of an apply.
func (x *expansion) checkLimits(graph *resource.Graph) {
	length := map[string]int{}
	policies := map[string]*resource.Resource{} // the longest of a role
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
				group = address // its output and its resource's are the same group
			}
			rules[group+" "+r.Props.Get("direction").Str()]++
		}
	}
	for _, role := range slices.Sorted(maps.Keys(length)) {
		if length[role] > maxPolicies {
			r := policies[role]
			x.add(r.Component, problem(value.BadValue, nil, nil,
				"its %s has %d characters or more, and IAM takes %d for all inline policies of a role. Keep several "+
					"secrets in one JSON secret of "+
					"Secrets Manager and pick them with #key, or use fewer components", r.Name, length[role],
				maxPolicies))
		}
	}
	for _, group := range slices.Sorted(maps.Keys(rules)) {
		if n := rules[group]; n > maxGroupRules {
			address, direction, _ := strings.Cut(group, " ")
			x.add(address, OverQuota(nil, n, fmt.Sprintf("%s rules of the security group", direction),
				"Inbound or outbound rules per security group", maxGroupRules))
		}
	}
}

// named is what a property names: the target of its reference, or the name that it is.
func named(v value.Value) string {
	for _, ref := range v.References() {
		return ref.Target
	}
	return v.Str()
}

// jsonLength is how many characters a value has at least as JSON without white space. What is not known yet is an ARN,
// or a part of one.
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
			// The ARN of something looked up ends in the name that it is looked up by.
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

package elbv2

import (
	"slices"
	"strings"

	"github.com/company/deployer/internal/value"
)

// ListenerRuleType says what a listener does with requests for some hosts and paths.
const ListenerRuleType = "elbv2/listener-rule"

// ListenerRule are the properties of a rule. Its ID is the ARN. A listener has one rule per priority, so the priority
// finds it again.
type ListenerRule struct {
	ListenerARN value.Of[string] `json:"listenerArn" required:"true" doc:"ARN of the listener."`
	// LoadBalancer tells whether a rule of another listener stays on its load balancer: a plan does not know the ARN of
	// a new listener.
	LoadBalancer value.Of[string] `json:"loadBalancer,omitempty" unset:"that of listenerArn" doc:"Its load balancer, as in the end of an ARN: app/NAME/ID."`
	Priority     int              `json:"priority" required:"true" doc:"1 to 50000; lower ones are asked first."`
	Hosts        []string         `json:"hosts,omitempty" unset:"every host" doc:"Host names with * and ? as wildcards; any of them will do."`
	Paths        []string         `json:"paths,omitempty" unset:"every path" doc:"Paths with * and ? as wildcards; any of them will do."`
	Action       Action           `json:"action" required:"true" doc:"What is done with those requests; one of forward, redirect and fixedResponse."`

	// Shared: the listener belongs to somebody else, whose rules may have the priority. Then the rule takes the next
	// one that is free, unless a user chose the priority.
	Shared bool `json:"shared,omitempty" doc:"The listener belongs to somebody else: a priority that is taken there is no error, and the rule takes the next one."`

	Tags map[string]string `json:"tags,omitempty" doc:"Tags of the object, beside those of deployer."`
}

// ListenerRuleOutputs are what AWS adds.
type ListenerRuleOutputs struct {
	ARN string `json:"arn"`
	// Placed is the rule's real priority on a shared listener; 0: the rule has the priority of its properties.
	Placed int `json:"placed,omitempty"`
}

// BalancerOf returns the load balancer in the ARN of a listener or a rule: "app/name/id"; "" if there is none.
func BalancerOf(arn string) string {
	parts := strings.Split(arn, "/")
	if len(parts) < 4 {
		return ""
	}
	return strings.Join(parts[1:4], "/")
}

// GivesUp returns the properties ("hosts", "paths") by which a rule would lose requests that it has.
func (r ListenerRule) GivesUp(next ListenerRule) []string {
	var out []string
	lacks := func(was, wanted []string) bool {
		return len(wanted) > 0 && (len(was) == 0 || slices.ContainsFunc(was, func(s string) bool {
			return !slices.Contains(wanted, s)
		}))
	}
	if lacks(r.Hosts, next.Hosts) {
		out = append(out, "hosts")
	}
	if lacks(r.Paths, next.Paths) {
		out = append(out, "paths")
	}
	return out
}

// Overlaps reports whether one request can match both rules: same listener, and a host and a path fit both.
func (r ListenerRule) Overlaps(other ListenerRule) bool {
	if r.ListenerARN.Get() == "" || r.ListenerARN.Get() != other.ListenerARN.Get() {
		return false
	}
	return meet(r.Hosts, other.Hosts) && meet(r.Paths, other.Paths)
}

// meet reports whether one text fits a pattern of each list; an empty list fits everything.
func meet(a, b []string) bool {
	if len(a) == 0 || len(b) == 0 {
		return true
	}
	return slices.ContainsFunc(a, func(s string) bool {
		return slices.ContainsFunc(b, func(t string) bool { return bothFit(strings.ToLower(s), strings.ToLower(t)) })
	})
}

// bothFit reports whether one text fits both patterns, with * and ? as wildcards.
func bothFit(a, b string) bool {
	// row[j] is the result for the part of a that was read so far and b[j:].
	row := make([]bool, len(b)+1)
	for i := len(a); i >= 0; i-- {
		below := slices.Clone(row)
		for j := len(b); j >= 0; j-- {
			switch {
			case i == len(a) && j == len(b):
				row[j] = true
			case i < len(a) && a[i] == '*':
				row[j] = below[j] || j < len(b) && row[j+1]
			case j < len(b) && b[j] == '*':
				row[j] = row[j+1] || i < len(a) && below[j]
			case i < len(a) && j < len(b):
				row[j] = (a[i] == b[j] || a[i] == '?' || b[j] == '?') && below[j+1]
			default:
				row[j] = false
			}
		}
	}
	return row[0]
}

// MaxWildcards is how many wildcards AWS allows in the hosts and paths of one rule; the quota cannot be raised.
const MaxWildcards = 6

// Wildcards counts the wildcards of patterns.
func Wildcards(lists ...[]string) int {
	n := 0
	for _, list := range lists {
		for _, pattern := range list {
			n += strings.Count(pattern, "*") + strings.Count(pattern, "?")
		}
	}
	return n
}

package elbv2

import (
	"slices"
	"strings"

	"github.com/company/deployer/internal/value"
)

// ListenerRuleType says what a listener does with requests of some hosts and paths.
const ListenerRuleType = "elbv2/listener-rule"

// ListenerRule are the properties of a rule. Its ID is the ARN; a listener has one per priority, which is how one is found again.
type ListenerRule struct {
	ListenerARN value.Of[string] `json:"listenerArn" required:"true"`
	// Priority is 1 to 50000, lower ones are asked first; see Assign. It changes in place.
	Priority int `json:"priority" required:"true"`
	// Hosts are host names with * and ? as wildcards; any of them will do. Empty: every host.
	Hosts []string `json:"hosts,omitempty"`
	// Paths are paths with * and ? as wildcards; any of them will do. Empty: every path. AWS takes five hosts and paths together.
	Paths []string `json:"paths,omitempty"`
	// Action is what is done with those requests.
	Action Action `json:"action" required:"true"`

	Tags map[string]string `json:"tags,omitempty"`
}

// ListenerRuleOutputs are what AWS adds.
type ListenerRuleOutputs struct {
	ARN string `json:"arn"`
}

// Overlaps reports whether requests can be for both rules: they are of one listener, and a host and a path are the same or one of the rules
// takes every host or path.
func (r ListenerRule) Overlaps(other ListenerRule) bool {
	if r.ListenerARN.Get() == "" || r.ListenerARN.Get() != other.ListenerARN.Get() {
		return false
	}
	return meet(r.Hosts, other.Hosts) && meet(r.Paths, other.Paths)
}

// meet reports whether two lists share a text; an empty list and one with "/*" is everything.
func meet(a, b []string) bool {
	if len(a) == 0 || len(b) == 0 || slices.Contains(a, "/*") || slices.Contains(b, "/*") {
		return true
	}
	return slices.ContainsFunc(a, func(s string) bool {
		return slices.ContainsFunc(b, func(t string) bool { return strings.EqualFold(s, t) })
	})
}

package elbv2

import "github.com/company/deployer/internal/value"

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

package elbv2

import "github.com/company/deployer/internal/value"

// LookupListener finds a listener that somebody else has made, and its load balancer.
const LookupListener = "elbv2/find-listener"

// ListenerLookup are the properties of the lookup: exactly one of the ARNs.
type ListenerLookup struct {
	// LoadBalancer: of its listeners, the lookup takes the one for HTTPS, else the one for HTTP.
	LoadBalancer string           `json:"loadBalancer,omitempty"`
	Listener     string           `json:"listener,omitempty"`
	Scheme       string           `json:"scheme"` // that it must have: InternetFacing or Internal
	VPCID        value.Of[string] `json:"vpcId"`  // in which the targets are
	// Priorities are those that users chose for rules. A rule of somebody else that has one of them is an error.
	Priorities []int `json:"priorities,omitempty"`
	// Tags tell our own rules.
	Tags map[string]string `json:"tags,omitempty"`
}

// FoundListener is the answer.
type FoundListener struct {
	ListenerARN     string `json:"listenerArn"`
	Origin          string `json:"origin"` // the beginning of URLs: "https://"
	Port            string `json:"port"`   // the end of the host in URLs: ":8443", "" for the usual port
	DNSName         string `json:"dnsName"`
	ZoneID          string `json:"zoneId"`
	SecurityGroupID string `json:"securityGroupId"` // one of those that the load balancer has
}

// Package awsfix makes the emulator answer as AWS does where the product depends on the difference: the default VPC's
// route to the internet, repeatable creates, refused deletes, namespaces of one VPC, tags of scalable targets, policies
// of queues, tags of new buckets, the latest revision of a family, the tag index, the names of certificates, the limits
// on tags and wildcards.
//
// What comes in: a proxy. What goes out: handlers on it, which read from the emulator and answer in its place or let
// the call pass.
//
// What it must not do: know the product, or store what the emulator stores.
package awsfix

import "github.com/company/deployer/e2e/testkit/proxy"

// Install registers all corrections with a proxy.
func Install(p *proxy.Proxy) {
	openDefaultVPCs(p)
	repeatLoadBalancers(p)
	repeatCloudMap(p)
	tagScalableTargets(p)
	keepQueuePolicies(p)
	tagNewBuckets(p)
	latestActive(p)
	tagIndex(p)
	describeGroupRules(p)
	summarizeCertificates(p)
	keepLimits(p)
}

// Package servicediscovery holds the properties and outputs of AWS Cloud Map resources: private DNS namespaces and the
// services in them.
//
// In: what kinds want. Out: typed properties for value.Encode. It must not know the SDK or do I/O; the behaviour is in
// aws/servicediscovery.
package servicediscovery

import "github.com/company/deployer/internal/value"

// PrivateDNSNamespaceType is a DNS domain that only one VPC can resolve.
const PrivateDNSNamespaceType = "servicediscovery/private-dns-namespace"

// PrivateDNSNamespace are the properties of a private DNS namespace. Its ID is Cloud Map's (ns-...).
type PrivateDNSNamespace struct {
	// Name is the domain: production.shop.internal.
	Name  string           `json:"name" required:"true" doc:"Domain."`
	VPCID value.Of[string] `json:"vpcId" required:"true" doc:"Id of the VPC that can resolve it."`

	Tags map[string]string `json:"tags,omitempty" doc:"Tags of the object, beside those of deployer."`
}

// PrivateDNSNamespaceOutputs are what AWS adds.
type PrivateDNSNamespaceOutputs struct {
	ARN  string `json:"arn"`
	ID   string `json:"id"`
	Name string `json:"name"`
	// HostedZoneID is the Route 53 zone that Cloud Map manages for the namespace.
	HostedZoneID string `json:"hostedZoneId"`
}

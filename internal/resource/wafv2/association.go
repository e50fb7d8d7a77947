// Package wafv2 holds the properties of AWS WAF resources.
//
// In: what kinds want. Out: typed properties for value.Encode. It is data only and must not know the SDK: the behaviour
// is in aws/wafv2.
package wafv2

import "github.com/company/deployer/internal/value"

// AssociationType puts a web ACL in front of a load balancer.
const AssociationType = "wafv2/association"

// Association are the properties. Its ID is the ARN of the load balancer, which has at most one web ACL. It cannot
// carry tags.
type Association struct {
	ResourceARN value.Of[string] `json:"resourceArn" required:"true" doc:"ARN of the load balancer."`
	WebACLARN   value.Of[string] `json:"webAclArn" required:"true" doc:"ARN of a regional web ACL."`
}

// AssociationOutputs is empty: AWS adds nothing.
type AssociationOutputs struct{}

// Package elasticache holds the typed properties of Amazon ElastiCache resources, and what AWS's documentation says of
// engines and node types.
//
// In: literals and references of kinds. Out: structs for value.Encode. It is data only and must not know the SDK: the
// behaviour is in aws/elasticache.
package elasticache

import "github.com/company/deployer/internal/value"

// Types of the groups that a cache refers to.
const (
	SubnetGroupType    = "elasticache/subnet-group"
	ParameterGroupType = "elasticache/parameter-group"
)

// SubnetGroup is the subnets in which a cache may run. It belongs to one VPC.
type SubnetGroup struct {
	Name        string             `json:"name" required:"true" doc:"Prefix of the name, to which a hash is added; 255 characters in all."`
	VPCID       value.Of[string]   `json:"vpcId" required:"true" doc:"The VPC of the subnets. A cache cannot move to another VPC."`
	Description string             `json:"description" required:"true" doc:"1 to 255 characters."`
	SubnetIDs   value.Of[[]string] `json:"subnetIds" required:"true" doc:"Ids of subnets. Their order does not count."`
	Tags        map[string]string  `json:"tags,omitempty" doc:"Tags of the object, beside those of deployer."`
}

// ParameterGroup is the parameters of an engine. Another major version needs another family, and so another group.
type ParameterGroup struct {
	Name        string            `json:"name" required:"true" doc:"Prefix of the name, to which a hash is added; 255 characters in all."`
	Family      string            `json:"family" required:"true" doc:"Engine and major version: valkey8, redis7, memcached1.6."`
	Clustered   bool              `json:"clustered,omitempty" doc:"For a cache in cluster mode: sets cluster-enabled."`
	Description string            `json:"description" required:"true" doc:"1 to 255 characters. AWS cannot change it."`
	Parameters  map[string]string `json:"parameters,omitempty" doc:"Engine parameters; all others have the engine's defaults."`
	Tags        map[string]string `json:"tags,omitempty" doc:"Tags of the object, beside those of deployer."`
}

// GroupOutputs is what AWS adds to a group.
type GroupOutputs struct {
	ARN string `json:"arn"`
}

// Package rds holds the typed properties of Amazon RDS and Aurora resources and lookups.
//
// In: literals and references of kinds. Out: structs for value.Encode. It is data only and must not know the SDK: the
// behaviour is in aws/rds.
package rds

import "github.com/company/deployer/internal/value"

// Types of the groups that a database refers to.
const (
	SubnetGroupType           = "rds/subnet-group"
	ParameterGroupType        = "rds/parameter-group"
	ClusterParameterGroupType = "rds/cluster-parameter-group"
)

// SubnetGroup is a DB subnet group: the subnets in which a database may run. It belongs to one VPC.
type SubnetGroup struct {
	Name        string             `json:"name" required:"true" doc:"Prefix of the name, to which a hash is added; 255 characters in all."`
	VPCID       value.Of[string]   `json:"vpcId" required:"true" doc:"The VPC of the subnets. A database cannot move to another VPC."`
	Description string             `json:"description" required:"true" doc:"1 to 255 characters."`
	SubnetIDs   value.Of[[]string] `json:"subnetIds" required:"true" doc:"Ids of subnets in at least two zones. Their order does not count."`
	Tags        map[string]string  `json:"tags,omitempty" doc:"Tags of the object, beside those of deployer."`
}

// ParameterGroup is a DB parameter group, or a DB cluster parameter group: both types have these properties. A database
// of another major version needs another family, and so another group.
type ParameterGroup struct {
	Name        string            `json:"name" required:"true" doc:"Prefix of the name, to which a hash is added; 255 characters in all."`
	Family      string            `json:"family" required:"true" doc:"Engine and major version: postgres16, mysql8.0, aurora-postgresql16."`
	Description string            `json:"description" required:"true" doc:"1 to 255 characters. AWS cannot change it."`
	Parameters  map[string]string `json:"parameters,omitempty" doc:"Engine parameters; all others have the engine's defaults."`
	Tags        map[string]string `json:"tags,omitempty" doc:"Tags of the object, beside those of deployer."`
}

// GroupOutputs is what AWS adds to a group.
type GroupOutputs struct {
	ARN string `json:"arn"`
}

// Package iam holds the typed properties of AWS IAM resources.
//
// In: literals and references of kinds. Out: structs for value.Encode. It is data only and must not know the SDK: the
// behaviour is in aws/iam.
//
// IAM is eventually consistent: other services may not know a new role for some seconds. No call says when they do. So
// the types that use a role repeat their call while AWS says that the role cannot be assumed.
package iam

import "github.com/company/deployer/internal/value"

// RoleType is the type of a role.
const RoleType = "iam/role"

// NameLimit is how many characters IAM allows for the name of a role.
const NameLimit = 64

// Role is an IAM role.
type Role struct {
	Name                string            `json:"name" required:"true" doc:"Prefix of the name, to which a hash is added; 64 characters in all."`
	AssumeRolePolicy    value.Value       `json:"assumeRolePolicy" required:"true" doc:"Who may take the role: a policy document as a map or as JSON text."`
	Path                string            `json:"path,omitempty" unset:"/" doc:"Begins and ends with /."`
	Description         string            `json:"description,omitempty" doc:"For people."`
	MaxSession          int               `json:"maxSession,omitempty" unset:"3600" doc:"Seconds that credentials last at most, 3600 to 43200."`
	PermissionsBoundary value.Of[string]  `json:"permissionsBoundary,omitempty" doc:"ARN of the managed policy that limits the role."`
	Tags                map[string]string `json:"tags,omitempty" doc:"Tags of the object, beside those of deployer."`
}

// RoleOutputs is what AWS adds to a role.
type RoleOutputs struct {
	ARN  string `json:"arn"`
	Name string `json:"name"`
	// UniqueID is AROA...: a role that is deleted and made again gets another one.
	UniqueID string `json:"uniqueId"`
}

package iam

import "github.com/company/deployer/internal/value"

// RolePolicyType is the type of a role's inline policy.
const RolePolicyType = "iam/role-policy"

// RolePolicy is an inline policy of a role. It overwrites one of the same name. All inline policies of a role together
// have at most 10240 characters.
type RolePolicy struct {
	Role   value.Of[string] `json:"role" required:"true" doc:"Name of the role."`
	Name   string           `json:"name" required:"true" doc:"Name of the policy in the role."`
	Policy value.Value      `json:"policy" required:"true" doc:"Policy document as a map or as JSON text."`
}

// RolePolicyOutputs is what AWS adds to an inline policy: nothing.
type RolePolicyOutputs struct{}

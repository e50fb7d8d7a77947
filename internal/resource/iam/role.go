// Package iam holds the typed properties of AWS IAM resources.
//
// In: literals and references of kinds. Out: structs for value.Encode. Data only; the behaviour is in aws/iam.
//
// IAM is eventually consistent: a role that was just made may be unknown to other services for some seconds. No call says when that is
// over, so the types that use a role repeat their call when AWS says that it cannot be assumed.
package iam

import "github.com/company/deployer/internal/value"

// RoleType is the type of a role.
const RoleType = "iam/role"

// NameLimit is the most characters that IAM takes for the name of a role.
const NameLimit = 64

// Role is an IAM role.
type Role struct {
	// Name is given as a prefix; the check appends a hash of what forces a replacement (path), 64 characters in all. Refer to the
	// output name for the real one. Names are unique in the account, not only in a region: a prefix that several regions share
	// needs the region in it.
	Name string `json:"name" required:"true"`
	// AssumeRolePolicy says who may take the role, as a map or as JSON text.
	AssumeRolePolicy value.Value `json:"assumeRolePolicy" required:"true"`
	// Path begins and ends with "/", which alone is the default. A change replaces the role.
	Path        string `json:"path,omitempty"`
	Description string `json:"description,omitempty"`
	// MaxSession is how long credentials last at most, 3600 to 43200 s, 3600 by default.
	MaxSession int `json:"maxSession,omitempty"`
	// PermissionsBoundary is the ARN of the managed policy that limits the role.
	PermissionsBoundary value.Of[string] `json:"permissionsBoundary,omitempty"`
	// Tags are the user's own.
	Tags map[string]string `json:"tags,omitempty"`
}

// RoleOutputs is what AWS adds to a role.
type RoleOutputs struct {
	ARN  string `json:"arn"`
	Name string `json:"name"`
	// UniqueID is AROA...: a role that was deleted and made again has another one.
	UniqueID string `json:"uniqueId"`
}

package resource

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestNotYet(t *testing.T) {
	d := &Definition{
		NotYet: []NotYet{
			{
				Operations: []string{"ecs:CreateService"}, Codes: []string{"InvalidParameterException"},
				Says: []string{"security group*exist"}, Within: 2 * time.Minute,
			},
			{Operations: []string{"logs:PutRetentionPolicy"}, Codes: []string{"ResourceNotFoundException"}, New: true},
		},
		Permissions: func(s Scope) []Statement {
			return []Statement{
				{When: s.Tagged(), Actions: []string{"ec2:CreateTags"}},
				{When: s.Made(), Actions: []string{"ec2:CreateSecurityGroup"}},
			}
		},
	}
	const denial = "User: x is not authorized to perform: ec2:CreateTags on resource: y because "
	for name, test := range map[string]struct {
		operation, code, message string
		making, changing         time.Duration
	}{
		"what it says": {
			"ecs:CreateService", "InvalidParameterException",
			"The Security Group 'sg-1' does not EXIST", 2 * time.Minute, 2 * time.Minute,
		},
		"something else": {"ecs:CreateService", "InvalidParameterException", "no such subnet", 0, 0},
		"in another order": {
			"ecs:CreateService", "InvalidParameterException",
			"it does not exist: security group", 0, 0,
		},
		"another code": {"ecs:CreateService", "ClientException", "security groups that exist", 0, 0},
		"another operation": {
			"ecs:DeleteService", "InvalidParameterException", "security groups that exist", 0,
			0,
		},
		"only while it is new": {"logs:PutRetentionPolicy", "ResourceNotFoundException", "", time.Minute, 0},
		"a denial by tags": {
			"ec2:CreateSecurityGroup", "UnauthorizedOperation",
			denial + "no identity-based policy allows it", 15 * time.Second, 15 * time.Second,
		},
		"an explicit denial": {
			"ec2:CreateSecurityGroup", "UnauthorizedOperation",
			denial + "with an explicit deny in a service control policy", 0, 0,
		},
		"a denial without tags": {"ec2:CreateSecurityGroup", "UnauthorizedOperation", "no", 0, 0},
		"a denial of the call": {
			"ec2:CreateTags", "UnauthorizedOperation", "no", 15 * time.Second,
			15 * time.Second,
		},
		"the same, but no refusal": {"ec2:CreateTags", "InvalidParameterValue", "no", 0, 0},
	} {
		assert.Equal(t, test.making, NotYetFor(expecting(t.Context(), d, true), test.operation, test.code,
			test.message), name)
		assert.Equal(t, test.changing, NotYetFor(expecting(t.Context(), d, false), test.operation, test.code,
			test.message), name)
		assert.Zero(t, NotYetFor(t.Context(), test.operation, test.code, test.message), "%s, in a read", name)
	}
}

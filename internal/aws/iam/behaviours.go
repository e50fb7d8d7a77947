// Package iam is the behaviour of the AWS IAM resource types.
//
// In: calls of the resource contract. Out: IAM API calls. It must not keep state, or judge what a policy allows.
package iam

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/iam"
)

// Behaviours returns the resource types of IAM.
func Behaviours(cfg aws.Config) []resource.Behaviour {
	api := iam.NewFromConfig(cfg)
	return []resource.Behaviour{newRole(api), newRolePolicy(api)}
}

var failed = call.Errors(call.NotFound("NoSuchEntity"), call.Exists("EntityAlreadyExists"))

// notYet are the errors for a new role whose policies are set, and for a new role that a trust policy names.
var notYet = []resource.NotYet{
	{
		Operations: []string{"iam:PutRolePolicy", "iam:AttachRolePolicy"}, Codes: []string{"NoSuchEntity"},
		New: true, Within: 20 * time.Second,
	},
	{
		Operations: []string{"iam:CreateRole", "iam:UpdateAssumeRolePolicy"},
		Codes:      []string{"MalformedPolicyDocument"},
		Says:       []string{"invalid principal"}, Within: 20 * time.Second,
	},
}

// whileBusy repeats a call while IAM is busy with the same entity.
func whileBusy(ctx context.Context, what string, do func(context.Context) error) error {
	return call.Wait(ctx, call.Eventually, "IAM has finished another change of "+what,
		func(ctx context.Context) (bool, error) {
			err := do(ctx)
			if call.HasCode(err, "ConcurrentModification") {
				return false, nil
			}
			return err == nil, err
		})
}

// inUse is how long policies and instance profiles that were just removed may block the delete of a role.
var inUse = call.Pace{First: 500 * time.Millisecond, Longest: 5 * time.Second, Limit: 2 * time.Minute}

// roles are the ARNs of a stack's roles.
func roles(s resource.Scope) []string {
	return []string{s.GlobalARN("iam", "role/"+s.Names(model.NameLimit))}
}

// Package iam is the behaviour of the AWS IAM resource types.
//
// In: calls of the resource contract. Out: IAM API calls. It keeps no state and does not judge what a policy allows.
package iam

import (
	"context"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/iam"
)

// Behaviours returns the resource types of IAM. The client is made when the first call needs it.
func Behaviours(cfg aws.Config) []resource.Behaviour {
	api := sync.OnceValue(func() *api { return newAPI(cfg) })
	return []resource.Behaviour{newRole(api), newRolePolicy(api), newRolePolicyAttachment(api)}
}

// api is the calls that the types make.
type api struct {
	createRole       func(context.Context, *iam.CreateRoleInput, ...func(*iam.Options)) (*iam.CreateRoleOutput, error)
	getRole          func(context.Context, *iam.GetRoleInput, ...func(*iam.Options)) (*iam.GetRoleOutput, error)
	updateRole       func(context.Context, *iam.UpdateRoleInput, ...func(*iam.Options)) (*iam.UpdateRoleOutput, error)
	deleteRole       func(context.Context, *iam.DeleteRoleInput, ...func(*iam.Options)) (*iam.DeleteRoleOutput, error)
	updateAssume     func(context.Context, *iam.UpdateAssumeRolePolicyInput, ...func(*iam.Options)) (*iam.UpdateAssumeRolePolicyOutput, error)
	putBoundary      func(context.Context, *iam.PutRolePermissionsBoundaryInput, ...func(*iam.Options)) (*iam.PutRolePermissionsBoundaryOutput, error)
	deleteBoundary   func(context.Context, *iam.DeleteRolePermissionsBoundaryInput, ...func(*iam.Options)) (*iam.DeleteRolePermissionsBoundaryOutput, error)
	tagRole          func(context.Context, *iam.TagRoleInput, ...func(*iam.Options)) (*iam.TagRoleOutput, error)
	untagRole        func(context.Context, *iam.UntagRoleInput, ...func(*iam.Options)) (*iam.UntagRoleOutput, error)
	getRolePolicy    func(context.Context, *iam.GetRolePolicyInput, ...func(*iam.Options)) (*iam.GetRolePolicyOutput, error)
	putRolePolicy    func(context.Context, *iam.PutRolePolicyInput, ...func(*iam.Options)) (*iam.PutRolePolicyOutput, error)
	deleteRolePolicy func(context.Context, *iam.DeleteRolePolicyInput, ...func(*iam.Options)) (*iam.DeleteRolePolicyOutput, error)
	attachRolePolicy func(context.Context, *iam.AttachRolePolicyInput, ...func(*iam.Options)) (*iam.AttachRolePolicyOutput, error)
	detachRolePolicy func(context.Context, *iam.DetachRolePolicyInput, ...func(*iam.Options)) (*iam.DetachRolePolicyOutput, error)
	listInline       func(context.Context, *iam.ListRolePoliciesInput, ...func(*iam.Options)) (*iam.ListRolePoliciesOutput, error)
	listAttached     func(context.Context, *iam.ListAttachedRolePoliciesInput, ...func(*iam.Options)) (*iam.ListAttachedRolePoliciesOutput, error)
}

func newAPI(cfg aws.Config) *api {
	c := iam.NewFromConfig(cfg)
	return &api{
		createRole: c.CreateRole, getRole: c.GetRole, updateRole: c.UpdateRole, deleteRole: c.DeleteRole,
		updateAssume: c.UpdateAssumeRolePolicy, putBoundary: c.PutRolePermissionsBoundary, deleteBoundary: c.DeleteRolePermissionsBoundary,
		tagRole: c.TagRole, untagRole: c.UntagRole,
		getRolePolicy: c.GetRolePolicy, putRolePolicy: c.PutRolePolicy, deleteRolePolicy: c.DeleteRolePolicy,
		attachRolePolicy: c.AttachRolePolicy, detachRolePolicy: c.DetachRolePolicy, listAttached: c.ListAttachedRolePolicies, listInline: c.ListRolePolicies,
	}
}

func failed(operation string, err error) error {
	return call.Error("iam:"+operation, err, call.NotFound("NoSuchEntity"), call.Exists("EntityAlreadyExists"))
}

// settled repeats a call while IAM is busy with the same entity, or (NoSuchEntity, for fresh ones) does not know it yet.
func settled(ctx context.Context, what string, fresh bool, do func(context.Context) error) error {
	tries := 0
	return call.Wait(ctx, call.Eventually, "IAM has settled "+what, func(ctx context.Context) (bool, error) {
		err := do(ctx)
		tries++
		if call.HasCode(err, "ConcurrentModification") || fresh && tries < 6 && call.HasCode(err, "NoSuchEntity") {
			return false, nil
		}
		return err == nil, err
	})
}

// inUse is how long policies and instance profiles that were just removed may still block the delete of a role.
var inUse = call.Pace{First: 500 * time.Millisecond, Longest: 5 * time.Second, Limit: 2 * time.Minute}

// roles are the ARNs of a stack's roles.
func roles(s resource.Scope) []string {
	return []string{s.GlobalARN("iam", "role/"+s.Names(model.NameLimit))}
}

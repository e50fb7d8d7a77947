package awstest

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/stretchr/testify/require"

	awsiam "github.com/company/deployer/internal/aws/iam"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/iam"
	"github.com/company/deployer/internal/testkit/resourcetest"
	"github.com/company/deployer/internal/value"
)

const ecsTasks = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}]}`

// document converts plain data to a policy document.
func document(data any) value.Value {
	v, err := value.From(data)
	if err != nil {
		panic(err)
	}
	return v
}

func assume(services ...string) value.Value {
	return document(map[string]any{
		"Version": "2012-10-17",
		"Statement": []any{map[string]any{
			"Effect": "Allow", "Principal": map[string]any{"Service": value.Strings(services...)},
			"Action": "sts:AssumeRole",
		}},
	})
}

func allow(actions ...string) value.Value {
	return document(map[string]any{
		"Version": "2012-10-17",
		"Statement": []any{map[string]any{
			"Sid": "Use", "Effect": "Allow", "Action": value.Strings(actions...),
			"Resource": "arn:aws:s3:::bucket/with space & 100%/*",
		}},
	})
}

// makeRole makes a role that the hooks of a test need, and returns its name and ARN.
func makeRole(ctx context.Context, t *testing.T, h *harness, name string) (string, string) {
	t.Helper()
	doc := ecsTasks
	out, err := iam.NewFromConfig(h.Plain).CreateRole(ctx,
		&iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: &doc})
	require.NoError(t, err)
	return *out.Role.RoleName, *out.Role.Arn
}

func TestRole(t *testing.T) {
	h := start(t)
	client := iam.NewFromConfig(h.Plain)
	drop := func(ctx context.Context, t *testing.T, name string) {
		_, err := client.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: &name})
		require.NoError(t, err)
	}
	resourcetest.Run(t, resourcetest.Case{
		Behaviour: behaviour(t, awsiam.Behaviours(h.Config), model.RoleType),
		Props: model.Role{
			Name: "role-suite", AssumeRolePolicy: value.NewString(ecsTasks),
			Tags: map[string]string{"team": "payments"},
		},
		Update: model.Role{
			Name: "role-suite", AssumeRolePolicy: assume("lambda.amazonaws.com", "ecs-tasks.amazonaws.com"),
			Description: "what the task may do",
			MaxSession:  7200, PermissionsBoundary: value.Lit("arn:aws:iam::aws:policy/PowerUserAccess"),
			Tags: map[string]string{"cost": "7"},
		},
		Replace: model.Role{Name: "role-suite", AssumeRolePolicy: value.NewString(ecsTasks), Path: "/suite/"},
		Foreign: func(ctx context.Context, t *testing.T, checked resource.State) func() {
			name, _ := makeRole(ctx, t, h, checked.Inputs.Get("name").Str())
			return func() { drop(ctx, t, name) }
		},
		Gone: func(ctx context.Context, t *testing.T, state resource.State) { drop(ctx, t, state.ID) },
		Extend: func(ctx context.Context, t *testing.T, state resource.State) (string, func()) {
			policy, err := client.CreatePolicy(ctx,
				&iam.CreatePolicyInput{PolicyName: pointer("extends-suite"), PolicyDocument: pointer(anyObject)})
			require.NoError(t, err)
			arn := policy.Policy.Arn
			_, err = client.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: &state.ID, PolicyArn: arn})
			require.NoError(t, err)
			return state.ID + ":" + *arn, func() {
				_, err := client.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: &state.ID, PolicyArn: arn})
				require.NoError(t, err)
			}
		},
		Obstruct: func(ctx context.Context, t *testing.T, state resource.State) (string, func()) {
			_, err := client.PutRolePolicy(ctx,
				&iam.PutRolePolicyInput{
					RoleName: &state.ID, PolicyName: pointer("by-hand"),
					PolicyDocument: pointer(anyObject),
				})
			require.NoError(t, err)
			return state.ID + ":by-hand", func() {
				_, err := client.DeleteRolePolicy(ctx,
					&iam.DeleteRolePolicyInput{RoleName: &state.ID, PolicyName: pointer("by-hand")})
				require.NoError(t, err)
			}
		},
		LoseAnswer: h.LoseAnswer, Actions: h.Actions,
	})
}

const anyObject = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}`

// An attached policy blocks a role as an inline policy does.
func TestRoleWithAttachedPolicies(t *testing.T) {
	h := start(t)
	client := iam.NewFromConfig(h.Plain)
	name, _ := makeRole(t.Context(), t, h, "role-attached")
	policy, err := client.CreatePolicy(t.Context(),
		&iam.CreatePolicyInput{PolicyName: pointer("by-hand"), PolicyDocument: pointer(anyObject)})
	require.NoError(t, err)
	_, err = client.AttachRolePolicy(t.Context(),
		&iam.AttachRolePolicyInput{RoleName: &name, PolicyArn: policy.Policy.Arn})
	require.NoError(t, err)
	role := behaviour(t, awsiam.Behaviours(h.Config), model.RoleType).(resource.Obstructed)
	req := request(model.RoleType)
	req.ID = name
	found, err := role.Obstacles(t.Context(), req, resource.Neighbours{Ours: []string{name}})
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.Contains(t, found[0].What, *policy.Policy.Arn)
	found, err = role.Obstacles(t.Context(), req,
		resource.Neighbours{Ours: []string{name, name + ":" + *policy.Policy.Arn}})
	require.NoError(t, err)
	require.Empty(t, found)
}

func TestRoleDeleteWaitsForDetachedPolicies(t *testing.T) {
	h := start(t)
	b := behaviour(t, awsiam.Behaviours(h.Config), model.RoleType)
	inputs, problems := b.Check(value.Encode(model.Role{
		Name:             "role-in-use",
		AssumeRolePolicy: assume("ecs.amazonaws.com"),
	}))
	require.Empty(t, problems)
	req := request(model.RoleType)
	req.Inputs, req.Tags = inputs, resourcetest.Tags("in-use")
	state, err := b.Create(t.Context(), req)
	require.NoError(t, err)
	req.ID, req.Old = state.ID, state

	h.Fail("iam:DeleteRole", "DeleteConflict", 100)
	err = b.Delete(t.Context(), req)
	var op *resource.OpError
	require.ErrorAs(t, err, &op)
	require.Contains(t, op.Next, "detach the policies")
	h.Heal()
	h.Fail("iam:DeleteRole", "DeleteConflict", 3)
	require.NoError(t, b.Delete(t.Context(), req))
}

func TestRoleCheck(t *testing.T) {
	b := behaviour(t, awsiam.Behaviours(start(t).Config), model.RoleType)
	for name, wrong := range map[string]model.Role{
		"name":     {Name: "a b", AssumeRolePolicy: assume("x")},
		"path":     {Name: "a", AssumeRolePolicy: assume("x"), Path: "suite"},
		"session":  {Name: "a", AssumeRolePolicy: assume("x"), MaxSession: 60},
		"document": {Name: "a", AssumeRolePolicy: value.NewString("{")},
		"list":     {Name: "a", AssumeRolePolicy: value.Strings("x")},
	} {
		_, problems := b.Check(value.Encode(wrong))
		require.Len(t, problems, 1, name)
	}
}

func TestRolePolicy(t *testing.T) {
	h := start(t)
	role, _ := makeRole(t.Context(), t, h, "role-policy-suite")
	other, _ := makeRole(t.Context(), t, h, "role-policy-other")
	resourcetest.Run(t, resourcetest.Case{
		Behaviour:  behaviour(t, awsiam.Behaviours(h.Config), model.RolePolicyType),
		Props:      model.RolePolicy{Role: value.Lit(role), Name: "use", Policy: allow("s3:PutObject", "s3:GetObject")},
		Update:     model.RolePolicy{Role: value.Lit(role), Name: "use", Policy: allow("s3:GetObject")},
		Replace:    model.RolePolicy{Role: value.Lit(other), Name: "use", Policy: allow("s3:GetObject")},
		LoseAnswer: h.LoseAnswer, Actions: h.Actions, Upsert: true, Distinct: true,
	})
}

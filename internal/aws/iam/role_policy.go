package iam

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/company/deployer/internal/aws/policy"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/iam"
	"github.com/company/deployer/internal/value"
)

type (
	rolePolicyCall = resource.Call[model.RolePolicy, model.RolePolicyOutputs]
	rolePolicy     struct{ api *iam.Client }
)

// newRolePolicy returns the type of inline policies; their id is "<role>:<policy>".
func newRolePolicy(api *iam.Client) resource.Behaviour {
	p := rolePolicy{api}
	return &resource.Typed[model.RolePolicy, model.RolePolicyOutputs]{
		Def: resource.Definition{
			Type: model.RolePolicyType, Version: 1,
			ReplaceOn: []string{"role", "name"},
			NotYet:    notYet,
			Permissions: func(s resource.Scope) []resource.Statement {
				return []resource.Statement{
					{On: roles(s), Actions: []string{"iam:GetRolePolicy", "iam:PutRolePolicy", "iam:DeleteRolePolicy"}},
				}
			},
		},
		CheckProps: func(props *model.RolePolicy) []value.Problem {
			problems := policy.Check("policy", &props.Policy)
			if !nameForm.MatchString(props.Name) || len(props.Name) > 128 {
				problems = append(problems, value.Problem{
					Kind: value.BadValue, Path: []string{"name"},
					Message: fmt.Sprintf("%q is not a policy name: use 1 to 128 letters, digits and +=,.@_-",
						props.Name),
				})
			}
			return problems
		},
		CreateObject: func(ctx context.Context, c rolePolicyCall) (string, model.RolePolicyOutputs, error) {
			return c.Props.Role.Get() + ":" + c.Props.Name, model.RolePolicyOutputs{}, p.put(ctx, c.Props)
		},
		ReadObject: p.read,
		Find: func(ctx context.Context, c rolePolicyCall) (string, map[string]string, error) {
			role := c.Props.Role.Get()
			if role == "" { // an interrupted run did not know it, so it made no policy either
				return "", nil, resource.ErrNotFound
			}
			c.ID = role + ":" + c.Props.Name
			_, _, err := p.read(ctx, c)
			return c.ID, nil, err
		},
		UpdateObject: func(ctx context.Context, c rolePolicyCall) (model.RolePolicyOutputs, error) {
			return c.Out, p.put(ctx, c.Props)
		},
		DeleteObject: func(ctx context.Context, c rolePolicyCall) error {
			role, name, err := split(c.ID)
			if err != nil {
				return err
			}
			return whileBusy(ctx, "the role "+role, func(ctx context.Context) error {
				_, err := p.api.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: &role, PolicyName: &name})
				return failed(err)
			})
		},
	}
}

func (p rolePolicy) put(ctx context.Context, props model.RolePolicy) error {
	doc, err := policy.Text(props.Policy)
	if err != nil {
		return err
	}
	role := props.Role.Get()
	return whileBusy(ctx, "the role "+role, func(ctx context.Context) error {
		_, err := p.api.PutRolePolicy(ctx, &iam.PutRolePolicyInput{
			RoleName: &role, PolicyName: &props.Name,
			PolicyDocument: &doc,
		})
		return failed(err)
	})
}

func (p rolePolicy) read(ctx context.Context, c rolePolicyCall) (model.RolePolicy, model.RolePolicyOutputs, error) {
	role, name, err := split(c.ID)
	if err != nil {
		return model.RolePolicy{}, model.RolePolicyOutputs{}, err
	}
	out, err := p.api.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: &role, PolicyName: &name})
	if err != nil {
		return model.RolePolicy{}, model.RolePolicyOutputs{}, failed(err)
	}
	doc, err := policy.Read(aws.ToString(out.PolicyDocument), c.Old.Policy)
	return model.RolePolicy{Role: value.Lit(role), Name: name, Policy: doc}, model.RolePolicyOutputs{}, err
}

// split divides an id. Names of roles and policies contain no colon; ARNs after the first colon may.
func split(id string) (role, rest string, err error) {
	role, rest, ok := strings.Cut(id, ":")
	if !ok {
		return "", "", fmt.Errorf("%q is no id of a role's policy: want <role>:<policy>", id)
	}
	return role, rest, nil
}

package ecs

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/resource"
	wanted "github.com/company/deployer/internal/resource/ecs"
)

// roleProperties are the properties that name a role.
var roleProperties = []string{"executionRoleArn", "taskRoleArn"}

// othersRoles is what a task definition needs on roles that overrides name: the stack has not made them.
func othersRoles(s resource.Scope) []resource.Statement {
	var arns []string
	for _, name := range roleProperties {
		if arn := s.Props.Get(name).Str(); strings.HasPrefix(arn, "arn:") && !slices.Contains(arns, arn) {
			arns = append(arns, arn)
		}
	}
	if len(arns) == 0 {
		return nil
	}
	const why = "a role that `overrides` name"
	return []resource.Statement{
		{
			On: arns, Actions: []string{"iam:PassRole"}, Why: why,
			When: resource.Condition{"StringEquals": {"iam:PassedToService": {"ecs-tasks.amazonaws.com"}}},
		},
		{On: arns, Actions: []string{"iam:GetRole"}, Why: why, Looks: true},
	}
}

// foresee asks whether the roles exist that overrides name.
func (t *taskDefinition) foresee(
	ctx context.Context, planned []taskCall, stack resource.Neighbours, f *resource.Foresight,
) {
	asked := map[string]bool{}
	for _, c := range planned {
		before := rolesOf(c.Old)
		for _, arn := range rolesOf(c.Props) {
			name := arn[strings.LastIndex(arn, "/")+1:]
			if asked[arn] || slices.Contains(before, arn) || stack.Has(name) {
				continue
			}
			asked[arn] = true
			f.Ask(func() error {
				_, err := t.api.roles.GetRole(ctx, &iam.GetRoleInput{RoleName: &name})
				if call.HasCode(err, "NoSuchEntity") {
					f.Refuse(c.Resource, "correct the ARN in `overrides`, or create the role",
						"the role %s does not exist", arn)
					return nil
				}
				return call.Error(err)
			})
		}
	}
}

// rolesOf returns the ARNs of the roles of a task definition, as far as they are known.
func rolesOf(p wanted.TaskDefinition) []string {
	var out []string
	for _, role := range []string{p.ExecutionRoleArn.Get(), p.TaskRoleArn.Get()} {
		if strings.Contains(role, ":role/") && !slices.Contains(out, role) {
			out = append(out, role)
		}
	}
	return out
}

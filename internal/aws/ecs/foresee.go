package ecs

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/policy"
	"github.com/company/deployer/internal/aws/servicequotas"
	"github.com/company/deployer/internal/resource"
	wanted "github.com/company/deployer/internal/resource/ecs"
	"github.com/company/deployer/internal/value"
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
			f.Ask(func() error { return t.foreseeRole(ctx, c.Resource, arn, name, f) })
		}
	}
}

func (t *taskDefinition) foreseeRole(ctx context.Context, id, arn, name string, f *resource.Foresight) error {
	found, err := t.api.roles.GetRole(ctx, &iam.GetRoleInput{RoleName: &name})
	if call.HasCode(err, "NoSuchEntity") {
		f.Refuse(id, "correct the ARN in `overrides`, or create the role", "the role %s does not exist in this account",
			arn)
		return nil
	}
	if err != nil || found.Role == nil {
		return call.Error(err)
	}
	if got := aws.ToString(found.Role.Arn); got != arn {
		f.Refuse(id, "correct the ARN in `overrides`: tasks have roles of their own account only",
			"the role %s does not exist in this account, but %s does", arn, got)
		return nil
	}
	if trust, err := policy.Parse(aws.ToString(found.Role.AssumeRolePolicyDocument)); err == nil && !trusts(trust) {
		f.Refuse(id, "let the trust policy of the role name the service "+principal, "ECS tasks cannot have the role "+
			"%s: its trust policy does not name them", arn)
	}
	return nil
}

// principal is the service that has the roles of tasks.
const principal = "ecs-tasks.amazonaws.com"

// trusts reports whether a trust policy may let tasks have the role. A principal that covers more counts.
func trusts(trust value.Value) bool {
	found := false
	trust.Walk(func(path []string, v value.Value) {
		if slices.Contains(path, "NotPrincipal") ||
			slices.Contains(path, "Principal") && (v.Str() == principal || v.Str() == "*") {
			found = true
		}
	})
	return found
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

// foresee asks whether the region has room for the vCPUs of more tasks. A rollout needs no more for good.
func (s *service) foresee(ctx context.Context, planned []serviceCall, _ resource.Neighbours, f *resource.Foresight) {
	for _, c := range planned {
		vcpus := c.Uses["taskDefinition"].Get("cpu").Number() / 1024
		onDemand, spot := moreTasks(c)
		s.api.foreseeFargate(ctx, c.Resource, float64(onDemand)*vcpus, false, f)
		s.api.foreseeFargate(ctx, c.Resource, float64(spot)*vcpus, true, f)
	}
}

// moreTasks is how many tasks a service gets in addition. What autoscaling will do nobody knows.
func moreTasks(c serviceCall) (onDemand, spot int) {
	p, more := c.Props, 0
	switch {
	case c.New() && p.DesiredCount != nil:
		more = *p.DesiredCount
	case c.New() && p.InitialCount != nil:
		more = *p.InitialCount
	case c.New():
		more = 1
	case p.DesiredCount != nil && c.Old.DesiredCount != nil:
		more = *p.DesiredCount - *c.Old.DesiredCount
	}
	return shares(p.CapacityProviders, more)
}

// shares divides tasks as a capacity provider strategy does.
func shares(providers []wanted.CapacityProvider, tasks int) (onDemand, spot int) {
	rest, weights, spotWeight := tasks, 0, 0
	for _, p := range providers {
		base := min(p.Base, rest)
		rest -= base
		weights += p.Weight
		if p.Name == "FARGATE_SPOT" {
			spot += base
			spotWeight += p.Weight
		}
	}
	if weights > 0 {
		spot += rest * spotWeight / weights
	}
	return tasks - spot, spot
}

func (a *api) foreseeFargate(ctx context.Context, id string, vcpus float64, spot bool, f *resource.Foresight) {
	if vcpus <= 0 {
		return
	}
	quota, what := servicequotas.FargateOnDemand, "vCPUs of Fargate in this region"
	if spot {
		quota, what = servicequotas.FargateSpot, "vCPUs of Fargate Spot in this region"
	}
	f.Need(resource.Need{
		Resource: id, What: what, N: vcpus, Late: true,
		Most: func() (float64, error) { return servicequotas.Get(ctx, a.cfg, quota) },
		Used: func() (float64, error) { return servicequotas.FargateUse(ctx, a.cfg, spot) },
	})
}

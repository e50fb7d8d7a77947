package ecs

import (
	"cmp"
	"context"
	"slices"

	sdk "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/company/deployer/internal/aws/call"
)

// keptRevisions stay registered, as targets for circuit breaker and rollback.
const keptRevisions = 10

// trim deregisters all revisions of a family except the newest ones and the running one. It is called only after a
// successful rollout: after many failed rollouts the running revision may be the oldest. A failure does no harm: the
// next rollout trims again.
func (a *api) trim(ctx context.Context, running string, progress func(string)) {
	arns, err := a.revisions(ctx, familyOf(running), types.TaskDefinitionStatusActive)
	if err != nil || len(arns) <= keptRevisions {
		return
	}
	for _, arn := range arns[keptRevisions:] {
		if arn == running {
			continue
		}
		if _, err := a.client.DeregisterTaskDefinition(ctx,
			&sdk.DeregisterTaskDefinitionInput{TaskDefinition: &arn}); err != nil {
			progress("an old revision stays registered: " + call.Error(err).Error())
			return
		}
	}
}

// revisions returns the ARNs of a family, the newest first. It sorts them itself: the last ones may be deregistered.
func (a *api) revisions(ctx context.Context, family string, status types.TaskDefinitionStatus) ([]string, error) {
	in := &sdk.ListTaskDefinitionsInput{FamilyPrefix: &family, Status: status}
	arns, err := call.All(ctx, a.client.ListTaskDefinitions, in, &in.NextToken,
		func(page *sdk.ListTaskDefinitionsOutput) ([]string, *string) {
			return page.TaskDefinitionArns, page.NextToken
		})
	if err != nil {
		return nil, call.Error(err)
	}
	arns = slices.DeleteFunc(arns, func(arn string) bool { return familyOf(arn) != family })
	slices.SortFunc(arns, func(a, b string) int { return cmp.Compare(revisionOf(b), revisionOf(a)) })
	return arns, nil
}

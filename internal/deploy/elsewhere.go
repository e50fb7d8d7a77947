package deploy

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
)

// aside searches, while a plan is made, for objects that a state without objects does not know. The returned function
// waits for the answer. It gets the result of the plan and returns how the run goes on.
func (u *run) aside(ctx context.Context) func(error) error {
	resources, err := engine.Resources(u.Engine)
	if err != nil || len(resources) > 0 || u.back.World.Blind {
		return func(err error) error { return err }
	}
	type answer struct {
		*backend.Signs
		err error
	}
	answered := make(chan answer, 1)
	go func() {
		s, err := u.back.SignsOf(ctx, u.req.Key, u.where, u.Lineages(), u.Stored == nil)
		answered <- answer{s, err}
	}()
	return func(planned error) error {
		found := <-answered
		u.noticed = found.Unasked
		switch {
		case ctx.Err() != nil:
			return errors.Join(planned, ctx.Err())
		case found.err != nil:
			return found.err
		case found.Deployments > 0:
			return u.back.Missing(ctx, u.req.Key, found.Deployments)
		case planned != nil || len(found.Objects) == 0:
			return planned
		case u.stack == nil:
			return u.elsewhere(ctx, backend.TellingOnly(found.Objects))
		}
		return u.verified(ctx, found.Signs)
	}
}

// verified looks for the objects themselves, because the tag index lists deleted ones for hours. It uses the names of
// what the plan would create.
func (u *run) verified(ctx context.Context, found *backend.Signs) error {
	var there []resource.Tagged
	for _, lineage := range found.Lineages() {
		o := u.options()
		o.Catalog, o.Former, o.Intents, o.Adopt = u.back.World.Types(u.where.Reading()), nil, u.creates, nil
		own := o.Tags
		o.Tags = func(component string) map[string]string {
			tags := own(component)
			tags[resource.TagLineage] = lineage
			return tags
		}
		// Existing objects of these creations, which are not wanted here, would be deleted.
		preview, err := engine.PreviewApply(ctx, &resource.Graph{}, nil, o)
		if preview == nil {
			return problems(err).Err()
		}
		for _, c := range preview.Plan.Components {
			for _, change := range c.Changes {
				if change.Action == plan.Delete {
					there = append(there, resource.Tagged{
						ARN:  change.Resource,
						Tags: map[string]string{resource.TagLineage: lineage},
					})
				}
			}
		}
	}
	if len(there) > 0 {
		return u.elsewhere(ctx, there)
	}
	if d := backend.OthersObjects(u.req.Key, backend.TellingOnly(found.Objects)); d != nil {
		u.noticed.Add(d)
	}
	return nil
}

// elsewhere is the error of a run if AWS has objects of the stack that its state does not know; nil if AWS has none.
func (u *run) elsewhere(ctx context.Context, there []resource.Tagged) error {
	if len(there) == 0 {
		return nil
	}
	found := &backend.Signs{Objects: there}
	return u.back.Elsewhere(ctx, u.req.Key, found, u.Stored != nil)
}

// strange replaces the errors about taken names by one error, where the names belong to the stack's own objects with
// another state.
func (u *run) strange(ctx context.Context, found diag.List) diag.List {
	var taken backend.Signs
	var rest diag.List
	at := -1
	for _, d := range found {
		var owned *resource.OwnedError
		lineage := ""
		if errors.As(d.Cause, &owned) && owned.Tags[resource.TagStack] == u.req.Key.Stack &&
			owned.Tags[resource.TagEnvironment] == u.req.Key.Environment {
			lineage = owned.Tags[resource.TagLineage]
		}
		if lineage == "" || lineage == u.Lineage || slices.Contains(u.Lineages(), lineage) {
			rest.Add(d)
			continue
		}
		if at < 0 {
			at = len(rest)
		}
		taken.Objects = append(taken.Objects, resource.Tagged{ARN: owned.Name, Tags: owned.Tags})
	}
	if at < 0 {
		return found
	}
	d := u.back.Elsewhere(ctx, u.req.Key, &taken, true)
	d.Detail = "Names are taken. " + d.Detail
	d.Next = strings.TrimPrefix(d.Next, "Nothing was changed. ")
	return slices.Insert(rest, at, d)
}

package deploy

import (
	"context"
	"errors"
	"slices"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/expr"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
)

// preview asks the engine for the plan.
func (u *run) preview(ctx context.Context) (err error) {
	o := u.options()
	o.Catalog, o.Frozen = u.back.World.Types(u.where.Reading()), u.frozen
	var asked *plan.Survey
	u.drift = nil
	if u.req.Refresh && len(u.Engine) > 0 {
		u.req.Progress(plan.Event{Kind: plan.Phase, Text: "Reading the objects in AWS"})
		if asked, o.Outside, err = u.refresh(ctx, o); err != nil {
			return problems(err)
		}
	}
	if u.doubts, err = u.expendable(); err != nil {
		return err
	}
	fits := func() error { return nil }
	if !u.asked {
		if fits, err = u.pin(ctx); err != nil {
			return err
		}
		u.asked = true
	}
	if o.Targets, err = u.chosen(); err != nil {
		return err
	}
	u.targets = o.Targets
	var looked func() []resource.Finding
	if asked == nil {
		looked = u.look(ctx, o)
	}
	aside, room := u.aside(ctx), u.weigh(ctx)
	preview, err := engine.PreviewApply(ctx, u.graph, u.Engine, o)
	if preview != nil && looked != nil {
		findings := looked()
		if o.Outside, err = u.confirm(ctx, o, findings, err); len(o.Outside) > 0 {
			o.Frozen = preview.Lookups // they are answered already
			preview, err = engine.PreviewApply(ctx, u.graph, u.Engine, o)
		}
		asked = resource.Sum(findings)
	}
	if preview != nil {
		u.plan, u.lookups, u.outputs = preview.Plan, preview.Lookups, preview.Outputs
		u.creates, u.unnamed, u.unwanted = preview.Intents, preview.Unnamed, preview.Unwanted
		u.tellMoves()
		u.renamed = u.renames()
		u.plan.Previous, u.plan.Rollback = previousOf(u.stack), u.told()
		if u.stack != nil && !u.remedy {
			u.plan.Targets = u.req.Targets
		}
		u.nameKinds()
		u.unasked = append(unaskedProblems(preview.Unasked), unforeseenProblems(preview.Unforeseen)...)
		refused, doubtful := u.refusalProblems(preview.Refusals)
		u.unasked.Add(doubtful...)
		err = errors.Join(err, refused.Err())
		if u.plan.Survey = asked; asked != nil && u.Stored != nil {
			asked.Version, asked.At = u.Stored.Payload.Deployment, u.Stored.Payload.At
			asked.Drift = u.drift
			asked.Age = u.back.Locker.Now().Sub(asked.At)
			for _, id := range asked.Differing {
				if slices.Contains(u.Unsure, id) {
					asked.Begun = append(asked.Begun, id)
				}
			}
		}
		for _, id := range preview.Found {
			if u.Adopt == nil {
				u.Adopt = map[string]bool{}
			}
			u.Adopt[id] = true
		}
	}
	var also *engine.RefusedError
	if errors.As(err, &also) {
		refused, _ := u.refusalProblems(also.Refusals)
		err = errors.Join(err, refused.Err())
	}
	return aside(u.placed(problems(errors.Join(err, fits(), room()))).Err())
}

// placed gives problems of components the places of the components, where they have none.
func (u *run) placed(found diag.List) diag.List {
	for _, d := range found {
		if u.stack != nil && d.Component != "" && d.Position == nil {
			d.Position = u.stack.Locate(d.Component)
		}
	}
	return found
}

// options is what preview and apply have in common: one diff, one graph, one set of templates.
func (u *run) options() engine.Options {
	allowed := map[string]bool{}
	for _, address := range u.req.AllowDataLoss {
		allowed[address] = true
	}
	parallelism := u.req.Parallelism
	if parallelism <= 0 {
		parallelism = u.back.World.Settings.Preferences.Parallelism
	}
	return engine.Options{
		Stack: u.req.Key.Stack, Environment: u.req.Key.Environment, Template: expr.Evaluate,
		Token:   func(id string) string { return u.Tokens[id] },
		Offline: u.req.Offline, Former: u.Former(),
		Renamed:     func(component string) string { return u.named[component] },
		Parallelism: parallelism, Adopt: u.Adopt, Forgotten: u.forgotten(), Intents: u.Search, Uncertain: u.Unsure,
		AllowDelete: func(id string) bool { return allowed[resource.ComponentOf(id)] },
		Tags: func(component string) map[string]string {
			return resource.OwnTags(u.req.Key.Stack, u.req.Key.Environment, component, u.Lineage)
		},
	}
}

// nameKinds fills in the kinds of components that the manifests do not have any more.
func (u *run) nameKinds() {
	if u.Stored == nil {
		return
	}
	kinds := map[string]string{}
	for _, c := range u.Stored.Payload.Components {
		kinds[c.Address] = c.Kind
	}
	for i, c := range u.plan.Components {
		if c.Kind == "" {
			u.plan.Components[i].Kind = kinds[c.Address]
		}
	}
}

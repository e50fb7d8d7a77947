// Package deploy is the road: it composes load, resolve, expand, lock, plan, execute and save into validate, plan, apply and
// destroy.
//
// In: a World (folders, settings, clock) and a Request. Out: plans, results and diagnostics. Each stage is a function from typed input to
// typed output; this file reads from top to bottom as their order, and nothing ever goes back. It must not render, parse flags or know
// an AWS API.
package deploy

import (
	"context"
	"slices"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/manifest"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
)

// Validate finds everything that is wrong with the manifests of a stack in an environment, without a network. strict: variables must
// have values.
func Validate(w World, req Request, strict bool) diag.List {
	bundle, found := manifest.Load(w.Root, req.Key.Stack)
	if bundle == nil {
		return found
	}
	_, _, more := desire(w, bundle, req, place{}, strict)
	return append(found, more...).Sort()
}

// Graph is what the manifests desire, without a network.
func (r *Road) Graph(req Request) (*resource.Graph, error) {
	bundle, found := manifest.Load(r.world.Root, req.Key.Stack)
	if found.HasErrors() {
		return nil, found
	}
	_, graph, more := desire(r.world, bundle, req, place{}, false)
	return graph, more.Err()
}

// Plan shows what an apply would do. It takes no lock and changes nothing.
func (r *Road) Plan(ctx context.Context, req Request) (*Planned, error) {
	bundle, found := manifest.Load(r.world.Root, req.Key.Stack)
	if found.HasErrors() {
		return nil, problemsOf(r.world, bundle, req, found)
	}
	where, stored, err := r.placeAndState(ctx, bundle, req)
	if err != nil {
		return nil, err
	}
	stack, graph, found := desire(r.world, bundle, req, where, true)
	if found.HasErrors() {
		return nil, found
	}
	u := r.newRun(stack, graph, where, req)
	u.from(stored, lineageOf(stored, r.newID))
	if err := u.move(); err != nil {
		return nil, err
	}
	planned := &Planned{Graph: u.graph, Warnings: slices.Concat(found, r.warnings(req.Key, stored != nil), r.unfinished(stored))}
	err = early(ctx, u.preview(ctx))
	planned.Plan = u.plan
	planned.Warnings.Add(slices.Concat(u.unasked, u.noticed)...)
	if err != nil && u.plan != nil {
		// Looking is free: that an apply would refuse is part of the plan.
		if warnings, all := foreseen(diag.From(err)); all {
			planned.Warnings.Add(warnings...)
			err = nil
		}
	}
	return planned, err
}

// Apply makes the plan real: lock, read, plan, ask, claim, execute, save, release.
func (r *Road) Apply(ctx context.Context, req Request) (*Applied, error) {
	bundle, found := manifest.Load(r.world.Root, req.Key.Stack)
	if found.HasErrors() {
		return nil, problemsOf(r.world, bundle, req, found)
	}
	where, err := r.place(ctx, bundle, req)
	if err != nil {
		return nil, err
	}
	stack, graph, found := desire(r.world, bundle, req, where, true)
	if found.HasErrors() {
		return nil, found
	}
	held, err := r.open(ctx, req, where, "")
	if err != nil {
		return nil, err
	}
	u := r.newRun(stack, graph, where, req)
	return u.under(held, append(found, r.warnings(req.Key, held.State() != nil)...))
}

// Destroy deletes everything that the state has. Nothing is desired, and no manifest is needed.
func (r *Road) Destroy(ctx context.Context, req Request) (*Applied, error) {
	held, err := r.open(ctx, req, r.caller(ctx), "")
	if err != nil {
		return nil, err
	}
	nothing := &Applied{Plan: &plan.Plan{Stack: req.Key.Stack, Environment: req.Key.Environment}}
	if held.State() == nil {
		nothing.Warnings, err = r.leftBehind(ctx, req.Key)
		return nothing, closing(held, err)
	}
	where, err := r.placeOfState(ctx, held.State())
	if err != nil {
		return nothing, closing(held, err)
	}
	return r.newRun(nil, &resource.Graph{}, where, req).under(held, nil)
}

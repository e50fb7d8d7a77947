// Package deploy composes load, resolve, expand, lock, plan, execute and save into validate, plan, apply and destroy.
//
// In: a World (folders, settings, clock) and a Request. Out: plans, results and diagnostics. Each stage is a function
// from typed input to typed output. This file shows their order from top to bottom, and no stage goes back. It must not
// render, parse flags or know an AWS API.
package deploy

import (
	"context"
	"fmt"
	"slices"

	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/manifest"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/state"
)

// Validate finds everything that is wrong with the manifests of a stack in an environment, without a network. strict:
// variables must have values.
func Validate(w backend.World, req Request, strict bool) diag.List {
	bundle, found := manifest.Load(w.Root, req.Key.Stack)
	if bundle == nil {
		return found
	}
	_, _, more := desire(w, bundle, req, backend.Place{}, strict)
	return append(found, more...).Sort()
}

// ValidateAll is Validate for some environments of a stack. A problem that only some of them have names those.
func ValidateAll(w backend.World, req Request, environments []string, strict bool) diag.List {
	var found diag.List
	in := map[string][]string{}
	for _, environment := range environments {
		req.Key.Environment = environment
		for _, d := range Validate(w, req, strict) {
			name := fmt.Sprint(d.Position, d.Component, d.Summary, d.Detail)
			if in[name] == nil {
				found.Add(d)
			}
			in[name] = append(in[name], environment)
		}
	}
	for _, d := range found {
		if have := in[fmt.Sprint(d.Position, d.Component, d.Summary, d.Detail)]; len(have) < len(environments) {
			d.Environments = have
		}
	}
	return found.Sort()
}

// Graph is what the manifests desire, without a network.
func Graph(b *backend.Backend, req Request) (*resource.Graph, error) {
	bundle, found := manifest.Load(b.World.Root, req.Key.Stack)
	if found.HasErrors() {
		return nil, found
	}
	_, graph, more := desire(b.World, bundle, req, backend.Place{}, false)
	return graph, more.Err()
}

// Plan shows what an apply would do. It takes no lock and changes nothing.
func Plan(ctx context.Context, b *backend.Backend, req Request) (*Planned, error) {
	bundle, found := manifest.Load(b.World.Root, req.Key.Stack)
	if found.HasErrors() {
		return nil, problemsOf(b.World, bundle, req, found)
	}
	where, stored, err := placeAndState(ctx, b, bundle, req)
	if err != nil {
		return nil, err
	}
	var last manifest.Previous
	if stored != nil {
		last = lastVariables(stored.Payload, req)
	}
	stack, graph, found := desireAfter(b.World, bundle, req, where, last, true)
	if found.HasErrors() {
		return nil, found
	}
	u := newRun(b, stack, graph, where, req)
	found = u.limits(found)
	u.from(stored, lineageOf(stored, b.NewID))
	if err := u.move(); err != nil {
		return nil, err
	}
	planned := &Planned{Graph: u.graph, Warnings: slices.Concat(found, warnings(b, req.Key, stored != nil),
		unfinished(b, stored))}
	err = backend.Early(ctx, u.preview(ctx))
	planned.Plan = u.plan
	planned.Warnings.Add(slices.Concat(u.renamed, u.unasked, u.noticed, u.tags, u.limited)...)
	if d := u.onHold(); d != nil && u.plan != nil {
		d.Severity = diag.Warning
		d.Next = "An apply of this plan stops, unless it releases the hold: " + u.again("--release-hold")
		planned.Warnings.Add(d)
	}
	if err != nil && u.plan != nil {
		// A plan changes nothing, so it only warns of what an apply would refuse.
		if warnings, all := foreseen(diag.From(err)); all {
			planned.Warnings.Add(warnings...)
			err = nil
		}
	}
	if err == nil {
		planned.Saved, err = u.saved(stored)
	}
	return planned, err
}

// Apply makes the plan real: lock, read, plan, ask, claim, execute, save, release.
func Apply(ctx context.Context, b *backend.Backend, req Request) (*Applied, error) {
	bundle, found := manifest.Load(b.World.Root, req.Key.Stack)
	if found.HasErrors() {
		return nil, problemsOf(b.World, bundle, req, found)
	}
	where, err := place(ctx, b, bundle, req)
	if err != nil {
		return nil, err
	}
	stack, graph, complete, found := desireEarly(b.World, bundle, req, where)
	if found.HasErrors() {
		return nil, found
	}
	held, err := b.Hold(ctx, req.lock(), where, "")
	if err != nil {
		return nil, err
	}
	if !complete {
		last, err := state.Load(req.Key, held.State())
		if err != nil {
			return nil, backend.Closing(held, b.Healing(ctx, req.Key, err))
		}
		var previous manifest.Previous
		if last != nil {
			previous = lastVariables(last.Payload, req)
		}
		if stack, graph, found = desireAfter(b.World, bundle, req, where, previous, true); found.HasErrors() {
			return nil, backend.Closing(held, found)
		}
	}
	u := newRun(b, stack, graph, where, req)
	return u.under(held, append(u.limits(found), warnings(b, req.Key, held.State() != nil)...))
}

// Destroy deletes everything in the state. Nothing is desired, and no manifest is needed.
func Destroy(ctx context.Context, b *backend.Backend, req Request) (*Applied, error) {
	held, err := b.Hold(ctx, req.lock(), b.Caller(ctx), "")
	if err != nil {
		return nil, err
	}
	nothing := &Applied{Plan: &plan.Plan{Stack: req.Key.Stack, Environment: req.Key.Environment}}
	if held.State() == nil {
		nothing.Warnings, err = b.LeftBehind(ctx, req.Key)
		return nothing, backend.Closing(held, err)
	}
	where, err := b.PlaceOf(ctx, held.State())
	if err != nil {
		return nothing, backend.Closing(held, err)
	}
	return newRun(b, nil, &resource.Graph{}, where, req).under(held, nil)
}

package deploy

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/deploy/recovery"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/state"
)

// Remediate puts the drifted resources back as the last deployment wanted them, by the road of Apply: its configuration
// stands in the state, so changes of the manifests that are not deployed yet stay where they are. Resources that need a
// deleted object are part of the run, because the new object may have another ID. What was made outside stays: deployer
// deletes only what it has made.
func Remediate(ctx context.Context, b *backend.Backend, found *report.Drift, req Request) (*Applied, error) {
	stored, where, err := placeOfState(ctx, b, req.Key)
	if err != nil {
		return nil, err
	}
	base := recovery.From(stored, stored.Snapshot.Envelope.Lineage, nil)
	if base.Unfinished() {
		return nil, diag.New(diag.Conflict, "A run is in progress or was interrupted",
			"It is not known yet what it has changed. Nothing was changed.",
			"Run apply first: it continues an interrupted run. "+b.CommandLine(req.Key, "apply"))
	}
	resources, err := engine.Resources(stored.Payload.Engine)
	if err != nil {
		return nil, err
	}
	only := affected(found, resources)
	u, err := newRemedy(b, stored, where, only, req)
	if err != nil {
		return nil, err
	}
	held, err := b.Hold(ctx, req.lock(), where, "")
	if err != nil {
		return nil, err
	}
	if e := held.State(); e == nil || e.Serial != stored.Snapshot.Envelope.Serial {
		err := diag.New(diag.Conflict, "State was changed meanwhile",
			"Another run changed the state after the drift was detected. Nothing was changed.",
			"Run the command again.")
		return nil, backend.Closing(held, err)
	}
	return u.under(held, warnings(b, req.Key, true))
}

// newRemedy is a run of the configuration in a state, for some resources.
func newRemedy(
	b *backend.Backend, stored *state.Stored, where backend.Place, only []string, req Request,
) (*run, error) {
	p := stored.Payload
	components, err := melted(p)
	if err != nil {
		return nil, err
	}
	if len(components) == 0 {
		return nil, diag.New(diag.Invalid, "No configuration in the state",
			fmt.Sprintf("v%d of %s has no configuration that could be put back. Nothing was changed.", p.Deployment,
				req.Key), "Apply the manifests: "+b.CommandLine(req.Key, "apply", "--refresh"))
	}
	stack := thaw(req.Key, where.Account, where.Region, components, p.Variables, report.Version(p.Deployment).String())
	stack.Approval = p.Approval
	graph, problems := component.Expand(registry(), stack.Instances())
	if graph == nil {
		return nil, diagnose(stack, problems).Err()
	}
	addresses := map[string]bool{}
	for _, id := range only {
		addresses[resource.ComponentOf(id)] = true
	}
	req.Refresh, req.NoResolve, req.Targets = true, true, slices.Sorted(maps.Keys(addresses))
	u := newRun(b, stack, graph, where, req)
	u.only, u.remedy = only, true
	return u, nil
}

// affected are the IDs of the resources that were changed or deleted, and of those that need a deleted one.
func affected(found *report.Drift, resources []engine.StoredResource) []string {
	out := map[string]bool{}
	gone := map[string]bool{}
	for _, d := range found.Drifted {
		if d.Kind != report.DriftMade {
			out[d.Resource] = true
			gone[d.Resource] = d.Kind == report.DriftDeleted
		}
	}
	for _, r := range resources { // each after what it needs
		if slices.ContainsFunc(r.Dependencies, func(need string) bool { return gone[need] }) {
			out[r.ID], gone[r.ID] = true, true
		}
	}
	return slices.Sorted(maps.Keys(out))
}

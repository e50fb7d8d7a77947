package repair

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/deploy/recovery"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/manifest"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/state"
)

// Move renames a component in the state; the next apply updates AWS.
func Move(
	ctx context.Context, b *backend.Backend, req backend.Request, from, to string,
) (*report.Moved, *Written, error) {
	u, err := openEdited(ctx, b, req)
	if err != nil {
		return nil, &Written{}, err
	}
	next, moved, err := u.moveOne(from, to)
	if err != nil {
		return nil, &Written{}, backend.Closing(u.held, err)
	}
	intents, err := recovery.RenamedIntents(recovery.IntentsOf(u.held.State()), map[string]string{from: to})
	if err != nil {
		return nil, &Written{}, backend.Closing(u.held, err)
	}
	next.Edited = &state.Edit{At: u.held.Lock().Now(), Who: u.held.Who(), What: fmt.Sprintf("state mv %s %s", from, to)}
	written, err := u.write(ctx, next, intents)
	return moved, written, err
}

func (u *edited) moveOne(from, to string) (*state.Payload, *report.Moved, error) {
	there, err := u.Deployed()
	if err != nil {
		return nil, nil, err
	}
	var found diag.List
	if !there[from] {
		found.Add(diag.New(diag.Invalid, "Unknown address", fmt.Sprintf("The state has no component %q.", from),
			diag.Candidates(from, slices.Sorted(maps.Keys(there)))))
	}
	detail, remedy := manifest.CheckAddress(to)
	switch {
	case detail != "":
		found.Add(diag.New(diag.Invalid, "Invalid address", detail, remedy))
	case to == from:
		found.Add(diag.New(diag.Invalid, "Same address", to+" is already its address.", ""))
	case there[to]:
		found.Add(diag.New(diag.Invalid, "Address is in use", fmt.Sprintf("The state already has a component %s.", to),
			"Choose another address, or move that one away first."))
	}
	for _, c := range u.Stored.Payload.Components {
		if c.Synthetic && c.Address == from {
			found.Add(diag.New(diag.Invalid, "Component is shared",
				from+" belongs to all services of the stack; its address cannot change.", ""))
		}
	}
	if err := found.Err(); err != nil {
		return nil, nil, err
	}
	if err := u.Rename(map[string]string{from: to}); err != nil {
		return nil, nil, err
	}
	next := *u.Stored.Payload
	next.Engine = u.Engine
	moved := &report.Moved{Stack: next.Stack, Environment: next.Environment, From: from, To: to, Resources: []string{}}
	resources, err := engine.Resources(u.Engine)
	if err != nil {
		return nil, nil, err
	}
	for _, r := range resources {
		if r.Component == to {
			moved.Resources = append(moved.Resources, r.ID)
			moved.Former = append(moved.Former, r.MovedFrom)
		}
	}
	for _, c := range u.Stored.Payload.Components {
		if c.Address == to {
			moved.Former = append(moved.Former, c.Named)
		}
	}
	return &next, moved, nil
}

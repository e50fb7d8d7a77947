package repair

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/deploy/recovery"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/state"
)

// Accept takes objects into the state as AWS has them now: those of the given resources. Objects that are gone leave
// the state. Nothing is changed in AWS. An object that cannot be read is an error, and then nothing is written.
func Accept(ctx context.Context, b *backend.Backend, req backend.Request, ids []string) (*Written, error) {
	u, err := openEdited(ctx, b, req)
	if err != nil {
		return &Written{}, err
	}
	next, err := u.accept(ids)
	if err != nil {
		return &Written{}, backend.Closing(u.held, err)
	}
	return u.write(ctx, next, recovery.IntentsOf(u.held.State()))
}

func (u *edited) accept(ids []string) (*state.Payload, error) {
	if u.Unfinished() {
		return nil, diag.New(diag.Conflict, "A run was interrupted",
			"It is not known yet what it has changed. Nothing was changed.",
			"Run apply (or destroy) first: it checks AWS and completes the changes.")
	}
	ctx := u.held.Lock().Context()
	where, err := u.back.PlaceOf(ctx, u.held.State())
	if err != nil {
		return nil, err
	}
	p := u.Stored.Payload
	found, err := engine.Refresh(ctx, u.Engine, engine.Options{
		Stack: p.Stack, Environment: p.Environment, Catalog: u.back.World.Types(where.Reading()), Targets: ids,
		Former: u.Former(), SecondLook: engine.UsualSecondLook, Tags: func(component string) map[string]string {
			return resource.OwnTags(p.Stack, p.Environment, component, u.Lineage)
		},
	})
	if err != nil {
		return nil, err
	}
	next := *p
	next.Engine, next.Components = json.RawMessage(found.State), slices.Clone(p.Components)
	for _, d := range found.Drift {
		if !d.Gone {
			continue
		}
		for i, c := range next.Components {
			if c.Address == resource.ComponentOf(d.Resource) && !c.Removed {
				next.Components[i].Missing = append(slices.Clone(c.Missing),
					state.Missing{Resource: d.Resource, Type: d.Type})
			}
		}
	}
	what := "drift remediate --accept"
	for _, id := range ids {
		what += " --target " + id
	}
	if len(ids) > 5 {
		what = "drift remediate --accept of " + strings.Join(ids[:5], ", ") + " and others"
	}
	next.Edited = &state.Edit{At: u.held.Lock().Now(), Who: u.held.Who(), What: what}
	return &next, nil
}

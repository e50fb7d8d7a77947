package deploy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/deploy/recovery"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/manifest"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/state/session"
	"github.com/company/deployer/internal/value"
)

// run is one plan or apply under way, between the stages.
type run struct {
	back  *backend.Backend
	req   Request
	where backend.Place
	stack *manifest.Stack // nil: destroy
	graph *resource.Graph // empty: destroy

	recovery.Base          // what it starts from
	targets       []string // resource IDs; empty: all

	plan    *plan.Plan
	doubts  diag.List       // of the request
	late    diag.List       // warnings from the execution of the plan
	unasked diag.List       // deletions that the credentials do not let it check
	renamed diag.List       // of components that may have been renamed
	noticed diag.List       // that AWS was not asked, or has objects unknown to this state
	hurry   context.Context // ends when the run has to be over
	lookups map[string]value.Value
	creates []json.RawMessage // the plan's, for the intents of the claim
	unnamed []string          // IDs of those of creates that have no name yet
	// by resource ID: what is not to be made, because a lookup has found that it is needless
	unwanted map[string]bool
	reread   bool              // the preview has read something that differs from the state
	began    time.Time         // when execute looked at what interrupted runs had left
	moved    map[string]string // new addresses of components that this run renames, by the old ones
	// by address of a renamed component: the address that its physical names are made from
	named   map[string]string
	outputs map[string]map[string]value.Value // of the preview, as far as they are known

	tags     diag.List              // warnings about images
	over     diag.List              // warnings about AWS's default quotas: the account's own are to be asked for
	limited  diag.List              // of these, what stays
	drift    []plan.Drift           // what somebody else has changed
	asked    bool                   // the registries were asked
	approved *Saved                 // the plan to carry out, and no other; nil: what this run plans
	frozen   map[string]value.Value // its answers of lookups
	only     []string               // IDs of the only resources that it is about; nil: those of the targets
	remedy   bool                   // it deploys what is deployed, to put back what somebody has changed
	rollback *rollback              // to an earlier version; nil: the run deploys the manifests, or deletes
}

func newRun(b *backend.Backend, stack *manifest.Stack, graph *resource.Graph, where backend.Place, req Request) *run {
	return &run{back: b, req: req, where: where, stack: stack, graph: graph}
}

// from sets what the run starts from.
func (u *run) from(stored *state.Stored, lineage string) {
	u.Base, u.reread = recovery.From(stored, lineage, u.back.Journal(stored)), false
}

// replans is how often a plan is made again because the state changed before it was claimed.
const replans = 3

// under does all remaining steps with the lock held: plan, ask, claim, execute, save, release (steps 5 to 12).
func (u *run) under(held *session.Session, warnings diag.List) (*Applied, error) {
	applied := &Applied{Warnings: warnings}
	u.hurry = u.back.Hurry(held.Lock().Context())
	for attempt := 1; ; attempt++ {
		err := u.planAndClaim(held, applied)
		var moved *session.MovedError
		if errors.As(err, &moved) && u.approved != nil {
			err = u.approved.stale(u.back, "The state was changed after the plan was made.")
			return applied, backend.Closing(held, err)
		}
		if errors.As(err, &moved) && attempt < replans {
			u.req.Progress(plan.Event{Kind: plan.Phase, Text: "Another run changed the state: planning again"})
			continue
		}
		if moved != nil {
			err = diag.New(diag.Conflict, "State keeps changing",
				fmt.Sprintf("Other runs changed it %d times while this run planned; now it has serial %d.", replans,
					moved.Serial),
				"Nothing was changed. Find out who writes the state without the lock, then run the command again.")
		}
		if err != nil {
			return applied, backend.Closing(held, backend.Early(held.Lock().Context(), err))
		}
		break
	}
	if !applied.Changed {
		applied.Warnings = append(applied.Warnings, u.leave(held)...)
		return applied, nil
	}
	payload := u.payload(held)
	kept := make(chan error, 1)
	go func() {
		ctx, cancel := backend.Ending(u.hurry)
		defer cancel()
		kept <- u.keepLast(ctx)
	}()
	result, runErr := u.execute(held, payload)
	applied.Warnings = append(applied.Warnings, u.late...)
	back := u.wayBack(held, runErr, applied)
	err := u.save(held, payload, result, runErr, applied, back == nil)
	applied.Warnings = append(applied.Warnings, backend.EndingWarnings(<-kept)...)
	if back != nil && applied.saved {
		applied.Back, applied.BackErr = back.under(held, nil)
		err = diag.Join(err, applied.BackErr)
	}
	return applied, err
}

// leave ends a run that had nothing to do.
func (u *run) leave(held *session.Session) diag.List {
	ctx, cancel := backend.Ending(u.hurry)
	defer cancel()
	dropJournal(u.back, held) // of a run that was interrupted after its last write
	return backend.EndingWarnings(held.Close(ctx, u.keepLast))
}

// intents are what the claim writes.
func (u *run) intents(held *session.Session) ([]state.Intent, error) {
	left, err := recovery.RenamedIntents(recovery.IntentsOf(held.State()), u.moved)
	if err != nil {
		return nil, err
	}
	by := recovery.Operation{ID: held.Lock().ID(), At: held.Lock().Now(), Token: u.back.NewID}
	return u.Claim(left, u.plan, u.creates, by), nil
}

// planAndClaim plans on the session's state, shows the plan, asks, and claims the state with intents for everything
// that is about to be created or deleted (steps 5 to 7). applied.Changed is set when there is something to execute.
func (u *run) planAndClaim(held *session.Session, applied *Applied) error {
	ctx := held.Lock().Context()
	told := len(slices.Concat(u.doubts, u.renamed, u.unasked, u.noticed, u.tags)) > 0 // by an attempt before this one
	base, err := state.Load(u.req.Key, held.State())
	if err != nil {
		return u.back.Healing(ctx, u.req.Key, err)
	}
	u.from(base, held.Lineage())
	if base != nil {
		applied.Version, applied.Outputs = report.Version(base.Payload.Deployment), outputsOf(base.Payload.Components)
	}
	if held.Lock().TookOver() && base == nil { // a claim would hide that the state is missing
		if err := u.preview(ctx); err != nil {
			return err
		}
	}
	if held.Lock().TookOver() || u.Unfinished() {
		if err := u.takeOver(held, applied); err != nil {
			return err
		}
	}
	if err := u.move(); err != nil {
		return err
	}
	err = u.preview(ctx)
	applied.Plan = u.plan
	if !told {
		applied.Warnings = slices.Concat(applied.Warnings, u.doubts, u.renamed, u.unasked, u.noticed, u.tags,
			u.limited)
	}
	if err == nil && u.approved != nil {
		err = u.approved.same(u.back, u.plan)
	} else if err == nil && u.req.Hash != "" {
		err = u.hashed(base)
	}
	if err != nil {
		return err
	}
	if d := u.onHold(); d != nil {
		return d
	}
	begun := held.State() != nil && u.Stored == nil // by takeOver
	if !u.plan.HasChanges() && !u.Unfinished() && !u.unsuccessful() && !begun && !u.reread && len(u.moved) == 0 &&
		!u.outputsChanged() && !u.approvalChanged() && !u.releases() {
		return nil
	}
	intents, err := u.intents(held)
	if err != nil {
		return err
	}
	if err := state.Room(u.payload(held), intents); err != nil { // no approval is asked for a state that is too large
		return err
	}
	if u.plan.HasChanges() && u.req.Approve != nil {
		q := Question{
			Plan: u.plan, Warnings: applied.Warnings, Required: u.approvalRequired(),
			Automatic: u.rollback != nil && u.rollback.automatic,
		}
		if ok, err := u.req.Approve(ctx, q); !q.Automatic && (!ok || err != nil) {
			return err
		}
	}
	payload := u.payload(held)
	payload.Status = state.InProgress
	if err := held.Write(ctx, payload, intents); err != nil {
		return err
	}
	applied.Changed = true
	return nil
}

// unsuccessful reports whether the last run failed or was stopped. If nothing is left to do now, the state must say so.
func (u *run) unsuccessful() bool {
	return u.Stored != nil && len(u.req.Targets) == 0 &&
		(u.Stored.Payload.Status == state.Failed || u.Stored.Payload.Status == state.Interrupted)
}

// takeOver claims the state at once, so that a late write of a former holder cannot succeed (step 5). It writes the
// state as it was, with what the journal adds.
func (u *run) takeOver(held *session.Session, applied *Applied) error {
	u.req.Progress(plan.Event{
		Kind: plan.Phase,
		Text: "An earlier run was interrupted: continuing it",
	})
	payload := u.payload(held)
	payload.Status = state.InProgress
	if u.Stored != nil {
		*payload = *u.Stored.Payload
		payload.Engine = u.Engine
	}
	ctx := held.Lock().Context()
	err := held.Write(ctx, payload, recovery.IntentsOf(held.State()))
	if err == nil && !u.Unfinished() { // the former holder may have died before it did that
		applied.Warnings = append(applied.Warnings, backend.AsWarnings(u.back.Derive(ctx, u.req.Key, payload))...)
	}
	return err
}

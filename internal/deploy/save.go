package deploy

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/deploy/recovery"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/state/session"
)

// save writes the final state, history and the derived copy, and releases the lock (steps 11 and 12). last: no run that
// uses the lock follows, so it is released.
func (u *run) save(
	held *session.Session, p *state.Payload, result *engine.Result, runErr error, applied *Applied, last bool,
) error {
	found := problems(runErr)
	known, err := u.components(result.Outputs, result.State)
	if err != nil {
		found.Add(diag.From(err)...) // the changes must be saved anyway
		known = p.Components
	}
	for i, c := range u.plan.Components {
		u.plan.Components[i].Notes = result.Notes[c.Address] // with what only the apply could know
	}
	p.Engine, p.Components, p.Forgotten = json.RawMessage(result.State), known, withoutStored(p.Forgotten, result.State)
	p.Deployment++
	did := outcome(u.plan, result).Summary()
	p.Status, p.Summary, p.Changes, p.At = u.status(runErr), summary(did), counted(did), held.Lock().Now()
	p.Seconds = int(p.At.Sub(u.began).Round(time.Second) / time.Second)
	u.endHolds(p)
	applied.Version, applied.Outputs, applied.Outcome = report.Version(p.Deployment), outputsOf(known),
		outcome(u.plan, result)
	ctx := u.back.Patience(held.Lock().Context(), 0)
	intents := u.Unresolved(recovery.IntentsOf(held.State()), recovery.Ended{
		ID: held.Lock().ID(), Result: result, Failed: runErr != nil, Began: u.began, Now: u.back.Now(),
	})
	if err := held.Write(ctx, p, intents); err != nil {
		if !errors.Is(err, context.Canceled) {
			found.Add(diag.From(err)...)
		}
		found.Add(rescue(u.back, held, p, intents))
		return backend.Closing(held, u.strange(ctx, found))
	}
	applied.Again, applied.Holds, applied.saved = u.again(), backend.HoldsOf(p), true
	if u.stack != nil && u.rollback == nil && u.Stored != nil && good(u.Stored.Payload) {
		applied.GoBack = u.back.CommandLine(u.req.Key, "rollback")
	}
	dropJournal(u.back, held)
	applied.Warnings = append(applied.Warnings, u.finish(held, p, last)...)
	return u.strange(ctx, found).Err()
}

// again is the command that continues from the state, with more arguments.
func (u *run) again(more ...string) string {
	command := "apply"
	if u.stack == nil {
		command = "destroy"
	}
	var args []string
	switch {
	case u.remedy:
		command = "drift remediate"
	case u.rollback != nil:
		command, args = "rollback", []string{"--to-version", report.Version(u.rollback.to.Payload.Deployment).String()}
	}
	for _, address := range u.req.Targets {
		args = append(args, "--target", address)
	}
	for _, address := range u.req.AllowDataLoss {
		args = append(args, "--allow-data-loss", address)
	}
	for _, f := range u.req.VarFiles {
		args = append(args, "--var-file", f.Name)
	}
	if u.stack != nil {
		for _, v := range u.stack.Variables {
			if text, given := u.req.Variables[v.Name]; given && v.Sensitive {
				args = append(args, "--var", v.Name+"=…")
			} else if given {
				args = append(args, "--var", v.Name+"="+text)
			}
		}
	}
	return u.back.CommandLine(u.req.Key, command, append(args, more...)...)
}

// finish keeps the state as history, updates the derived copy and, after the last run, releases the lock, in parallel
// (step 12). Failures here are warnings: the deployment is saved, the next run writes a missing history object, the
// copy is derived, the lock expires.
func (u *run) finish(held *session.Session, p *state.Payload, last bool) diag.List {
	ctx, cancel := backend.Ending(u.hurry)
	defer cancel()
	store, e := u.back.Store(u.req.Key), held.State()
	keep := func(ctx context.Context) error {
		_, err := store.PutHistory(ctx, p.At, e)
		return err
	}
	derive := func(ctx context.Context) error { return u.back.Derive(ctx, u.req.Key, p) }
	if !last {
		return backend.EndingWarnings(errors.Join(keep(ctx), derive(ctx)))
	}
	return backend.EndingWarnings(held.Close(ctx, keep, derive))
}

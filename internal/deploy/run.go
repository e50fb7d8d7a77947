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
	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/expr"
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
	late    diag.List       // warnings of what went on while the plan was carried out
	unasked diag.List       // what the credentials may not ask about before it is deleted
	noticed diag.List       // what AWS was not asked, or has and this state does not know
	hurry   context.Context // ends when the run has to be over
	lookups map[string]value.Value
	creates []json.RawMessage                 // the plan's, for the intents of the claim
	unnamed []string                          // IDs of those of creates that have no name yet
	reread  bool                              // the preview has read something that the state does not say
	began   time.Time                         // when execute looked at what interrupted runs had left
	moved   map[string]string                 // new addresses of components that this run renames, by the old ones
	named   map[string]string                 // by address: the one that physical names are made from, of components that were renamed
	outputs map[string]map[string]value.Value // of the preview, as far as they are known
}

func newRun(b *backend.Backend, stack *manifest.Stack, graph *resource.Graph, where backend.Place, req Request) *run {
	return &run{back: b, req: req, where: where, stack: stack, graph: graph}
}

// from sets what the run starts from.
func (u *run) from(stored *state.Stored, lineage string) {
	u.Base, u.reread = recovery.From(stored, lineage, u.back.Journal(stored)), false
}

// replans is how often a plan is made anew because somebody changed the state before it was claimed.
const replans = 3

// under goes the rest of the road with the lock held: plan, ask, claim, execute, save, release (steps 5 to 12).
func (u *run) under(held *session.Session, warnings diag.List) (*Applied, error) {
	applied := &Applied{Warnings: warnings}
	u.hurry = u.back.Hurry(held.Lock().Context())
	for attempt := 1; ; attempt++ {
		err := u.planAndClaim(held, applied)
		var moved *session.MovedError
		if errors.As(err, &moved) && attempt < replans {
			u.req.Progress(plan.Event{Kind: plan.Phase, Text: "The state was changed meanwhile: planning again"})
			continue
		}
		if moved != nil {
			err = diag.New(diag.Conflict, "State keeps changing", fmt.Sprintf("Somebody changed it %d times while this run planned; now it has serial %d.", replans, moved.Serial),
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
	err := u.save(held, payload, result, runErr, applied)
	applied.Warnings = append(applied.Warnings, backend.EndingWarnings(<-kept)...)
	return applied, err
}

// leave ends a run that had nothing to do.
func (u *run) leave(held *session.Session) diag.List {
	ctx, cancel := backend.Ending(u.hurry)
	defer cancel()
	dropJournal(u.back, held) // of a run that died after its last write
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

// planAndClaim plans on what the session has, shows the plan, asks, and claims the state with everything that is about to be created or
// deleted as intents (steps 5 to 7). applied.Changed is set when there is something to execute.
func (u *run) planAndClaim(held *session.Session, applied *Applied) error {
	ctx := held.Lock().Context()
	told := u.doubts != nil || u.unasked != nil || u.noticed != nil // by an attempt before this one
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
		applied.Warnings = slices.Concat(applied.Warnings, u.doubts, u.unasked, u.noticed)
	}
	if err != nil {
		return err
	}
	begun := held.State() != nil && u.Stored == nil // by takeOver
	if !u.plan.HasChanges() && !u.Unfinished() && !u.unsuccessful() && !begun && !u.reread && len(u.moved) == 0 && !u.outputsChanged() && !u.approvalChanged() {
		return nil
	}
	intents, err := u.intents(held)
	if err != nil {
		return err
	}
	if err := state.Room(u.payload(held), intents); err != nil { // nobody is asked about what cannot be
		return err
	}
	if u.plan.HasChanges() && u.req.Approve != nil {
		if ok, err := u.req.Approve(ctx, Question{u.plan, applied.Warnings, u.approvalRequired()}); !ok || err != nil {
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

// unsuccessful reports whether the last run failed or was stopped. Where nothing is left to do since, the state has to say so.
func (u *run) unsuccessful() bool {
	return u.Stored != nil && len(u.req.Targets) == 0 && (u.Stored.Payload.Status == state.Failed || u.Stored.Payload.Status == state.Interrupted)
}

// takeOver claims the state at once, so that no write of a former holder fits any more (step 5). It says what the state said before, and
// what the journal adds to that.
func (u *run) takeOver(held *session.Session, applied *Applied) error {
	u.req.Progress(plan.Event{Kind: plan.Phase, Text: "A run before this one was interrupted: picking up what it left behind"})
	payload := u.payload(held)
	payload.Status = state.InProgress
	if u.Stored != nil {
		*payload = *u.Stored.Payload
		payload.Engine = u.Engine
	}
	ctx := held.Lock().Context()
	err := held.Write(ctx, payload, recovery.IntentsOf(held.State()))
	if err == nil && !u.Unfinished() { // the former holder may have died before it did that
		applied.Warnings = append(applied.Warnings, backend.AsWarnings(u.back.Derive(ctx, u.req.Key, u.Engine))...)
	}
	return err
}

// preview asks the engine for the plan.
func (u *run) preview(ctx context.Context) (err error) {
	o := u.options()
	o.Catalog = u.back.World.Types(u.where.Reading())
	var asked *plan.Survey
	if u.req.Refresh && len(u.Engine) > 0 {
		u.req.Progress(plan.Event{Kind: plan.Phase, Text: "Reading what AWS has"})
		if asked, o.Outside, err = u.refresh(ctx, o); err != nil {
			return problems(err)
		}
	}
	if u.doubts, err = u.expendable(); err != nil {
		return err
	}
	if o.Targets, err = u.chosen(); err != nil {
		return err
	}
	u.targets = o.Targets
	var looked func() []resource.Finding
	if asked == nil {
		looked = u.look(ctx, o)
	}
	aside := u.aside(ctx)
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
		u.creates, u.unnamed = preview.Intents, preview.Unnamed
		u.tellMoves()
		u.unasked = unaskedProblems(preview.Unasked)
		if u.plan.Survey = asked; asked != nil && u.Stored != nil {
			asked.Version, asked.At = u.Stored.Payload.Deployment, u.Stored.Payload.At
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
	return aside(problems(err).Err())
}

// save writes the final state, history and the derived copy, and releases the lock (steps 11 and 12).
func (u *run) save(held *session.Session, p *state.Payload, result *engine.Result, runErr error, applied *Applied) error {
	found := problems(runErr)
	known, err := u.components(result.Outputs, result.State)
	if err != nil {
		found.Add(diag.From(err)...) // what was done must be saved all the same
		known = p.Components
	}
	p.Engine, p.Components, p.Forgotten = json.RawMessage(result.State), known, withoutStored(p.Forgotten, result.State)
	p.Deployment++
	p.Status, p.Summary, p.At = u.status(runErr), summary(outcome(u.plan, result).Summary()), held.Lock().Now()
	applied.Version, applied.Outputs, applied.Outcome = report.Version(p.Deployment), outputsOf(known), outcome(u.plan, result)
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
	applied.Again = u.again()
	dropJournal(u.back, held)
	applied.Warnings = append(applied.Warnings, u.finish(held, p)...)
	return u.strange(ctx, found).Err()
}

// again is the command that goes on from what the state says.
func (u *run) again() string {
	command := "apply"
	if u.stack == nil {
		command = "destroy"
	}
	var args []string
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
	return u.back.CommandLine(u.req.Key, command, args...)
}

// finish keeps the state as history, updates the derived copy and releases the lock, side by side (step 12). Failures here are warnings: the
// deployment is saved, a missing history object is written by the next run, the copy is derived, the lock expires.
func (u *run) finish(held *session.Session, p *state.Payload) diag.List {
	ctx, cancel := backend.Ending(u.hurry)
	defer cancel()
	store, e := u.back.Store(u.req.Key), held.State()
	err := held.Close(ctx,
		func(ctx context.Context) error {
			_, err := store.PutHistory(ctx, p.At, e)
			return err
		},
		func(ctx context.Context) error { return u.back.Derive(ctx, u.req.Key, p.Engine) },
	)
	return backend.EndingWarnings(err)
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
		Stack: u.req.Key.Stack, Environment: u.req.Key.Environment, Template: expr.Evaluate, Token: func(id string) string { return u.Tokens[id] },
		Former: u.Former(), Renamed: func(component string) string { return u.named[component] },
		Parallelism: parallelism, Adopt: u.Adopt, Forgotten: u.forgotten(), Intents: u.Search, Uncertain: u.Unsure,
		AllowDelete: func(id string) bool { return allowed[resource.ComponentOf(id)] },
		Tags: func(component string) map[string]string {
			return resource.OwnTags(u.req.Key.Stack, u.req.Key.Environment, component, u.Lineage)
		},
	}
}

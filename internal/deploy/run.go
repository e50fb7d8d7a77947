package deploy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/expr"
	"github.com/company/deployer/internal/lock"
	"github.com/company/deployer/internal/manifest"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/state/session"
	"github.com/company/deployer/internal/value"
)

// run is one plan or apply under way, between the stages.
type run struct {
	road  *Road
	req   Request
	where place
	stack *manifest.Stack // nil: destroy
	graph *resource.Graph // empty: destroy

	stored  *Stored // nil without a state
	lineage string
	engine  []byte // the engine's state to start from
	adopt   map[string]bool
	search  []json.RawMessage // what an interrupted run was about to create
	unsure  []string          // resource IDs of what it was about to change or delete
	targets []string          // resource IDs; empty: all

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
	tokens  map[string]string                 // of the intents to create, by resource ID
	moved   map[string]string                 // new addresses of components that this run renames, by the old ones
	named   map[string]string                 // by address: the one that physical names are made from, of components that were renamed
	outputs map[string]map[string]value.Value // of the preview, as far as they are known
}

func (r *Road) newRun(stack *manifest.Stack, graph *resource.Graph, where place, req Request) *run {
	return &run{road: r, req: req, where: where, stack: stack, graph: graph}
}

// from sets what the run starts from.
func (u *run) from(stored *Stored, lineage string) {
	u.stored, u.lineage, u.engine, u.adopt, u.search, u.unsure = stored, lineage, nil, nil, nil, nil
	u.reread, u.tokens = false, nil
	if stored != nil {
		u.engine = stored.Payload.Engine
		if len(stored.Snapshot.Envelope.Intents) > 0 {
			// More than can be written is no base: the intents lead to the same objects.
			if replayed := u.road.replay(stored.Snapshot.Envelope, u.engine); len(replayed) <= state.MaxSize {
				u.engine = replayed
			}
		}
		u.adopt, u.search, u.unsure = intended(stored.Snapshot.Envelope.Intents)
		u.tokens = tokensOf(stored.Snapshot.Envelope.Intents)
	}
}

// open takes the lock and reads the state, side by side (steps 1 to 4).
// lineage is what the state gets if there is none yet; "": a new one.
func (r *Road) open(ctx context.Context, req Request, where place, lineage string) (*session.Session, error) {
	held, err := r.openWith(ctx, req, where, func(o *session.Options) { o.Lineage = lineage })
	if err != nil {
		return nil, r.healing(ctx, req.Key, early(ctx, err))
	}
	return held, nil
}

func (r *Road) openWith(ctx context.Context, req Request, where place, change func(*session.Options)) (*session.Session, error) {
	locks := r.world.Settings.Locks
	if r.world.OnLock != nil {
		r.world.OnLock()
	}
	o := session.Options{
		Key: req.Key, Account: where.account, Region: where.region, NewID: r.newID,
		Owner: lock.Owner{Who: r.who(where), Version: r.world.Version, Metadata: map[string]string{"command": r.world.Command}},
		Lock: lock.Options{
			Timeout: req.LockTimeout, TTL: time.Duration(locks.TTL) * time.Second, Heartbeat: time.Duration(locks.Heartbeat) * time.Second,
			Notify: func(holder lock.Record, waited time.Duration) {
				req.Progress(plan.Event{Kind: plan.Waiting, Text: fmt.Sprintf("Waiting for the lock (%s): held since %s by %s",
					waited.Round(time.Second), holder.LockedAt.UTC().Format("2006-01-02 15:04:05 UTC"), holder.Holder())})
			},
			Trouble: func(err error, lasted time.Duration) {
				if lasted < untold {
					return
				}
				trouble := diag.From(err)[0].Summary
				resource.Tell(ctx, fmt.Sprintf("Taking the lock: %s; trying again (%s)", trouble, lasted.Round(time.Second)))
			},
		},
	}
	change(&o)
	return session.Open(ctx, r.locker, r.backend.Store(req.Key), o)
}

// closing releases the lock of a run that ends early, and returns why it ended.
func closing(held *session.Session, err error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(held.Lock().Context()), releaseTime)
	defer cancel()
	_ = held.Close(ctx) // a lock that cannot be released is taken over
	return err
}

// replans is how often a plan is made anew because somebody changed the state before it was claimed.
const replans = 3

// under goes the rest of the road with the lock held: plan, ask, claim, execute, save, release (steps 5 to 12).
func (u *run) under(held *session.Session, warnings diag.List) (*Applied, error) {
	applied := &Applied{Warnings: warnings}
	u.hurry = u.road.hurry(held.Lock().Context())
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
			return applied, closing(held, early(held.Lock().Context(), err))
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
		ctx, cancel := ending(u.hurry)
		defer cancel()
		kept <- u.keepLast(ctx)
	}()
	result, runErr := u.execute(held, payload)
	applied.Warnings = append(applied.Warnings, u.late...)
	err := u.save(held, payload, result, runErr, applied)
	applied.Warnings = append(applied.Warnings, loose(<-kept)...)
	return applied, err
}

// leave ends a run that had nothing to do.
func (u *run) leave(held *session.Session) diag.List {
	ctx, cancel := ending(u.hurry)
	defer cancel()
	u.road.dropJournal(held) // of a run that died after its last write
	return loose(held.Close(ctx, u.keepLast))
}

// planAndClaim plans on what the session has, shows the plan, asks, and claims the state with everything that is about to be created or
// deleted as intents (steps 5 to 7). applied.Changed is set when there is something to execute.
func (u *run) planAndClaim(held *session.Session, applied *Applied) error {
	ctx := held.Lock().Context()
	told := u.doubts != nil || u.unasked != nil || u.noticed != nil // by an attempt before this one
	base, err := decode(u.req.Key, held.State())
	if err != nil {
		return u.road.healing(ctx, u.req.Key, err)
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
	if held.Lock().TookOver() || u.unfinished() {
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
	begun := held.State() != nil && u.stored == nil // by takeOver
	if !u.plan.HasChanges() && !u.unfinished() && !u.unsuccessful() && !begun && !u.reread && len(u.moved) == 0 && !u.outputsChanged() && !u.approvalChanged() {
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

// former are lineages of states whose place the state has taken.
func (u *run) former() []string {
	if u.stored == nil {
		return nil
	}
	return u.stored.Payload.Former
}

// unfinished reports whether the run that wrote the state did not come to its end.
func (u *run) unfinished() bool {
	return u.stored != nil && (u.stored.Payload.Status == state.InProgress || interrupted(u.stored.Snapshot.Envelope.Intents))
}

// unsuccessful reports whether the last run failed or was stopped. Where nothing is left to do since, the state has to say so.
func (u *run) unsuccessful() bool {
	return u.stored != nil && len(u.req.Targets) == 0 && (u.stored.Payload.Status == state.Failed || u.stored.Payload.Status == state.Interrupted)
}

// takeOver claims the state at once, so that no write of a former holder fits any more (step 5). It says what the state said before, and
// what the journal adds to that.
func (u *run) takeOver(held *session.Session, applied *Applied) error {
	u.req.Progress(plan.Event{Kind: plan.Phase, Text: "A run before this one was interrupted: picking up what it left behind"})
	payload := u.payload(held)
	payload.Status = state.InProgress
	if u.stored != nil {
		*payload = *u.stored.Payload
		payload.Engine = u.engine
	}
	ctx := held.Lock().Context()
	err := held.Write(ctx, payload, intentsOf(held.State()))
	if err == nil && !u.unfinished() { // the former holder may have died before it did that
		applied.Warnings = append(applied.Warnings, asWarnings(derive(ctx, u.road.backend.Store(u.req.Key), u.req.Key, u.engine))...)
	}
	return err
}

// preview asks the engine for the plan.
func (u *run) preview(ctx context.Context) (err error) {
	o := u.options()
	o.Catalog = u.road.types(u.where.reading())
	var asked *plan.Survey
	if u.req.Refresh && len(u.engine) > 0 {
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
	preview, err := engine.PreviewApply(ctx, u.graph, u.engine, o)
	if preview != nil && looked != nil {
		findings := looked()
		if o.Outside, err = u.confirm(ctx, o, findings, err); len(o.Outside) > 0 {
			o.Frozen = preview.Lookups // they are answered already
			preview, err = engine.PreviewApply(ctx, u.graph, u.engine, o)
		}
		asked = resource.Sum(findings)
	}
	if preview != nil {
		u.plan, u.lookups, u.outputs = preview.Plan, preview.Lookups, preview.Outputs
		u.creates, u.unnamed = preview.Intents, preview.Unnamed
		u.tellMoves()
		u.unasked = unaskedProblems(preview.Unasked)
		if u.plan.Survey = asked; asked != nil && u.stored != nil {
			asked.Version, asked.At = u.stored.Payload.Deployment, u.stored.Payload.At
			asked.Age = u.road.locker.Now().Sub(asked.At)
		}
		for _, id := range preview.Found {
			if u.adopt == nil {
				u.adopt = map[string]bool{}
			}
			u.adopt[id] = true
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
	ctx := u.road.patience(held.Lock().Context(), 0)
	intents := u.unresolved(intentsOf(held.State()), held.Lock().ID(), result, runErr)
	if err := held.Write(ctx, p, intents); err != nil {
		if !errors.Is(err, context.Canceled) {
			found.Add(diag.From(err)...)
		}
		found.Add(u.road.rescue(held, p, intents))
		return closing(held, u.strange(ctx, found))
	}
	applied.Again = u.again()
	u.road.dropJournal(held)
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
	return u.road.commandLine(u.req.Key, command, args...)
}

// finish keeps the state as history, updates the derived copy and releases the lock, side by side (step 12). Failures here are warnings: the
// deployment is saved, a missing history object is written by the next run, the copy is derived, the lock expires.
func (u *run) finish(held *session.Session, p *state.Payload) diag.List {
	ctx, cancel := ending(u.hurry)
	defer cancel()
	store, e := u.road.backend.Store(u.req.Key), held.State()
	err := held.Close(ctx,
		func(ctx context.Context) error {
			_, err := store.PutHistory(ctx, p.At, e)
			return err
		},
		func(ctx context.Context) error { return derive(ctx, store, u.req.Key, p.Engine) },
	)
	return loose(err)
}

// options is what preview and apply have in common: one diff, one graph, one set of templates.
func (u *run) options() engine.Options {
	allowed := map[string]bool{}
	for _, address := range u.req.AllowDataLoss {
		allowed[address] = true
	}
	parallelism := u.req.Parallelism
	if parallelism <= 0 {
		parallelism = u.road.world.Settings.Preferences.Parallelism
	}
	return engine.Options{
		Stack: u.req.Key.Stack, Environment: u.req.Key.Environment, Template: expr.Evaluate, Token: func(id string) string { return u.tokens[id] },
		Former: u.former(), Renamed: func(component string) string { return u.named[component] },
		Parallelism: parallelism, Adopt: u.adopt, Forgotten: u.forgotten(), Intents: u.search, Uncertain: u.unsure,
		AllowDelete: func(id string) bool { return allowed[resource.ComponentOf(id)] },
		Tags: func(component string) map[string]string {
			return map[string]string{
				resource.TagStack: u.req.Key.Stack, resource.TagEnvironment: u.req.Key.Environment,
				resource.TagComponent: component, resource.TagLineage: u.lineage,
			}
		},
	}
}

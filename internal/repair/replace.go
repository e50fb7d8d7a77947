package repair

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/deploy/recovery"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/state/session"
)

// replacing is the replacement of a state by another, under the lock.
type replacing struct {
	back  *backend.Backend
	req   backend.Request
	where backend.Place
	held  *session.Session
	file  *backend.Named // what is to be written
	now   *backend.Named // what is there; nil when that is missing or cannot be read
	// last is the state before it was damaged, removed or replaced, as far as the backend keeps it; else now.
	last *backend.Named
	// warnings say why last may not be the last state.
	warnings diag.List
}

// openReplacing takes the lock, whatever state is present; it only refuses a newer format. file may be nil, and set
// later.
func openReplacing(
	ctx context.Context, b *backend.Backend, req backend.Request, file *backend.Named,
) (*replacing, error) {
	c := &replacing{back: b, req: req, where: b.Caller(ctx), file: file}
	var err error
	if c.held, err = b.HoldWith(ctx, req, c.where, func(o *session.Options) { o.Replace = true }); err != nil {
		return nil, err
	}
	there, err := state.Load(req.Key, c.held.State())
	var foreign *state.ForeignError
	switch {
	case errors.As(err, &foreign):
	case err != nil:
		return nil, backend.Closing(c.held, err)
	case there != nil:
		c.now = &backend.Named{Name: b.Location(), Stored: there}
	}
	c.last = c.now
	// The present state may not be the last one: then the intents of the last one are looked for, too.
	if lost := c.held.Lock().LastSerial(); c.now == nil || c.now.Snapshot.Envelope.Serial < lost {
		all, unseen, err := b.Past(ctx, req.Key, 20)
		if err != nil {
			return nil, backend.Closing(c.held, err)
		}
		c.warnings = overlooked(unseen)
		if best := backend.Newest(all, c.held.DamagedLineage()); best != nil &&
			(c.now == nil || later(best.Stored, c.now.Stored)) {
			c.last = &backend.Named{
				Name:   "the last complete version (" + backend.VersionOf(best.Stored) + ")",
				Stored: best.Stored,
			}
		}
	}
	return c, nil
}

// later reports whether one state was written after another.
func later(one, other *state.Stored) bool {
	a, b := one.Snapshot.Envelope, other.Snapshot.Envelope
	if a.Lineage == b.Lineage {
		return a.Serial > b.Serial
	}
	return backend.WrittenAt(one).After(backend.WrittenAt(other))
}

// overlooked are the warnings about versions that could not be looked at.
func overlooked(unseen error) diag.List {
	out := backend.AsWarnings(unseen)
	for _, w := range out {
		w.Detail = strings.TrimSpace(w.Detail +
			" So it is not certain which version was the last one. The next run does not " +
			"look for objects that are only in that version.")
	}
	return out
}

// estranged says that the file has another lineage than the last state; "" if not, or if nothing is known about that.
func (c *replacing) estranged() string {
	file, damaged := c.file.Snapshot.Envelope.Lineage, c.held.DamagedLineage()
	known, whose := damaged, "the damaged state in the backend"
	if damaged == "" && c.last != nil {
		known, whose = c.last.Snapshot.Envelope.Lineage, "the last complete version in the backend"
		if c.last == c.now {
			whose = "the state in the backend"
		}
	}
	if known == "" || known == file || slices.Contains(c.file.Payload.Former, known) {
		return ""
	}
	then := "the objects in that state would have no state any more"
	if damaged == "" {
		then = "two different states of the stack, and each may have objects that the other does not have"
	}
	return fmt.Sprintf("%s has the lineage %s, %s %s: %s.", c.file.Name, file, whose, known, then)
}

// former are the lineages that the file replaces, and those that it has replaced before.
func (c *replacing) former() []string {
	own := c.file.Snapshot.Envelope.Lineage
	lineages := slices.Concat(c.file.Payload.Former, []string{c.held.DamagedLineage()})
	for _, s := range []*backend.Named{c.now, c.last} {
		if s != nil {
			lineages = append(append(lineages, s.Payload.Former...), s.Snapshot.Envelope.Lineage)
		}
	}
	var out []string
	for _, lineage := range lineages {
		if lineage != "" && lineage != own && !slices.Contains(out, lineage) {
			out = append(out, lineage)
		}
	}
	return out
}

// there reports whether the present state already is the file, or is the result of this same command, whose answer may
// have been lost. summary is the one that replace gives. A state older than the lock remembers does not count: runs
// refuse it.
func (c *replacing) there(summary string) bool {
	if c.now == nil || c.now.Snapshot.Envelope.Serial < c.held.Lock().LastSerial() {
		return false
	}
	now, file := c.now.Snapshot.Envelope, c.file.Snapshot.Envelope
	if now.Writer == file.Writer {
		return true
	}
	is, would := *c.now.Payload, *c.file.Payload
	is.Edited, would.Edited = nil, nil
	would.Former = is.Former
	if is.Summary == summary {
		would.Deployment, would.At, would.Who, would.Version, would.Summary = is.Deployment, is.At, is.Who, is.Version,
			is.Summary
	}
	return now.Lineage == file.Lineage && state.Same(is, would) &&
		len(recovery.Merged(now.Intents, file.Intents)) == len(recovery.Merged(now.Intents))
}

func (c *replacing) compare(ctx context.Context) (*report.StateComparison, error) {
	var base *backend.Named
	if c.last != nil {
		base = commonBase(ctx, c.back, c.req.Key, c.file.Stored, c.last.Stored)
	}
	return compare(c.req.Key, c.file, c.last, base)
}

func (c *replacing) edit(p *state.Payload, what string) {
	p.Edited = &state.Edit{At: c.held.Lock().Now(), Who: c.held.Who(), What: what}
}

// replace makes the file a new version. The file may differ from what is last known of AWS: the next run looks at
// everything that differs.
func (c *replacing) replace(ctx context.Context, what string, written *Written) error {
	payload := *c.file.Payload
	last := payload.Deployment
	if c.last != nil {
		last = max(last, c.last.Payload.Deployment)
	}
	past, err := state.ReadHistory(ctx, c.back.Store(c.req.Key), 20)
	if err != nil {
		return backend.Closing(c.held, err) // a number must not be given twice
	}
	for _, p := range past {
		if p.Err != nil {
			continue
		}
		if p, err := p.Snapshot.Envelope.Decode(); err == nil {
			last = max(last, p.Deployment)
		}
	}
	payload.Deployment = last
	if payload.Status != state.InProgress { // a run in progress gets its number when a later run has finished it
		payload.Deployment++
		payload.Summary = what
	}
	payload.At, payload.Who, payload.Version, payload.Edited = c.held.Lock().Now(), c.held.Who(), c.back.World.Version,
		nil
	doubts, err := c.doubts()
	if err != nil {
		return backend.Closing(c.held, err)
	}
	intents := recovery.Merged(c.file.Snapshot.Envelope.Intents, c.otherIntents(), doubts)
	return c.write(ctx, &payload, intents, written)
}

// otherIntents returns the intents of the present state, without those that the run which wrote the file has resolved.
func (c *replacing) otherIntents() []state.Intent {
	var out []state.Intent
	for _, s := range []*backend.Named{c.now, c.last} {
		if s == nil {
			continue
		}
		for _, i := range s.Snapshot.Envelope.Intents {
			if i.OpID != c.file.Snapshot.Envelope.Writer.LockID {
				out = append(out, i)
			}
		}
	}
	return out
}

// doubts returns intents for everything that may be wrong in the file: the next run looks for objects that the file
// does not know, and reads again objects that the file knows differently.
func (c *replacing) doubts() ([]state.Intent, error) {
	_, ours, err := sideOf(c.file)
	if err != nil {
		return nil, err
	}
	theirs := map[string]engine.StoredResource{}
	var search []json.RawMessage
	if c.last != nil {
		if _, theirs, err = sideOf(c.last); err != nil {
			return nil, err
		}
		knows := map[string]bool{}
		for _, r := range ours {
			knows[r.ID+" "+r.AWSID] = true
		}
		search, err = engine.Searches(c.last.Payload.Engine, func(r engine.StoredResource) (yes, instead bool) {
			_, instead = ours[r.ID]
			return !r.Replacing && !knows[r.ID+" "+r.AWSID], instead
		})
		if err != nil {
			return nil, err
		}
	}
	var out []state.Intent
	note := func(i state.Intent) {
		i.OpID, i.At = c.held.Lock().ID(), c.held.Lock().Now()
		out = append(out, i)
	}
	for _, raw := range search {
		id := engine.IntentResource(raw)
		note(state.Intent{Resource: id, Type: theirs[id].Type, Action: state.Create, Engine: raw})
	}
	for _, key := range sortedKeys(keysOf(ours)) {
		r := ours[key]
		if there, known := theirs[key]; !known || !sameObject(r, there) {
			note(state.Intent{Resource: r.ID, Type: r.Type, Action: state.Update, ID: r.AWSID})
		}
	}
	return out, nil
}

func keysOf(objects map[string]engine.StoredResource) map[string]bool {
	out := make(map[string]bool, len(objects))
	for key := range objects {
		out[key] = true
	}
	return out
}

// write writes the new state, with a serial above all earlier ones, and ends the run. The overwritten state stays in
// the history, if it was a deployment.
func (c *replacing) write(ctx context.Context, p *state.Payload, intents []state.Intent, written *Written) error {
	p.Former = c.former()
	store := c.back.Store(c.req.Key)
	if c.now != nil && c.now.Payload.Status != state.InProgress && c.now.Payload.Deployment > 0 {
		if err := backend.Keep(ctx, store, c.now.Stored); err != nil {
			return backend.Closing(c.held, err)
		}
	}
	for _, s := range []*backend.Named{c.last, c.file} { // the file last: the state gets its lineage
		if s == nil {
			continue
		}
		if err := c.held.Outrank(ctx, s.Snapshot.Envelope); err != nil {
			return backend.Closing(c.held, err)
		}
	}
	if err := c.held.Write(ctx, p, intents); err != nil {
		return backend.Closing(c.held, moved(err))
	}
	final, err := state.Load(c.req.Key, c.held.State())
	if err != nil {
		return backend.Closing(c.held, err)
	}
	written.Serial, written.Version = c.held.Serial(), report.Version(p.Deployment)
	done, cancel := backend.Ending(c.back.Hurry(ctx))
	defer cancel()
	written.Warnings = append(written.Warnings, backend.EndingWarnings(c.held.Close(done,
		func(ctx context.Context) error {
			if p.Status == state.InProgress || p.Deployment == 0 {
				return nil
			}
			return backend.Keep(ctx, store, final)
		},
		func(ctx context.Context) error { return c.back.Derive(ctx, c.req.Key, p) },
	))...)
	return nil
}

// moved turns the error about a state that was changed without the lock into advice for users.
func moved(err error) error {
	var m *session.MovedError
	if !errors.As(err, &m) {
		return err
	}
	return diag.New(diag.Conflict, "State was changed by someone else",
		fmt.Sprintf("Another run wrote serial %d while this command ran.", m.Serial),
		"Nothing was written. Run the command again.")
}

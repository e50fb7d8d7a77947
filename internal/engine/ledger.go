package engine

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	pkgresource "github.com/pulumi/pulumi/pkg/v3/resource"
	sdk "github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// ledger is the state during a run. Each resource keeps its slot for the whole run: slots of the first state come
// first, new slots are added at the end. A resource is encoded once, when its step ends, so that a checkpoint during a
// run costs little more than copying bytes.
type ledger struct {
	mu      sync.Mutex
	base    []byte // the state that the run began with
	given   []byte // the state that Apply was given, if recovery has changed it
	slots   []slot
	index   map[*pkgresource.State]int
	pending map[int64]operation // by step; below zero: left by an interrupted run
	seeds   []change            // slots that the base lacks; part of the first entry
	opened  bool                // there was a first entry
	steps   int64
	changed bool
	owned   map[string]int // type and ID of the objects in the state
	journal func(entry []byte, done bool) error
}

// The operations, by Pulumi's names.
const (
	opCreating = "creating"
	opUpdating = "updating"
	opDeleting = "deleting"
)

type slot struct {
	raw json.RawMessage // nil: dropped
	head
}

// head is what the ledger needs to know of a resource.
type head struct {
	URN                sdk.URN   `json:"urn"`
	Type               string    `json:"type"`
	ID                 string    `json:"id"`
	Delete             bool      `json:"delete"`
	PendingReplacement bool      `json:"pendingReplacement"`
	Dependencies       []sdk.URN `json:"dependencies"`
}

// write is a new record for the slot of the state at, or for a new slot if at has none. Then also gets the same slot.
type write struct {
	at, also *pkgresource.State
	record   *record
}

func newLedger(l *loaded, journal func(entry []byte, done bool) error) *ledger {
	g := &ledger{
		base: l.bytes, journal: journal,
		slots: make([]slot, 0, len(l.all)+16), index: make(map[*pkgresource.State]int, len(l.all)*2),
		pending: map[int64]operation{}, owned: make(map[string]int, len(l.all)),
	}
	for i, op := range l.creating {
		g.pending[-1-int64(i)] = op
	}
	for i, s := range l.all {
		g.index[s.state] = i
		g.slots = append(g.slots, slot{raw: s.raw, head: head{
			URN: s.state.URN, Type: string(s.state.Type), ID: string(s.state.ID),
			Delete: s.state.Delete, PendingReplacement: s.state.PendingReplacement, Dependencies: s.state.Dependencies,
		}})
		g.count(i, 1)
		if l.seeded && (s == l.root || s == l.provider) {
			g.seeds = append(g.seeds, change{Slot: i, Resource: s.raw})
		}
	}
	return g
}

// count updates owned. A deleted object that waits for its replacement does not count.
func (g *ledger) count(i, by int) {
	if s := g.slots[i]; s.raw != nil && !s.PendingReplacement {
		g.owned[s.Type+" "+s.ID] += by
	}
}

// owns reports whether an object is in the state.
func (g *ledger) owns(token, id string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.owned[token+" "+id] > 0
}

// ownsElsewhere is owns without replaced objects of that resource that wait for their deletion: to make the resource as
// it was before means to keep such an object.
func (g *ledger) ownsElsewhere(token, id string, urn sdk.URN) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.owned[token+" "+id] > 0 && slices.ContainsFunc(g.slots, func(s slot) bool {
		return s.raw != nil && s.Type == token && s.ID == id && !s.PendingReplacement && !(s.Delete && s.URN == urn)
	})
}

// object returns the record of an object, and the engine's states that share its slot; nil: it is not in the state.
func (g *ledger) object(token, id string) ([]*pkgresource.State, *record) {
	g.mu.Lock()
	defer g.mu.Unlock()
	i := slices.IndexFunc(g.slots, func(s slot) bool {
		return s.raw != nil && s.Type == token && s.ID == id && !s.PendingReplacement
	})
	if i < 0 {
		return nil, nil
	}
	var states []*pkgresource.State
	for state, n := range g.index {
		if n == i {
			states = append(states, state)
		}
	}
	rec, err := decodeRecord(g.slots[i].raw)
	if err != nil || len(states) == 0 {
		return nil, nil
	}
	return states, rec
}

// begin records a step before it starts, and returns its number.
func (g *ledger) begin(op string, about *record) (int64, error) {
	raw := about.encode()
	g.mu.Lock()
	e := entry{Step: g.steps + 1, Op: op, Resource: raw}
	err := g.record(&e)
	g.mu.Unlock()
	if err != nil {
		return 0, err
	}
	return e.Step, g.append(e)
}

// end records what a step has changed. step is 0 when nothing was begun.
func (g *ledger) end(step int64, writes []write, drops ...*pkgresource.State) error {
	e := entry{Step: step}
	raws := make([]json.RawMessage, len(writes))
	for i, w := range writes {
		raws[i] = w.record.encode()
	}
	g.mu.Lock()
	for i, w := range writes {
		n, has := g.index[w.at]
		if !has {
			n = len(g.slots)
			g.slots = append(g.slots, slot{})
			g.index[w.at] = n
		}
		if w.also != nil {
			g.index[w.also] = n
		}
		e.Set = append(e.Set, change{Slot: n, Resource: raws[i]})
	}
	for _, s := range drops {
		if n, has := g.index[s]; has {
			e.Drop = append(e.Drop, n)
		}
	}
	err := g.record(&e)
	g.mu.Unlock()
	if err != nil {
		return err
	}
	return g.append(e)
}

// same gives new the slot of old.
func (g *ledger) same(old, new *pkgresource.State) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if n, has := g.index[old]; has {
		g.index[new] = n
	}
}

// record completes an entry and applies it.
func (g *ledger) record(e *entry) error {
	if !g.opened {
		g.opened = true
		e.Base = fingerprint(g.base)
		if g.given != nil {
			e.Base, e.State = fingerprint(g.given), g.base
		}
		e.Set = append(slices.Clone(g.seeds), e.Set...)
	}
	return g.apply(*e)
}

// maxSlots limits what the replay of a damaged journal allocates. No stack needs nearly as many.
const maxSlots = 1 << 18

// apply lets an entry change slots and pending operations. It fails only for entries that did not come from a ledger.
func (g *ledger) apply(e entry) error {
	g.steps = max(g.steps, e.Step)
	if e.Op != "" {
		g.supersede(e)
		g.pending[e.Step] = operation{Resource: e.Resource, Type: e.Op}
	} else {
		delete(g.pending, e.Step)
	}
	for _, c := range e.Set {
		if c.Slot < 0 || c.Slot >= maxSlots || len(c.Resource) == 0 || c.Resource[0] != '{' {
			return fmt.Errorf("slot %d cannot be set", c.Slot)
		}
		next := slot{raw: c.Resource}
		if err := json.Unmarshal(c.Resource, &next.head); err != nil {
			return err
		}
		for c.Slot >= len(g.slots) {
			g.slots = append(g.slots, slot{})
		}
		g.count(c.Slot, -1)
		g.slots[c.Slot] = next
		g.count(c.Slot, 1)
		g.changed = true
		g.dropCreation(next.URN)
	}
	for _, n := range e.Drop {
		if n < 0 || n >= len(g.slots) {
			continue
		}
		g.count(n, -1)
		g.slots[n].raw = nil
		g.changed = true
	}
	return nil
}

// dropCreation forgets an interrupted creation of a resource that is now in the state.
func (g *ledger) dropCreation(urn sdk.URN) {
	for step, op := range g.pending {
		var h head
		if step < 0 && json.Unmarshal(op.Resource, &h) == nil && h.URN == urn {
			delete(g.pending, step)
		}
	}
}

// supersede forgets the creation of an earlier run that a step repeats.
func (g *ledger) supersede(e entry) {
	for step, op := range g.pending {
		if step < 0 && op.Type == e.Op && bytes.Equal(op.Resource, e.Resource) {
			delete(g.pending, step)
		}
	}
}

// forget drops a creation that an interrupted run began.
func (g *ledger) forget(step int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, has := g.pending[step]; has {
		delete(g.pending, step)
		g.changed = true
	}
}

// running reports whether a step of this run has begun and not ended.
func (g *ledger) running() bool {
	for step := range g.pending {
		if step > 0 {
			return true
		}
	}
	return false
}

// checkpoint returns the state as it is now: finished changes, and unfinished operations.
func (g *ledger) checkpoint() ([]byte, error) {
	g.mu.Lock()
	if !g.changed && !g.running() {
		defer g.mu.Unlock()
		return g.base, nil
	}
	slots := slices.Clone(g.slots)
	steps := make([]int64, 0, len(g.pending))
	for step := range g.pending {
		steps = append(steps, step)
	}
	slices.Sort(steps)
	pending := make([]operation, len(steps))
	for i, step := range steps {
		pending[i] = g.pending[step]
	}
	g.mu.Unlock()

	resources, err := inOrder(slots)
	if err != nil {
		return nil, err
	}
	return encodeDeployment(resources, pending), nil
}

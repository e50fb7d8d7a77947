// Package recovery says what a run starts from, and what is still unknown about interrupted runs: intents in, intents
// out.
//
// In: a state, its journal, and what a run did. Out: a Base to plan on, the intents of the next claim, and the intents
// that stay after a run. All of it is pure: bytes come in as arguments. It must not read, write or ask AWS.
package recovery

import (
	"encoding/json"

	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/state"
)

// Base is what a run starts from: the state, what a journal adds to it, and its intents of interrupted runs.
type Base struct {
	Stored  *state.Stored // nil without a state
	Lineage string
	Engine  []byte            // the engine's state to start from
	Adopt   map[string]bool   // resource IDs whose objects may be there already
	Search  []json.RawMessage // what an interrupted run was about to create
	Unsure  []string          // resource IDs of objects it was about to change or delete
	Tokens  map[string]string // of the intents to create, by resource ID
}

// From makes a Base of a state, nil where there is none, and of the journal of its lineage on this machine.
func From(stored *state.Stored, lineage string, journal []byte) Base {
	b := Base{Stored: stored, Lineage: lineage}
	if stored == nil {
		return b
	}
	e := stored.Snapshot.Envelope
	b.Engine = stored.Payload.Engine
	if len(e.Intents) > 0 {
		// A replayed state that is too large to write is not used: the intents lead to the same objects.
		if replayed := Replay(journal, e, b.Engine); len(replayed) <= state.MaxSize {
			b.Engine = replayed
		}
	}
	b.Adopt, b.Search, b.Unsure = intended(e.Intents)
	b.Tokens = tokensOf(e.Intents)
	return b
}

// Unfinished reports whether the run that wrote the state did not come to its end.
func (b *Base) Unfinished() bool {
	return b.Stored != nil && (b.Stored.Payload.Status == state.InProgress ||
		Interrupted(b.Stored.Snapshot.Envelope.Intents))
}

// Former are the lineages of states that this state has replaced.
func (b *Base) Former() []string {
	if b.Stored == nil {
		return nil
	}
	return b.Stored.Payload.Former
}

// Lineages are the lineages whose objects belong to the state.
func (b *Base) Lineages() []string {
	if b.Stored == nil {
		return nil
	}
	return append([]string{b.Lineage}, b.Former()...)
}

// Deployed are the addresses of components that the state knows.
func (b *Base) Deployed() (map[string]bool, error) {
	there := map[string]bool{}
	for _, c := range b.Stored.Payload.Components {
		there[c.Address] = true
	}
	resources, err := engine.Resources(b.Engine)
	if err != nil {
		return nil, err
	}
	for _, r := range resources {
		there[r.Component] = true
	}
	return there, nil
}

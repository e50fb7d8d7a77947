package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
)

// entry is one line of the journal. With Op it begins a step. Without Op it ends the step and has the new contents of
// the slots.
type entry struct {
	// first entry only: the fingerprint of the state that the run was given
	Base string `json:"base,omitempty"`
	// first entry only: that state after the recovery of an earlier run, if there was one
	State    json.RawMessage `json:"state,omitempty"`
	Step     int64           `json:"step"`
	Op       string          `json:"op,omitempty"` // creating, updating, deleting
	Resource json.RawMessage `json:"resource,omitempty"`
	Set      []change        `json:"set,omitempty"`
	Drop     []int           `json:"drop,omitempty"`
}

type change struct {
	Slot     int             `json:"slot"`
	Resource json.RawMessage `json:"resource"`
}

// ErrJournalMismatch says that a journal was not written by a run that began with the given state.
var ErrJournalMismatch = errors.New("the journal belongs to another state")

func fingerprint(state []byte) string {
	sum := sha256.Sum256(state)
	return hex.EncodeToString(sum[:16])
}

func (g *ledger) append(e entry) error {
	if g.journal == nil {
		return nil
	}
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if err := g.journal(line, e.Op == ""); err != nil {
		return fmt.Errorf("cannot write the journal: %w", err)
	}
	return nil
}

// Replay returns the state after a run whose process died. base is the state that the run began with, journal the lines
// given to Options.Journal. Steps that had begun and not ended become pending operations; see Pending. A torn last line
// is ignored. It fails with ErrJournalMismatch when base is another state.
func Replay(base []byte, journal [][]byte) ([]byte, error) {
	g := &ledger{base: base}
	if err := g.reset(base); err != nil {
		return nil, err
	}
	for i, line := range journal {
		var e entry
		if err := json.Unmarshal(line, &e); err != nil {
			if i == len(journal)-1 {
				break
			}
			return nil, fmt.Errorf("line %d of the journal is damaged: %w", i+1, err)
		}
		if e.Base != "" && e.Base != fingerprint(base) {
			return nil, ErrJournalMismatch
		}
		if e.State != nil {
			if err := g.reset(e.State); err != nil {
				return nil, err
			}
			g.changed = true
		}
		if err := g.apply(e); err != nil {
			return nil, fmt.Errorf("line %d of the journal is damaged: %w", i+1, err)
		}
	}
	return g.checkpoint()
}

// reset fills the slots from a state.
func (g *ledger) reset(state []byte) error {
	d, err := decodeDeployment(state)
	if err != nil {
		return err
	}
	g.slots, g.pending, g.owned = nil, map[int64]operation{}, map[string]int{}
	for _, raw := range d.Resources {
		if len(raw) == 0 || raw[0] != '{' {
			return errors.New("the state has an entry that is not a resource")
		}
		s := slot{raw: raw}
		if err := json.Unmarshal(raw, &s.head); err != nil {
			return err
		}
		g.slots = append(g.slots, s)
	}
	for i, op := range d.PendingOperations {
		g.pending[-1-int64(i)] = op
	}
	return nil
}

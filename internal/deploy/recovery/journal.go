package recovery

import (
	"bufio"
	"bytes"
	"encoding/json"

	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/state"
)

// Header is the first line: to which run the journal belongs, and what it starts from.
type Header struct {
	Lineage string          `json:"lineage"`
	LockID  string          `json:"lockId"`
	Base    json.RawMessage `json:"base"` // the engine's state at the claim; null: none
}

// Replay returns the engine's state of an interrupted run as its journal tells it, or as the state tells it where there
// is no journal of that very run.
func Replay(raw []byte, e *state.Envelope, engineState []byte) []byte {
	lines := bufio.NewReader(bytes.NewReader(raw))
	first, err := lines.ReadBytes('\n')
	var h Header
	if err != nil || json.Unmarshal(first, &h) != nil || h.Lineage != e.Lineage || h.LockID != e.Writer.LockID {
		return engineState
	}
	var entries [][]byte
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil { // a last line without an end was being written when the run died
			break
		}
		entries = append(entries, bytes.TrimSpace(line))
	}
	base := []byte(h.Base)
	if string(base) == "null" {
		base = nil
	}
	replayed, err := engine.Replay(base, entries)
	if err != nil {
		return engineState
	}
	return replayed
}

package recovery

import (
	"bufio"
	"bytes"
	"encoding/json"

	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/state"
)

// Header is the first line: which run the journal belongs to, and what it starts from.
type Header struct {
	Lineage string          `json:"lineage"`
	LockID  string          `json:"lockId"`
	Base    json.RawMessage `json:"base"` // the engine's state at the claim; null: none
}

// Replay returns the engine's state after an interrupted run: from its journal, or from the state if there is no
// journal of that same run.
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
		if err != nil { // the run was interrupted while it wrote the last line
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

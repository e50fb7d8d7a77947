package backend

import (
	"os"
	"path/filepath"

	"github.com/company/deployer/internal/file"
	"github.com/company/deployer/internal/state"
)

// LocalState is the path of the state of a key when it is kept on this machine.
func (b *Backend) LocalState(key state.Key) string {
	return filepath.Join(folder(b.World), filepath.FromSlash(key.Path()), "state.json")
}

// HasLocalState reports whether a state on this machine is not used because a bucket is configured now.
func (b *Backend) HasLocalState(key state.Key) bool {
	if b.World.Settings.Backend.Type != "s3" || b.World.Root == "" {
		return false
	}
	_, err := os.Stat(b.LocalState(key))
	return err == nil
}

// JournalPath is the path of the journal that a run on this machine keeps for a lineage.
func (b *Backend) JournalPath(lineage string) string {
	return filepath.Join(b.World.Home, ".deployer", "journal", filepath.Base(lineage)+".jsonl")
}

// journalLimit is the largest journal that is read: a state, and several changes to all of it.
const journalLimit = 8 * state.MaxSize

// Journal returns this machine's journal of the run that was interrupted after it had claimed a state; nil: there is
// none.
func (b *Backend) Journal(s *state.Stored) []byte {
	if s == nil || len(s.Snapshot.Envelope.Intents) == 0 {
		return nil
	}
	raw, err := file.Read(b.JournalPath(s.Snapshot.Envelope.Lineage), journalLimit)
	if err != nil {
		return nil
	}
	return raw
}

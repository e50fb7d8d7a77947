package backend

import (
	"os"
	"path/filepath"

	"github.com/company/deployer/internal/file"
	"github.com/company/deployer/internal/state"
)

// LocalState is where the state of a key lies when it is kept on this machine.
func (b *Backend) LocalState(key state.Key) string {
	return filepath.Join(folder(b.World), filepath.FromSlash(key.Path()), "state.json")
}

// HasLocalState reports whether a state on this machine is out of sight because a bucket is configured now.
func (b *Backend) HasLocalState(key state.Key) bool {
	if b.World.Settings.Backend.Type != "s3" || b.World.Root == "" {
		return false
	}
	_, err := os.Stat(b.LocalState(key))
	return err == nil
}

// JournalPath is where the journal of the run on this machine lies that is about a lineage.
func (b *Backend) JournalPath(lineage string) string {
	return filepath.Join(b.World.Home, ".deployer", "journal", filepath.Base(lineage)+".jsonl")
}

// journalLimit is the largest journal that is read: a state, and what happens to all of it several times.
const journalLimit = 8 * state.MaxSize

// Journal is what this machine has of the journal of the run that was interrupted after it had claimed a state; nil:
// nothing.
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

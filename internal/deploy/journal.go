package deploy

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/state/session"
)

// journal is the local write-ahead log of one apply: what happened since the claim, a line each, on disk before the next step. A run
// on the same machine that takes over replays it; without it, intents and adoption find the same things by asking AWS.
type journal struct {
	mu   sync.Mutex
	file *os.File // nil: no place to write; the run goes on without
	wait *flush   // lines that are written, but not on disk yet
}

// flush is one fsync that several appends wait for.
type flush struct {
	done chan struct{}
	err  error
}

// header is the first line: to which run the journal belongs, and what it starts from.
type header struct {
	Lineage string          `json:"lineage"`
	LockID  string          `json:"lockId"`
	Base    json.RawMessage `json:"base"` // the engine's state at the claim; null: none
}

func (r *Road) journalPath(lineage string) string {
	return filepath.Join(r.world.Home, ".deployer", "journal", filepath.Base(lineage)+".jsonl")
}

// newJournal begins a journal that starts from base. It takes the place of the one that there is only once it says that: whenever the run
// dies, one of them tells the truth.
func (r *Road) newJournal(held *session.Session, base []byte) *journal {
	path := r.journalPath(held.Lineage())
	file, err := beginJournal(path+".new", header{held.Lineage(), held.Lock().ID(), base})
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		_ = os.Remove(path) // it would go on telling what was before
		if file != nil {
			file.Close() //nolint:errcheck // it is given up
		}
		return &journal{}
	}
	return &journal{file: file}
}

func beginJournal(path string, h header) (*os.File, error) {
	if len(h.Base) == 0 {
		h.Base = []byte("null")
	}
	line, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	// A new file: a run that was taken over and woke up again may still write to the old one.
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = file.Write(append(line, '\n'))
	return file, err
}

// append writes a line. One about what a step has done is on disk when it returns; lines that come while the disk is busy share the next fsync.
func (j *journal) append(entry []byte, done bool) error {
	j.mu.Lock()
	if j.file == nil {
		j.mu.Unlock()
		return nil
	}
	if _, err := j.file.Write(append(bytes.Clone(entry), '\n')); err != nil {
		j.mu.Unlock()
		return err
	}
	if !done {
		j.mu.Unlock()
		return nil
	}
	mine := j.wait
	if mine == nil {
		mine = &flush{done: make(chan struct{})}
		j.wait = mine
		go j.sync(mine)
	}
	j.mu.Unlock()
	<-mine.done
	return mine.err
}

func (j *journal) sync(f *flush) {
	j.mu.Lock()
	j.wait = nil // whoever writes from here on needs the next fsync
	file := j.file
	j.mu.Unlock()
	f.err = file.Sync()
	close(f.done)
}

func (j *journal) close() {
	if j.file != nil {
		j.file.Close() //nolint:errcheck // every line that matters was synced
	}
}

func (r *Road) dropJournal(held *session.Session) {
	for _, end := range []string{"", ".new"} {
		_ = os.Remove(r.journalPath(held.Lineage()) + end) // a leftover is recognised by its lock id
	}
}

// replay returns the engine's state of an interrupted run as its journal on this machine tells it, or as the state tells it where there is
// no journal of that very run.
func (r *Road) replay(e *state.Envelope, engineState []byte) []byte {
	file, err := os.Open(r.journalPath(e.Lineage))
	if err != nil {
		return engineState
	}
	defer file.Close() //nolint:errcheck // read only
	lines := bufio.NewReader(file)
	first, err := lines.ReadBytes('\n')
	var h header
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

package deploy

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/deploy/recovery"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/state/session"
)

// journal is the local write-ahead log of one apply: all events since the claim, one per line, on disk before the next
// step. A later run on the same machine that takes over replays it. Without a journal, intents and adoption find the
// same things by asking AWS.
//
// If a journal cannot be written any more, the run stops using it and goes on without. It is emptied, because a part of
// a journal must never be replayed as if it were complete.
type journal struct {
	mu      sync.Mutex
	file    journalFile // nil: the run goes on without
	wait    *flush      // lines that are written, but not on disk yet
	givenUp error       // why there is no journal
}

// journalFile is an *os.File, or one of a test that breaks.
type journalFile interface {
	io.Writer
	Sync() error
	Truncate(size int64) error
	Close() error
}

// flush is one fsync that several appends wait for.
type flush struct {
	done chan struct{}
	err  error
}

// newJournal begins a journal that starts from base. It replaces the old journal only after its first line is written:
// whenever the run is interrupted, one of the two is right.
func newJournal(b *backend.Backend, held *session.Session, base []byte) *journal {
	if b.World.Home == "" {
		return &journal{givenUp: errNoHome}
	}
	path := b.JournalPath(held.Lineage())
	file, err := beginJournal(path+".new", recovery.Header{
		Lineage: held.Lineage(), LockID: held.Lock().ID(),
		Base: base,
	})
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		if file != nil {
			file.Close() //nolint:errcheck // it is given up
		}
		_ = os.Remove(path + ".new") // it may be what fills the disk
		_ = os.Remove(path)          // it would go on describing the time before
		return &journal{givenUp: err}
	}
	return &journal{file: file}
}

var errNoHome = errors.New("HOME is not set")

func beginJournal(path string, h recovery.Header) (*os.File, error) {
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
	// A new file: a former run that lost its lock and wakes up may still write to the old one.
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

// append writes a line. A line about the end of a step is on disk when append returns. Lines that come while the disk
// is busy share the next fsync.
func (j *journal) append(entry []byte, done bool) error {
	j.mu.Lock()
	if j.file == nil {
		j.mu.Unlock()
		return nil
	}
	if _, err := j.file.Write(append(bytes.Clone(entry), '\n')); err != nil {
		defer j.mu.Unlock()
		return j.giveUp(err)
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
	defer close(f.done)
	j.mu.Lock()
	j.wait = nil // later lines need the next fsync
	file := j.file
	j.mu.Unlock()
	if file == nil { // given up meanwhile
		return
	}
	if err := file.Sync(); err != nil {
		j.mu.Lock()
		defer j.mu.Unlock()
		f.err = j.giveUp(err)
	}
}

// giveUp makes sure that nobody replays what was written so far. Where that is not possible the run must stop, and the
// error says why. giveUp does not remove the path: a run that has taken over may have its journal there.
func (j *journal) giveUp(why error) error {
	if j.file == nil {
		return nil
	}
	if err := j.file.Truncate(0); err != nil {
		return errors.Join(why, err)
	}
	j.file.Close() //nolint:errcheck // nothing is in it
	j.file, j.givenUp = nil, why
	return nil
}

func (j *journal) close() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file != nil {
		j.file.Close() //nolint:errcheck // every line that matters was synced
		j.file = nil
	}
}

// noJournal warns that a run had no journal; nil: it had one, or the warning was given before.
func noJournal(b *backend.Backend, j *journal) *diag.Diagnostic {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.givenUp == nil || b.World.NoHome {
		return nil
	}
	detail := j.givenUp.Error() + "."
	if d := diag.File(diag.Failed, "", j.givenUp); d != nil {
		detail = d.Detail
	}
	w := diag.New(diag.Failed, "The run continued without its journal", detail+
		" Nothing is lost. If the run had been killed, the next run would have asked AWS about more objects.",
		"Free disk space, or correct the permissions, in "+filepath.Join(b.World.Home, ".deployer", "journal")+".")
	if errors.Is(j.givenUp, errNoHome) {
		w.Next = "Set HOME to a directory that can be written."
	}
	w.Severity, w.Cause = diag.Warning, j.givenUp
	return w
}

func dropJournal(b *backend.Backend, held *session.Session) {
	for _, end := range []string{"", ".new"} {
		_ = os.Remove(b.JournalPath(held.Lineage()) + end) // a leftover is recognised by its lock id
	}
}

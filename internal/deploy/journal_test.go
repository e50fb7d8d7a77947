package deploy

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/deploy/recovery"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/state"
)

func TestJournal(t *testing.T) {
	a, home := newAccount(), t.TempDir()
	p := a.start(home, 0, false)
	held, err := p.Hold(t.Context(), backend.Request{Key: shop}, backend.Place{Account: "1", Region: "r"}, "")
	require.NoError(t, err)
	asleep := newJournal(p.Backend, held, nil)
	require.NoError(t, asleep.append([]byte(`{"step":1}`), true))
	j := newJournal(p.Backend, held, nil)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() { require.NoError(t, j.append([]byte(`{"step":2}`), true)) })
	}
	require.NoError(t, asleep.append([]byte(`{"step":1}`), true), "a run that was taken over")
	all.Wait()
	j.close()
	raw, err := os.ReadFile(p.JournalPath(held.Lineage()))
	require.NoError(t, err)
	require.NotContains(t, string(raw), `"step":1`)
	require.NotContains(t, string(raw), "\x00")
	require.Equal(t, 51, len(splitLines(string(raw))))
	info, err := os.Stat(p.JournalPath(held.Lineage()))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	// A failed attempt to begin another journal removes the old one: that one would describe the time before.
	require.NoError(t, os.MkdirAll(filepath.Join(p.JournalPath(held.Lineage())+".new", "full"), 0o700))
	require.NoError(t, newJournal(p.Backend, held, nil).append([]byte(`{}`), true))
	require.NoFileExists(t, p.JournalPath(held.Lineage()))
	require.NoError(t, os.RemoveAll(p.JournalPath(held.Lineage())+".new"))

	j = newJournal(p.Backend, held, nil)
	require.NoError(t, j.append([]byte(`{"step":3}`), false))
	raw, err = os.ReadFile(p.JournalPath(held.Lineage()))
	require.NoError(t, err)
	require.Contains(t, string(raw), `"step":3`, "what only begins is written, if not synced")
	j.close()
	dropJournal(p.Backend, held)
	require.NoFileExists(t, p.JournalPath(held.Lineage()))

	// Without a place to write, the run goes on.
	nowhere := backend.New(backend.World{Home: filepath.Join(home, "file", "home")}, nil, nil, nil)
	require.NoError(t, os.WriteFile(filepath.Join(home, "file"), nil, 0o600))
	require.NoError(t, newJournal(nowhere, held, nil).append([]byte(`{}`), true))
}

func splitLines(text string) (lines []string) {
	for start, i := 0, 0; i < len(text); i++ {
		if text[i] == '\n' {
			lines = append(lines, text[start:i])
			start = i + 1
		}
	}
	return lines
}

// breaking is a journal on a disk with room for that many bytes.
type breaking struct {
	*os.File
	room     int
	sync     error
	truncate error
}

func (b *breaking) Write(p []byte) (int, error) {
	if b.room -= len(p); b.room < 0 {
		n, _ := b.File.Write(p[:len(p)/2])
		return n, &fs.PathError{Op: "write", Path: b.Name(), Err: syscall.ENOSPC}
	}
	return b.File.Write(p)
}

func (b *breaking) Sync() error { return errors.Join(b.sync, b.File.Sync()) }

func (b *breaking) Truncate(size int64) error {
	if b.truncate != nil {
		return b.truncate
	}
	return b.File.Truncate(size)
}

// A journal that breaks in the middle is emptied: a part of it would be worse than the state.
func TestAJournalThatBreaksIsGivenUp(t *testing.T) {
	saved := engineState("web/saved:s")
	for name, c := range map[string]struct {
		disk  breaking
		fatal bool
	}{
		"full":                              {disk: breaking{room: 10}},
		"cannot sync":                       {disk: breaking{room: 1000, sync: syscall.EIO}},
		"full, and what is there cannot go": {disk: breaking{room: 10, truncate: syscall.EROFS}, fatal: true},
		"cannot sync, and that cannot go away": {
			disk:  breaking{room: 1000, sync: syscall.EIO, truncate: syscall.EIO},
			fatal: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := backend.New(backend.World{Home: t.TempDir()}, nil, nil, nil)
			file, err := beginJournal(b.JournalPath("L"), recovery.Header{Lineage: "L", LockID: "run"})
			require.NoError(t, err)
			disk := c.disk
			disk.File = file
			j := &journal{file: &disk}
			var all sync.WaitGroup
			for range 20 {
				all.Go(func() {
					if err := j.append([]byte(`{"step":2,"op":"creating"}`), true); !c.fatal {
						require.NoError(t, err)
					}
				})
			}
			all.Wait()
			err = j.append([]byte(`{"step":3}`), true)
			if c.fatal {
				require.Error(t, err, "the run must stop")
				return
			}
			require.NoError(t, err)
			require.Equal(t, saved, replayed(b, saved))
			w := noJournal(b, j)
			require.NotNil(t, w)
			require.Equal(t, diag.Warning, w.Severity)
			b.World.NoHome = true
			require.Nil(t, noJournal(b, j), "told before")
			j.close()
			require.NoError(t, j.append([]byte(`{}`), true))
		})
	}
}

// A run that cannot keep its journal goes on, and says so; also if the home directory exists, but is full or belongs to
// somebody else.
func TestARunWithoutAJournalSaysSo(t *testing.T) {
	home := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(home, ".deployer"), nil, 0o600))
	for name, home := range map[string]string{"cannot be written": home, "not set": ""} {
		t.Run(name, func(t *testing.T) {
			a := newAccount()
			p := a.start(home, 0, false)
			applied, err := p.run(t.Context(), first(t))
			require.NoError(t, err)
			require.Len(t, applied.Warnings, 1)
			require.Equal(t, "The run continued without its journal", applied.Warnings[0].Summary)
		})
	}
	require.NoDirExists(t, ".deployer", "not in the working directory")
}

func TestAJournalThatIsAPipeIsNone(t *testing.T) {
	b := backend.New(backend.World{Home: t.TempDir()}, nil, nil, nil)
	require.NoError(t, os.MkdirAll(filepath.Dir(b.JournalPath("L")), 0o700))
	require.NoError(t, syscall.Mkfifo(b.JournalPath("L"), 0o600))
	require.Nil(t, replayed(b, nil))
}

// replayed returns what the next run starts from after a run that has claimed the state of the lineage L.
func replayed(b *backend.Backend, engineState []byte) []byte {
	of := &state.Envelope{
		Lineage: "L", Writer: state.Writer{LockID: "run"},
		Intents: []state.Intent{{Resource: "web/a:a"}},
	}
	stored := &state.Stored{Snapshot: &state.Snapshot{Envelope: of}, Payload: &state.Payload{Engine: engineState}}
	return recovery.From(stored, "L", b.Journal(stored)).Engine
}
